"""The card of a recalibrated adapter: its own data, figures and gates, beside its parent's words."""

from typing import NamedTuple

from personas.models.factored import FactoredModel
from personas.wording import counted, listing
from training.registry import card, evaluation, front_matter, guidance
from training.registry.card import Facts

_HEADING = "## "
_MADE = "- made by: "


class Renewed(NamedTuple):
    """What was done to the parent.

    Attributes:
        parent: its identifier; ``parent_panel`` is what it was fitted on, of ``parent_people`` people.
        questions: names of those whose shares were renewed.
        reasons: what the recheck said.
    """

    parent: str
    parent_panel: str
    parent_people: int
    questions: tuple[str, ...]
    reasons: tuple[str, ...]


def text(parent: str, model: FactoredModel, facts: Facts, renewed: Renewed) -> str:
    """The model card as Markdown: metadata, figures, gates and cost of this version.

    Intended use, limits and whatever else holds of every version are taken over from the parent's card; no
    figure is.

    Args:
        parent: the parent's card.
        model: the recalibrated adapter.
        facts: of the wave that shares were renewed from, with this version's registration.
        renewed: what was done.
    """
    found = facts.registration
    figures = found.figures if found else ()
    name = model.config.name
    attributes = [a.name for a in model.config.attributes]
    own = {
        "Model and training data": _model(model, facts, renewed),
        "Procedure": [],  # below, from the parent's
        "Evaluation": _evaluation(facts, renewed),
        "Environmental cost": _cost(facts, renewed),
        "How to get started": guidance.getting_started(name, facts.panel_name or facts.panel, attributes),
        "Bias and recommendations": guidance.bias(facts.origin),
        "Licence": guidance.licence(facts.base, facts.data_licences, facts.origin),
        "Citation": guidance.citation(
            name, found.version if found else None, model.fingerprint, facts.origin
        ),
    }
    sections = _sections(parent)
    own["Procedure"] = _procedure(sections.get("Procedure", []), facts, renewed)
    lines = [
        f"# Persona model {name}",
        "",
        "Simulates answers of synthetic persons. Its answers are not answers of people.",
        "",
        *card.STATUS,
        "",
        *guidance.developers(facts.origin),
        *_story(renewed),
    ]
    titles = [t for t in dict.fromkeys([*sections, *own]) if t != "Recalibrated"]
    for title in titles:
        lines += own.get(title) or sections[title]
    whole = front_matter.text(name, facts.base, facts.panel, figures) + "\n".join(lines).rstrip() + "\n"
    return whole if found is None else card.with_status(whole, found)


def _sections(text: str) -> dict[str, list[str]]:
    """Lines of each section by its title, the heading included; what stands before the first is left out."""
    found: dict[str, list[str]] = {}
    title = ""
    for line in text.splitlines():
        if line.startswith(_HEADING):
            title = line.removeprefix(_HEADING).strip()
            found[title] = []
        if title:
            found[title].append(line)
    return {title: [*"\n".join(lines).rstrip().splitlines(), ""] for title, lines in found.items()}


def _story(renewed: Renewed) -> list[str]:
    return [
        "## Recalibrated",
        "",
        f"This version is {renewed.parent} with the shares of {counted(len(renewed.questions), 'question')} "
        f"renewed: {listing(renewed.questions)}. What a recheck found:",
        "",
        *(f"- {reason}" for reason in renewed.reasons),
        "",
    ]


def _model(model: FactoredModel, facts: Facts, renewed: Renewed) -> list[str]:
    config, found = model.config, facts.registration
    kind = "language model with changed weights" if facts.changes_weights else "frozen encoder"
    hashes = [] if found is None else [f"- data {found.data[:16]}; base weights {found.base[:16]}"]
    held = ", ".join(facts.questions_held_out) or "(none)"
    return [
        "## Model and training data",
        "",
        f"- kind: factored (log prior + person x question-option), {kind} {config.base_model}",
        f"- fingerprint: {model.fingerprint}; base model {config.base_fingerprint}, "
        f"licence: {facts.base.licence}",
        *hashes,
        f"- layers: {', '.join(map(str, config.layers))}; prompts version {config.prompt_version}",
        f"- shares of {counted(len(renewed.questions), 'question')} renewed from: panel {facts.panel}, "
        f"{facts.people_trained:,} people, in {facts.seconds:.1f} s (the data card is DATA.md)",
        f"- all else fitted on: panel {renewed.parent_panel}, {renewed.parent_people:,} people, "
        f"{len(config.questions)} questions (the card of {renewed.parent} tells of it)",
        f"- never seen: {facts.people_held_out:,} people of panel {facts.panel} and the questions {held} "
        f"(split {config.split}, seed {config.seed})",
        f"- attributes: {', '.join(a.name for a in config.attributes)}",
        "",
    ]


def _procedure(parent: list[str], facts: Facts, renewed: Renewed) -> list[str]:
    kept = [line for line in parent if not line.startswith(_MADE)] or ["## Procedure", ""]
    return [
        *"\n".join(kept).rstrip().splitlines(),
        f"- then, from panel {facts.panel}: shares of {listing(renewed.questions)} fitted anew, with person "
        "effects held fixed",
        *([f"{_MADE}`{facts.command}`"] if facts.command else []),
        "",
    ]


def _evaluation(facts: Facts, renewed: Renewed) -> list[str]:
    found = facts.registration
    return [
        "## Evaluation",
        "",
        f"Of this version, on people of panel {facts.panel}; {renewed.parent} has a card of its own.",
        "",
        *(evaluation.held_out(found.figures) if found and found.figures else []),
        *(evaluation.by_segment(found.figures) if found else []),
        *(evaluation.gates(found.gates) if found and found.gates else []),
        *(evaluation.hard(facts.hard) if facts.hard else []),
    ]


def _cost(facts: Facts, renewed: Renewed) -> list[str]:
    where = f" on {facts.machine}" if facts.machine else ""
    return [
        "## Environmental cost",
        "",
        f"Recalibration took {facts.seconds:.1f} s{where}, beside the training of {renewed.parent}. Power "
        "draw was not measured; for a bound, multiply by what the machine draws at full load.",
        "",
    ]
