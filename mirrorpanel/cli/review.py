"""``review``: people rate open answers blind."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast, get_args

import typer

from mirrorpanel.cli.console import show, show_json
from mirrorpanel.render.numbers import count, decimal, interval, percent, proportion
from personas.wording import counted

if TYPE_CHECKING:
    from training.review.review import Reviewed

review = typer.Typer(help="Open answers, rated blind by people.", no_args_is_help=True)

Folder = Annotated[
    Path, typer.Option("--workspace", "-w", help="Folder of the workspace.", show_default=True)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
HERE = Path()


@review.command("export")
def review_export(
    file: Annotated[Path, typer.Argument(help="Table with the columns question, answer and maybe label.")],
    out: Annotated[Path, typer.Option(help="Sheets: .xlsx or .csv; -1, -2 are added.")] = Path("review.xlsx"),
    n: Annotated[int, typer.Option("--answers", min=1, help="How many answers to draw.")] = 60,
    raters: Annotated[int, typer.Option(min=2, help="How many people rate; one sheet each.")] = 2,
    ask: Annotated[str, typer.Option(help="What raters are asked.")] = "",
    values: Annotated[str, typer.Option(help="What they choose from, in order, with commas.")] = "",
    level: Annotated[str, typer.Option(help="nominal, ordinal or interval.")] = "",
    seed: Annotated[int, typer.Option(min=0, help="Of draw, codes and orders.")] = 1,
    workspace: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Draws open answers and writes a sheet for each rater, in an order of its own, without their source.

    Example: mirrorpanel review export answers.csv --out review.xlsx
    """
    from mirrorpanel.store import Workspace
    from mirrorpanel.verbs import review as verbs
    from training.review.raters import Level

    if level and level not in get_args(Level):
        raise typer.BadParameter(f"one of {', '.join(get_args(Level))}, not {level!r}", param_hint="--level")
    chosen = tuple(v.strip() for v in values.split(",")) if values else ()
    with Workspace(workspace) as opened:
        done = verbs.export(
            opened, file, out, n, raters, ask, chosen, cast(Level, level) if level else None, seed
        )
    key = done.review
    if as_json:
        content = {"review": key.seal, "sheets": [str(p) for p in done.sheets], "answers": len(key.items)}
        show_json(content | {"values": list(key.values), "level": key.level, "masked": done.masked})
        return
    show(
        f"Review {key.seal}: {counted(len(key.items), 'answer')} of {count(key.drawn_from)}, sheets "
        f"{', '.join(str(p) for p in done.sheets)}"
    )
    show(f"Raters are asked: {key.ask} ({', '.join(key.values)})")
    if done.masked:
        show(
            f"{counted(done.masked, 'place')} that looked like personal data masked; read the rest yourself."
        )


@review.command("read")
def review_read(
    files: Annotated[list[Path], typer.Argument(help="The sheets that came back.")],
    workspace: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Reads the sheets that came back: agreement between raters, and how well they find the labels.

    Example: mirrorpanel review read review-1.xlsx review-2.xlsx
    """
    from mirrorpanel.store import Workspace
    from mirrorpanel.verbs import review as verbs

    with Workspace(workspace) as opened:
        done = verbs.read(opened, files)
    if as_json:
        show_json(done.model_dump(mode="json"))
        return
    for line in _lines(done):
        show(line)


def _lines(done: "Reviewed") -> Sequence[str]:
    lines = [f"Review {done.review} ({done.seal}): {counted(done.items, 'answer')}"]
    for one in done.raters:
        rows = ", ".join(map(str, one.unrated_rows))
        which = "row" if len(one.unrated_rows) == 1 else "rows"
        missing = f"; no rating in {which} {rows}" if rows else ""
        right = "" if one.accuracy is None else f", {percent(one.accuracy)} as labelled"
        lines.append(f"{one.rater}: {counted(one.rated, 'rating')}{right}{missing}")
    if done.alpha is None:
        lines.append(f"Agreement between raters: {done.words}")
    else:
        lines.append(
            f"Agreement between raters (Krippendorff's alpha, {done.level}): {decimal(done.alpha.value)} "
            f"({interval(done.alpha.low, done.alpha.high, 2)}): {done.words}"
        )
    lines.append(
        "Ratings: " + ", ".join(f"{v} {percent(s)}" for v, s in zip(done.values, done.shares, strict=True))
    )
    lines += [
        f"{one.label}: precision {proportion(one.precision, 2)} of {count(one.rated)} rated so, recall "
        f"{proportion(one.recall, 2)} of {count(one.labelled)} that are"
        for one in done.labels
    ]
    if done.ties:
        lines.append(f"{counted(done.ties, 'answer')} without a value that most raters chose")
    return lines
