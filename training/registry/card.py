"""The card that lies beside an adapter: what it is, what it was fitted on, what it is good for."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from grounding.prior import Anchored
from personas.models.kernel import KernelSettings
from training.hierarchy.loop import Fitted
from training.registry import evaluation, front_matter, guidance
from training.registry.front_matter import Base
from training.registry.guidance import Origin
from training.registry.hard_cases import HardCase
from training.registry.registry import Registration


def choices(fitted: Fitted) -> dict[str, str]:
    """Hyperparameters chosen inside the training part, for people."""
    effects = fitted.effects
    none = "none kept: no effects beat the prior"
    if effects.towards:
        none = "effects expected from other questions, unchanged"
    return {
        "ridge of person effects": none if math.isinf(effects.ridge) else f"{effects.ridge:g}",
        "directions shared by the effects of all questions": str(effects.rank),
        "share of the effects kept, mean over questions": f"{effects.blend.mean():.2f}",
        "share of texts in the attribute kernel": f"{fitted.model.config.text:g}",
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


STATUS = ("<!-- status -->", "<!-- end of status -->")
"""Lines between which the status stands, so that it can be renewed without the rest."""


class Facts(NamedTuple):
    """What the card says beside the model itself.

    Attributes:
        panel: what it was fitted on.
        panel_name: what study files call it; the same as ``panel`` where empty.
        base: the language model; ``data_licences`` are those of the data.
        origin: who made it with what.
        people_trained: numbers of people, and so ``people_held_out``.
        questions_held_out: their names.
        seconds: that fitting took, on ``machine``.
        command_seconds: that the whole command took up to registration; 0 where nobody noted it.
        machine: processor and number format, in words.
        registration: version, status, lineage, figures and gates; ``None`` where it is not registered.
        hard: how the hard cases ended.
        ladder: what the ladder says, in words.
        command: that made it.
        changes_weights: the adapter changes weights of the language model.
    """

    panel: str
    base: Base
    people_trained: int
    people_held_out: int
    questions_held_out: tuple[str, ...]
    seconds: float
    machine: str = ""
    data_licences: tuple[str, ...] = ()
    registration: Registration | None = None
    hard: tuple[HardCase, ...] = ()
    ladder: tuple[str, ...] = ()
    command: str = ""
    changes_weights: bool = False
    command_seconds: float = 0.0
    panel_name: str = ""
    origin: Origin = Origin()


def text(fitted: Fitted, facts: Facts) -> str:
    """The model card as Markdown, with the metadata of the Hugging Face hub; every figure is computed."""
    config = fitted.model.config
    found = facts.registration
    head = front_matter.text(config.name, facts.base, facts.panel, found.figures if found else ())
    attributes = [a.name for a in config.attributes]
    lines = [
        f"# Persona model {config.name}",
        "",
        "Simulates answers of synthetic persons. Its answers are not answers of people.",
        "",
        *_status_block(found),
        *guidance.developers(facts.origin),
        *_USE,
        *guidance.getting_started(config.name, facts.panel_name or facts.panel, attributes),
        *_model(fitted, facts),
        *_evaluation(fitted, facts),
        *_LIMITS,
        *guidance.bias(facts.origin),
        *_cost(facts),
        *guidance.licence(facts.base, facts.data_licences, facts.origin),
        *guidance.citation(
            config.name, found.version if found else None, fitted.model.fingerprint, facts.origin
        ),
    ]
    return head + "\n".join(lines)


def with_status(card: str, found: Registration) -> str:
    """The card with the status of the registration in place of the one it has."""
    before, mark, rest = card.partition(STATUS[0])
    _, end, after = rest.partition(STATUS[1])
    if not mark or not end:
        return card
    block = "\n".join(_status_block(found)).rstrip()
    return f"{before}{block}{after}"


def with_origin(card: str, origin: Origin) -> str:
    """The card with who trained it, whom to ask and its licence in place of what it says of these."""
    fresh = {
        guidance.DEVELOPED: guidance.developed(origin),
        guidance.LICENSED: guidance.licensed(origin),
    }
    lines = card.split("\n")
    for start, line in fresh.items():
        lines = [line if old.startswith(start) else old for old in lines]
    return "\n".join(lines)


def _status_block(found: Registration | None) -> list[str]:
    return [STATUS[0], *([] if found is None else _status(found)), STATUS[1], ""]


def _status(found: Registration) -> list[str]:
    lines = [f"- version {found.version}, status: **{found.status}**"]
    lineage = found.lineage
    if lineage.parent:
        lines.append(f"- follows {lineage.parent}{f': {lineage.change}' if lineage.change else ''}")
    if lineage.reference:
        lines.append(f"- started from reference adapter {lineage.reference}")
    if found.forced and found.gates is not None:
        names = ", ".join(g.title for g in found.gates.failed)
        lines.append(f"- **registered although a gate failed**: {names}")
    for event in found.events:
        forced = " **although gates speak against it**" if event.forced else ""
        reason = f": {event.reason}" if event.reason else ""
        lines.append(f"- {event.moment[:16].replace('T', ' ')} UTC: {event.status}{forced}{reason}")
    return lines


_USE = (
    "## Intended use",
    "",
    "Trying out questionnaires, concepts and messages on simulated persons before people are asked; filling",
    "in what a panel would probably have said, with the uncertainty that is given; always with the agreement",
    "report of the run beside the results.",
    "",
    "## Not intended",
    "",
    "Not for: decisions about individuals; populations or question kinds other than those below;",
    "quoting as survey results; political persuasion or profiling of real people; replacing a survey where",
    "the report says that the answers are not to be trusted.",
    "",
)
_LIMITS = (
    "## Limits",
    "",
    "- It knows no more than the answers it was fitted on and what a small language model lets expect of",
    "  other questions; opinions that changed since are not in it (`mirrorpanel train --recheck`).",
    "- Who was not asked, or not reached, is not in it; weights mend only what official margins show.",
    "- Differences within a segment beyond its attributes are drawn at random, not known.",
    "- It says nothing about one of the people: a person who is like them is still simulated.",
    "",
)


def _model(fitted: Fitted, facts: Facts) -> list[str]:
    config, found = fitted.model.config, facts.registration
    kind = "language model with changed weights" if facts.changes_weights else "frozen encoder"
    hashes = [] if found is None else [f"- data {found.data[:16]}; base weights {found.base[:16]}"]
    return [
        "## Model and training data",
        "",
        f"- kind: factored (log prior + person x question-option), {kind} {config.base_model}",
        f"- fingerprint: {fitted.model.fingerprint}; base model {config.base_fingerprint}, "
        f"licence: {facts.base.licence}; on the hub: {facts.base.hub or guidance.UNKNOWN}; languages: "
        f"{', '.join(facts.base.languages) or guidance.UNKNOWN}",
        *hashes,
        f"- layers: {', '.join(map(str, config.layers))}; prompts version {config.prompt_version}",
        f"- fitted on: panel {facts.panel}, {facts.people_trained:,} people, "
        f"{len(config.questions)} questions; fitting took {facts.seconds:.1f} s (the data card is DATA.md)",
        f"- never seen: {facts.people_held_out:,} people and the questions "
        f"{', '.join(facts.questions_held_out) or '(none)'} (split {config.split}, seed {config.seed})",
        f"- attributes: {', '.join(a.name for a in config.attributes)}",
        "",
        "## Procedure",
        "",
        "Shares of each question by empirical Bayes; effects of the attributes by multinomial regression",
        "with a ridge, kept as far as they help on people left out; across questions by kernel regression.",
        "",
        *(f"- {name}: {value}" for name, value in choices(fitted).items()),
        *(f"- {line}" for line in worth(fitted.prior.anchored)),
        *([f"- made by: `{facts.command}`"] if facts.command else []),
        "",
    ]


def _evaluation(fitted: Fitted, facts: Facts) -> list[str]:
    found, scores = facts.registration, fitted.log_scores
    rows = [
        ("seen questions, item share alone", scores["prior"]),
        ("seen questions, people left out in turn", scores["left_out_people"]),
        ("uniform guess", scores["uniform"]),
        ("questions left out in turn, shares alone", scores["left_out_shares"]),
        ("questions left out in turn, with person effects", scores["left_out_effects"]),
    ]
    return [
        "## Evaluation",
        "",
        *(evaluation.held_out(found.figures) if found and found.figures else []),
        *(evaluation.by_segment(found.figures) if found else []),
        *(evaluation.gates(found.gates) if found and found.gates else []),
        *(evaluation.hard(facts.hard) if facts.hard else []),
        *(
            ["### Beside other ways of answering", "", *(f"- {w}" for w in facts.ladder), ""]
            if facts.ladder
            else []
        ),
        "### Questions unlike those trained on",
        "",
        evaluation.support(fitted.support),
        "",
        "### Inside the training part",
        "",
        "Mean log score of an answer, in nats (higher is better). Agreement with people and questions never",
        "trained on is in the report of each run, not here.",
        "",
        "| what | log score |",
        "|---|---|",
        *(f"| {name} | {value:.4f} |" for name, value in rows),
        "",
    ]


def _cost(facts: Facts) -> list[str]:
    where = f" on {facts.machine}" if facts.machine else ""
    took = f"Fitting took {facts.seconds:.1f} s"
    if facts.command_seconds:
        took = (
            f"The whole command took {facts.command_seconds:.1f} s up to registration (audit, language "
            f"model, fitting, gates and figures), of which fitting took {facts.seconds:.1f} s"
        )
    return [
        "## Environmental cost",
        "",
        f"{took}{where}. Power draw was not measured; for a bound, multiply by "
        "what the machine draws at full load.",
        "",
    ]
