"""What the figures allow to be said, in words: one claim for each measure, each from a paired interval."""

from collections.abc import Sequence
from typing import Literal

from personas.measures.estimate import Estimate
from validation import baselines
from validation.results import Claim, Comparison, Measure, Status

FEW_QUESTIONS = 10
# A difference of rounding errors (a model without persons against its empty persona) is none.
_ZERO = 1e-9

_NAMES = {
    baselines.UNIFORM: "the uniform guess",
    baselines.ITEM_SHARE: "the item share",
    baselines.EMPTY_PERSONA: "the empty persona",
    baselines.SHUFFLED_PERSONA: "the same model with shuffled personas",
    baselines.UNTUNED: "the untuned model",
}
_WHAT_WOULD_HELP = {
    baselines.ITEM_SHARE: "knowing the persona",
    baselines.EMPTY_PERSONA: "knowing the persona",
    baselines.SHUFFLED_PERSONA: "knowing the right persona",
    baselines.UNTUNED: "training",
}
_OF_WHAT: dict[Measure, str] = {
    "agreement": "agreement on overall shares",
    "segment_agreement": "agreement within segments",
    "log_score": "the prediction of single answers",
}
_OPENING: dict[Status, str] = {
    "unseen_people": "On people never trained on, agreement is",
    "unseen_both": "On questions never trained on, asked of people never trained on, agreement is",
}


def best(comparisons: Sequence[Comparison], measure: Measure) -> Comparison | None:
    """The comparison with the strongest baseline of this measure, ``None`` where there is none.

    Shuffled personas are passed over for overall agreement: dealing the same personas out differently
    leaves overall shares as they are, so that they always tie.
    """
    blind = {baselines.SHUFFLED_PERSONA} if measure == "agreement" else set[str]()
    found = [c for c in comparisons if c.measure == measure and c.baseline not in blind]
    return min(found, key=lambda c: c.difference.value, default=None)


def outcome(difference: Estimate) -> Literal["better", "no better", "worse"]:
    """``better`` or ``worse`` only where the paired interval excludes zero."""
    if difference.low > _ZERO:
        return "better"
    return "worse" if difference.high < -_ZERO else "no better"


def claim(comparison: Comparison, model: float, baseline: float, ceiling: float | None) -> Claim:
    """What one measure allows to be said.

    Args:
        comparison: model against the strongest baseline.
        model: the model's figure.
        baseline: the baseline's figure.
        ceiling: that of the measure, where it has one.
    """
    found = outcome(comparison.difference)
    limit = "" if ceiling is None else f" against a ceiling of {number(ceiling)}"
    opening = {
        "agreement": "It is",
        "segment_agreement": f"Segment by segment it is {number(model)}{limit},",
        "log_score": f"The mean log score of single answers is {number(model)} nats,",
    }[comparison.measure]
    name = named(comparison.baseline)
    figures = f"({number(baseline)}; difference {_difference(comparison.difference)})"
    against = {
        "better": f"better than the best baseline, {name} {figures}.",
        "no better": f"{_not_better(comparison, name, figures)}.",
        "worse": f"worse than {name} {figures}.",
    }[found]
    return Claim(
        measure=comparison.measure,
        baseline=comparison.baseline,
        outcome=found,
        difference=comparison.difference,
        sentence=f"{opening} {against}",
    )


def verdict(
    status: Status, questions: int, agreement: Estimate, ceiling: float, claims: Sequence[Claim]
) -> str:
    """The headline of one kind of held-out data with its claims, as one text."""
    headline = (
        f"{_OPENING[status]} {number(agreement.value)} ({number(agreement.low)} to {number(agreement.high)}) "
        f"against a ceiling of {number(ceiling)}."
    )
    return " ".join([headline, *_caution(questions), *(c.sentence for c in claims)])


def named(baseline: str) -> str:
    """What a baseline is called in a sentence."""
    return _NAMES.get(baseline, f"the baseline {baseline.replace('_', ' ')}")


def number(value: float, places: int = 3) -> str:
    """A figure without the leading zero: ``.968``, ``-.012``, ``1.000``."""
    text = f"{value:.{places}f}"
    if float(text) == 0.0:
        text = text.lstrip("-")
    return text.replace("0.", ".", 1) if text.lstrip("-").startswith("0.") else text


def _caution(questions: int) -> list[str]:
    if questions == 1:
        return ["There is only one question: the interval covers the choice of people, not of questions."]
    if questions < FEW_QUESTIONS:
        return [f"The interval is over only {questions} questions."]
    return []


def _difference(difference: Estimate) -> str:
    """Value and interval with signs, with more places where three would hide on which side of 0 it ends."""
    nearest = min(abs(difference.low), abs(difference.high))
    places = 5 if _ZERO < nearest < 5e-4 else 3

    def signed(value: float) -> str:
        text = number(value, places)
        return f"+{text}" if float(text) > 0 else text

    return f"{signed(difference.value)}, {signed(difference.low)} to {signed(difference.high)}"


def _not_better(comparison: Comparison, name: str, figures: str) -> str:
    """Nothing gained, or a gain too uncertain to be claimed: these are not the same."""
    what = _WHAT_WOULD_HELP.get(comparison.baseline, "the model")
    gain = f"{what} improves {_OF_WHAT[comparison.measure]} here"
    if comparison.difference.value > _ZERO:
        reason = f"the interval includes zero, so it is not claimed that {gain}"
        return f"not shown to be better than {name} {figures}: {reason}"
    return f"no better than {name} {figures}: there is no evidence that {gain}"
