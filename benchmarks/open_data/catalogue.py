"""The surveys by name."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from benchmarks.open_data import gss20, masculinity, nfwbs, non_voters, surveymonkey, twin
from benchmarks.open_data.survey import OpenSurvey
from grounding import blocks
from personas.answer import Answers
from personas.question import Question

SURVEYS: Mapping[str, Callable[[], OpenSurvey]] = {
    "gss20": gss20.read,
    "non_voters": non_voters.read,
    "nfwbs": nfwbs.read,
    "masculinity": masculinity.read,
    "food": surveymonkey.read_food,
    "flying": surveymonkey.read_flying,
    "thanksgiving": surveymonkey.read_thanksgiving,
    **{f"twin_{name}": partial(twin.read, name) for name in twin.EXPERIMENTS},
}


def read(name: str) -> OpenSurvey:
    """The survey with this name; ``KeyError`` lists the names."""
    if name not in SURVEYS:
        raise KeyError(f"no survey {name!r}; there are {', '.join(SURVEYS)}")
    return SURVEYS[name]()


def fewer(survey: OpenSurvey, people: int, rng: np.random.Generator) -> OpenSurvey:
    """The survey with at most so many of its people, drawn at random."""
    if len(survey.people) <= people:
        return survey
    rows = np.sort(rng.choice(len(survey.people), people, replace=False))
    return replace(survey, people=survey.people.take(rows), answers=survey.answers.take(rows))


def unlike(survey: OpenSurvey, questions: Sequence[Question]) -> OpenSurvey:
    """The survey without questions worded nearly like one of these, by ``grounding.blocks``."""
    own = survey.answers.questions
    alike = blocks.similarity([q.text for q in own], [q.text for q in questions]).max(axis=1)
    kept = np.flatnonzero(alike < blocks.ALIKE)
    answers = Answers(tuple(own[i] for i in kept), survey.answers.chosen[:, kept])
    return replace(survey, answers=answers)
