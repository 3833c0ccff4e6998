"""``write``: open answers in the voice of an adapter."""

from pathlib import Path
from typing import Annotated

import typer

from mirrorpanel.cli.console import answering_bar, show, show_json
from mirrorpanel.cli.main_job import AsJson, Device, Dtype, Folder
from mirrorpanel.lineup import Machine
from mirrorpanel.render import wording
from mirrorpanel.render.numbers import count
from mirrorpanel.store import Workspace
from mirrorpanel.verbs import writing
from personas.wording import counted

HERE = Path()


def write(
    adapter: Annotated[str, typer.Argument(help="Identifier, NAME@VERSION or name of an adapter.")],
    question: Annotated[str, typer.Argument(help="What is asked, in quotation marks.")],
    persons: Annotated[int, typer.Option(min=1, help="How many persons write, drawn by weight.")] = 100,
    out: Annotated[
        Path | None, typer.Option(help="CSV file; in the workspace's exports when left out.")
    ] = None,
    panel: Annotated[
        str | None, typer.Option(help="Whose persons; the adapter's panel when left out.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of persons and words.")] = 1,
    workspace: Folder = HERE,
    device: Device = None,
    dtype: Dtype = None,
    as_json: AsJson = False,
) -> None:
    """Has persons answer an open question in an adapter's voice, into a table for `review export`.

    Example: mirrorpanel write spending "Why did you choose this shop?" --persons 50
    """
    with Workspace(workspace) as opened, answering_bar() as (begin, progress):
        done = writing.write(
            opened, adapter, question, Machine(device, dtype), persons, seed, out, panel, begin, progress
        )
    if as_json:
        numbers = {"persons": done.persons, "answers": done.answers, "copies": done.copies}
        numbers |= {"empty": done.empty, "masked": done.masked}
        told = {"adapter": done.adapter, "question": done.question, "attributes": list(done.attributes)}
        show_json({"file": str(done.file), "synthetic": True} | told | numbers)
        return
    show(f"{counted(done.answers, 'answer')} of {counted(done.persons, 'person')}. {wording.SYNTHETIC}")
    show(
        f"Left out: {count(done.copies)} that repeated what few people wrote in the answers trained on, "
        f"{count(done.empty)} without a word"
    )
    if done.masked:
        show(f"{counted(done.masked, 'place')} that looked like personal data masked")
    if not done.attributes:
        show("None of the attributes that the voice was trained with is in the panel: all write alike")
    if done.remembers:
        show("This voice failed the tests for memory of single people: do not pass on what it writes")
    show(str(done.file))
