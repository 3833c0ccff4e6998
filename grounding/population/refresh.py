"""Newer editions of Eurostat tables, fetched and written as margin tables of the user's own."""

import csv
import hashlib
import io
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import yaml

from grounding.population import editions
from grounding.population.editions import Complete, Edition
from grounding.population.eurostat import Answer, Client, Service, Structure
from personas.document import Document
from personas.errors import DataError
from reference_data import Unit


class Fetched(Document):
    """The provenance written beside a fetched table.

    Attributes:
        file: the table, in the same folder.
        updated: when Eurostat last updated the data set.
        retrieved: day of the request.
        query: address that was asked.
        sha256: of the table's file.
        response_sha256: of Eurostat's answer.
        flags: flag and its meaning -> how many of the figures carry it.
        left_out: country -> why it is not in the table.
        use: how a grounding file takes the table.
    """

    file: str
    dataset: str
    title: str
    source: str
    vintage: str
    updated: str
    retrieved: str
    licence: str
    attribution: str
    basis: str
    unit: Unit
    note: str
    query: str
    sha256: str
    response_sha256: str
    flags: dict[str, int]
    left_out: dict[str, str]
    use: str


def refresh(
    name: str,
    out: Path,
    retrieved: date,
    only: Sequence[str] = (),
    year: int | None = None,
    service: Service | None = None,
    report: Callable[[str], None] = lambda line: None,
) -> Fetched:
    """Fetches an edition, writes it to ``out`` and its provenance beside it (``.yaml``), and returns that.

    A country is taken whole or not at all: one with a missing figure is left out, and the provenance says
    why. Nothing is written unless everything is there.

    Args:
        name: code of the data set.
        out: CSV file to write, in the layout of an own table; replaced only where it was fetched before.
        retrieved: today.
        only: countries, by name or code; all that the package knows where empty.
        year: which year; the newest that most of the countries have where ``None``.
        service: Eurostat's own where ``None``.
        report: called with one line for each step.

    Raises:
        UnknownName: no such data set.
        DataError: the service fails or has no complete figures; a country asked for has none; ``out`` holds
            something else.
    """
    edition = editions.get(name)
    _check_out(out, edition)
    with Client(service or Service()) as client:
        report(f"asking Eurostat what {name} is")
        structure, definition = client.structure(name)
        wanted = editions.choose_countries(only, structure)
        key = editions.request_key(edition, structure, list(wanted))
        report(f"asking for {len(wanted)} countries, {'newest year' if year is None else year}")
        period: dict[str, str | int] = (
            {"lastNObservations": 1} if year is None else {"startPeriod": str(year), "endPeriod": str(year)}
        )
        answer = client.observations(name, definition, key, period)
    table = editions.complete(edition, answer, wanted, year)
    if only and table.left_out:
        reasons = "; ".join(f"{country}: {reason}" for country, reason in table.left_out.items())
        raise DataError(
            f"{name} cannot serve for every country asked for in {table.vintage} ({reasons}); "
            "leave these out, or name another year (--year). Nothing was written"
        )
    content = _csv(edition, table)
    fetched = _provenance(edition, structure, answer, table, out.name, content, retrieved)
    beside = yaml.safe_dump(fetched.model_dump(), allow_unicode=True, sort_keys=False, width=110)
    _replace(out, content)
    _replace(_beside(out), beside.encode())
    report(f"written: {out} ({len(table.rows)} rows, {table.vintage}) and {_beside(out)}")
    return fetched


def _check_out(out: Path, edition: Edition) -> None:
    if out.suffix != ".csv":
        raise DataError(f"{out}: a fetched table is written as CSV; name a file that ends in .csv")
    if not out.parent.is_dir():
        raise DataError(f"{out}: there is no folder {out.parent}; make it first")
    if not out.exists():
        return
    beside = _beside(out)
    if not beside.exists() or f"dataset: {edition.code}\n" not in beside.read_text(encoding="utf-8"):
        raise DataError(f"{out} is there already and is no fetched {edition.code}; name another file")


def _csv(edition: Edition, table: Complete) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["country", *edition.kept.values(), "count"])
    writer.writerows([*cell, f"{count:.10g}"] for cell, count in table.rows.items())
    return text.getvalue().encode()


def _provenance(
    edition: Edition,
    structure: Structure,
    answer: Answer,
    table: Complete,
    file: str,
    content: bytes,
    retrieved: date,
) -> Fetched:
    updated = structure.updated[:10]
    fetched = Fetched(
        file=file,
        dataset=edition.code,
        title=structure.title,
        source=f"Eurostat, {edition.code}" + (f", updated {updated}" if updated else ""),
        vintage=table.vintage,
        updated=structure.updated,
        retrieved=retrieved.isoformat(),
        licence="Eurostat, reuse with acknowledgement of the source",
        attribution=(
            f"Source: Eurostat, {edition.code}, reused under Commission Decision 2011/833/EU; codes in words"
        ),
        basis=edition.basis,
        unit=edition.unit,
        note=edition.note,
        query=answer.query,
        sha256=hashlib.sha256(content).hexdigest(),
        response_sha256=answer.sha256,
        flags=table.flags,
        left_out=table.left_out,
        use="",
    )
    return fetched.model_copy(update={"use": _use(edition, fetched, next(iter(table.rows))[0])})


def _use(edition: Edition, fetched: Fetched, country: str) -> str:
    """The lines of a grounding file that use the table."""
    about = {k: getattr(fetched, k) for k in ("file", "source", "vintage", "licence", "basis", "unit")}
    name = f"{edition.code}_{fetched.vintage}"
    use = {
        "table": name,
        "where": {"country": country},
        "attributes": {d: d for d in edition.kept.values()},
    }
    return yaml.safe_dump({"tables": {name: about}, "margins": [use]}, allow_unicode=True, sort_keys=False)


def _replace(path: Path, content: bytes) -> None:
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(content)
    part.replace(path)


def _beside(out: Path) -> Path:
    return out.with_suffix(".yaml")
