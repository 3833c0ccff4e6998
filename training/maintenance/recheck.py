"""A new wave arrives: keep the adapter as it is, renew its shares, or train it anew?"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from pydantic import Field

from personas.arrays import FloatArray
from personas.document import Document
from personas.models.factored import FactoredModel
from personas.wording import counted, listing, percent
from training.maintenance import drift, effects, slopes
from training.maintenance.drift import QuestionDrift, Wave
from training.maintenance.effects import PersonEffects, Unknown
from training.registry.evidence import Slow

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
        of: whose person effects were looked at, in words, where there are several models to choose from.
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
    of: str = ""

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
    slow: Slow | None = None,
    of: str = "",
) -> Recheck:
    """What a new wave says of the model; ``RULES`` are the rules.

    Shares are compared over everybody. Person effects are compared over people held out, since the effects
    fit those trained on better than others, and on the attributes that the later wave has; where too few
    answered nothing is said.

    Args:
        model: fitted to the earlier wave; shares are compared without it.
        before: the earlier wave, all people.
        after: the later wave.
        held_out: ids of people of either wave who were neither trained on nor set aside for anything else.
        settings: what counts as a change.
        slow: what answers studies in place of ``model``, the statistics below it; its effects are compared on
            a sample of people and questions, which the reasons name.
        of: which model that is, in words.
    """
    asked = settings or RecheckSettings()
    known = {q.fingerprint for q in model.config.questions}
    old = {q.fingerprint for q in before.answers.questions}
    usable = [q.name for q in after.answers.questions if q.fingerprint in known & old]
    again = {q.fingerprint for q in after.answers.questions}
    missing = tuple(model.persons.missing(after.people))
    rng = np.random.default_rng([asked.seed, 21])
    compared = drift.drifts(before, _only(after, usable), rng, asked.least, asked.draws, asked.base)
    waves = _of_both(before, after, usable)
    looked = effects.compared(model, waves, frozenset(held_out), asked.fewest, asked.seed, slow)
    known_effects = looked if isinstance(looked, PersonEffects) else None
    told = _told(known_effects, asked)
    advice: Advice = "retrain" if told == "fell" else "keep" if compared else "cannot say"
    if advice == "keep" and any(q.moved for q in compared):
        advice = "recalibrate"
    reasons = [
        _shares_line(compared, len(model.config.questions), len(usable), asked),
        _effects_line(looked, missing, of),
        _DONE[advice] + _clause(compared, told, advice, asked, known_effects),
    ]
    names = {q.name for q in compared}
    return Recheck(
        advice=advice,
        reasons=tuple(reasons),
        questions=compared,
        effects=known_effects,
        too_few=tuple(name for name in usable if name not in names),
        not_asked=tuple(q.name for q in model.config.questions if q.fingerprint not in again),
        new=tuple(q.name for q in after.answers.questions if q.fingerprint not in known),
        missing=missing,
        settings=asked,
        of=of,
    )


def _of_both(before: Wave, after: Wave, usable: Sequence[str]) -> tuple[Wave, Wave]:
    """Both waves with the questions that the later one asked again, which may have other names before."""
    wanted = {q.fingerprint for q in after.answers.questions if q.name in usable}
    names = [q.name for q in before.answers.questions if q.fingerprint in wanted]
    return _only(before, names), _only(after, usable)


def _only(wave: Wave, names: Sequence[str]) -> Wave:
    if not names:
        return Wave(wave.people, replace(wave.answers, questions=(), chosen=wave.answers.chosen[:, :0]))
    return Wave(wave.people, wave.answers.only(names))


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


def _effects_line(effects: PersonEffects | Unknown, missing: Sequence[str], of: str) -> str:
    lacks = f" The wave lacks {listing(missing)}: what that tells was not looked at." if missing else ""
    which = f" {of}" if of else ""
    if isinstance(effects, Unknown):
        return f"Person effects: nothing can be said: {effects.why}.{lacks}{which}"
    sample = f" {effects.sample}" if effects.sample else ""
    return (
        f"Person effects: slope {effects.before.value:.2f} before, {effects.after.value:.2f} now (change "
        f"{effects.change.low:+.2f} to {effects.change.high:+.2f}); worth {effects.gain_before:.4f} nats "
        f"for each answer before, {effects.gain_after:.4f} now.{sample}{lacks}{which}"
    )


_DONE: dict[Advice, str] = {
    "retrain": "Retrain: who says what has changed, not only how many say it.",
    "recalibrate": "Recalibrate: renew the shares of the questions that moved; ",
    "cannot say": "Cannot say whether to keep it: no question could be compared; ",
    "keep": "Keep: no share was found to have moved; ",
}


def _clause(
    compared: Sequence[QuestionDrift],
    told: _Told,
    advice: Advice,
    settings: RecheckSettings,
    effects: PersonEffects | None,
) -> str:
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
        "same": f"no change of person effects was found{_open(effects, settings)}.",
        "fell": "",
    }
    if advice != "keep":
        return clauses[told]
    most = float(np.median([q.change.high for q in compared]))
    return f"{clauses[told]} Half of the questions may have moved by up to {most:.2f} or more all the same."


def _open(effects: PersonEffects | None, settings: RecheckSettings) -> str:
    """That a fall which would ask for a new training lies within the interval, where it does."""
    if effects is None or effects.change.low > -settings.fall * effects.before.value:
        return ""
    return f", though a fall by {percent(settings.fall)} is not ruled out"


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
    log_prior: FloatArray = model.head.log_prior.copy()
    for question, log_shares in zip(wave.answers.only(names).questions, fresh, strict=True):
        place = drift.place_of(question, model.config.questions)
        assert place is not None  # the recheck compared what was trained on
        log_prior[model.options.blocks[place]] = log_shares
    return replace(model, head=replace(model.head, log_prior=log_prior))
