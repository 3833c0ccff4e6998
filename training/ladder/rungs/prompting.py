"""Prompts for an untuned language model: with instructions, and with answers of similar people."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import softmax

from personas.arrays import FloatArray
from personas.errors import DataError
from personas.models.factored import TextEncoder
from personas.models.tree import ROOT, Segment, pack, stack
from personas.panel import Panel
from personas.person import Person
from personas.prompt import PROMPT_VERSION, option_text, person_text, question_text
from personas.question import Question
from training.dataset import TrainingData
from training.ladder.rungs import neighbours
from training.ladder.rungs.columns import Column, columns, fingerprint

if TYPE_CHECKING:
    from personas.models.language import LanguageModel

_TREE_TOKENS = 768
EXAMPLES = 8
"""Answers of similar people in a few-shot prompt."""


class Prompt(NamedTuple):
    """Tokens up to the answer, and those of each option as the answer."""

    before: tuple[int, ...]
    options: tuple[tuple[int, ...], ...]


Prompts = Callable[[Panel, Sequence[Question]], Iterator[list[Prompt]]]
"""For each person, in the panel's order, the prompt of each question."""


@dataclass(frozen=True)
class PromptModel:
    """Scores each option by the log-probability of its own text after a prompt.

    The prompts of a person are packed into token trees, so that what they begin with is read once. An
    option's score does not see the other options except where the prompt itself lists them.

    Attributes:
        name: what people call it.
        fingerprint: hash of weights, prompts and, where answers stand in the prompt, data.
        language: the language model.
        prompts: what is read.
    """

    name: str
    fingerprint: str
    language: "LanguageModel"
    prompts: Prompts

    def distributions(self, panel: Panel, questions: Sequence[Question]) -> list[FloatArray]:
        """See ``AnswerModel``; ``DataError`` where a prompt is longer than the model reads."""
        parts = [rows for _, rows in self.iterate(panel, questions)]
        empty = [np.zeros((0, len(q.options))) for q in questions]
        return [np.concatenate([e, *(rows[i] for rows in parts)]) for i, e in enumerate(empty)]

    def iterate(
        self, panel: Panel, questions: Sequence[Question]
    ) -> Iterator[tuple[slice, list[FloatArray]]]:
        """Distributions person by person, (1, n_options) for each question, so that a caller can stop."""
        for row, prompts in enumerate(self.prompts(panel, questions)):
            found = [own for group in _groups(prompts) for own in self._read(group)]
            yield slice(row, row + 1), [own[None, :] for own in found]

    def _read(self, prompts: Sequence[Prompt]) -> list[FloatArray]:
        segments: list[Segment] = []
        ends: list[list[int]] = []
        for prompt in prompts:
            parent = len(segments)
            segments.append(Segment(ROOT, prompt.before))
            ends.append(list(range(len(segments), len(segments) + len(prompt.options))))
            segments += [Segment(parent, tokens, scored=True) for tokens in prompt.options]
        tree = pack(segments)
        depth = int(tree.positions.max()) + 2
        if depth > self.language.max_tokens:
            raise DataError(
                f"a prompt of {depth} tokens is too long for {self.language.name}, which reads "
                f"{self.language.max_tokens}; shorten the attributes or choose another model"
            )
        flat = [i for own in ends for i in own]
        at = np.concatenate([tree.predictors[i] for i in flat])
        tokens = np.array([t for i in flat for t in segments[i].tokens], dtype=np.int64)
        scores = self.language.log_probabilities(stack([tree], "left"), at, tokens)[0]
        lengths = np.array([len(segments[i].tokens) for i in flat], dtype=np.int64)
        totals = np.add.reduceat(scores, np.cumsum(lengths) - lengths)
        places = np.cumsum([len(own) for own in ends])[:-1]
        return [softmax(own) for own in np.split(totals, places)]


