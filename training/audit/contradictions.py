"""Answers of one person that cannot both hold: by rules that the user gives, and between like questions."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from grounding import blocks
from personas.answer import NO_ANSWER, Answers
from personas.arrays import BoolArray, FloatArray, IntArray
from personas.question import Question
from training.audit.material import Material
from training.audit.patterns import FEWEST_PEOPLE, position_correlations
from training.audit.spec import Contradiction

ALIKE = 0.8
"""Similarity of texts above which two questions are like questions."""
TOGETHER = 0.6
"""Correlation above which questions in the same words ask for the same thing."""
_SAME = 0.8
_CERTAINLY_SAME = 0.9
_OPPOSITE = 0.75


class LikeQuestions(NamedTuple):
    """Two questions whose texts are alike.

    Attributes:
        first: column of one.
        second: column of the other.
        similarity: of the texts, 1 where they are the same.
        correlation: of the positions of the same options; ``None`` where options differ or hardly anybody
            answered both.
    """

    first: int
    second: int
    similarity: float
    correlation: float | None

    @property
    def same(self) -> bool:
        """Whether both ask for the same thing: texts alike, and answers nearly always too."""
        return self.correlation is not None and abs(self.correlation) >= _SAME


def rule_breakers(rule: Contradiction, material: Material) -> tuple[BoolArray, BoolArray]:
    """Who a rule is about, and who of these breaks it, both (n_people,). Raises: DocumentError."""
    concerned = np.ones(len(material.people), dtype=bool)
    for name, labels in rule.when.items():
        codes, wanted = material.coded(name, labels)
        concerned &= np.isin(codes, wanted)
    broken = np.zeros(len(material.people), dtype=bool)
    for name, labels in rule.never.items():
        codes, excluded = material.coded(name, labels)
        broken |= np.isin(codes, excluded)
    return concerned, concerned & broken


def like_questions(answers: Answers) -> tuple[LikeQuestions, ...]:
    """Pairs of questions whose texts are alike, most alike first."""
    if len(answers.questions) < 2:
        return ()
    texts = blocks.similarity([q.text for q in answers.questions])
    first, second = np.nonzero(np.triu(texts >= ALIKE, 1))
    found = [
        LikeQuestions(int(i), int(j), float(texts[i, j]), _correlation(answers, int(i), int(j)))
        for i, j in zip(first, second, strict=True)
    ]
    return tuple(sorted(found, key=lambda pair: -pair.similarity))


def opposed(answers: Answers, pair: LikeQuestions) -> BoolArray:
    """Who answers two questions that ask for the same thing with opposite ends of the scale, (n_people,).

    Two questions ask for the same where their texts are the same and the answers of all people go together,
    or where texts are alike and answers go together nearly always: whoever minds one neighbour and not the
    other contradicts nobody. Where answers go together the other way around, the same end of the scale counts
    as opposite.
    """
    nobody = np.zeros(len(answers.chosen), dtype=bool)
    one, other = answers.questions[pair.first], answers.questions[pair.second]
    ordered = one.scale == other.scale == "ordinal" or len(one.options) == 2
    least = TOGETHER if same_text(one, other) else _CERTAINLY_SAME
    if pair.correlation is None or abs(pair.correlation) < least or not ordered:
        return nobody
    left, right = _positions(answers, pair.first, one), _positions(answers, pair.second, one)
    if pair.correlation < 0:
        right = 1 - right
    return np.abs(left - right) >= _OPPOSITE  # NaN is never far


def options_map(one: Question, other: Question) -> IntArray | None:
    """Place among the options of ``one`` of each option of ``other``; ``None`` where they differ."""
    places = {_label(option): i for i, option in enumerate(one.options)}
    labels = [_label(option) for option in other.options]
    if len(one.options) != len(labels) or set(labels) != set(places):
        return None
    return np.array([places[label] for label in labels], dtype=np.int64)


def same_text(one: Question, other: Question) -> bool:
    """Whether two questions ask in the same words, whatever card or letter stands before them."""
    return blocks.words_of(one.text) == blocks.words_of(other.text) != ()


def _correlation(answers: Answers, first: int, second: int) -> float | None:
    one = answers.questions[first]
    placed = options_map(one, answers.questions[second])
    if placed is None:
        return None
    chosen = answers.chosen[:, [first, second]].copy()
    known = chosen[:, 1] != NO_ANSWER
    chosen[known, 1] = placed[chosen[known, 1]]
    both = (chosen != NO_ANSWER).all(axis=1)
    if both.sum() < FEWEST_PEOPLE or np.any(np.ptp(chosen[both], axis=0) == 0):
        return None
    return float(position_correlations(chosen)[0, 1])


def _label(option: str) -> str:
    return " ".join(option.casefold().split())


def _positions(answers: Answers, column: int, like: Question) -> FloatArray:
    """Place of each answer from 0 to 1 on the scale of ``like``, NaN without an answer."""
    placed = options_map(like, answers.questions[column])
    assert placed is not None
    chosen = answers.chosen[:, column]
    found = np.full(len(chosen), np.nan)
    known = chosen != NO_ANSWER
    found[known] = placed[chosen[known]] / (len(like.options) - 1)
    return found


def sentence(rule: Contradiction) -> str:
    """The rule in words."""

    def said(answers: dict[str, tuple[str, ...]], joined: str) -> str:
        return joined.join(f"{name} {' or '.join(map(repr, labels))}" for name, labels in answers.items())

    return f"{said(rule.when, ' and ')}, yet {said(rule.never, ' or ')}"


def names(rule: Contradiction) -> Sequence[str]:
    """Questions and attributes of a rule."""
    return tuple(dict.fromkeys([*rule.when, *rule.never]))
