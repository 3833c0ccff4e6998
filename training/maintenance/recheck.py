"""A new wave arrives: keep the adapter as it is, renew its shares, or train it anew?"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from pydantic import Field

from personas.answer import NO_ANSWER
from personas.arrays import FloatArray
from personas.document import Document
from personas.measures.estimate import Estimate
from personas.models.factored import FactoredModel
from personas.wording import counted, listing, percent
from training.maintenance import drift, slopes
from training.maintenance.drift import QuestionDrift, Wave
from training.maintenance.slopes import Slope

Advice = Literal["keep", "recalibrate", "retrain", "cannot say"]
RULES = (
    "retrain: the person effects tell less than they did: the 95 % interval of the change of their slope "
    "lies below zero, and the slope fell by at least the share named",
    "recalibrate: otherwise, at least one question moved: its change is more than luck explains (adjusted p "
    "at most .05) and larger than luck by at least the least change; effects stay, shares are renewed",
    "cannot say: otherwise, where no question was asked again in the same words and of people enough",
    "keep: otherwise; the reasons say what the wave could not show",
)
_Told = Literal["unknown", "fell", "weaker", "stronger", "same"]


class RecheckSettings(Document):
    """What counts as a change.

    Attributes:
        least: smallest change of a question's shares beyond luck, in total variation.
        fall: smallest fall of the slope, as a share of what it was.
        base: answers to a question, in each wave, below which its shares are not compared.
        fewest: answers of people held out below which nothing is said of person effects.
        pull: people that old shares count as when shares are renewed.
        draws: behind each p-value and interval.
        seed: of these draws.
    """

    least: float = Field(default=0.03, ge=0, lt=1)
    fall: float = Field(default=0.25, gt=0, lt=1)
    base: int = Field(default=50, ge=2)
    fewest: int = Field(default=500, ge=2)
    pull: float = Field(default=10.0, ge=0)
    draws: int = Field(default=999, ge=199)
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
        effects: ``None`` where nothing can be said of them; the reasons say why.
        too_few: questions asked again of too few people to be compared.
        not_asked: questions trained on that the new wave did not ask, or asked in other words.
        new: questions of the new wave that were never trained on.
        missing: attributes trained on that the new wave lacks.
        settings: what was counted as a change.
    """

    advice: Advice
    reasons: tuple[str, ...]
    questions: tuple[QuestionDrift, ...]
    effects: PersonEffects | None
    too_few: tuple[str, ...]
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
    held_out: Collection[str],
    settings: RecheckSettings | None = None,
) -> Recheck:
    """What a new wave says of the model; ``RULES`` are the rules.

    Shares are compared over everybody. Person effects are compared over people held out, since the effects
    fit those trained on better than others, and on the attributes that the later wave has; where too few
    answered nothing is said.

    Args:
        model: fitted to the earlier wave.
        before: the earlier wave, all people.
        after: the later wave.
        held_out: ids of people of either wave who were neither trained on nor set aside for anything else.
        settings: what counts as a change.
    """
    asked = settings or RecheckSettings()
    known = {q.fingerprint for q in model.config.questions}
    old = {q.fingerprint for q in before.answers.questions}
    usable = [q.name for q in after.answers.questions if q.fingerprint in known & old]
    again = {q.fingerprint for q in after.answers.questions}
    missing = tuple(model.persons.missing(after.people))
    rng = np.random.default_rng([asked.seed, 21])
    compared = drift.drifts(before, _only(after, usable), rng, asked.least, asked.draws, asked.base)
    effects, why = _effects(model, before, after, usable, frozenset(held_out), asked)
    told = _told(effects, asked)
    advice: Advice = "retrain" if told == "fell" else "keep" if compared else "cannot say"
    if advice == "keep" and any(q.moved for q in compared):
        advice = "recalibrate"
    reasons = [
        _shares_line(compared, len(model.config.questions), len(usable), asked),
        _effects_line(effects, why, missing),
        _DONE[advice] + _clause(compared, told, advice, asked),
    ]
    names = {q.name for q in compared}
    return Recheck(
        advice=advice,
        reasons=tuple(reasons),
        questions=compared,
        effects=effects,
        too_few=tuple(name for name in usable if name not in names),
        not_asked=tuple(q.name for q in model.config.questions if q.fingerprint not in again),
        new=tuple(q.name for q in after.answers.questions if q.fingerprint not in known),
        missing=missing,
        settings=asked,
    )


def _only(wave: Wave, names: Sequence[str]) -> Wave:
    if not names:
        return Wave(wave.people, replace(wave.answers, questions=(), chosen=wave.answers.chosen[:, :0]))
    return Wave(wave.people, wave.answers.only(names))


