"""``field --dry-run``: what would be done, and how long it would take."""

from pathlib import Path

from mirrorpanel import places, runs
from mirrorpanel.cli.console import show, show_json
from mirrorpanel.lineup import Machine
from mirrorpanel.planning import Planned
from mirrorpanel.records import PlanRecord
from mirrorpanel.render.numbers import count, decimal, duration
from mirrorpanel.store import Workspace
from mirrorpanel.verbs import fielding
from personas.models.work import Work
from personas.wording import counted


def dry_run(workspace: Path, file: Path, machine: Machine, anew: bool, as_json: bool) -> None:
    """Prints the plan of a study; the workspace is opened for reading alone."""
    with Workspace(workspace, read_only=True) as opened:
        prepared = fielding.prepare(opened, file, machine, anew)
        with places.named(file, "adapter" if prepared.record.spec.adapter else "model"):
            planned = fielding.plan(opened, prepared)
        failed = runs.outcomes(opened, prepared.run).get("failed", 0) if planned is None else 0
    if as_json:
        show_json(content(prepared.run, planned) | ({"failed": failed} if failed else {}))
        return
    if planned is None and failed:
        again = f"{counted(failed, 'answer')} failed and would be asked for again"
        show(f"Run {prepared.run} is partial: {again}.")
        return
    if planned is None:
        show(f"Run {prepared.run} is complete: nobody is left to ask.")
        return
    for line in sentences(prepared.run, planned):
        show(line)


def content(run: str, planned: Planned | None) -> dict[str, object]:
    """``field --dry-run --json``; a plan of nothing where everybody has been asked."""
    if planned is None:
        return {"run": run, "answers": 0, "dry_run": True}
    work = planned.plan.work
    record = planned.record().model_dump(mode="json", exclude={"seconds", "memory"})
    once = {"values": work.values, "options": work.options, "persons": work.persons}
    more = {"requests": work.requests, "flops": work.flops, "batches": planned.plan.batches}
    regression = {"algebra": work.algebra, "algebra_spared": work.spared}
    return {"run": run, "resumed": planned.resumed, **record, **once, **more, **regression, "dry_run": True}


def sentences(run: str, planned: Planned) -> list[str]:
    """The plan for people."""
    plan, work = planned.plan, planned.plan.work
    kept = f", {count(planned.resumed)} kept from before" if planned.resumed else ""
    lines = [
        f"Run {run}: {counted(work.answers, 'answer')} to come{kept}",
        f"Encoded once: {_once(work)}",
    ]
    if work.remembered:
        lines.append(f"Encoded before and kept: {counted(work.remembered, 'text')}")
    if work.persons and not work.requests:
        alike = "read with the questions, those of a batch who are alike once"
        lines.append(f"{counted(work.persons, 'person')} {alike}")
    if work.requests:
        alike = f"{counted(work.persons, 'person')}, those of a batch who are alike once"
        lines.append(f"At least {counted(work.requests, 'request')} to the server, for {alike}")
    if work.passes:
        passes = counted(work.passes, "pass", "passes")
        operations = decimal(work.flops / 1e12, 2)
        lines.append(
            f"{passes} of the language model over {counted(work.tokens, 'token')} "
            f"({operations} million million operations) on {plan.device}"
        )
    if work.algebra:
        most = "at most " if work.spared else ""
        lines.append(
            f"Regression that predicts questions nobody was asked: {most}{decimal(work.algebra / 1e12, 2)} "
            "million million operations in double precision"
        )
    batches = counted(plan.batches, "batch", "batches")
    return [*lines, f"{batches} of {counted(plan.batch, 'person')}", *_expected(planned.record())]


def outcome(plan: PlanRecord) -> str:
    """One line on what was expected of a run and what it took."""
    if plan.seconds is None:
        return _expected(plan)[0]
    if plan.seconds_low is None or plan.seconds_high is None:
        return f"Took {duration(plan.seconds)}"
    expected = f"{duration(plan.seconds_low)} to {duration(plan.seconds_high)}"
    return f"Expected {expected}, took {duration(plan.seconds)} (loading not counted)"


def _once(work: Work) -> str:
    parts = [
        counted(work.values, "attribute value") if work.values else "",
        counted(work.options, "question-option") if work.options else "",
    ]
    return " and ".join(part for part in parts if part) or "nothing; all that is needed is known"


def _expected(plan: PlanRecord) -> list[str]:
    low, high = plan.memory_low / 1e9, plan.memory_high / 1e9
    memory = f"Expected memory: {decimal(low, 1)} to {decimal(high, 1)} GB"
    if plan.seconds_low is None or plan.seconds_high is None:
        return ["Expected time: nobody can say before the server has answered", memory]
    time = f"{duration(plan.seconds_low)} to {duration(plan.seconds_high)}"
    return [f"Expected time: {time}, loading not counted", memory]
