"""What the gates look at: the model's answers on people it has never seen, and those it is held against."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from personas.answer import NO_ANSWER, Answers
from personas.arrays import BoolArray, FloatArray, IntArray
from personas.measures import scores
from personas.models.base import AnswerModel
from personas.panel import Panel
from personas.question import Question

_EQUAL = 1e-9


class HeldOutAnswers(NamedTuple):
    """People never trained on, with their answers to the questions that were."""

    people: Panel
    answers: Answers


@dataclass(frozen=True)
class Slow:
    """A model that reads person by person, with as many people and questions as it is judged on at most.

    Attributes:
        model: what answers studies.
        people: drawn at random among those held out.
        questions: drawn at random.
    """

    model: AnswerModel
    people: int
    questions: int


class Untuned(NamedTuple):
    """What the untuned language model says: of which of the held-out people, to which questions.

    Attributes:
        rows: rows of the held-out people, (n,).
        names: of the questions.
        distributions: one (n, n_options) for each.
    """

    rows: IntArray
    names: tuple[str, ...]
    distributions: tuple[FloatArray, ...]


@runtime_checkable
class _Iterating(Protocol):
    def iterate(
        self, panel: Panel, questions: Sequence[Question]
    ) -> Iterator[tuple[slice, list[FloatArray]]]: ...


class Seen(NamedTuple):
    """What the model and its prior say of some people: log-probabilities (n_people, n_rows of options).

    ``own`` and ``prior`` are scores of the answers given, (n_people, n_questions), NaN where there is none.
    """

    log_p: FloatArray
    starts: IntArray
    answers: Answers
    weights: FloatArray
    own: FloatArray
    prior: FloatArray

    @property
    def given(self) -> BoolArray:
        """Which answers count, (n_people, n_questions)."""
        return (self.answers.chosen != NO_ANSWER) & (self.weights > 0)[:, None]

    @property
    def n_answers(self) -> int:
        """How many these are."""
        return int(self.given.sum())

    @property
    def alike(self) -> bool:
        """Whether the model says the same as its prior of everybody."""
        return bool(np.nanmax(np.abs(self.own - self.prior)) <= _EQUAL)


def ask_untuned(
    model: AnswerModel,
    held_out: HeldOutAnswers,
    seconds: float,
    seed: int,
    questions: int = 12,
    clock: Callable[[], float] = time.monotonic,
) -> Untuned | None:
    """What an untuned model says of as many people, in random order, as ``seconds`` reach; at least ten.

    ``None`` where there is no time or nobody to ask about. It is asked at most ``questions`` questions.
    """
    rng = np.random.default_rng([seed, 12])
    rows, names = drawn(held_out, len(held_out.people), questions, rng)
    if seconds <= 0 or not len(rows) or not names:
        return None
    rows = rng.permutation(rows)
    asked = held_out.answers.only(names).questions
    people = held_out.people.take(rows)
    if not isinstance(model, _Iterating):
        return Untuned(rows, names, tuple(model.distributions(people, asked)))
    end, parts = clock() + seconds, list[list[FloatArray]]()
    for done, found in model.iterate(people, asked):
        parts.append(found)
        if done.stop >= 10 and clock() >= end:
            break
    joined = tuple(np.concatenate([p[q] for p in parts]) for q in range(len(asked)))
    return Untuned(rows[: len(joined[0])], names, joined)


def drawn(
    held_out: HeldOutAnswers, people: int, questions: int, rng: np.random.Generator
) -> tuple[IntArray, tuple[str, ...]]:
    """Rows of people who count, and names of questions that some of them answered."""
    given = (held_out.answers.chosen != NO_ANSWER) & (held_out.people.weights > 0)[:, None]
    rows = np.flatnonzero(given.any(axis=1))
    if len(rows) > people:
        rows = np.sort(rng.choice(rows, people, replace=False))
    places = np.flatnonzero(given[rows].any(axis=0))
    if len(places) > questions:
        places = np.sort(rng.choice(places, questions, replace=False))
        rows = rows[given[rows][:, places].any(axis=1)]
    names = tuple(held_out.answers.questions[int(i)].name for i in places)
    return rows.astype(np.int64), names if len(rows) else ()


def look(model: AnswerModel, people: Panel, answers: Answers) -> Seen:
    """Model and prior on some people; the prior is what the model says of the empty persona."""
    found = model.distributions(people, answers.questions)
    nobody = model.distributions(people.take(np.zeros(1, dtype=np.int64)).empty(), answers.questions)
    prior = [np.repeat(d, len(people), axis=0) for d in nobody]
    starts = np.cumsum([0, *(d.shape[1] for d in found)])[:-1]
    log_p = np.log(np.maximum(np.concatenate(found, axis=1), scores.FLOOR))
    own, behind = (log_scores(d, answers) for d in (found, prior))
    return Seen(log_p, starts.astype(np.int64), answers, people.weights, own, behind)


def log_scores(distributions: Sequence[FloatArray], answers: Answers) -> FloatArray:
    """Log scores of the answers given, (n_people, n_questions), NaN where there is none."""
    columns = zip(distributions, answers.chosen.T, strict=True)
    return np.stack([scores.log_scores(d, c) for d, c in columns], axis=1)


def shuffled_scores(seen: Seen, permutations: int, rng: np.random.Generator) -> tuple[FloatArray, float]:
    """Mean log score under each deal of the attributes, (permutations,), and under the real one.

    With the log-probabilities L (n_people, n_rows) and the weighted indicators C of the answers given, the
    answers of i score ``(L C')[j, i]`` under the attributes of j: one matrix product serves all deals.
    """
    given = seen.given
    chosen = np.zeros_like(seen.log_p)
    who, question = np.nonzero(given)
    chosen[who, seen.starts[question] + seen.answers.chosen[who, question]] = seen.weights[who]
    crossed = seen.log_p @ chosen.T  # (attributes of, answers of)
    total = float((given * seen.weights[:, None]).sum())
    everybody = np.arange(len(crossed))
    deals = (rng.permutation(len(crossed)) for _ in range(permutations))
    dealt = np.array([crossed[deal, everybody].sum() for deal in deals])
    return dealt / total, float(np.trace(crossed)) / total
