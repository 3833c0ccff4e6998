"""The leakage suite: what the people and questions held out have in common with those trained on."""

from collections.abc import Collection, Sequence
from typing import Literal, NamedTuple

import numpy as np

from grounding import blocks
from personas.answer import NO_ANSWER, Answers
from personas.arrays import BoolArray, FloatArray, IntArray
from personas.document import Document
from personas.panel import UNKNOWN, Panel
from personas.question import Question

QuestionKind = Literal["exact", "battery", "near-duplicate", "embedding"]
PeopleKind = Literal["same id", "same row", "retest"]

# Of a language model's vectors as the kernel sees them; chosen on seven open surveys (docs/methods.md).
NEAR = 0.95
# Two rows are taken for one and the same human where fewer than this many pairs would be alike by chance.
CHANCE = 0.01
# Answers hang together, so a row is worth less than its values one by one; chosen on real panels
# (docs/methods.md).
_WORTH = 0.85
# Who gives this share of the answers in the same place ticks down a column, as others do.
_STRAIGHT = 0.9
_SHOWN = 3


class QuestionOverlap(Document):
    """A question held out and one trained on that is too near to it.

    ``similarity`` is the cosine of the texts' n-grams, and for ``embedding`` that of the vectors.
    """

    held_out: str
    trained: str
    kind: QuestionKind
    similarity: float


class PeopleOverlap(Document):
    """One of the people scored on and one trained on who are the same, or look so; ids of either panel."""

    scored: str
    trained: str
    kind: PeopleKind


class _Rows(NamedTuple):
    """What is compared: attributes (n_people, n_attributes) and answers (n_people, n_questions)."""

    attributes: IntArray
    answers: IntArray


class Leakage(Document):
    """What the suite found.

    Attributes:
        questions: overlaps of questions, each pair with the first kind that holds.
        people: overlaps of people. They hold ids, which ``erase`` must reach: sentences and counts may be
            stored with an adapter, these may not.
        checked_questions: how many were held out and trained on; ``checked_people`` the same for people.
        embedding: vectors of the questions were compared as well; ``near`` is the cosine from which two of
            them overlap.
    """

    questions: tuple[QuestionOverlap, ...] = ()
    people: tuple[PeopleOverlap, ...] = ()
    checked_questions: tuple[int, int] = (0, 0)
    checked_people: tuple[int, int] = (0, 0)
    embedding: bool = False
    near: float = NEAR

    @property
    def clean(self) -> bool:
        """Nothing was found."""
        return not self.questions and not self.people

    def sentences(self) -> tuple[str, ...]:
        """What was found, in words without anybody's id; nothing where the suite is clean."""
        return (*question_sentences(self.questions), *people_sentences(self.people))


def suite(
    questions: Sequence[Question],
    held_out: Sequence[str],
    trained: tuple[Panel, Answers],
    scored: tuple[Panel, Answers],
    *,
    vectors: FloatArray | None = None,
    near: float = NEAR,
    earlier: Collection[str] = (),
) -> Leakage:
    """All overlaps between what was trained on and what is scored on.

    Args:
        questions: all of them.
        held_out: names of those held out.
        trained: people trained on, with their answers.
        scored: people scored on, with theirs.
        vectors: of ``questions``, shape (n_questions, dim).
        near: cosine of centred vectors from which two questions overlap.
        earlier: ids of people whom the model learned from in an earlier wave; who of them is asked again and
            scored on was trained on, whatever ``trained`` has.
    """
    inside = [q for q in questions if q.name not in held_out]
    overlaps = question_overlaps(questions, held_out, vectors, near)
    return Leakage(
        questions=overlaps,
        people=people_overlaps(trained, scored, earlier),
        checked_questions=(len(questions) - len(inside), len(inside)),
        checked_people=(len(scored[0]), len({*trained[0].ids, *earlier})),
        embedding=vectors is not None,
        near=near,
    )


