"""What a reader of an agreement report must know beside the figures: one sentence each."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from personas.measures import scores
from validation import headlines, signals, verdicts
from validation.baselines import SHUFFLED_PERSONA
from validation.cells import SEGMENTS
from validation.headlines import MODEL, Compared
from validation.results import Status
from validation.scored import Scored

_KINDS: dict[Status, str] = {"unseen_people": "unseen people", "unseen_both": "unseen questions"}


def remarks(
    compared: Compared, statuses: Sequence[Status], model: Scored, baselines: Mapping[str, Scored]
) -> tuple[str, ...]:
    """The notes of a report: what the figures mean, and what was left out of which."""
    found = [*_meaning(compared), *_left_out_questions(compared), *_smaller(model, baselines)]
    for status in statuses:
        found += _left_out_baselines(compared, status)
        found += _single_answers(compared, status)
    found += _suppressed(compared)
    return tuple(found)


def _meaning(compared: Compared) -> Iterator[str]:
    yield (
        "Intervals are for the expected agreement at this number of people, the number at which ceiling and "
        "baselines are measured too; the simulated panel is taken as it is. The ceiling compares two real "
        "samples, both with sampling noise; simulated shares have none of it, so a model that is exactly "
        "right lies above the ceiling."
    )
    if SHUFFLED_PERSONA in compared.baselines:
        yield (
            "Overall agreement cannot tell a model from itself with shuffled personas: the same personas in "
            "another order give the same overall shares. It is therefore not counted among the baselines to "
            "beat there; agreement within segments and the log score of single answers can tell them apart."
        )


def _left_out_questions(compared: Compared) -> Iterator[str]:
    few = np.flatnonzero(~compared.model.usable()[0])
    if len(few):
        listed = ", ".join(compared.answers.questions[int(i)].name for i in few)
        yield f"Not compared, since fewer than {compared.cells.smallest_base} people answered: {listed}."


def _smaller(model: Scored, baselines: Mapping[str, Scored]) -> Iterator[str]:
    for name, scored in baselines.items():
        if len(scored.panel) < len(model.panel):
            yield (
                f"{_sentence_case(verdicts.named(name))} was scored on {len(scored.panel)} of "
                f"{len(model.panel)} persons; that it is only a part of them is not in the intervals."
            )


def _left_out_baselines(compared: Compared, status: Status) -> Iterator[str]:
    columns = compared.questions(status)
    kind = _KINDS[status]
    answering = [n for n, g in compared.baselines.items() if g.covers(compared.model, slice(0, 1), columns)]
    lacking = [verdicts.named(n) for n in compared.baselines if n not in answering]
    if lacking:
        yield f"Left out for {kind}, since not every question is answered by it: {', '.join(lacking)}."
    complete = compared.complete(SEGMENTS, columns)
    partial = [verdicts.named(n) for n in answering if n not in complete]
    if partial:
        yield (
            f"Left out of the mean over segments for {kind}, since too few of its persons are in some "
            f"segment: {', '.join(partial)}."
        )


def _single_answers(compared: Compared, status: Status) -> Iterator[str]:
    columns = compared.questions(status)
    kind = _KINDS[status]
    eligible = headlines.eligible(compared, columns)
    if MODEL not in eligible:
        yield f"No log score of single answers for {kind}: the model was not asked as the held-out people."
        return
    lacking = [verdicts.named(n) for n in compared.baselines if n not in eligible]
    if lacking:
        yield f"Left out of the log score of single answers for {kind}: {', '.join(lacking)}."
    answers = compared.answers.only([compared.answers.questions[int(i)].name for i in columns])
    for name, scored in eligible.items():
        count = signals.impossible(scored, answers)
        if count:
            what = "the model" if name == MODEL else verdicts.named(name)
            yield (
                f"{_sentence_case(what)} calls {count} real answers to {kind} impossible; each counts as a "
                f"probability of {scores.FLOOR:g} in the log score."
            )


def _suppressed(compared: Compared) -> Iterator[str]:
    unread = np.flatnonzero(~compared.model.usable()[SEGMENTS].any(axis=-1))
    hidden = [compared.cells.segments[int(g)] for g in unread]
    if hidden:
        least = compared.cells.smallest_base
        listed = ", ".join(f"{s.attribute} {s.level}" for s in hidden)
        yield f"No figures for segments with fewer than {least} people or persons: {listed}."


def _sentence_case(text: str) -> str:
    return text[0].upper() + text[1:]
