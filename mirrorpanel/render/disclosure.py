"""The disclosure block: what a reader must know before using a figure, item by item.

Source: AAPOR disclosure items (2021, proposal of March 2026), ICC/ESOMAR Code 2025, ESOMAR 20 Questions
for AI services, the ADM/ASI/BVM/DGOF guideline of June 2024 and the four GESIS reporting steps.
"""

from typing import NamedTuple

from mirrorpanel.render import charts, wording
from mirrorpanel.render.data import ReportData
from mirrorpanel.render.numbers import count, decimal, duration, moment, points, proportion
from personas import screening
from validation.results import SegmentResult

_WORST = 3
_PROMPTS = "What the model is given, word for word, here for a person made up of the commonest values:"


class Item(NamedTuple):
    """One item: its heading, its statements, and texts that are quoted word for word."""

    heading: str
    lines: tuple[str, ...]
    quotes: tuple[str, ...] = ()


_NONE_REFUSED = "Every answer is drawn from a distribution over the options."
_REFUSED = "A reply that was a refusal, or none of the options, is kept as it came and counts in no figure."


def items(data: ReportData) -> list[Item]:
    """Every item of the block, none left out: what does not apply says so."""
    return [
        Item("Nature of the data", (wording.SYNTHETIC, "They must not be presented as answers of people.")),
        _amounts(data),
        _human_base(data),
        Item("Population and weights", _population(data)),
        _model(data),
        Item("Prompts", (_PROMPTS,), data.prompts),
        Item("Order of options", (data.option_order,)),
        Item("Draws and seed", (data.draws, f"Seed: {data.seed}.")),
        _dates(data),
        Item("Grounding sources and legal basis", tuple(_source(data))),
        _split(data),
        Item("Benchmark", (f"{data.split.benchmark}.".replace("..", "."), _benchmark(data))),
        Item("Published shares in the prior", _anchored(data)),
        Item("Known answers", data.known or ("Persons are described by their attributes alone.",)),
        _worst(data),
        Item("Segments below their best baseline (point estimates)", _segments(data)),
        Item("Spread between reruns", (data.reruns,)),
        Item(
            "Refused and repaired answers",
            (
                f"Refused: {count(data.refused)}. Repaired: {count(data.repaired)}. "
                + (_REFUSED if data.refused else _NONE_REFUSED),
            ),
        ),
        Item(
            "Refused and doubtful questions",
            screening.sentences(data.refused_questions, data.doubtful_questions)
            or ("No question was refused, and none is doubtful.",),
        ),
        Item("Uses not supported", data.limits or ("None has been stated.",)),
    ]


def _amounts(data: ReportData) -> Item:
    line = (
        f"{count(data.persons)} distinct simulated persons (panel “{data.panel}”, study “{data.study}”) "
        f"gave {count(data.answers)} answers in {duration(data.seconds)}."
    )
    return Item("Persons and answers", (line,))


def _human_base(data: ReportData) -> Item:
    held_out, weighting = data.agreement.people, data.weighting
    return Item(
        "Human base",
        (
            f"Everything here rests on {count(weighting.people)} real people, after weighting as precise as "
            f"{count(weighting.effective_base)}. Agreement is measured on the {count(held_out)} of them who "
            "were never trained on.",
            "More simulated answers would not make the figures any more precise.",
        ),
    )


def _anchored(data: ReportData) -> tuple[str, ...]:
    if not data.anchored:
        return ("No published shares are in it: the prior rests on real answers alone.",)
    return (
        *(f"{line[:1].upper()}{line[1:]}." for line in data.anchored),
        "Agreement with these very shares proves nothing and is not counted. Agreement with people held out "
        "counts, unless the study asked the same people.",
    )


def _population(data: ReportData) -> tuple[str, ...]:
    w = data.weighting
    return (
        f"Population: {data.population}.",
        f"Design effect {decimal(w.design_effect)}, largest weight {decimal(w.largest_weight, 1)} times the "
        f"mean, largest margin error {points(w.largest_margin_error)}.",
    )


def _model(data: ReportData) -> Item:
    m = data.model
    return Item(
        "Model",
        (
            f"{m.name}, built on {m.base} ({m.licence}), run on {m.processor}; mirrorpanel {data.version}.",
            f"Fingerprint of model: {m.fingerprint}. Fingerprint of adapter: {m.adapter}.",
        ),
    )


def _dates(data: ReportData) -> Item:
    return Item("Dates", (f"Fielded: {moment(data.fielded)}. Report written: {moment(data.created)}.",))


def _source(data: ReportData) -> list[str]:
    lines = [
        f"{s.name}: {s.source}, {s.vintage}. Licence: {s.licence or 'none stated'}." for s in data.sources
    ]
    return [*lines, f"Legal basis: {data.legal_basis}."]


def _split(data: ReportData) -> Item:
    s = data.split
    return Item(
        "Training and held-out data",
        (
            s.description,
            f"Training: {count(s.training_people)} people, {count(s.training_questions)} questions. "
            f"Held out: {count(s.held_out_people)} people, {count(s.held_out_questions)} questions.",
            f"On both sides: {count(s.overlap_people)} people, {count(s.overlap_questions)} questions.",
            f"SHA-256 of the split: {s.sha256}",
        ),
    )


def _benchmark(data: ReportData) -> str:
    a = data.agreement
    return (
        f"{count(a.people)} real people, {count(len(a.questions))} questions. Intervals: 95 %, bootstrap "
        f"with {count(a.replicates)} replicates over people and questions (seed {a.seed})."
    )


def _worst(data: ReportData) -> Item:
    labels = wording.question_labels(data.agreement.questions)
    lines: list[str] = []
    for q in charts.worst_first(data.agreement.questions)[:_WORST]:
        best = charts.best_baseline(q)
        against = "" if best is None else f", {wording.baseline(best)} {proportion(q.baselines[best])}"
        lines.append(
            f"{labels[q.name]} ({q.name}): {proportion(q.agreement.value)}, "
            f"ceiling {proportion(q.ceiling.value)}{against}."
        )
    outside = [q.name for q in data.agreement.questions if q.outside_support]
    lines.append(f"Outside the support of the training questions: {', '.join(outside) or 'none'}.")
    return Item("Worst questions", tuple(lines))


def _segments(data: ReportData) -> tuple[str, ...]:
    below = [s for s in data.agreement.segments if _below_baseline(s)]
    hidden = [s for s in data.agreement.segments if s.suppressed]
    return (
        f"Agreement not above the best baseline: {_listing(below)}.",
        f"Suppressed, fewer than {count(data.smallest_base)} real people: {_listing(hidden)}.",
    )


def _below_baseline(result: SegmentResult) -> bool:
    best = charts.best_baseline(result)
    return (
        best is not None and result.agreement is not None and result.agreement.value <= result.baselines[best]
    )


def _listing(results: list[SegmentResult]) -> str:
    names = [
        f"{s.attribute.replace('_', ' ')} {s.level} ({wording.STATUSES_SHORT[s.status]})" for s in results
    ]
    return "; ".join(names) or "none"