def question_overlaps(
    questions: Sequence[Question],
    held_out: Sequence[str],
    vectors: FloatArray | None = None,
    near: float = NEAR,
) -> tuple[QuestionOverlap, ...]:
    """Pairs of a question held out and a question trained on that are exact, of one battery, or near.

    ``exact`` is the same words, whatever the options; ``battery`` the same stem, skeleton or name pattern;
    ``near-duplicate`` similar texts; ``embedding`` near vectors (``grounding.blocks`` has the bounds).
    Questions held out in whole blocks have none, as the blocks are made of the same pairs.
    """
    out = set(held_out)
    words = [blocks.words_of(q.text) for q in questions]
    cosines = None if vectors is None else blocks.cosines(vectors)
    found: list[QuestionOverlap] = []
    for i, j, reason, similarity in blocks.pairs(questions, vectors, near):
        first, second = questions[i].name, questions[j].name
        if (first in out) == (second in out):
            continue
        kind = _kind(reason, words[i] == words[j])
        measure = float(cosines[i, j]) if kind == "embedding" and cosines is not None else similarity
        pair = (first, second) if first in out else (second, first)
        found.append(QuestionOverlap(held_out=pair[0], trained=pair[1], kind=kind, similarity=measure))
    return tuple(found)


def people_overlaps(
    trained: tuple[Panel, Answers], scored: tuple[Panel, Answers], earlier: Collection[str] = ()
) -> tuple[PeopleOverlap, ...]:
    """People trained on among those scored on: by id, by an identical row, or as asked again.

    Rows are compared on the attributes and questions that both panels have, unknown values and missing
    answers included. An identical row counts where it is rare enough: with the shares p of its values
    among the people trained on, fewer than ``CHANCE`` pairs would be alike were the probability of the
    row the product of p to the power ``_WORTH``, which allows for answers that hang together. The answers
    of somebody who ticks down one column tell nothing.
    """
    inside = set(trained[0].ids)
    same = [PeopleOverlap(scored=i, trained=i, kind="same id") for i in scored[0].ids if i in inside]
    before = set(earlier) - inside
    again = [PeopleOverlap(scored=i, trained=i, kind="retest") for i in scored[0].ids if i in before]
    return (*same, *_same_rows(trained, scored), *again)


def question_sentences(overlaps: Sequence[QuestionOverlap]) -> tuple[str, ...]:
    """What the overlaps of questions come to, in at most one sentence."""
    if not overlaps:
        return ()
    held, trained = {o.held_out for o in overlaps}, {o.trained for o in overlaps}
    nearest = sorted(overlaps, key=lambda o: (-o.similarity, o.held_out, o.trained))[:_SHOWN]
    shown = ", ".join(f"{o.held_out} and {o.trained} ({o.kind}, {o.similarity:.2f})" for o in nearest)
    more = f" and {len(overlaps) - len(nearest):,} more pairs" if len(overlaps) > len(nearest) else ""
    are = "is" if len(held) == 1 else "are"
    return (
        f"Of the questions held out, {len(held):,} {are} of the same battery as, "
        f"or nearly the same as, {len(trained):,} of those trained on: {shown}{more}. Figures for questions "
        "never trained on are therefore those of new items of known batteries; questions on a new subject "
        "will do worse.",
    )


def people_sentences(overlaps: Sequence[PeopleOverlap]) -> tuple[str, ...]:
    """What the overlaps of people come to, one sentence for each kind."""
    said: dict[PeopleKind, str] = {
        "same id": "scored on were trained on (same id)",
        "same row": "scored on have exactly the attributes and answers of somebody trained on",
        "retest": "whose later answers are scored on were trained on",
    }
    counts = [(len({o.scored for o in overlaps if o.kind == kind}), words) for kind, words in said.items()]
    return tuple(f"{n:,} of the people {words}." for n, words in counts if n)


