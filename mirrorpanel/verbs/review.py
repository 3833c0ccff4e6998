"""``review``: open answers go out to be rated blind, and the sheets come back."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from grounding.privacy.pii import Gate
from mirrorpanel.store import Workspace, now, write_failed
from personas.errors import DataError, WorkspaceError
from personas.models.wheel import sha256_of
from training.review import review
from training.review import sheets as review_sheets
from training.review.raters import Level
from training.review.review import OpenAnswer, Review, Reviewed, Sealed

PLAUSIBLE = ("1", "2", "3", "4", "5")
_ASK_PLAUSIBLE = (
    "How plausible is it that one of the people who were asked would give this answer? "
    "1 is not at all, 5 is entirely."
)
_ASK_SOURCE = "Who wrote this: one of the people who were asked (real), or a model (simulated)?"
_ASK_LABEL = "Which of these fits the answer best?"
_MOST_LABELS = 12


@dataclass(frozen=True)
class Exported:
    """A review that went out: its sealed key, the sheets, and how often personal data were masked."""

    review: Review
    sheets: tuple[Path, ...]
    masked: int


def export(
    workspace: Workspace,
    file: Path,
    out: Path,
    n: int = 60,
    sheets: int = 2,
    ask: str = "",
    values: Sequence[str] = (),
    level: Level | None = None,
    seed: int = 1,
) -> Exported:
    """Draws open answers from a table, masks them, and writes one sheet for each rater.

    Where the table has labels, these are what raters choose from; else answers are rated from 1 to 5. Labels
    and rows stay in the workspace, under codes; no text does.

    Args:
        workspace: where the key is kept.
        file: CSV, Parquet or Excel with the columns question and answer, and label where there is one.
        out: name of the sheets, ``review.xlsx`` or ``.csv``; they become ``review-1.xlsx`` and so on.
        n: answers to draw.
        sheets: raters.
        ask: what the raters are asked; the usual question where empty.
        values: what they choose from, in order.
        level: of the values; nominal for labels, ordinal for numbers where left out.
        seed: of draw, codes and orders.

    Raises:
        DataError: the table cannot be read or lacks a column, values do not fit, or a sheet is there already.
    """
    if sheets < 2:
        raise DataError(f"review: agreement needs at least 2 raters, got {sheets}")
    found = review_sheets.answers(file)
    gate = Gate()
    chosen = tuple(
        (_masked(answer, gate), code)
        for answer, code in review.drawn(found, n, np.random.default_rng([seed, 0]))
    )
    asked, allowed, kind = _choice(found, ask, tuple(values), level)
    paths = [out.with_name(f"{out.stem}-{i}{out.suffix}") for i in range(1, sheets + 1)]
    try:
        key = Review(
            name=out.stem,
            ask=asked,
            values=allowed,
            level=kind,
            file=file.name,
            sha256=sha256_of(file),
            drawn_from=len(found),
            items=tuple(Sealed(code=code, row=a.row, label=a.label) for a, code in chosen),
            sheets=sheets,
            seed=seed,
        )
    except ValidationError as error:
        said = str(error.errors()[0]["msg"]).removeprefix("Value error, ")
        raise DataError(f"review: {said}, got {', '.join(allowed)}") from None
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        for number, path in enumerate(paths, start=1):
            review_sheets.write(path, key, review.sheet(chosen, number, seed))
    except OSError as error:
        raise write_failed(out, error) from None
    with workspace.transaction("review export", f"{key.seal}, {len(key.items)} answers, {sheets} sheets"):
        row = [key.seal, key.name, now(), key.model_dump_json()]
        workspace.connection.execute("INSERT OR REPLACE INTO reviews VALUES (?, ?, ?, ?)", row)
    return Exported(key, tuple(paths), gate.total)


def _masked(answer: OpenAnswer, gate: Gate) -> OpenAnswer:
    return answer._replace(
        question=gate.clean(answer.question, "question"), answer=gate.clean(answer.answer, "answer")
    )


def _choice(
    answers: Sequence[OpenAnswer], ask: str, values: tuple[str, ...], level: Level | None
) -> tuple[str, tuple[str, ...], Level]:
    """What raters are asked, what they choose from, and of which level that is."""
    labels = sorted({a.label for a in answers if a.label is not None})
    if values:
        return ask or _ASK_LABEL, values, level or "nominal"
    if not labels:
        return ask or _ASK_PLAUSIBLE, PLAUSIBLE, level or "ordinal"
    if len(labels) > _MOST_LABELS or len(labels) < 2:
        raise DataError(
            f"review: the column of labels holds {len(labels)} different ones; from 2 to {_MOST_LABELS} can "
            "be chosen from: say with --values what raters choose from"
        )
    usual = _ASK_SOURCE if {x.casefold() for x in labels} == {"real", "simulated"} else _ASK_LABEL
    return ask or usual, tuple(labels), level or "nominal"


def read(workspace: Workspace, files: Sequence[Path]) -> Reviewed:
    """What the sheets that came back say together.

    Raises:
        DataError: a sheet cannot be read, is damaged (rows are named), or belongs to another review.
        WorkspaceError: the review was not exported from this workspace.
    """
    if not files:
        raise DataError("review: no sheet was named")
    back = [(path.name, review_sheets.read(path)) for path in files]
    seal = next((row.review.strip() for _, rows in back for row in rows if row.review.strip()), "")
    text = workspace.value("SELECT record FROM reviews WHERE review = ?", [seal])
    if text is None:
        raise WorkspaceError(
            f"{files[0]}: review {seal or '(none)'!r} did not go out from workspace {workspace.folder}; its "
            "key is where it was exported"
        )
    key = Review.model_validate_json(text)
    if key.seal != seal:
        raise WorkspaceError(
            f"the key of review {seal} was changed in the workspace since its sheets went out: do not rely "
            "on it; export anew"
        )
    found = review.reviewed(key, [review.ratings(key, name, rows) for name, rows in back])
    with workspace.transaction("review read", f"{seal}, {len(files)} sheets"):
        pass
    return found
