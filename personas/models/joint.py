"""The joint model: a language model reads person, question and option as one text and weighs the options."""

import hashlib
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from personas.arrays import FloatArray, IntArray
from personas.errors import DataError
from personas.models.exams import TREE_TOKENS, Exam, exams
from personas.models.prefixes import Shared
from personas.models.shape import Pass, shape_of
from personas.panel import Panel
from personas.prompt import PROMPT_VERSION, option_text, person_text, question_text
from personas.question import Question

if TYPE_CHECKING:
    from personas.models.language import LanguageModel

# Tokens in one forward pass.
_PASS_TOKENS = {"cpu": 4096, "cuda": 16384}


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
        order = self.order(panel)
        answers = [np.empty((len(panel), len(q.options))) for q in questions]
        for rows, found in self.iterate(panel.take(order), questions):
            for whole, some in zip(answers, found, strict=True):
                whole[order[rows]] = some
        return answers

    def order(self, panel: Panel) -> IntArray:
        """Rows of the panel so that persons whose texts begin alike stand together and are read together."""
        texts = [person_text(panel.person(i).attributes) for i in range(len(panel))]
        return np.array(sorted(range(len(texts)), key=lambda i: texts[i]), dtype=np.int64)

    def iterate(
        self, panel: Panel, questions: Sequence[Question]
    ) -> Iterator[tuple[slice, list[FloatArray]]]:
        """Distributions of a few persons at a time, in the panel's order, so that a caller can stop early.

        Each item holds the rows of the panel and, for each question, shape (rows, n_options). Persons with
        the same attributes are read once, and so is what those read together begin with.

        Raises:
            DataError: person and question together are longer than the model reads.
        """
        found = self._exams(panel, questions)
        known: dict[str, list[FloatArray]] = {}
        for rows, texts, fresh in self._groups(panel, found):
            known.update(zip(fresh, self._read(fresh, found), strict=True))
            own = [known[text] for text in texts]
            yield rows, [np.stack([r[q] for r in own]) for q in range(len(questions))]

    def passes(self, panel: Panel, questions: Sequence[Question]) -> Iterator[tuple[slice, list[Pass]]]:
        """The forward passes behind each item of ``iterate``, none of which is made."""
        shape = shape_of(self.language)
        found = self._exams(panel, questions)
        for rows, _, fresh in self._groups(panel, found):
            if not fresh:
                yield rows, []
                continue
            shared = Shared.of(self._prefixes(fresh))
            n, longest = shared.paths.shape
            # Of the last layer only keys and values are needed of what is read before the questions.
            first = shape.forward(len(shared.ids), n * longest, longest, shape.layers - 1)
            sizes = [(n * len(e.tree), longest + len(e.tree), n * len(np.unique(e.at))) for e in found]
            yield rows, [first, *(shape.forward(t, t, keys, read=read) for t, keys, read in sizes)]

    def refuse_long(self, panel: Panel, questions: Sequence[Question]) -> None:
        """Returns where every person can be read with every question; nothing is read for it.

        Raises:
            DataError: one is longer than the model reads, with the lengths.
        """
        depths = {q.name: self._depth(q) for q in questions}
        deepest = max(questions, key=lambda q: depths[q.name], default=None)
        if deepest is None:
            return
        start, depth = len(self.language.start), depths[deepest.name]
        self._refuse_long(start, depth, deepest)
        seen: set[str] = set()
        for row in range(len(panel)):
            known = panel.person(row).attributes
            text = person_text(known)
            # No tokenizer makes more tokens than bytes, so that few have to be put into tokens.
            if text not in seen and start + len(text.encode()) + depth > self.language.max_tokens:
                self._refuse_long(start + len(self.language.tokens(text)), depth, deepest, known)
                seen.add(text)

    def _groups(self, panel: Panel, exams: Sequence[Exam]) -> Iterator[tuple[slice, list[str], list[str]]]:
        """Rows that are answered together, their texts, and those texts that have not been read before."""
        texts = [person_text(panel.person(i).attributes) for i in range(len(panel))]
        sizes = {text: len(self.language.tokens(text)) for text in set(texts)}
        tree = max((len(e.tree) for e in exams), default=1)
        budget = _PASS_TOKENS[self.language.processor.device.partition(":")[0]]
        # Passes of like size: a last one of a few persons would leave the processor waiting.
        passes = -(-sum(size + tree for size in sizes.values()) // budget)
        most = -(-len(sizes) // max(1, passes))
        room = _Room({text: size + tree for text, size in sizes.items()}, most, 2 * budget)
        known: set[str] = set()
        start = 0
        while start < len(texts):
            stop, fresh = room.next_rows(texts, start, known)
            known.update(fresh)
            yield slice(start, stop), texts[start:stop], fresh
            start = stop

    def _prefixes(self, persons: Sequence[str]) -> list[tuple[int, ...]]:
        return [(*self.language.start, *self.language.tokens(p)) for p in persons]

    def _read(self, persons: Sequence[str], exams: Sequence[Exam]) -> list[list[FloatArray]]:
        """For each person, for each question, the probability of each option."""
        answers: list[list[FloatArray]] = [[] for _ in persons]
        if not persons or not exams:
            return answers
        before = self.language.read(self._prefixes(persons))
        for exam in exams:
            scores = self.language.behind(before, exam.tree, exam.at, exam.tokens)
            for row, own in enumerate(scores):
                answers[row].extend(exam.probabilities(own))
        return answers

    def _exams(self, panel: Panel, questions: Sequence[Question]) -> list[Exam]:
        """The questions as trees, whose masks grow with the square of their tokens: long ones are refused."""
        self.refuse_long(panel, questions)
        return exams(self.language.tokens, questions, TREE_TOKENS)

    def _depth(self, question: Question) -> int:
        """Tokens of a question with its longest option, whose last one only is predicted."""
        longest = max(len(self.language.tokens(option_text(option))) for option in question.options)
        return len(self.language.tokens(question_text(question))) + longest - 1

    def _refuse_long(
        self, person: int, depth: int, question: Question, known: Mapping[str, str] | None = None
    ) -> None:
        """Returns where a person of so many tokens can be read with a question of ``depth``.

        Raises:
            DataError: with the attribute that is the longest of what is ``known`` of the person; what it says
                stays out of messages.
        """
        name, limit = self.language.name, self.language.max_tokens
        if person + depth <= limit:
            return
        shorten = f"shorten the question {question.name!r}"
        if not known:
            raise DataError(
                f"a question of {depth:,} tokens with its longest option is too long for {name}, which reads "
                f"{limit:,}; {shorten}"
            )
        attribute = max(known, key=lambda key: len(known[key]))
        raise DataError(
            f"a person of {person:,} tokens with a question of {depth:,} is too long for {name}, which reads "
            f"{limit:,}; {shorten}, or the attributes of the persons who have the longest ones "
            f"(here {attribute!r})"
        )


class _Room(NamedTuple):
    """How many persons go into one pass.

    Attributes:
        tokens: of each text with the questions behind it.
        most: persons.
        budget: tokens that their rows may have, padded to the longest: one text that is long would be a long
            row for each of the others. A single person always has room.
    """

    tokens: dict[str, int]
    most: int
    budget: int

    def next_rows(self, texts: Sequence[str], start: int, known: Container[str]) -> tuple[int, list[str]]:
        """The row at which the next pass ends, and the persons in it that have not been read before."""
        fresh: dict[str, None] = {}
        longest = 0
        for row in range(start, len(texts)):
            text = texts[row]
            if text not in known and text not in fresh:
                longest = max(longest, self.tokens[text])
                full = len(fresh) == self.most or (len(fresh) + 1) * longest > self.budget
                if fresh and full:
                    return row, list(fresh)
                fresh[text] = None
        return len(texts), list(fresh)
