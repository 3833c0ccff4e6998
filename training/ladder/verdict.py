"""What the ladder says, in words: which way of answering to use for this panel, and when not to fine-tune."""

from collections.abc import Sequence
from typing import NamedTuple

from personas.measures.estimate import Estimate
from training.ladder.measured import Measured

_FEW_QUESTIONS = 8


class Evidence(NamedTuple):
    """The rungs on one kind of held-out data."""

    title: str
    new_questions: bool
    rungs: tuple[Measured, ...]


def words(parts: Sequence[Evidence]) -> list[str]:
    """Sentences, the advice first.

    A rung is called better only where the 95 % interval of its paired difference from the best statistical
    baseline lies above zero; that baseline was itself chosen on the same answers, which is on the side of
    caution. Several rungs are compared, so now and then one is called better by luck: one in forty where none
    is.
    """
    return [line for part in parts for line in _part(part)]


def _part(part: Evidence) -> list[str]:
    by_name = {m.rung: m for m in part.rungs}
    baseline = next(m for m in part.rungs if m.comparison is None)
    better = [m for m in part.rungs if m.comparison and m.comparison.log_loss.low > 0]
    use = max(better, key=_gain) if better else baseline
    lines = [_advice(part, use, baseline)]
    share = by_name.get("item_share")
    if not part.new_questions and share is not None:
        lines += _item_share(share, baseline)
    lines += _trained(part, baseline)
    lines += _prompts(part)
    return lines


def _advice(part: Evidence, use: Measured, baseline: Measured) -> str:
    where = f"For {_lower(part.title)}"
    if use.comparison is None:
        return (
            f"{where} use {_name(baseline)}: no other rung is shown to be better (log loss "
            f"{baseline.log_loss:.3f} nats on {_base(baseline)}).{_undecided(part, baseline)}"
        )
    return (
        f"{where} use {_name(use)}: it is better than the best statistical baseline, {_name(baseline)}, by "
        f"{_interval(use.comparison.log_loss)} nats for each answer, measured on {_base(use)}."
    )


def _undecided(part: Evidence, baseline: Measured) -> str:
    """The rungs whose difference from the baseline is not shown either way, and where too little was seen."""
    found = [
        m for m in part.rungs if m.comparison and m.comparison.log_loss.low <= 0 <= m.comparison.log_loss.high
    ]
    whole = [m.title for m in found if m.answers == baseline.answers]
    some = [f"{m.title} ({m.answers:,} answers)" for m in found if m.answers < baseline.answers]
    said = f" Not to be told from it: {'; '.join(whole)}." if whole else ""
    said += f" Measured on too few answers to say: {'; '.join(some)}." if some else ""
    if baseline.questions < _FEW_QUESTIONS:
        said += f" With {baseline.questions} questions, which differ, little can be shown: hold out more."
    return said


def _item_share(share: Measured, baseline: Measured) -> list[str]:
    """When knowing who is asked is worth anything at all."""
    lines: list[str] = []
    if share is baseline or (share.comparison and share.comparison.log_loss.high >= 0):
        lines.append(
            "The item share is enough for overall results: nothing that uses attributes is shown to predict "
            "single answers better. For differences between segments there is no evidence in these answers."
        )
    elif share.comparison and share.comparison.agreement and share.comparison.agreement.high >= 0:
        lines.append(
            "For overall shares the item share is as good as anything: its agreement "
            f"({_value(share.agreement)}) is not shown to be below that of {_name(baseline)} "
            f"({_value(baseline.agreement)}). Who says what needs the attributes."
        )
    return lines


def _trained(part: Evidence, baseline: Measured) -> list[str]:
    trained = [m for m in part.rungs if m.family == "trained" and m.comparison]
    if not trained:
        return []
    better = [m for m in trained if m.comparison and m.comparison.log_loss.low > 0]
    worse = [m for m in trained if m.comparison and m.comparison.log_loss.high < 0]
    lines: list[str] = []
    if not better:
        best = max(trained, key=_gain)
        gain = "" if best.comparison is None else _interval(best.comparison.log_loss)
        lines.append(
            "When not to fine-tune: here, as far as can be seen. No trained model is shown to be better than "
            f"{_name(baseline)} for {_lower(part.title)}: {_name(best)} gains {gain} nats."
        )
    lines += [
        f"{m.title} is worse than {_name(baseline)} by {_interval(_turned(m.comparison.log_loss))} nats."
        for m in worse
        if m.comparison
    ]
    return lines


def _prompts(part: Evidence) -> list[str]:
    """Language models as they are, where they are shown to be worse than the baseline."""
    prompts = [m for m in part.rungs if m.family == "language model" and m.comparison]
    worse = [m.title for m in prompts if m.comparison and m.comparison.log_loss.high < 0]
    if not worse:
        return []
    kind = "is" if len(worse) == 1 else "are"
    named = "; ".join(worse)
    return [f"Not to be used as it is: {named} {kind} worse than the best statistical baseline."]


def _turned(estimate: Estimate) -> Estimate:
    return Estimate(value=-estimate.value, low=-estimate.high, high=-estimate.low)


def _lower(title: str) -> str:
    return title[:1].lower() + title[1:]


def _name(measured: Measured) -> str:
    return _lower(measured.title)


def _gain(measured: Measured) -> float:
    return measured.comparison.log_loss.value if measured.comparison else 0.0


def _base(measured: Measured) -> str:
    return f"{measured.answers:,} answers of {measured.people:,} people"


def _value(estimate: Estimate | None) -> str:
    return "not defined" if estimate is None else f"{estimate.value:.3f}"


def _interval(estimate: Estimate) -> str:
    return f"{estimate.value:.3f} ({estimate.low:.3f} to {estimate.high:.3f})"
