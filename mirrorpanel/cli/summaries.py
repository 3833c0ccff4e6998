"""Results of the verbs as lines for people and as JSON objects; no figure is made here."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from grounding import provenance
from grounding.privacy import masking
from mirrorpanel import known, unseen
from mirrorpanel.cli import plans
from mirrorpanel.cli.console import say, show
from mirrorpanel.records import AgreementRecord, Apart
from mirrorpanel.render import wording
from mirrorpanel.render.numbers import count, decimal, duration, interval, points, proportion
from personas import screening
from personas.wording import counted, listing
from validation.results import AgreementResult, Status, StatusResult
from validation.toplines import ToplinesResult

if TYPE_CHECKING:
    from mirrorpanel.verbs.fielding import FieldedRun
    from mirrorpanel.verbs.grounding import GroundedPanel
    from mirrorpanel.verbs.training import TrainedAdapter

_STATUSES: dict[Status, str] = {
    "unseen_people": "people never trained on",
    "unseen_both": "people and questions never trained on",
}
_DID_NOT_COME = {
    "refused": "did not come: the model declined, and its words are kept",
    "unparsable": "did not come: the reply was none of the options, and its words are kept",
    "failed": "failed to come from the server; they are asked for again when the run goes on",
}


def panel(done: "GroundedPanel") -> dict[str, object]:
    """``ground --json``."""
    weighting = done.record.weighting
    return {
        "panel": done.panel,
        "people": done.record.people,
        "persons": done.record.persons,
        "design_effect": weighting.design_effect,
        "effective_base": weighting.effective_base,
        "largest_weight": weighting.largest_weight,
        "largest_margin_error": weighting.largest_margin_error,
        "provenance": provenance.known(done.record.provenance),
        "fresh": done.fresh,
        "page": str(done.page),
    }


def panel_lines(done: "GroundedPanel") -> Sequence[str]:
    """``ground`` for people: the panel and its weighting line."""
    weighting = done.record.weighting
    kinds = provenance.known(done.record.provenance)
    again = "" if done.fresh else " (unchanged: the same file and data were grounded before)"
    error = weighting.largest_margin_error
    margin = "no margins" if error is None else f"largest margin error {points(error)}"
    persons, people = counted(done.record.persons, "person"), count(done.record.people)
    made = "people" if done.record.spec.synthesis is None else "modelled people"
    return (
        f"Panel {done.panel}: {persons} from {people} {made}{again}",
        f"Attributes: {provenance.tally(kinds)}",
        f"Weighting: design effect {decimal(weighting.design_effect)}, effective base "
        f"{count(weighting.effective_base)}, largest weight {decimal(weighting.largest_weight)} × the mean, "
        f"{margin}",
        f"Page: {done.page}",
    )


def adapter(done: "TrainedAdapter") -> dict[str, object]:
    """``train --json``."""
    record = done.record
    return {
        "adapter": done.adapter,
        "folder": record.folder,
        "seconds": record.seconds,
        "command_seconds": record.command_seconds,
        "processor": record.processor,
        "people_trained": record.split.people_trained,
        "people_held_out": record.split.people_held_out,
        "questions_held_out": list(record.split.questions),
        "log_scores": record.log_scores,
        "choices": record.choices,
        "fresh": done.fresh,
    }


def adapter_lines(done: "TrainedAdapter") -> Sequence[str]:
    """``train`` for people."""
    record, scores = done.record, done.record.log_scores
    took = record.command_seconds
    whole = f" ({duration(took)} with audit, language model and gates)" if took else ""
    return (
        f"Adapter {done.adapter} in {record.folder}, fitted in {duration(record.seconds)}{whole} on "
        f"{count(record.split.people_trained)} people; {count(record.split.people_held_out)} people and "
        f"{counted(len(record.split.questions), 'question')} were never seen",
        f"Log score inside the training part: item share {decimal(scores['prior'], 3)}, with persons "
        f"{decimal(scores['left_out_people'], 3)} (people left out); questions left out "
        f"{decimal(scores['left_out_effects'], 3)}, uniform {decimal(scores['uniform'], 3)}",
    )


def run(done: "FieldedRun") -> dict[str, object]:
    """``field --json``."""
    return {
        "run": done.run,
        "answers": done.answers,
        "resumed": done.resumed,
        "missing": done.missing,
        "why": done.why,
        "complete": done.complete,
        "stopped": done.record.stopped and done.record.stopped.model_dump(),
        "seconds": done.seconds,
        "answers_per_second": done.answers / done.seconds if done.seconds else None,
        "model": done.record.model,
        "masked": done.record.masked,
        "draws": done.record.draws,
        "known_answers": done.record.known.answers if done.record.known else 0,
        "known_persons": done.record.known.persons if done.record.known else 0,
        "unseen": done.record.unseen.model_dump(mode="json") if done.record.unseen else None,
        "synthetic": True,
    }


def tell_run(done: "FieldedRun", file: Path) -> None:
    """Prints ``field`` for people."""
    resumed = f", {count(done.resumed)} of them kept from before" if done.resumed else ""
    partial = "" if done.complete else " (partial)"
    show(f"Run {done.run}{partial}: {count(done.answers)} answers in {duration(done.seconds)}{resumed}")
    for line in masking.sentences(done.record.masked):
        show(f"{line[:-1]} before any model read it.")
    for line in known.sentences(done.record.known, done.persons):
        show(line)
    for line in unseen.sentences(done.record.unseen, done.persons):
        show(line)
    for line in screening.sentences(done.record.refused, done.record.doubtful):
        show(line)
    if done.record.stopped is not None:
        show(done.record.stopped.sentence)
    if done.planned and done.record.plan is not None:
        say(plans.outcome(done.record.plan))
    for outcome, n in done.missing.items():
        show(f"{counted(n, 'answer')} {_DID_NOT_COME[outcome]}.")
    if done.why is not None:
        show(f"The reason given most often: {done.why}")
    if not done.complete:
        show(f"The run is not complete. Go on with: mirrorpanel field {file}")


def agreement(name: str, record: AgreementRecord) -> dict[str, object]:
    """``validate --json``: the headline of each kind of held-out data."""
    published = [
        {
            "source": study.source,
            "agreement": study.mean_agreement,
            "ceiling": study.mean_ceiling,
            "questions": study.questions,
            "anchored": sorted({r.question for r in study.results if r.anchored}),
        }
        for study in record.toplines
    ]
    apart = {part.part: None if part.result is None else part.result.agreement.value for part in record.apart}
    more: dict[str, object] = {"apart": apart, "outside_support": record.outside_support}
    more |= {"toplines": published, "fielded": record.fielded}
    return {"run": name, "synthetic": True, **headline(record.result), **more}


def agreement_lines(record: AgreementRecord) -> Sequence[str]:
    """``validate`` for people: one table and the verdicts."""
    lines: list[str] = []
    for status in record.result.statuses:
        lines += [*_table(status, _STATUSES[status.status]), status.verdict, ""]
    for part in record.apart:
        lines += _apart(part)
    lines += _outside_support(record)
    lines += [_published(study) for study in record.toplines]
    return (*lines, *record.fielded, f"Untuned language model: {record.untuned}.")


def _apart(part: Apart) -> list[str]:
    """A segment or wave held out, whose persons were compared with its people alone."""
    what = f"the {part.part.removeprefix('unseen_')} held out ({part.who})"
    if part.result is None:
        return [f"No figure for {what}: too few people or persons", ""]
    return [*_table(part.result, f"{what}, questions trained on"), part.result.verdict, ""]


def _outside_support(record: AgreementRecord) -> list[str]:
    """Which questions are too far from those trained on, in one line; none where all are near enough."""
    if not record.outside_support:
        return []
    asked = len(record.result.questions) + len(record.unvalidated)
    outside = record.outside_support
    told = f"{len(outside)} of {counted(asked, 'question')} ({listing(outside)})"
    return [f"Outside support, do not rely on these: {told}"]


def _published(study: ToplinesResult) -> str:
    """A published study in one line; questions that it anchored prove nothing and are only counted."""
    anchored = len({r.question for r in study.results if r.anchored})
    told = f"; {anchored} more that it anchored, which prove nothing" if anchored else ""
    if study.mean_agreement is None or study.mean_ceiling is None:
        return f"Published shares of {study.source}: no figure{told}"
    questions = "1 question" if study.questions == 1 else f"{study.questions} questions"
    return (
        f"Published shares of {study.source}: agreement {proportion(study.mean_agreement)}, ceiling "
        f"{proportion(study.mean_ceiling)} ({questions}{told})"
    )


def _table(status: StatusResult, what: str) -> list[str]:
    rows = [
        ("model", proportion(status.agreement.value), interval(status.agreement.low, status.agreement.high)),
        ("ceiling", proportion(status.ceiling.value), interval(status.ceiling.low, status.ceiling.high)),
        *((wording.baseline(name), proportion(value), "") for name, value in status.baselines.items()),
    ]
    compared = f"{counted(status.questions, 'question')}, {count(status.people)} people"
    head = f"Agreement on {what} ({compared})"
    return [head, *(f"  {name:<28} {value:>6}  {span}".rstrip() for name, value, span in rows)]


def headline(result: AgreementResult) -> dict[str, object]:
    """What a report is headed by, for each kind of people and questions."""
    found = {s.status: s for s in result.statuses}
    people, questions = found.get("unseen_people"), found.get("unseen_both")
    return {
        "agreement": {k: s.agreement.value for k, s in found.items()},
        "ceiling": {k: s.ceiling.value for k, s in found.items()},
        "baselines": people.baselines if people else {},
        "baselines_unseen_both": questions.baselines if questions else {},
        "segment_agreement": {k: s.segment_agreement and s.segment_agreement.value for k, s in found.items()},
        "segment_ceiling": {k: s.segment_ceiling for k, s in found.items()},
        "log_score": {k: s.log_score for k, s in found.items()},
        "person_signal": {k: s.person_signal for k, s in found.items()},
        "beats_best_baseline": {k: s.beats_best_baseline for k, s in found.items()},
        "verdict": {k: s.verdict for k, s in found.items()},
    }
