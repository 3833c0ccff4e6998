"""Published toplines: read from YAML or Excel, and brought together with a codebook's questions.

They anchor the prior of a question and serve as targets of a validation. They never become people.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from grounding.sources import toplines_sheet
from grounding.sources.toplines_spec import ToplineQuestion, Toplines
from personas import document
from personas.arrays import FloatArray, IntArray
from personas.errors import DataError, DocumentError
from personas.question import Question

template = toplines_sheet.template


@dataclass(frozen=True)
class Anchor:
    """What a study published of a question that the real panel was asked, too.

    Attributes:
        question: name of the panel's question.
        shares: of its options, in their order, summing to one, shape (n_options,).
        n_effective: equally weighted people as good as those who answered.
        source: who published it.
    """

    question: str
    shares: FloatArray
    n_effective: float
    source: str


@dataclass(frozen=True)
class Unused:
    """A published question that is not used, and why."""

    question: str
    reason: str


@dataclass(frozen=True)
class Match:
    """A published question and the panel's question that it is the same as.

    Attributes:
        published: as the study asked it.
        question: as the panel was asked.
        order: for each option of ``question`` its place among those the study counts, shape (n_options,).
        reworded: only the names are the same, the texts differ.
    """

    published: ToplineQuestion
    question: Question
    order: IntArray
    reworded: bool


@dataclass(frozen=True)
class Matches:
    """Which published questions are the panel's, and why others are not."""

    matches: tuple[Match, ...]
    unused: tuple[Unused, ...]


@dataclass(frozen=True)
class Anchors:
    """Anchors of the panel's questions, and the published questions that are none.

    Attributes:
        anchors: one for each question at most.
        unused: published questions that are not used, and why.
        reworded: questions of the panel whose anchor has their name, but another text.
    """

    anchors: tuple[Anchor, ...]
    unused: tuple[Unused, ...]
    reworded: tuple[str, ...]


def read(path: Path) -> Toplines:
    """The toplines in a YAML file or an Excel workbook.

    Raises:
        DocumentError: the YAML file does not say what it must; names line and key.
        DataError: the workbook does not; names sheet and row. Or the file is neither.
    """
    ending = path.suffix.lower()
    if ending in (".xlsx", ".xlsm"):
        return toplines_sheet.read(path)
    if ending not in (".yaml", ".yml"):
        raise DataError(f"{path}: toplines are read from .yaml, .yml, .xlsx or .xlsm, not {ending or 'this'}")
    toplines = document.read(path, Toplines)
    problems = [f"{path}:{document.line(path, *p.keys)}: {p.message}" for p in toplines.problems()]
    if problems:
        raise DocumentError("\n".join(problems))
    return toplines


def match(toplines: Toplines, questions: Sequence[Question]) -> Matches:
    """Which published questions were also asked of the panel.

    A published question is the same as one of the panel's when it has its text and options, or else its name
    and options; upper and lower case and spaces do not count. Its options are brought into the panel's order
    by label.

    Args:
        toplines: the study.
        questions: the panel's.
    """
    found: list[Match] = []
    unused: list[Unused] = []
    taken: dict[str, str] = {}
    for published in toplines.questions:
        asked = toplines.asked(published)
        question = _same(asked, questions)
        if question is None:
            unused.append(Unused(published.name, "no question has this name, or this text and these options"))
            continue
        order = _order(asked, question)
        if order is None:
            unused.append(Unused(published.name, _difference(asked, question)))
        elif question.name in taken:
            reason = f"question {question.name!r} already has the shares of {taken[question.name]!r}"
            unused.append(Unused(published.name, reason))
        else:
            taken[question.name] = published.name
            reworded = _plain(question.text) != _plain(asked.text)
            found.append(Match(published, question, order, reworded))
    return Matches(tuple(found), tuple(unused))


def anchors(toplines: Toplines, questions: Sequence[Question]) -> Anchors:
    """An anchor for each of the panel's questions of which the study published the total."""
    found = match(toplines, questions)
    made = tuple(
        Anchor(
            question=m.question.name,
            shares=toplines.distribution(m.published, m.published.total)[m.order],
            n_effective=toplines.effective_base(m.published, m.published.total),
            source=toplines.source,
        )
        for m in found.matches
    )
    return Anchors(made, found.unused, tuple(m.question.name for m in found.matches if m.reworded))


def sentences(
    toplines: Toplines, anchor: bool, questions: Sequence[Question], levels: Mapping[str, Sequence[str]]
) -> tuple[str, ...]:
    """What a study is and which of it can be used with a panel, in words.

    Args:
        toplines: the study.
        anchor: whether it may inform the prior.
        questions: that the panel's people were asked.
        levels: attribute of the panel -> its values.
    """
    found = match(toplines, questions)
    weights = f"weighted, design effect {toplines.design_effect:g}" if toplines.weighted else "unweighted"
    use = "an anchor of the prior of" if anchor else "no anchor, only a validation target, of"
    names = ", ".join(m.question.name for m in found.matches) or "none"
    lines = [
        f"{toplines.source}: {toplines.n:,} people ({weights}), fielded {toplines.field_start} to "
        f"{toplines.field_end}; population: {toplines.population}; "
        f"licence: {toplines.licence or 'not stated'}.",
        f"It is {use} {len(found.matches)} of the panel's questions: {names}.",
    ]
    reworded = ", ".join(m.question.name for m in found.matches if m.reworded)
    if reworded:
        lines.append(f"Same name and options, but another wording: {reworded}.")
    lines += [f"Published, but not used: {u.question} ({u.reason})." for u in found.unused]
    segments = dict.fromkeys(s for m in found.matches for s in m.published.tables if s is not None)
    lacking = [f"{a}: {v}" for a, v in segments if v not in levels.get(a, ())]
    if lacking:
        lines.append(f"Segments that the panel does not have, and that stay unused: {', '.join(lacking)}.")
    return (*lines, *toplines.notes)


def _same(asked: Question, questions: Sequence[Question]) -> Question | None:
    alike = [q for q in questions if _plain(q.text) == _plain(asked.text) and _order(asked, q) is not None]
    named = [q for q in questions if q.name == asked.name]
    both = [q for q in alike if q in named]
    return next(iter([*both, *alike, *named]), None)


def _order(asked: Question, question: Question) -> IntArray | None:
    """For each option of ``question`` its place in ``asked``; ``None`` where the options differ."""
    place = {_plain(option): i for i, option in enumerate(asked.options)}
    wanted = [_plain(option) for option in question.options]
    if len(place) != len(asked.options) or set(wanted) != set(place) or len(wanted) != len(place):
        return None
    return np.array([place[option] for option in wanted], dtype=np.int64)


def _difference(asked: Question, question: Question) -> str:
    mine, theirs = {_plain(o): o for o in question.options}, {_plain(o): o for o in asked.options}
    more = [label for key, label in theirs.items() if key not in mine]
    less = [label for key, label in mine.items() if key not in theirs]
    parts = [f"the study also has {', '.join(map(repr, more))}"] if more else []
    parts += [f"the study lacks {', '.join(map(repr, less))}"] if less else []
    why = " and ".join(parts) or "labels are ambiguous"
    hint = "; options that mean no answer go under no_answer" if more else ""
    return f"its options are not those of question {question.name!r}: {why}{hint}"


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
