"""``train --ladder``: what an adapter adds to statistics and to prompts, on people and questions held out."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mirrorpanel import __version__, lineup
from mirrorpanel.lineup import Machine
from mirrorpanel.records import AdapterRecord
from mirrorpanel.render import ladder_page
from mirrorpanel.render.ladder_page import PageData
from mirrorpanel.store import Workspace, now
from mirrorpanel.verbs import training_data
from training.ladder.cost import Spent
from training.ladder.ladder import Fitted, Ladder, ladder
from training.ladder.rungs.catalogue import NEED_LANGUAGE, Tools


@dataclass(frozen=True)
class Climbed:
    """The ladder of an adapter, and its page."""

    ladder: Ladder
    page: Path


def climb(
    workspace: Workspace, file: Path, adapter: str, machine: Machine, report: Callable[[str], None]
) -> Climbed:
    """Runs the ladder for an adapter that was trained from ``file``, and writes ``ladder.html`` beside it."""
    record = workspace.record("adapters", "adapter", adapter, AdapterRecord)
    ready = training_data.prepared(workspace, file, lambda _: None)
    spec = ready.spec.ladder
    language = None
    if set(spec.rungs) & set(NEED_LANGUAGE):
        language = lineup.language(record.base_model, machine)
    tools = Tools(language, lineup.encoder(record.base_model, machine))
    trained = Fitted(
        name="persona_model",
        title="Persona model, as trained",
        family="trained",
        model=lineup.adapter_model(workspace, record, machine),
        new_questions=True,
        spent=Spent(record.seconds, 0.0, 0.0),
    )
    found = ladder(ready.data, ready.parts(), spec, tools, [trained], report)
    folder = workspace.folder / "reports" / adapter
    created = now().isoformat(timespec="seconds") + "+00:00"
    return Climbed(found, ladder_page.write(found, PageData(ready.panel, created, __version__), folder))
