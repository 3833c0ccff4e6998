"""A new wave arrives: keep the adapter as it is, renew its shares, or train it anew?"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from pydantic import Field

from personas.arrays import FloatArray
from personas.document import Document
from personas.measures.estimate import Estimate
from personas.models.base import AnswerModel
from personas.models.factored import FactoredModel
from personas.wording import counted, listing
from training.maintenance import drift, slopes
from training.maintenance.drift import QuestionDrift, Wave
from training.maintenance.slopes import Slope

Advice = Literal["keep", "recalibrate", "retrain"]
RULES = (
    "retrain: the person effects tell less than they did: the 95 % interval of the change of their slope "
    "lies below zero, and the slope fell by at least the share named",
    "recalibrate: otherwise, at least one question moved: its change is more than luck explains (adjusted p "
    "at most .05) and larger than luck by at least the least change; effects stay, shares are renewed",
    "keep: otherwise",
)


class RecheckSettings(Document):
    """What counts as a change.

    Attributes:
        least: smallest change of a question's shares beyond luck, in total variation.
        fall: smallest fall of the slope, as a share of what it was.
        fewest: answers of people never trained on below which nothing is said of person effects.
        pull: people that old shares count as when shares are renewed.
        permutations: deals behind each p-value.
        replicates: bootstrap samples behind each interval.
        seed: of both.
    """

    least: float = Field(default=0.03, ge=0, lt=1)
    fall: float = Field(default=0.25, gt=0, lt=1)
    fewest: int = Field(default=500, ge=2)
    pull: float = Field(default=10.0, ge=0)
    permutations: int = Field(default=999, ge=199)
    replicates: int = Field(default=300, ge=50)
    seed: int = Field(default=1, ge=0)


class PersonEffects(Document):
    """How much the person effects tell, before and after.

    Attributes:
        before: slope in the answers of the earlier wave; 1 is as strong as the model says, 0 is nothing.
        after: in those of the later one.
        change: after less before; people who are in both are compared with themselves.
        gain_before: what the effects are worth beyond right shares, in nats for each answer.
        gain_after: the same in the later wave.
        answers: that each was fitted to, before and after.
    """

    before: Estimate
    after: Estimate
    change: Estimate
    gain_before: float
    gain_after: float
    answers: tuple[int, int]


class Recheck(Document):
    """What a new wave says of an adapter.

    Attributes:
        advice: what to do.
        reasons: why, in words.
        questions: the drift of each question that both waves asked.
        effects: ``None`` where the model has none or too few people answered.
        not_asked: questions trained on that the new wave did not ask, or asked in other words.
        new: questions of the new wave that were never trained on.
        missing: attributes trained on that the new wave lacks.
        settings: what was counted as a change.
    """

    advice: Advice
    reasons: tuple[str, ...]
    questions: tuple[QuestionDrift, ...]
    effects: PersonEffects | None
    not_asked: tuple[str, ...]
    new: tuple[str, ...]
    missing: tuple[str, ...]
    settings: RecheckSettings

    @property
    def moved(self) -> tuple[QuestionDrift, ...]:
        """The questions whose shares moved, the largest change first."""
        return tuple(sorted((q for q in self.questions if q.moved), key=lambda q: -q.change.value))


def recheck(
    model: FactoredModel,
    before: Wave,
    after: Wave,
    trained: Sequence[str],
    settings: RecheckSettings | None = None,
) -> Recheck:
    """What a new wave says of the model; ``RULES`` are the rules.

    Shares are compared over everybody. Person effects are compared over people never trained on, since the
    effects fit those trained on better than others; where too few of them answered nothing is said.

    Args:
        model: fitted to the earlier wave.
        before: the earlier wave, all people.
        after: the later wave.
        trained: ids of the people that the model was fitted on.
        settings: what counts as a change.
    """
    asked = settings or RecheckSettings()
    known = {q.fingerprint for q in model.config.questions}
    old = {q.fingerprint for q in before.answers.questions}
    usable = [q.name for q in after.answers.questions if q.fingerprint in known & old]
    again = {q.fingerprint for q in after.answers.questions}
    rng = np.random.default_rng([asked.seed, 21])
    moved = drift.drifts(before, _only(after, usable), rng, asked.least, asked.permutations, asked.replicates)
    effects = _effects(model, before, after, usable, frozenset(trained), asked)
    advice, reasons = _advice(moved, effects, asked)
    return Recheck(
        advice=advice,
        reasons=tuple(reasons),
        questions=moved,
        effects=effects,
        not_asked=tuple(q.name for q in model.config.questions if q.fingerprint not in again),
        new=tuple(q.name for q in after.answers.questions if q.fingerprint not in known),
        missing=tuple(model.persons.missing(after.people)),
        settings=asked,
    )


def _only(wave: Wave, names: Sequence[str]) -> Wave:
    if not names:
        return Wave(wave.people, replace(wave.answers, questions=(), chosen=wave.answers.chosen[:, :0]))
    return Wave(wave.people, wave.answers.only(names))


def _effects(
    model: AnswerModel,
    before: Wave,
    after: Wave,
    usable: Sequence[str],
    trained: frozenset[str],
    settings: RecheckSettings,
) -> PersonEffects | None:
    if not usable:
        return None
    by_name = {q.name: q.fingerprint for q in after.answers.questions}
    wanted = {by_name[name] for name in usable}
    names = [q.name for q in before.answers.questions if q.fingerprint in wanted]
    waves = (_fresh(_only(before, names), trained), _fresh(_only(after, usable), trained))
    found = [slopes.slope(model, w.people, w.answers) for w in waves]
    if found[0] is None or found[1] is None or min(s.answers for s in found if s) < settings.fewest:
        return None
    first, second = found[0], found[1]
    change = _difference(first, second, waves[0].people.ids, waves[1].people.ids)
    return PersonEffects(
        before=_estimate(first.value, first.deviation),
        after=_estimate(second.value, second.deviation),
        change=_estimate(second.value - first.value, change),
        gain_before=first.gain,
        gain_after=second.gain,
        answers=(first.answers, second.answers),
    )


def _fresh(wave: Wave, trained: frozenset[str]) -> Wave:
    rows = np.flatnonzero([person not in trained for person in wave.people.ids])
    return Wave(wave.people.take(rows), wave.answers.take(rows))


def _difference(first: Slope, second: Slope, before: Sequence[str], after: Sequence[str]) -> float:
    """Standard error of the second slope less the first; who is in both counts once."""
    own = dict(zip(after, second.influence.tolist(), strict=True))
    other = dict(zip(before, first.influence.tolist(), strict=True))
    people = own.keys() | other.keys()
    return float(np.sqrt(sum((own.get(i, 0.0) - other.get(i, 0.0)) ** 2 for i in people)))


def _estimate(value: float, deviation: float) -> Estimate:
    return Estimate(value=value, low=value - 1.96 * deviation, high=value + 1.96 * deviation)


def _advice(
    moved: Sequence[QuestionDrift], effects: PersonEffects | None, settings: RecheckSettings
) -> tuple[Advice, list[str]]:
    names = [q.name for q in sorted(moved, key=lambda q: -q.change.value) if q.moved]
    lines = [
        f"{len(names):,} of {counted(len(moved), 'question')} asked again moved"
        + (f": {listing(names)}" if names else "")
        + f" (beyond luck by {settings.least:.2f} or more, adjusted p at most .05)."
    ]
    fell = False
    if effects is None:
        lines.append(
            "Person effects: nothing can be said (the model has none, or fewer than "
            f"{settings.fewest:,} answers of people never trained on)."
        )
    else:
        fell = effects.change.high < 0 and effects.after.value <= (1 - settings.fall) * effects.before.value
        lines.append(
            f"Person effects: slope {effects.before.value:.2f} before, {effects.after.value:.2f} now (change "
            f"{effects.change.low:+.2f} to {effects.change.high:+.2f}); worth {effects.gain_before:.4f} nats "
            f"for each answer before, {effects.gain_after:.4f} now."
        )
    advice: Advice = "retrain" if fell else "recalibrate" if names else "keep"
    return advice, [*lines, _DONE[advice]]


_DONE: dict[Advice, str] = {
    "retrain": "Retrain: who says what has changed, not only how many say it.",
    "recalibrate": "Recalibrate: renew the shares of the questions that moved; person effects still hold.",
    "keep": "Keep: nothing changed beyond luck.",
}


def recalibrated(model: FactoredModel, wave: Wave, found: Recheck) -> FactoredModel:
    """The model with the shares of the questions that moved renewed from people of the new wave.

    Person effects, kernels and all other questions stay as they are. The old shares of a question count as
    ``settings.pull`` people.

    Args:
        model: the adapter.
        wave: people of the new wave that may be fitted on.
        found: what ``recheck`` said.

    Raises:
        ValueError: no question moved.
    """
    names = [q.name for q in found.questions if q.moved]
    if not names:
        raise ValueError("no question moved, so there is nothing to renew")
    fresh = slopes.intercepts(model, wave.people, wave.answers, names, found.settings.pull)
    by_name = {q.name: q.fingerprint for q in wave.answers.questions}
    places = {q.fingerprint: i for i, q in enumerate(model.config.questions)}
    log_prior: FloatArray = model.head.log_prior.copy()
    for name, log_shares in zip(names, fresh, strict=True):
        log_prior[model.options.blocks[places[by_name[name]]]] = log_shares
    return replace(model, head=replace(model.head, log_prior=log_prior))