def _effects(
    model: FactoredModel,
    before: Wave,
    after: Wave,
    usable: Sequence[str],
    held_out: frozenset[str],
    settings: RecheckSettings,
) -> tuple[PersonEffects | None, str]:
    """How much the effects tell, or ``None`` and why nothing can be said."""
    if not usable:
        return None, "no question was asked again in the same words"
    attributes = [a.name for a in model.config.attributes if a.name in after.people.attributes]
    if not attributes:
        return None, "the wave has none of the attributes that the adapter uses"
    by_name = {q.name: q.fingerprint for q in after.answers.questions}
    wanted = {by_name[name] for name in usable}
    names = [q.name for q in before.answers.questions if q.fingerprint in wanted]
    waves = [_fresh(_only(w, n), held_out, attributes) for w, n in ((before, names), (after, usable))]
    given = [int(np.sum((w.answers.chosen != NO_ANSWER) & (w.people.weights > 0)[:, None])) for w in waves]
    if min(given) < settings.fewest:
        return None, (
            f"people held out gave {given[0]:,} answers before and {given[1]:,} now; "
            f"{settings.fewest:,} of each are needed"
        )
    first, second = (slopes.slope(model, w.people, w.answers) for w in waves)
    if first is None or second is None:
        return None, "the adapter has none, or none in the attributes of this wave"
    change = _difference(first, second, waves[0].people.ids, waves[1].people.ids)
    found = PersonEffects(
        before=_estimate(first.value, first.deviation),
        after=_estimate(second.value, second.deviation),
        change=_estimate(second.value - first.value, change),
        gain_before=first.gain,
        gain_after=second.gain,
        answers=(first.answers, second.answers),
    )
    return found, ""


def _fresh(wave: Wave, held_out: frozenset[str], attributes: Sequence[str]) -> Wave:
    """The people held out, with only some attributes."""
    rows = np.flatnonzero([person in held_out for person in wave.people.ids])
    shared = [a for a in attributes if a in wave.people.attributes]
    return Wave(wave.people.take(rows).select(shared), wave.answers.take(rows))


def _difference(first: Slope, second: Slope, before: Sequence[str], after: Sequence[str]) -> float:
    """Standard error of the second slope less the first; who is in both counts once."""
    own = dict(zip(after, second.influence.tolist(), strict=True))
    other = dict(zip(before, first.influence.tolist(), strict=True))
    people = own.keys() | other.keys()
    return float(np.sqrt(sum((own.get(i, 0.0) - other.get(i, 0.0)) ** 2 for i in people)))


def _estimate(value: float, deviation: float) -> Estimate:
    return Estimate(value=value, low=value - 1.96 * deviation, high=value + 1.96 * deviation)


def _told(effects: PersonEffects | None, settings: RecheckSettings) -> _Told:
    if effects is None:
        return "unknown"
    if effects.change.high < 0:
        fell = effects.after.value <= (1 - settings.fall) * effects.before.value
        return "fell" if fell else "weaker"
    return "stronger" if effects.change.low > 0 else "same"


def _shares_line(
    compared: Sequence[QuestionDrift], trained: int, again: int, settings: RecheckSettings
) -> str:
    if not compared:
        if not again:
            return f"None of {counted(trained, 'question')} trained on was asked again in the same words."
        return (
            f"{again:,} of {counted(trained, 'question')} trained on were asked again, none of "
            f"{settings.base:,} people or more in both waves."
        )
    names = [q.name for q in sorted(compared, key=lambda q: -q.change.value) if q.moved]
    return (
        f"{len(names):,} of {counted(len(compared), 'question')} compared moved"
        + (f": {listing(names)}" if names else "")
        + f" (beyond luck by {settings.least:.2f} or more, adjusted p at most .05); "
        + f"{trained:,} were trained on."
    )


def _effects_line(effects: PersonEffects | None, why: str, missing: Sequence[str]) -> str:
    lacks = f" The wave lacks {listing(missing)}: what that tells was not looked at." if missing else ""
    if effects is None:
        return f"Person effects: nothing can be said: {why}.{lacks}"
    return (
        f"Person effects: slope {effects.before.value:.2f} before, {effects.after.value:.2f} now (change "
        f"{effects.change.low:+.2f} to {effects.change.high:+.2f}); worth {effects.gain_before:.4f} nats "
        f"for each answer before, {effects.gain_after:.4f} now.{lacks}"
    )


_DONE: dict[Advice, str] = {
    "retrain": "Retrain: who says what has changed, not only how many say it.",
    "recalibrate": "Recalibrate: renew the shares of the questions that moved; ",
    "cannot say": "Cannot say whether to keep it: no question could be compared; ",
    "keep": "Keep: no share was found to have moved; ",
}


def _clause(compared: Sequence[QuestionDrift], told: _Told, advice: Advice, settings: RecheckSettings) -> str:
    """What the advice says of person effects, and of changes that the wave is too small to show."""
    if told == "fell":
        return ""
    clauses: dict[_Told, str] = {
        "unknown": "nothing can be said of person effects.",
        "weaker": (
            "person effects tell less than they did, though not by the "
            f"{percent(settings.fall)} from which a new training is advised."
        ),
        "stronger": "person effects tell more than they did.",
        "same": "no change of person effects was found.",
        "fell": "",
    }
    if advice != "keep":
        return clauses[told]
    most = float(np.median([q.change.high for q in compared]))
    return f"{clauses[told]} Half of the questions may have moved by up to {most:.2f} or more all the same."


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