def instructed(language: "LanguageModel") -> PromptModel:
    """The model told what to do, with all options listed, in its chat template where it has one.

    Listing the options lets it see them all, and lets their order matter: order sensitivity says how much.
    """

    def prompt(person: Person, question: Question) -> Prompt:
        listed = "".join(f"\n- {option}" for option in question.options)
        facts = "".join(f"\n- {n.replace('_', ' ')}: {v}" for n, v in person.attributes.items())
        about = f"This is what is known of a person:{facts}\n\n" if facts else ""
        task = (
            f"{about}Answer the survey question exactly as this person would. Reply with one of the options "
            f"and nothing else.\n\nQuestion: {question.text}\nOptions:{listed}"
        )
        chat = language.chat(task)
        if chat is not None:
            return Prompt(chat, tuple(language.tokens(option) for option in question.options))
        return _plain(language, f"{task}\nAnswer:", question)

    def prompts(panel: Panel, questions: Sequence[Question]) -> Iterator[list[Prompt]]:
        for row in range(len(panel)):
            person = panel.person(row)
            yield [prompt(person, question) for question in questions]

    return PromptModel(
        name=f"{language.name} (instructions)",
        fingerprint=_hash("instructions", language.fingerprint),
        language=language,
        prompts=prompts,
    )


def few_shot(
    language: "LanguageModel", data: TrainingData, encoder: TextEncoder, examples: int = EXAMPLES
) -> PromptModel:
    """The plain prompt with answers of the trained people most alike in it.

    A question that they were asked: their answers to it. A new one: their answers to the trained question
    that is nearest by text and has corresponding options. Where there is none, the plain prompt.
    """
    made = columns(data)
    people = neighbours.people(data, made)
    texts = neighbours.questions(data.answers.questions, encoder)
    place = {c.question.fingerprint: i for i, c in enumerate(made)}

    def prompts(panel: Panel, questions: Sequence[Question]) -> Iterator[list[Prompt]]:
        sources = _sources(questions, place, texts)
        for row in range(len(panel)):
            similarity = people.similarity(panel.take(np.array([row])))
            about = person_text(panel.person(row).attributes)
            shown = [None if s is None else _answers(made[s], similarity, examples) for s in sources]
            yield [
                _plain(language, about + _asked(question, None if s is None else made[s], given), question)
                for question, s, given in zip(questions, sources, shown, strict=True)
            ]

    return PromptModel(
        name=f"{language.name} (few-shot, {examples} similar people)",
        fingerprint=_hash("few-shot", language.fingerprint, str(examples), fingerprint("few-shot", data)),
        language=language,
        prompts=prompts,
    )


def _sources(
    questions: Sequence[Question], place: dict[str, int], texts: neighbours.Questions
) -> list[int | None]:
    """For each question the trained one whose answers are shown."""
    new = [q for q in questions if q.fingerprint not in place]
    nearest: dict[str, int | None] = {}
    if new:
        for question, row in zip(new, texts.similarity(new), strict=True):
            nearest[question.fingerprint] = int(np.argmax(row)) if np.isfinite(row).any() else None
    return [place.get(q.fingerprint, nearest.get(q.fingerprint)) for q in questions]


def _answers(column: Column, similarity: FloatArray, examples: int) -> list[str]:
    near = neighbours.nearest(similarity[:, column.who], examples)[0]
    return [column.question.options[int(column.chosen[i])] for i in near]


def _asked(question: Question, source: Column | None, given: Sequence[str] | None) -> str:
    """The question with the answers of others before it, up to where the person's own answer begins."""
    if source is None or given is None:
        return question_text(question)
    others = f"\nQuestion: {source.question.text}\nSimilar people answered: {'; '.join(given)}."
    if source.question.fingerprint == question.fingerprint:
        return f"{others}\nAnswer:"
    return others + question_text(question)


def _plain(language: "LanguageModel", text: str, question: Question) -> Prompt:
    before = (*language.start, *language.tokens(text))
    return Prompt(before, tuple(language.tokens(option_text(option)) for option in question.options))


def _groups(prompts: Sequence[Prompt]) -> Iterator[list[Prompt]]:
    """Prompts in as few trees as ``_TREE_TOKENS`` allows; equal beginnings count once."""
    group: list[Prompt] = []
    paths: set[tuple[int, ...]] = set()
    for prompt in prompts:
        whole = [prompt.before + option[:-1] for option in prompt.options]
        more = {path[:n] for path in whole for n in range(1, len(path) + 1)}
        if group and len(paths | more) > _TREE_TOKENS:
            yield group
            group, paths = [], set()
        group.append(prompt)
        paths |= more
    if group:
        yield group


def _hash(*parts: str) -> str:
    return hashlib.sha256("\n".join((PROMPT_VERSION, *parts)).encode()).hexdigest()[:16]
