"""Exams: questions packed into token trees, in which each option is scored by its own text."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from personas.arrays import FloatArray, IntArray
from personas.models.tree import ROOT, Segment, Tree, pack
from personas.prompt import option_text, question_text
from personas.question import Question

TREE_TOKENS = 768
"""Tokens of questions in one tree; attention grows with the square."""


@dataclass(frozen=True)
class Exam:
    """Questions packed into one tree, and which predictions make up the score of which option.

    Each option is a branch of its own: it sees person and question but no other option, so neither the
    order of the options nor a label beside them can matter.

    Attributes:
        tree: the questions and options, without a person.
        at: the place that predicts each token of each option, shape (n,).
        tokens: that token, shape (n,).
        starts: where each option begins in ``at``, shape (n_all_options,).
        n_options: how many options each question has.
        longest: the question that reaches deepest with its longest option.
    """

    tree: Tree
    at: IntArray
    tokens: IntArray
    starts: IntArray
    n_options: tuple[int, ...]
    longest: Question

    def probabilities(self, log_probabilities: FloatArray) -> list[FloatArray]:
        """For each question the softmax of its options' scores; ``log_probabilities`` has shape (n,)."""
        scores = np.add.reduceat(log_probabilities, self.starts)
        return [_softmax(own) for own in np.split(scores, np.cumsum(self.n_options)[:-1])]

    @property
    def options(self) -> IntArray:
        """The option that each token of ``tokens`` belongs to, shape (n,)."""
        lengths = np.diff(np.append(self.starts, len(self.tokens)))
        return np.repeat(np.arange(len(self.starts)), lengths)


def exams(
    tokens: Callable[[str], tuple[int, ...]], questions: Sequence[Question], most: int = TREE_TOKENS
) -> list[Exam]:
    """The questions, in their order, in as few trees as ``most`` tokens allow; equal beginnings count once.

    Args:
        tokens: of a text, without special ones.
        questions: each stands whole in one tree, also where it is longer than ``most`` alone.
        most: tokens in one tree.
    """
    found: list[Exam] = []
    group: list[_Texts] = []
    paths = _Paths()
    for question in questions:
        options = tuple(tokens(option_text(o)) for o in question.options)
        texts = _Texts(question, tokens(question_text(question)), options)
        if group and paths.with_(texts) > most:
            found.append(_exam(group))
            group, paths = [], _Paths()
        paths.add(texts)
        group.append(texts)
    return [*found, _exam(group)] if group else found


@dataclass(frozen=True)
class _Texts:
    """A question, and the tokens of its text and of each option."""

    asked: Question
    question: tuple[int, ...]
    options: tuple[tuple[int, ...], ...]

    @property
    def depth(self) -> int:
        """Tokens up to the end of the longest option."""
        return len(self.question) + max(len(option) for option in self.options)

    def paths(self) -> Iterator[tuple[int, ...]]:
        """All that is read, up to the last token of each option, which is only predicted."""
        return (self.question + option[:-1] for option in self.options)


class _Paths:
    """The beginnings that have to be read, one for each token of a tree."""

    def __init__(self) -> None:
        self._places: dict[tuple[int, int], int] = {}

    def add(self, texts: _Texts) -> None:
        """Takes in all that is read of a question."""
        for path in texts.paths():
            place = 0
            for token in path:
                place = self._places.setdefault((place, token), len(self._places) + 1)

    def with_(self, texts: _Texts) -> int:
        """How many there would be with a question, which is not taken in."""
        both = _Paths()
        both._places = dict(self._places)
        both.add(texts)
        return len(both._places)


def _exam(group: "Sequence[_Texts]") -> Exam:
    segments: list[Segment] = []
    options: list[int] = []
    for texts in group:
        parent = len(segments)
        segments.append(Segment(ROOT, texts.question))
        options += range(len(segments), len(segments) + len(texts.options))
        segments += [Segment(parent, option, scored=True) for option in texts.options]
    tree = pack(segments)
    lengths = np.array([len(segments[o].tokens) for o in options], dtype=np.int64)
    return Exam(
        tree=tree,
        at=np.concatenate([tree.predictors[o] for o in options]),
        tokens=np.array([t for o in options for t in segments[o].tokens], dtype=np.int64),
        starts=np.cumsum(lengths) - lengths,
        n_options=tuple(len(texts.options) for texts in group),
        longest=max(group, key=lambda texts: texts.depth).asked,
    )


def _softmax(scores: FloatArray) -> FloatArray:
    weights = np.exp(scores - scores.max())
    return weights / weights.sum()
