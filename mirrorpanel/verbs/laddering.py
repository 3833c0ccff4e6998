"""``train --ladder``: what an adapter adds to statistics and to prompts, on people and questions held out."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from mirrorpanel import __version__, lineup
from mirrorpanel.lineup import Machine
from mirrorpanel.records import AdapterRecord
from mirrorpanel.render import ladder_page
from mirrorpanel.render.ladder_page import PageData
from mirrorpanel.store import Workspace, now
from mirrorpanel.verbs import training_data
from mirrorpanel.verbs.training_data import Prepared
from personas.models.base import AnswerModel
from training.ladder.cost import Spent
from training.ladder.ladder import Fitted, Ladder, Part, ladder
from training.ladder.rungs.catalogue import NEED_LANGUAGE, Tools


@dataclass(frozen=True)
class Climbed:
    """The ladder of an adapter, and its page."""

    ladder: Ladder
    page: Path


def climb(
    workspace: Workspace,
    file: Path,
    adapter: str,
    machine: Machine,
    report: Callable[[str], None],
    begin: Callable[[int], None] = lambda _: None,
) -> Climbed:
    """Runs the ladder for an adapter that was trained from ``file``, and writes ``ladder.html`` beside it."""
    record = workspace.record("adapters", "adapter", adapter, AdapterRecord)
    ready = training_data.prepared(workspace, file, lambda _: None)
    spec = ready.spec.ladder
    language = None
    if set(spec.rungs) & set(NEED_LANGUAGE):
        language = lineup.language(record.base_model, machine)
    tools = Tools(language, lineup.encoder(record.base_model, machine))
    found = ladder(
        ready.data,
        _parts(ready, workspace, record, machine),
        spec,
        tools,
        _trained(workspace, record, machine),
        report,
        begin,
    )
    folder = workspace.folder / "reports" / adapter
    created = now().isoformat(timespec="seconds") + "+00:00"
    if record.lora is not None and record.lora.judged:
        found = found.model_copy(update={"verdict": (*found.verdict, record.lora.judged)})
    return Climbed(found, ladder_page.write(found, PageData(ready.panel, created, __version__), folder))


def _parts(ready: Prepared, workspace: Workspace, record: AdapterRecord, machine: Machine) -> list[Part]:
    """What is held out, with the new questions that are outside the support of the adapter."""
    _, statistics = lineup.fielded(workspace, record, machine)
    return [
        replace(part, outside_support=tuple(sorted(statistics.outside_support(part.answers.questions))))
        if part.new_questions
        else part
        for part in ready.parts()
    ]


def _trained(workspace: Workspace, record: AdapterRecord, machine: Machine) -> list[Fitted]:
    """The adapter as it answers studies and, where that is a joint model, the statistics below it."""
    model, statistics = lineup.fielded(workspace, record, machine)
    spent = Spent(record.seconds, 0.0, 0.0)

    def rung(name: str, title: str, own: AnswerModel) -> Fitted:
        return Fitted(name, title, "trained", own, new_questions=True, spent=spent)

    found = [rung("persona_model", "Persona model, as trained", model)]
    if model is not statistics:
        found.append(rung("statistics_below", "Statistics below the joint model", statistics))
    return found
