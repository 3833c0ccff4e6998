"""A survey as the benchmarks read it, and what is done alike to all of them."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from personas.answer import NO_ANSWER, Answers
from personas.arrays import FloatArray, IntArray
from personas.panel import Panel, from_columns
from personas.question import Question

FOLDER = "MIRRORPANEL_OPEN_DATA"
ALIKE = 0.6
"""Questions that share this much of their content words are taken for the same."""

_STOP_WORDS = """a an and any are as at be by do for from has have i in is it its me my of on or our that the
their there these this those to was we were what which who with would you your"""
STOP_WORDS = frozenset(_STOP_WORDS.split())


@dataclass(frozen=True)
class OpenSurvey:
    """Real people and their answers.

    Attributes:
        name: the name it is called by.
        licence: as the source states it.
        source: who asked, and when.
        people: attributes with names and levels shared between surveys, weights of mean one.
        answers: what these people answered, row by row.
        adapter: whether statistics of these answers may ship with an adapter.
        paradata: names of questions that no person was asked, such as what interviewers noted.
    """

    name: str
    licence: str
    source: str
    people: Panel
    answers: Answers
    adapter: bool = True
    paradata: frozenset[str] = frozenset()

    @property
    def counts(self) -> str:
        """People, questions and answers in one line."""
        given = int(np.sum(self.answers.chosen != NO_ANSWER))
        return f"{len(self.people):,} people x {len(self.answers.questions)} questions, {given:,} answers"


def data_folder() -> Path:
    """The folder that the environment variable MIRRORPANEL_OPEN_DATA names; ``../shared/data`` by default."""
    return Path(os.environ.get(FOLDER, "../shared/data"))


def survey_people(
    name: str, ids: Sequence[str], attributes: Mapping[str, Sequence[str | None]], weights: FloatArray
) -> Panel:
    """The people of a survey: ids unlike those of other surveys, weights of mean one."""
    return from_columns([f"{name}-{i}" for i in ids], attributes, weights / weights.mean())


def survey_answers(questions: Sequence[Question], columns: Sequence[IntArray], fewest: int = 30) -> Answers:
    """The answers, without questions that fewer than ``fewest`` people answered or all answered alike."""
    kept = [
        i
        for i, c in enumerate(columns)
        if np.sum(c != NO_ANSWER) >= fewest and len(np.unique(c[c != NO_ANSWER])) > 1
    ]
    chosen = np.stack([columns[i] for i in kept], axis=1).astype(np.int64)
    return Answers(_distinct([questions[i] for i in kept]), chosen)


def _distinct(questions: Sequence[Question]) -> tuple[Question, ...]:
    """The questions, with a number behind the name of those whose name stood before."""
    seen: dict[str, int] = {}
    named: list[Question] = []
    for question in questions:
        seen[question.name] = n = seen.get(question.name, 0) + 1
        named.append(
            question if n == 1 else question.model_copy(update={"name": f"{question.name}_again{n}"})
        )
    return tuple(named)


def pooled(surveys: Sequence[OpenSurvey]) -> OpenSurvey:
    """All people and questions as one survey; nobody has answers to the questions of another survey.

    Attributes that a survey lacks are unknown; names of questions get the survey's in front.
    """
    attributes = tuple(dict.fromkeys(a for s in surveys for a in s.people.attributes))
    columns = {a: [v for s in surveys for v in _values(s.people, a)] for a in attributes}
    ids = [i for s in surveys for i in s.people.ids]
    weights = np.concatenate([s.people.weights for s in surveys])
    questions = [
        q.model_copy(update={"name": f"{s.name}/{q.name}"}) for s in surveys for q in s.answers.questions
    ]
    chosen = np.full((len(ids), len(questions)), NO_ANSWER, dtype=np.int64)
    row = column = 0
    for survey in surveys:
        part = survey.answers.chosen
        chosen[row : row + part.shape[0], column : column + part.shape[1]] = part
        row, column = row + part.shape[0], column + part.shape[1]
    people = from_columns(ids, columns, weights)
    names, licences = (
        ", ".join(s.name for s in surveys),
        "; ".join(dict.fromkeys(s.licence for s in surveys)),
    )
    paradata = frozenset(f"{s.name}/{n}" for s in surveys for n in s.paradata)
    return OpenSurvey(
        "pooled",
        licences,
        names,
        people,
        Answers(tuple(questions), chosen),
        all(s.adapter for s in surveys),
        paradata,
    )


def _values(people: Panel, attribute: str) -> list[str | None]:
    return people.values(attribute) if attribute in people.attributes else [None] * len(people)


def without(survey: OpenSurvey, texts: Sequence[Question | str], names: Sequence[str] = ()) -> OpenSurvey:
    """The survey without questions that have one of the names, or ask what one of the texts asks.

    Two texts ask the same where their content words overlap by ``ALIKE`` or more of the smaller set, so a
    text within a longer introduction is found too. A name also stands for its versions: ``natspac`` takes
    ``natspacy`` and ``natspacz`` along.
    """
    words = [_content_words(t if isinstance(t, str) else t.text) for t in texts]
    named = {n.lower() for n in names} | {t.name.lower() for t in texts if isinstance(t, Question)}
    stems = named | {n + version for n in named for version in "yz"}

    def matches(question: Question) -> bool:
        if question.name.lower() in stems:
            return True
        own = _content_words(question.text)
        return any(len(own & w) >= ALIKE * min(len(own), len(w)) for w in words if own and w)

    kept = [q.name for q in survey.answers.questions if not matches(q)]
    return replace(survey, answers=survey.answers.only(kept))


def only_people(survey: OpenSurvey) -> OpenSurvey:
    """The survey without what is known of people from interviewers and records instead of from themselves."""
    kept = [q.name for q in survey.answers.questions if q.name not in survey.paradata]
    return replace(survey, answers=survey.answers.only(kept))


def _content_words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"[a-z']+", text.lower())) - STOP_WORDS
