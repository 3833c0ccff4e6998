"""``data margins`` and ``data refresh``: official margins on the command line."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mirrorpanel.cli.console import say, show, show_json
from mirrorpanel.render.numbers import count

if TYPE_CHECKING:
    from mirrorpanel.verbs.margins import Overview, Shown
    from reference_data import Absence, MarginTable

MOST = 24
"""Categories of a dimension that are listed before the rest is only counted."""

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Country = Annotated[str, typer.Option("--country", help="Only this country: name, German name or ISO code.")]
Topic = Annotated[str, typer.Option("--topic", help="Only this topic, such as education or age.")]


def margins(
    name: Annotated[str, typer.Argument(help="A table, to see its categories and how to use it.")] = "",
    country: Country = "",
    topic: Topic = "",
    as_json: AsJson = False,
) -> None:
    """Lists the official margins that ship, or shows one of them; says so where there is none.

    Example: mirrorpanel data margins --country Germany
    """
    from mirrorpanel.verbs import margins as verb

    if name:
        shown = verb.show(name, country)
        _print(_table_content(shown) if as_json else table_text(shown))
        return
    found = verb.overview(country, topic)
    _print(_overview_content(found) if as_json else overview_text(found))


def _print(result: dict[str, object] | str) -> None:
    if isinstance(result, str):
        show(result)
    else:
        show_json(result)


def refresh(
    name: Annotated[str, typer.Argument(help="Eurostat data set: edat_lfse_03, demo_pjan, demo_pjangroup.")],
    out: Annotated[Path, typer.Option("--out", help="CSV file to write; its provenance goes beside it.")],
    country: Annotated[
        list[str] | None, typer.Option("--country", help="Only this country; may be given several times.")
    ] = None,
    year: Annotated[int | None, typer.Option("--year", help="Which year; the newest when left out.")] = None,
    as_json: AsJson = False,
) -> None:
    """Fetches a newer edition of a Eurostat table as a margin table of your own.

    Example: mirrorpanel data refresh edat_lfse_03 --out edu.csv --country DE
    """
    from mirrorpanel.verbs import margins as verb

    fetched = verb.refresh(name, out, country or [], year, say)
    if as_json:
        show_json(fetched.model_dump())
        return
    for reason in (f"left out: {c}: {why}" for c, why in fetched.left_out.items()):
        show(reason)
    for flag in (f"{n} figures with flag {flag}" for flag, n in fetched.flags.items()):
        show(flag)
    show(f"{fetched.source}, {fetched.vintage}. To use it:\n\n{fetched.use}")


def overview_text(found: "Overview") -> str:
    """The list of margins, by country, and what there is not."""
    lines: list[str] = []
    for place in dict.fromkeys(table.country for table in found.tables):
        lines.append(place)
        for table in (t for t in found.tables if t.country == place):
            lines.append(f"  {table.name:<28}{' × '.join(table.dimensions)}")
            lines.append(f"  {'':<28}{amount(table)}; {table.vintage}; basis: {table.basis}")
            lines.append(f"  {'':<28}{table.source}; {table.licence}")
    if not lines and not found.absent:
        lines.append(f"No official margin: {found.topic}. It is not in this package; these are: {_topics()}.")
    lines.extend(absence.sentence if not found.tables else _brief(absence) for absence in found.absent)
    return "\n".join(lines)


def _topics() -> str:
    import reference_data

    tables = map(reference_data.margin, reference_data.margin_names())
    return ", ".join(sorted({topic for table in tables for topic in reference_data.topics(table)}))


def _brief(absence: "Absence") -> str:
    return f"No official margin: {absence.country}, {absence.topic}. {absence.reason} {absence.instead}"


def table_text(shown: "Shown") -> str:
    """One table: provenance, categories, ready recodes, and the lines that use it."""
    table = shown.table
    about = {
        "country": table.country,
        "counts": amount(table),
        "basis": table.basis,
        "source": table.source,
        "vintage": table.vintage,
        "retrieved": table.retrieved,
        "licence": table.licence,
        "name it as": table.attribution,
        "note": table.note,
    }
    lines = [table.name, *(f"  {key:<11}{value}" for key, value in about.items() if value), ""]
    for dimension, categories in shown.categories.items():
        listed = " | ".join(categories[:MOST])
        more = f" | and {len(categories) - MOST} more, to {categories[-1]}" if len(categories) > MOST else ""
        lines.append(f"{dimension} ({len(categories)}): {listed}{more}")
    for dimension, recodes in shown.levels.items():
        lines.append(f"\nready levels for {dimension}, to copy under 'levels':")
        for recode, values in recodes.items():
            pairs = ", ".join(f"{_quoted(value)}: {_listed(covered)}" for value, covered in values.items())
            lines.append(f"  # {recode}\n  {dimension}: {{{pairs}}}")
    return "\n".join([*lines, "\nto use it:\n", shown.use])


def _listed(covered: tuple[str, ...]) -> str:
    return f"[{', '.join(map(_quoted, covered))}]"


def _quoted(text: str) -> str:
    """A word as every YAML reads it back: in quotes where it would be something else without.

    What is no number to one version of YAML, such as 08, is one to another: all such words are quoted.
    """
    import yaml

    like_a_number = re.fullmatch(r"[-+]?[\d.][\d_.:]*([eE][-+]?\d+)?", text)
    whole = not any(sign in text for sign in ",[]{}") and yaml.safe_load(f"[{text}]") == [text]
    plain = whole and not like_a_number
    return text if plain else f'"{text}"'


def amount(table: "MarginTable") -> str:
    """How many are counted, in words."""
    if table.unit == "percent":
        wholes = round(table.total / 100)
        return "per cent, shares only" + (f", of {wholes} countries" if wholes > 1 else "")
    return f"{count(table.total)} {table.unit}"


def _overview_content(found: "Overview") -> dict[str, object]:
    return {
        "country": found.country,
        "topic": found.topic,
        "margins": [_about(table) for table in found.tables],
        "absent": [
            {"country": a.country, "topic": a.topic, "reason": a.reason, "instead": a.instead}
            for a in found.absent
        ],
    }


def _table_content(shown: "Shown") -> dict[str, object]:
    return _about(shown.table) | {
        "categories": {d: list(c) for d, c in shown.categories.items()},
        "levels": {
            d: {r: {v: list(c) for v, c in values.items()} for r, values in recodes.items()}
            for d, recodes in shown.levels.items()
        },
        "use": shown.use,
    }


def _about(table: "MarginTable") -> dict[str, object]:
    total = None if table.unit == "percent" else round(table.total)
    keys = (
        "name",
        "country",
        "unit",
        "basis",
        "source",
        "vintage",
        "licence",
        "attribution",
        "retrieved",
        "note",
    )
    return {
        **{key: getattr(table, key) for key in keys},
        "dimensions": list(table.dimensions),
        "rows": len(table.rows),
        "total": total,
    }
