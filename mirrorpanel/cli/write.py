"""``write``: open answers in the voice of an adapter, or of an untuned model."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mirrorpanel.cli.console import say, show, show_json
from mirrorpanel.cli.interrupts import stopping
from mirrorpanel.cli.main_job import AsJson, Device, Dtype, Folder
from mirrorpanel.render.numbers import count
from personas.wording import counted

if TYPE_CHECKING:
    from mirrorpanel.verbs.writing import Written
    from personas.models.written.forms import Form

HERE = Path()
FORMS = ("number", "decimal", "list")
Model = Annotated[
    str | None,
    typer.Option(help="Have an untuned model write: a name, a folder, or a YAML file naming a server."),
]


def write(
    who: Annotated[str, typer.Argument(help="Adapter with a voice; with --model a panel.")],
    question: Annotated[str, typer.Argument(help="What is asked, in quotation marks.")],
    persons: Annotated[int, typer.Option(min=1, help="How many persons write, drawn by weight.")] = 100,
    form: Annotated[str | None, typer.Option(help="number, decimal or list; free text if left out.")] = None,
    lowest: Annotated[float | None, typer.Option(help="Smallest number allowed.")] = None,
    highest: Annotated[float | None, typer.Option(help="Largest number allowed.")] = None,
    most: Annotated[int | None, typer.Option(min=1, help="Items of a list at most; 3 if left out.")] = None,
    model: Model = None,
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

    What is written is kept as it comes: the same command goes on where it was stopped. Exit code 3 where
    persons are left, or a server failed to give some answers.

    Example: mirrorpanel write spending "Why did you choose this shop?" --persons 50
    """
    from mirrorpanel.cli.bars import answering_bar
    from mirrorpanel.lineup import Machine
    from mirrorpanel.store import Workspace
    from mirrorpanel.verbs import writing

    wanted = writing.Wanted(
        who, question, persons, seed, _form(form, lowest, highest, most), model, panel, out
    )
    with Workspace(workspace) as opened, stopping(say) as stop, answering_bar() as (begin, progress):
        done = writing.write(opened, wanted, Machine(device, dtype), begin, progress, stop)
    if as_json:
        numbers = {"persons": done.persons, "answers": done.outcomes.get("answered", 0)}
        numbers |= {o: done.outcomes.get(o, 0) for o in ("unparsable", "refused", "failed")}
        numbers |= {"copies": done.copies, "masked": done.masked}
        told = {"adapter": done.adapter, "written_by": done.written_by, "question": done.question}
        told |= {"attributes": list(done.attributes), "complete": done.complete}
        show_json({"file": str(done.file), "synthetic": True} | told | numbers)
    else:
        _tell(done)
    if not done.complete:
        raise typer.Exit(3)


def _form(name: str | None, lowest: float | None, highest: float | None, most: int | None) -> "Form | None":
    """The form that the options mean. Raises: typer.BadParameter."""
    from pydantic import ValidationError

    from personas.models.written.forms import ListForm, NumberForm

    if name is not None and name not in FORMS:
        raise typer.BadParameter(f"one of {', '.join(FORMS)}, not {name!r}", param_hint="--form")
    if name not in ("number", "decimal") and (lowest is not None or highest is not None):
        raise typer.BadParameter("only with --form number or decimal", param_hint="--lowest, --highest")
    if name != "list" and most is not None:
        raise typer.BadParameter("only with --form list", param_hint="--most")
    try:
        if name == "list":
            return ListForm() if most is None else ListForm(most=most)
        return None if name is None else NumberForm(lowest=lowest, highest=highest, whole=name == "number")
    except ValidationError as error:
        said = str(error.errors()[0]["msg"]).removeprefix("Value error, ")
        raise typer.BadParameter(said, param_hint="--form") from None


def _tell(done: "Written") -> None:
    from mirrorpanel.render import wording

    answers = counted(done.outcomes.get("answered", 0), "answer")
    show(f"{answers} of {counted(done.persons, 'person')}. {wording.SYNTHETIC_TABLE}")
    show(f"Written by: {done.written_by}")
    if done.adapter is None:
        show("No voice was trained for this, and nothing was held against real answers: have people rate it")
    else:
        show(f"Left out: {count(done.copies)} that repeated what few people wrote in the answers trained on")
    lost = [(o, done.outcomes.get(o, 0)) for o in ("unparsable", "refused", "failed")]
    if any(n for _, n in lost):
        show(f"No answer: {', '.join(f'{count(n)} {o}' for o, n in lost if n)} (column outcome)")
    if done.masked:
        show(f"{counted(done.masked, 'place')} that looked like personal data masked")
    if not done.attributes:
        show("None of the attributes that the writer could be told is in the panel: all write alike")
    if done.remembers:
        show("This voice failed the tests for memory of single people: do not pass on what it writes")
    show(str(done.file) if done.complete else "Not complete: the same command goes on, and asks nobody twice")
