"""The one Jinja environment of all pages: every text is escaped, every figure formatted by ``numbers``."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from mirrorpanel.render import numbers, wording

_HERE = Path(__file__).parent


def environment() -> Environment:
    """Templates of this folder with the filters that they use."""
    made = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for format_ in (
        numbers.proportion,
        numbers.difference,
        numbers.percent,
        numbers.points,
        numbers.decimal,
        numbers.count,
        numbers.rate,
        numbers.duration,
        numbers.moment,
        wording.baseline,
    ):
        made.filters[format_.__name__] = format_
    made.filters["plain"] = _plain
    return made


def written(folder: Path, name: str, html: str, twin: Mapping[str, Any]) -> Path:
    """Path of ``name.html`` in ``folder``, which is made, with ``twin`` as ``name.json`` beside it.

    Raises:
        ValueError: a figure of the twin is no number; what is not defined is ``None``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / f"{name}.html"
    page.write_text(html, encoding="utf-8")
    content = json.dumps(twin, ensure_ascii=False, allow_nan=False, indent=2)
    (folder / f"{name}.json").write_text(content + "\n", encoding="utf-8")
    return page


def style() -> Markup:
    """The style sheet, to be set into a page that loads nothing."""
    return Markup((_HERE / "report.css").read_text(encoding="utf-8"))


def _plain(name: str) -> str:
    """A name from a file as readers see it: ``age_group`` is ``age group``."""
    return name.replace("_", " ")
