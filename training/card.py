"""The card that lies beside an adapter: what it is, what it was fitted on, what it is good for."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from grounding.prior import Anchored
from personas.models.kernel import KernelSettings
from training.loop import Fitted


def choices(fitted: Fitted) -> dict[str, str]:
    """Hyperparameters chosen inside the training part, for people."""
    ridge = fitted.effects.ridge
    return {
        "ridge of person effects": "none kept: no effects beat the prior"
        if math.isinf(ridge)
        else f"{ridge:g}",
        "share of texts in the attribute kernel": f"{fitted.effects.text:g}",
        "kernel of shares": _kernel(fitted.share_kernel.settings),
        "kernel of effects": _kernel(fitted.effect_kernel.settings),
        "prior strength (people)": _range(fitted.prior.strengths),
    }


def worth(anchored: Sequence[Anchored]) -> tuple[str, ...]:
    """What each question's published shares were worth, in words."""
    return tuple(
        f"published shares of {a.question} count as {a.strength:.0f} people ({a.n_effective:,.0f} effective "
        f"people were asked; probability {a.same:.2f} that the same was measured): {'; '.join(a.sources)}"
        for a in anchored
    )


def _range(values: Sequence[float]) -> str:
    low, high = f"{min(values):.1f}", f"{max(values):.1f}"
    return low if low == high else f"{low} to {high}, by kind of question"


def _kernel(settings: KernelSettings) -> str:
    if settings.text == 0 and settings.position == 0:
        return "none: nothing carries from question to question"
    return (
        f"text {settings.text:g} (length {settings.length:g}), position {settings.position:g}, "
        f"noise {settings.noise:g}"
    )


class Facts(NamedTuple):
    """What the card says beside the model itself: numbers of people, names of questions, seconds."""

    panel: str
    licence: str
    people_trained: int
    people_held_out: int
    questions_held_out: tuple[str, ...]
    seconds: float


def text(fitted: Fitted, facts: Facts) -> str:
    """The card as Markdown."""
    config, scores = fitted.model.config, fitted.log_scores
    rows = [
        ("seen questions, item share alone", scores["prior"]),
        ("seen questions, people left out in turn", scores["left_out_people"]),
        ("uniform guess", scores["uniform"]),
        ("questions left out in turn, shares alone", scores["left_out_shares"]),
        ("questions left out in turn, with person effects", scores["left_out_effects"]),
    ]
    lines = [
        f"# Persona model {config.name}",
        "",
        "Simulates answers of synthetic persons. Its answers are not answers of people.",
        "",
        f"- kind: factored (log prior + person x question-option), frozen encoder {config.base_model}",
        f"- fingerprint: {fitted.model.fingerprint}; base model {config.base_fingerprint}, "
        f"licence: {facts.licence}",
        f"- layers: {', '.join(map(str, config.layers))}; prompts version {config.prompt_version}",
        f"- fitted on: panel {facts.panel}, {facts.people_trained:,} people, "
        f"{len(config.questions)} questions, in {facts.seconds:.1f} s",
        f"- never seen: {facts.people_held_out:,} people and the questions "
        f"{', '.join(facts.questions_held_out) or '(none)'} (split {config.split}, seed {config.seed})",
        f"- attributes: {', '.join(a.name for a in config.attributes)}",
        *(f"- {name}: {value}" for name, value in choices(fitted).items()),
        *(f"- {line}" for line in worth(fitted.prior.anchored)),
        "",
        "Mean log score of an answer inside the training part, in nats (higher is better); agreement with",
        "people and questions never trained on is in the report, not here.",
        "",
        "| what | log score |",
        "|---|---|",
        *(f"| {name} | {value:.4f} |" for name, value in rows),
        "",
        "Not for: decisions about individuals; populations or question kinds other than those above;",
        "quoting as survey results.",
        "",
    ]
    return "\n".join(lines)