def _kind(reason: blocks.Reason, exact: bool) -> QuestionKind:
    if exact:
        return "exact"
    if reason == "vectors":
        return "embedding"
    return "near-duplicate" if reason == "text" else "battery"


def _same_rows(trained: tuple[Panel, Answers], scored: tuple[Panel, Answers]) -> list[PeopleOverlap]:
    ids = set(scored[0].ids)
    inside, outside = _rows(trained, scored)
    first, second = np.hstack(inside), np.hstack(outside)
    if first.shape[1] == 0 or not len(first) or not len(second):
        return []
    answers = np.where(_straight(outside.answers), 0.0, _surprise(inside.answers, outside.answers))
    told = _surprise(inside.attributes, outside.attributes) + answers
    rare = told >= np.log(len(first) * len(second) / CHANCE)
    places: dict[bytes, int] = {}
    for i in np.flatnonzero([i not in ids for i in trained[0].ids]).tolist():
        places.setdefault(first[i].tobytes(), i)
    found: list[PeopleOverlap] = []
    for j in np.flatnonzero(rare).tolist():
        i = places.get(second[j].tobytes())
        if i is not None:
            pair = scored[0].ids[j], trained[0].ids[i]
            found.append(PeopleOverlap(scored=pair[0], trained=pair[1], kind="same row"))
    return found


def _rows(trained: tuple[Panel, Answers], scored: tuple[Panel, Answers]) -> tuple[_Rows, _Rows]:
    """Codes of the attributes and of the answers that both have; one code for one value, -1 for unknown."""
    levels: list[tuple[IntArray, IntArray]] = []
    for name in trained[0].attributes:
        if name in scored[0].attributes:
            places: dict[str, int] = {}
            levels.append((_level_codes(trained[0], name, places), _level_codes(scored[0], name, places)))
    asked = {q.fingerprint: k for k, q in enumerate(scored[1].questions)}
    answers = [
        (trained[1].chosen[:, k], scored[1].chosen[:, asked[q.fingerprint]])
        for k, q in enumerate(trained[1].questions)
        if q.fingerprint in asked
    ]
    first, second = (
        _Rows(_stacked([c[side] for c in levels], n), _stacked([c[side] for c in answers], n))
        for side, n in enumerate((len(trained[0]), len(scored[0])))
    )
    return first, second


def _straight(answers: IntArray) -> BoolArray:
    """Who gave nearly all answers in the same place, shape (n_people,); nobody can with fewer than 3."""
    given = (answers != NO_ANSWER).sum(axis=1)
    places = range(int(answers.max(initial=0)) + 1)
    most = np.max([np.sum(answers == place, axis=1) for place in places], axis=0)
    return np.asarray((given >= 3) & (most >= _STRAIGHT * given), dtype=np.bool_)


def _level_codes(panel: Panel, name: str, levels: dict[str, int]) -> IntArray:
    column = panel.attributes.index(name)
    places = [levels.setdefault(level, len(levels)) for level in panel.levels[column]]
    return np.array([UNKNOWN if c == UNKNOWN else places[c] for c in panel.codes[:, column]], dtype=np.int64)


def _stacked(columns: Sequence[IntArray], n: int) -> IntArray:
    return np.stack(columns, axis=1) if columns else np.zeros((n, 0), dtype=np.int64)


def _surprise(first: IntArray, second: IntArray) -> FloatArray:
    """Minus the log-probability of each row of ``second`` among ``first``, times ``_WORTH``, in nats.

    Only what is known counts; a value that nobody in ``first`` has counts as if half a person had it.
    """
    total = np.zeros(len(second))
    for known, row in zip(first.T, second.T, strict=True):
        counts = np.bincount(known[known != NO_ANSWER], minlength=max(int(row.max(initial=0)) + 1, 1))
        shares = np.maximum(counts, 0.5) / max(counts.sum(), 1)
        total -= np.where(row != NO_ANSWER, np.log(shares[np.maximum(row, 0)]), 0.0)
    return _WORTH * total
