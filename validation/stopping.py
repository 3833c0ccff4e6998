"""Stopping a fielding: quotas that must be full, or shares that must be exact enough.

A study that may stop early asks its panel in an order drawn from its seed (``order``), so that those asked so
far are a simple random sample of the panel whenever it stops. Quotas are least numbers: nobody is turned away
because a cell is full, so that everybody's weight stays what it is in the panel.

A rule is looked at after whole batches only, and gives no verdict on precision before ``LEAST_BASE``. To
stop at the first interval that is narrow enough favours samples that make it narrow: shares lean a little to
0 or 1 (.1 by .006 at a target of .05, looked at every 25 persons); as the target gets smaller that goes away.

Source: Chow and Robbins, "On the asymptotic theory of fixed-width sequential confidence intervals for the
mean", Annals of Mathematical Statistics 36 (1965); here with Wilson limits and the effective base.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Self

import numpy as np
from pydantic import Field, model_validator

from personas import draws
from personas.answer import NO_ANSWER
from personas.arrays import FloatArray, IntArray
from personas.document import Document
from personas.errors import DocumentError, UnknownName
from personas.panel import Panel
from personas.question import Question
from validation import segments
from validation.segments import Segment

LEAST_BASE = 30
"""Smallest effective base that a half width is read from: fewer answers can look exact by accident."""
LOOK = 250
"""Most persons between two looks where a study does not name its batch."""
_Z = 1.959963984540054  # of a 95 % interval
_ORDER = "\0order of asking"  # no question is called that, so that draws of answers are others


class Until(Document):
    """When a fielding has enough: one of ``persons``, ``cell`` and ``precision``.

    ``persons`` asks so many. ``cell`` asks until each level that it names has at least so many persons
    (``{sex: {female: 200, male: 200}}``). ``precision`` asks until the 95 % interval of every share reaches
    at most so far to either side: of the questions named under ``question``, of all where none is.
    """

    persons: int | None = Field(default=None, ge=1)
    cell: dict[str, dict[str, Annotated[int, Field(ge=1)]]] | None = Field(default=None, min_length=1)
    precision: float | None = Field(default=None, gt=0, lt=0.5)
    question: str | tuple[str, ...] | None = None

    @model_validator(mode="after")
    def _one_rule(self) -> Self:
        given = [self.persons, self.cell, self.precision]
        if sum(rule is not None for rule in given) != 1:
            raise ValueError("give one of 'persons', 'cell' and 'precision'")
        if self.question is not None and self.precision is None:
            raise ValueError("'question' says which shares 'precision' is for; give both")
        return self

    @property
    def quotas(self) -> dict[Segment, int]:
        """Least number of persons of each cell."""
        cells = self.cell or {}
        return {Segment(a, level): n for a, levels in cells.items() for level, n in levels.items()}

    @property
    def named(self) -> tuple[str, ...]:
        """Questions that ``precision`` is for; empty for all."""
        return (self.question,) if isinstance(self.question, str) else self.question or ()


class Stopped(Document):
    """How a fielding that could stop early ended.

    Attributes:
        met: the rule was met; else everybody was asked and it was not.
        persons: that were asked.
        of: of how many the panel has.
        why: one sentence with the figures.
    """

    met: bool
    persons: int
    of: int
    why: str

    @property
    def sentence(self) -> str:
        """How it ended, for people."""
        if self.met:
            return f"Stopped by its rule after {self.persons:,} of {self.of:,} persons: {self.why}."
        return f"Everybody was asked and the rule of the study was not met: {self.why}."


def check(until: Until, panel: Panel, questions: Sequence[Question]) -> None:
    """Returns where the panel can meet the quotas.

    Raises:
        UnknownName: an attribute, level or question that there is none of.
        DocumentError: more persons are asked for than the panel has.
    """
    if until.persons is not None and until.persons > len(panel):
        raise DocumentError(f"until.persons: the panel has {len(panel):,}, found {until.persons:,}")
    for cell, least in until.quotas.items():
        if cell.attribute not in panel.attributes:
            raise UnknownName("attribute", cell.attribute, list(panel.attributes))
        levels = panel.levels[panel.attributes.index(cell.attribute)]
        if cell.level not in levels:
            raise UnknownName(f"value of {cell.attribute}", cell.level, list(levels))
        there = int(segments.members(panel, cell).sum())
        if there < least:
            raise DocumentError(
                f"until.cell.{cell.attribute}: the panel has {there:,} persons with {cell.level!r}, found "
                f"{least:,}; ask for fewer, or ground a panel with more persons"
            )
    names = [q.name for q in questions]
    for name in until.named:
        if name not in names:
            raise UnknownName("question", name, names)


def order(panel: Panel, seed: int) -> IntArray:
    """Rows of the panel in the order in which they are asked, (n_persons,): drawn from seed and ids alone."""
    return np.argsort(draws.uniforms(seed, panel.ids, [_ORDER])[:, 0], kind="stable")


def half_widths(shares: FloatArray, base: float) -> FloatArray:
    """How far the 95 % Wilson interval of each share reaches to either side of its middle, of their shape.

    ``z sqrt(p (1 - p) / n + z^2 / 4 n^2) / (1 + z^2 / n)``; a share of 0 or 1 is not exact. For .5 of 100:
    .0962.
    """
    spread = np.sqrt(shares * (1 - shares) / base + _Z**2 / (4 * base**2))
    return _Z * spread / (1 + _Z**2 / base)


@dataclass(frozen=True)
class Tally:
    """What has been answered so far.

    Attributes:
        persons: asked.
        cells: asked in each cell of the quotas, (n_cells,).
        options: for each question the weight of those who gave each option, (n_options,).
        squares: for each question the sum of the squared weights of those who answered, (n_questions,).
    """

    persons: int
    cells: IntArray
    options: tuple[FloatArray, ...]
    squares: FloatArray

    def plus(self, other: "Tally") -> "Tally":
        """Both together; they are of different persons."""
        options = tuple(a + b for a, b in zip(self.options, other.options, strict=True))
        return Tally(
            self.persons + other.persons, self.cells + other.cells, options, self.squares + other.squares
        )

    def widest(self, question: int) -> float | None:
        """Largest half width of the question's shares; ``None`` where the effective base is too small.

        The effective base is ``(sum w)^2 / sum w^2`` over those who answered.
        """
        total = float(self.options[question].sum())
        square = float(self.squares[question])
        base = total**2 / square if square > 0 else 0.0
        if base < LEAST_BASE:
            return None
        return float(half_widths(self.options[question] / total, base).max())


def tally(until: Until, panel: Panel, questions: Sequence[Question], drawn: IntArray) -> Tally:
    """What these persons answered: ``drawn`` is (n_persons, n_questions), ``NO_ANSWER`` where none came."""
    weights = np.where(drawn != NO_ANSWER, panel.weights[:, None], 0.0)
    chosen = np.maximum(drawn, 0)
    return Tally(
        persons=len(panel),
        cells=np.array([segments.members(panel, c).sum() for c in until.quotas], dtype=np.int64),
        options=tuple(
            np.bincount(chosen[:, j], weights=weights[:, j], minlength=len(q.options)).astype(np.float64)
            for j, q in enumerate(questions)
        ),
        squares=(weights**2).sum(axis=0),
    )


def verdict(until: Until, found: Tally, questions: Sequence[Question], of: int) -> Stopped:
    """Whether the rule is met by what has been answered, of a panel of ``of`` persons, and the figures."""
    met, why = _judged(until, found, questions)
    return Stopped(met=met, persons=found.persons, of=of, why=why)


def _judged(until: Until, found: Tally, questions: Sequence[Question]) -> tuple[bool, str]:
    if until.persons is not None:
        return found.persons >= until.persons, f"{found.persons:,} persons, {until.persons:,} asked for"
    if until.precision is None:
        cells = list(zip(until.quotas.items(), found.cells.tolist(), strict=True))
        told = ", ".join(f"{cell.level} {n:,} of {least:,}" for (cell, least), n in cells)
        return all(n >= least for (_, least), n in cells), f"persons of each cell: {told}"
    places = [j for j, q in enumerate(questions) if not until.named or q.name in until.named]
    widths = {questions[j].name: found.widest(j) for j in places}
    few = [name for name, width in widths.items() if width is None]
    if few:
        return False, f"an effective base below {LEAST_BASE} for {', '.join(few)}"
    name, width = max(((n, w) for n, w in widths.items() if w is not None), key=lambda pair: pair[1])
    told = f"the widest 95 % interval is ±{width:.4f} ({name}), ±{until.precision:g} asked for"
    return width <= until.precision, told


class Watch:
    """A rule and what has been answered so far; ``add`` and ``met`` are called batch by batch."""

    def __init__(self, until: Until, panel: Panel, questions: Sequence[Question], of: int) -> None:
        self.until, self.panel, self.questions, self.of = until, panel, questions, of
        self._place = {person: i for i, person in enumerate(panel.ids)}
        nobody = panel.take(np.zeros(0, dtype=np.int64))
        self.found = tally(until, nobody, questions, np.zeros((0, len(questions)), dtype=np.int64))

    def add(self, persons: Sequence[str], drawn: IntArray) -> None:
        """Counts what persons answered, (n_persons, n_questions), who were not counted before."""
        rows = np.array([self._place[p] for p in persons], dtype=np.int64)
        self.found = self.found.plus(tally(self.until, self.panel.take(rows), self.questions, drawn))

    def stopped(self) -> Stopped:
        """Whether the rule is met by now."""
        return verdict(self.until, self.found, self.questions, self.of)
