"""The evaluation part of a model card: figures, gates, hard cases and support as Markdown lines."""

from collections.abc import Sequence

from personas.measures.estimate import Estimate
from personas.wording import percent
from training.hierarchy.support import Support
from training.ladder.measured import Measured
from training.registry import hard_cases
from training.registry.gates import Gates
from training.registry.hard_cases import HardCase
from training.registry.registry import TITLES, Figures
from training.registry.segments import FEWEST, Segment, largest, worst

_SHOWN = 3
FEW = "too few questions or people for an interval"


def held_out(figures: Sequence[Figures]) -> list[str]:
    """A table of figures, one column for each kind of held-out answers."""
    both = [f.measured for f in figures]
    head = " | ".join(TITLES[f.part] for f in figures)
    rows: list[tuple[str, list[str]]] = [
        ("people", [f"{m.people:,}" for m in both]),
        ("questions", [f"{m.questions:,}" for m in both]),
        ("answers", [f"{m.answers:,}" for m in both]),
        ("log loss, nats for each answer", [f"{m.log_loss:.4f}" for m in both]),
        ("the same of its prior", [f"{f.prior:.4f}" for f in figures]),
        ("agreement of shares", [_estimate(m.agreement, 0.0) for m in both]),
        ("agreement of a uniform guess, and ceiling", [_bounds(m) for m in both]),
        ("share of the gap closed", [_number(m.gap_closed) for m in both]),
        ("signal (who says what)", [_estimate(m.signal, -1.0) for m in both]),
        ("Brier score", [f"{m.brier:.4f}" for m in both]),
        ("accuracy", [f"{m.accuracy:.4f}" for m in both]),
        (
            "classwise calibration error (by luck alone)",
            [f"{m.calibration_error:.4f} ({m.calibration_floor:.4f})" for m in both],
        ),
    ]
    return [
        "### People never trained on",
        "",
        f"| what | {head} |",
        f"|---|{'---|' * len(both)}",
        *(f"| {name} | {' | '.join(cells)} |" for name, cells in rows),
        "",
    ]


def by_segment(figures: Sequence[Figures]) -> list[str]:
    """Tables of the largest segments and of those that lose most; nothing where none were measured."""
    lines: list[str] = []
    for found in figures:
        if not found.segments:
            continue
        lines += [f"### By segment: {TITLES[found.part]}", ""]
        if len(found.segments) <= 2 * _SHOWN:
            lines += [*_segments("segment", found.segments), ""]
            continue
        lines += [*_segments("largest segments", largest(found.segments, _SHOWN)), ""]
        lines += [*_segments("segments with the highest loss", worst(found.segments, _SHOWN)), ""]
        lines += [
            f"Those with the highest loss were picked among {len(found.segments):,}, so chance makes them "
            "look worse than they are.",
            "",
        ]
    if lines:
        lines += [
            f"Segments of fewer than {FEWEST} people have no figures. Loss depends on how much people of a "
            "segment differ among themselves: compare it with that of the shares alone. Agreement falls with "
            "the base, for the real shares of a few people are noisy.",
            "",
        ]
    return lines


def _segments(title: str, found: Sequence[Segment]) -> list[str]:
    rows = (
        f"| {s.attribute}: {s.value.replace('|', '/')} | {s.people:,} | {s.answers:,} | {s.log_loss:.4f} | "
        f"{s.prior:.4f} | {_number(s.agreement)} |"
        for s in found
    )
    return [f"| {title} | people | answers | log loss | of its prior | agreement |", f"|{'---|' * 6}", *rows]


def gates(found: Gates) -> list[str]:
    """A table of the gates, and what follows from them."""
    lines = ["### Gates", "", "| gate | outcome | what was found |", "|---|---|---|"]
    lines += [f"| {g.title} | {g.outcome} | {g.sentence.replace('|', '/')} |" for g in found.gates]
    lines.append("")
    if found.of:
        lines += [found.of, ""]
    if found.statistics_only:
        lines += ["No person effect beat the shares on people left out: this adapter is statistics only.", ""]
    if found.people < found.people_held_out or found.questions < found.questions_trained:
        lines += [found.sentences()[-1], ""]
    return lines


def hard(cases: Sequence[HardCase]) -> list[str]:
    """How the hard cases ended, and why those that did not end well."""
    lines = ["### Hard cases", "", hard_cases.verdict(cases), ""]
    wrong = [c for c in cases if not c.passed]
    lines += [f"- {c.name} ({c.kind}): {c.reason}" for c in wrong]
    return [*lines, ""] if wrong else lines


def support(found: Support) -> str:
    """What is known of questions that are flagged as unlike those trained on."""
    bound = f"Questions with a support below {found.least:.3f} are flagged."
    if found.flagged is None or found.others is None:
        return (
            f"{bound} Too few questions, or too alike, to show that flagged ones are answered worse: that "
            "bound is the usual one, not one found here."
        )
    p = "" if found.p is None else f" (permutation p = {found.p:.3f})"
    return (
        f"{bound} Of the questions left out in turn, {percent(found.share)} were; for them "
        f"{found.flagged:.2f} of the gap between uniform guess and real shares was closed, for the others "
        f"{found.others:.2f}{p}."
    )


def _estimate(found: Estimate | None, least: float) -> str:
    """A figure from ``least`` to 1 with its interval, where that says anything."""
    if found is None:
        return "not defined"
    if not found.tells(least, 1.0):
        return f"{found.value:.4f} ({FEW})"
    return f"{found.value:.4f} ({found.low:.4f} to {found.high:.4f})"


def _number(value: float | None) -> str:
    return "not defined" if value is None else f"{value:.3f}"


def _bounds(measured: Measured) -> str:
    return f"{_number(measured.uniform)}, {_number(measured.ceiling)}"
