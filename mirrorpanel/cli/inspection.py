"""``data inspect``: what a data file holds, and a codebook to correct."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mirrorpanel.cli.console import show, show_json
from mirrorpanel.render.numbers import count
from personas.errors import DataError

if TYPE_CHECKING:
    from grounding.sources.inspection_findings import Finding
    from grounding.sources.place import Place, ReadOptions
    from mirrorpanel.verbs.inspecting import Inspected

_URLS = ("postgresql:", "postgres:", "duckdb:", "env:")
_SHOWN = 60

File = Annotated[str, typer.Argument(help="A data file, or a database's address (with --table).")]
Out = Annotated[Path | None, typer.Option(help="The codebook; FILE's name with .codebook.yaml if left out.")]
Grounding = Annotated[Path | None, typer.Option(help="Also draft a grounding file, which must not exist.")]
Sheet = Annotated[str, typer.Option(help="Excel sheet; the first if left out.")]
Encoding = Annotated[str, typer.Option(help="Encoding of CSV and SPSS files; found out if left out.")]
Separator = Annotated[str, typer.Option(help="Separator of CSV; found out if left out.")]
Decimal = Annotated[str, typer.Option(help="Decimal sign of numbers in CSV: '.' or ','.")]
Thousands = Annotated[str, typer.Option(help="Sign between thousands in CSV: ',' where 24,150 is 24150.")]
Header = Annotated[int, typer.Option(min=1, help="Row of the header in CSV and Excel.")]
Broken = Annotated[bool, typer.Option("--quarantine", help="Set broken rows aside instead of refusing them.")]
Definition = Annotated[Path | None, typer.Option(help="Qualtrics survey file (.qsf) behind a response CSV.")]
TableName = Annotated[str, typer.Option("--table", help="Table of a database.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def inspect(
    file: File,
    out: Out = None,
    grounding: Grounding = None,
    sheet: Sheet = "",
    encoding: Encoding = "",
    separator: Separator = "",
    decimal: Decimal = ".",
    thousands: Thousands = "",
    header: Header = 1,
    quarantine: Broken = False,
    definition: Definition = None,
    table: TableName = "",
    as_json: AsJson = False,
) -> None:
    """Says what each column holds and drafts a codebook to correct; a codebook that exists is only added to.

    Example: mirrorpanel data inspect survey.sav --grounding grounding.yaml
    """
    if decimal not in (".", ","):
        raise typer.BadParameter(f"'.' or ',', not {decimal!r}", param_hint="--decimal")
    if thousands not in ("", ",") or thousands == decimal:
        raise typer.BadParameter(
            f"',' beside a decimal point, or nothing; not {thousands!r} with --decimal {decimal!r}",
            param_hint="--thousands",
        )
    from grounding.sources.place import ReadOptions
    from mirrorpanel.verbs import inspecting

    options = ReadOptions(
        encoding=encoding,
        separator="\t" if separator == "\\t" else separator,
        decimal=decimal,
        thousands=thousands,
        sheet=sheet,
        header=header,
        broken_rows="quarantine" if quarantine else "refuse",
        repeated_names="number",
    )
    found = inspecting.inspect(_place(file, options, definition, table), out, grounding)
    if as_json:
        show_json(_content(found))
    else:
        _report(found)


def _place(file: str, options: "ReadOptions", definition: Path | None, table: str) -> "Place":
    from grounding.sources.place import Database, Place

    if file.startswith(_URLS):
        if not table:
            raise DataError(f"{file.split('@')[-1]}: name a table of the database with --table")
        return Place(database=Database(url=file, table=table), options=options, base=Path())
    return Place(path=Path(file), options=options, definition=definition)


def _content(found: "Inspected") -> dict[str, object]:
    return {
        "rows": found.inspection.rows,
        "remarks": list(found.remarks),
        "types": dict(found.inspection.counts()),
        "columns": [asdict(f) for f in found.inspection.findings],
        "codebook": None if found.codebook is None else str(found.codebook),
        "existed": found.existed,
        "added": list(found.added),
        "differences": list(found.differences),
        "grounding": None if found.grounding is None else str(found.grounding),
    }


def _report(found: "Inspected") -> None:
    findings = found.inspection.findings
    width = min(32, max((len(_flat(f.column)) for f in findings), default=8))
    show(f"{'column':<{width}}  {'type':<8}  sure  answers  options")
    for finding in findings[:_SHOWN]:
        show(_line(finding, width))
    if len(findings) > _SHOWN:
        show(f"... and {count(len(findings) - _SHOWN)} columns more")
    kinds = ", ".join(f"{n} {kind}" for kind, n in found.inspection.counts().items())
    show(f"\n{count(found.inspection.rows)} rows, {count(len(findings))} columns: {kinds}")
    for line in (*found.remarks, *_warnings(findings), *_written(found)):
        show(line)


def _flat(text: str) -> str:
    return " ".join(text.split())


def _line(finding: "Finding", width: int) -> str:
    name = _flat(finding.column)
    name = name if len(name) <= width else f"{name[: width - 3]}..."
    labels = " < ".join(_flat(o.label) for o in finding.options) if finding.type == "scale" else ""
    labels = labels or ", ".join(_flat(o.label) for o in finding.options) or finding.reason
    room = 108 - width - 30
    shown = labels if len(labels) <= room else f"{labels[: room - 3]}..."
    return f"{name:<{width}}  {finding.type:<8}  {finding.sure:.2f}  {count(finding.answers):>7}  {shown}"


def _warnings(findings: "Sequence[Finding]") -> list[str]:
    personal = [_flat(f.column) for f in findings if f.personal]
    unsure = sum(f.sure < 0.6 for f in findings)
    lines: list[str] = []
    if personal:
        lines.append(f"look like direct identifiers, name them nowhere: {', '.join(personal)}")
    if unsure:
        guessed = "1 column is a guess" if unsure == 1 else f"{count(unsure)} columns are guesses"
        lines.append(f"{guessed} (sure below 0.6): check {'it' if unsure == 1 else 'them'}")
    return lines


def _written(found: "Inspected") -> list[str]:
    lines = [f"differs: {line}" for line in found.differences]
    if found.codebook is None:
        lines.append("no column is a question with options, so no codebook was written")
    elif not found.existed:
        lines.append(f"codebook drafted: {found.codebook}")
    elif found.added:
        lines.append(
            f"codebook {found.codebook}: {count(len(found.added))} columns added, the rest left as it was"
        )
    else:
        lines.append(f"codebook {found.codebook}: nothing new, left as it was")
    return [*lines, f"grounding file drafted: {found.grounding}"] if found.grounding is not None else lines
