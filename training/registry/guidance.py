"""What a model card tells its reader to do: getting started, bias and recommendations, licence, citation."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from training.registry.front_matter import Base

UNKNOWN = "not recorded"
NOT_STATED = "not stated"
DEVELOPED, LICENSED = "- developed by: ", "- this adapter: "
"""How the lines begin that the training file has the words for."""


class Origin(NamedTuple):
    """Who made an adapter with what; what is empty was recorded nowhere.

    Attributes:
        controllers: of the data, as their sources name them.
        population: whom the panel stands for, in words.
        program: name and version of what trained it.
        made: day of training (ISO 8601).
        developer: who trained it, as the training file says, and so ``contact`` and ``licence``.
    """

    controllers: tuple[str, ...] = ()
    population: str = ""
    program: str = ""
    made: str = ""
    developer: str = ""
    contact: str = ""
    licence: str = ""


def getting_started(adapter: str, panel: str, attributes: Sequence[str]) -> list[str]:
    """A study file for this adapter, and the commands that run it in the workspace that it lies in."""
    segments = [f"segments: [{', '.join(attributes[:2])}]"] if attributes else []
    return [
        "## How to get started",
        "",
        "In the workspace that this folder belongs to, with this as `study.yaml`:",
        "",
        "```yaml",
        "study: first",
        f"panel: {panel}",
        f"adapter: {adapter}",
        "questions: all             # those trained on; new_questions: adds some that nobody was asked",
        *segments,
        "```",
        "",
        "```sh",
        "mirrorpanel field study.yaml",
        "mirrorpanel validate first",
        "mirrorpanel report first",
        "```",
        "",
    ]


def developers(origin: Origin) -> list[str]:
    """Who stands behind the adapter, as far as anybody wrote it down."""
    return [
        developed(origin),
        f"- controller of the data: {'; '.join(origin.controllers) or UNKNOWN}",
        f"- trained with: {origin.program or UNKNOWN}",
        "",
    ]


def developed(origin: Origin) -> str:
    """The line on who trained the adapter and whom to ask."""
    line = f"{DEVELOPED}{origin.developer or NOT_STATED}; contact: {origin.contact or NOT_STATED}"
    if origin.developer and origin.contact:
        return line
    return f"{line} (add them before this folder is passed on: `card` in the training file)"


def licensed(origin: Origin) -> str:
    """The line on what the adapter may be used for."""
    return (
        f"{LICENSED}{origin.licence or f'licence {NOT_STATED}'}; it is derived from both, so it may be used "
        "and passed on only as both allow."
    )


def bias(origin: Origin) -> list[str]:
    """Where its answers lean, and what to do about it."""
    return [
        "## Bias and recommendations",
        "",
        f"- It stands for: {origin.population or UNKNOWN}. People whom the survey did not reach, and those "
        "who did not consent, are not in it; weights mend that only along official margins.",
        "- Small segments are drawn towards all others, so that differences between groups come out smaller "
        "than they are; the tables by segment above show for whom it does worse than for others.",
        "- For questions nobody was asked, a language model decides which known questions they are like; "
        "what it learned from the internet about groups of people can come in there.",
        "- Recommended: read the agreement report of a run before its results; ask real people where a "
        "segment is small, a question is flagged, or a decision hangs on it; rectify shares with a small "
        "sample of real answers (`rectification` in the split); recheck the adapter with every new wave.",
        "",
    ]


def licence(base: Base, data: Sequence[str], origin: Origin) -> list[str]:
    """What both the language model and the data allow."""
    link = f" ({base.licence_link})" if base.licence_link else ""
    known = "; ".join(dict.fromkeys(x for x in data if x)) or NOT_STATED
    return [
        "## Licence",
        "",
        f"- language model: {base.licence}{link}",
        f"- data: {known}",
        licensed(origin),
        "",
    ]


def citation(name: str, version: int | None, fingerprint: str, origin: Origin) -> list[str]:
    """A BibTeX entry; the fingerprint says which files are meant."""
    key = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_") or "adapter"
    numbered = "" if version is None else f", version {version}"
    fields = [f"  title = {{Persona model {name}{numbered}}}"]
    fields += [f"  year = {{{origin.made[:4]}}}"] if origin.made else []
    made = f"trained with {origin.program}; " if origin.program else ""
    fields.append(f"  note = {{{made}fingerprint {fingerprint}; simulated answers}}")
    return [
        "## Citation",
        "",
        "```bibtex",
        f"@misc{{{key},",
        *(f"{field}," for field in fields),
        "}",
        "```",
        "",
    ]
