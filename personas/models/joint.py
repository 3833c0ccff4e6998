"""The joint model: a language model reads person, question and option as one text and weighs the options."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from personas.arrays import FloatArray
from personas.errors import DataError
from personas.models.exams import TREE_TOKENS, Exam, exams
from personas.models.shape import Pass, shape_of
from personas.models.tree import stack
from personas.panel import Panel
from personas.prompt import PROMPT_VERSION, person_text
from personas.question import Question

if TYPE_CHECKING:
    from personas.models.language import LanguageModel

# Tokens in one forward pass.
_PASS_TOKENS = {"cpu": 1024, "cuda": 16384}


@dataclass(frozen=True)
class JointModel:
    """Scores each option by the log-probability of its own text after person and question.

    ``p(o) = exp(s_o) / sum exp(s)`` over the question's options, with ``s_o`` the sum of the
    log-probabilities of the option's tokens. An option of more tokens is thus less likely, as it is in the
    language; nothing is corrected for that here. Each option is a branch of its own: it sees person and
    question but no other option, so their order cannot matter.

    Attributes:
        language: the language model.
    """

    language: "LanguageModel"

    @property
    def name(self) -> str:
        """What people call the model."""
        return f"{self.language.name} (joint, zero-shot)"

    @property
    def fingerprint(self) -> str:
        """Hash of weights, number format and prompts."""
        parts = f"joint\n{PROMPT_VERSION}\n{self.language.fingerprint}"
        return hashlib.sha256(parts.encode()).hexdigest()[:16]

    def distributions(self, panel: Panel, questions: Sequence[Question]) -> list[FloatArray]:
        """See ``AnswerModel``; ``DataError`` where person and question are longer than the model reads."""
        parts = [rows for _, rows in self.iterate(panel, questions)]
        empty = [np.zeros((0, len(q.options))) for q in questions]
        return [np.concatenate([e, *(rows[i] for rows in parts)]) for i, e in enumerate(empty)]

    def iterate(
        self, panel: Panel, questions: Sequence[Question]
    ) -> Iterator[tuple[slice, list[FloatArray]]]:
        """Distributions of a few persons at a time, in the panel's order, so that a caller can stop early.

        Each item holds the rows of the panel and, for each question, shape (rows, n_options). Persons with
        the same attributes are read once.

        Raises:
            DataError: person and question together are longer than the model reads.
        """
        found = exams(self.language.tokens, questions, TREE_TOKENS)
        texts = [person_text(panel.person(i).attributes) for i in range(len(panel))]
        together = self._together(texts, found)
        known: dict[str, list[FloatArray]] = {}
        start = 0
        while start < len(texts):
            stop, fresh = _next_rows(texts, start, known, together)
            known.update(zip(fresh, self._read(fresh, found), strict=True))
            rows = [known[text] for text in texts[start:stop]]
            yield slice(start, stop), [np.stack([r[q] for r in rows]) for q in range(len(questions))]
            start = stop

    def passes(self, panel: Panel, questions: Sequence[Question]) -> Iterator[tuple[slice, list[Pass]]]:
        """The forward passes behind each item of ``iterate``, none of which is made."""
        shape = shape_of(self.language)
        found = exams(self.language.tokens, questions, TREE_TOKENS)
        places = [len(np.unique(exam.at)) for exam in found]
        texts = [person_text(panel.person(i).attributes) for i in range(len(panel))]
        together = self._together(texts, found)
        known: dict[str, list[FloatArray]] = {}
        start = 0
        while start < len(texts):
            stop, fresh = _next_rows(texts, start, known, together)
            known.update({text: [] for text in fresh})
            longest = max((len(self.language.tokens(text)) for text in fresh), default=0)
            before, rows = len(self.language.start) + longest, len(fresh)
            sizes = [(before + len(exam.tree), read) for exam, read in zip(found, places, strict=True)]
            yield (
                slice(start, stop),
                [shape.reading(rows, n, places=read) for n, read in sizes if rows],
            )
            start = stop

    def _together(self, texts: Sequence[str], exams: Sequence[Exam]) -> int:
        """How many persons are read in one forward pass."""
        budget = _PASS_TOKENS[self.language.processor.device.partition(":")[0]]
        longest = max((len(e.tree) for e in exams), default=1)
        person = len(self.language.tokens(texts[0])) if texts else 1
        return max(1, budget // (person + longest))

    def _read(self, persons: Sequence[str], exams: Sequence[Exam]) -> list[list[FloatArray]]:
        """For each person, for each question, the probability of each option."""
        answers: list[list[FloatArray]] = [[] for _ in persons]
        if not persons:
            return answers
        prefixes = [(*self.language.start, *self.language.tokens(p)) for p in persons]
        for exam in exams:
            self._check_length(prefixes, exam)
            batch = stack([exam.tree.behind(p) for p in prefixes], "left")
            before = batch.ids.shape[1] - len(exam.tree)
            scores = self.language.log_probabilities(batch, exam.at + before, exam.tokens)
            for row, own in enumerate(scores):
                answers[row].extend(exam.probabilities(own))
        return answers

    def _check_length(self, prefixes: Sequence[Sequence[int]], exam: Exam) -> None:
        depth = int(exam.tree.positions.max()) + 1
        for prefix in prefixes:
            if len(prefix) + depth > self.language.max_tokens:
                raise DataError(
                    f"a person of {len(prefix):,} tokens with a question of {depth:,} is too long for "
                    f"{self.language.name}, which reads {self.language.max_tokens:,}; shorten the question "
                    f"{exam.longest.name!r}, or the attributes of the persons who have the longest ones"
                )


def _next_rows(
    texts: Sequence[str], start: int, known: dict[str, list[FloatArray]], together: int
) -> tuple[int, list[str]]:
    """The row at which the next pass ends, and the persons in it that have not been read before."""
    fresh: dict[str, None] = {}
    stop = start
    while stop < len(texts):
        text = texts[stop]
        if text not in known and text not in fresh:
            if len(fresh) == together:
                break
            fresh[text] = None
        stop += 1
    return stop, list(fresh)
