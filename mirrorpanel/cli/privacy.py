"""``key``, ``audit`` and ``erase``, each a thin skin over ``mirrorpanel.verbs``."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mirrorpanel.cli.console import agree, show, show_json
from mirrorpanel.render.numbers import count
from personas.wording import counted

if TYPE_CHECKING:
    from mirrorpanel.keys import KeyRecord
    from mirrorpanel.receipts import Receipt

key = typer.Typer(
    help="The key of the pseudonyms: where it is, changing it, ending it.", no_args_is_help=True
)
audit = typer.Typer(
    help="The audit log and the record of processing (GDPR Art. 30 and 35).", no_args_is_help=True
)

Folder = Annotated[
    Path, typer.Option("--workspace", "-w", help="Folder of the workspace.", show_default=True)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask whether to go on.")]
HERE = Path()


@key.command("show")
def key_show(workspace: Folder = HERE, as_json: AsJson = False) -> None:
    """Shows where the key is and its check value; the key itself is never shown.

    Example: mirrorpanel key show
    """
    from mirrorpanel import keys
    from mirrorpanel.store import Workspace

    with Workspace(workspace, read_only=True) as opened:
        _key(keys.record(opened), as_json)


@key.command("use")
def key_use(
    place: Annotated[str, typer.Argument(help="Path outside the workspace, or keyring:NAME.")],
    workspace: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Chooses where the key is kept; a key that is there already is taken.

    Example: mirrorpanel key use ~/keys/panel.key
    """
    from mirrorpanel import keys
    from mirrorpanel.store import Workspace

    with Workspace(workspace) as opened:
        _key(keys.use(opened, place), as_json)


@key.command("rotate")
def key_rotate(workspace: Folder = HERE, as_json: AsJson = False) -> None:
    """Changes the key: every pseudonym in the workspace is rewritten, and copies made before fit it no more.

    Example: mirrorpanel key rotate
    """
    from mirrorpanel.store import Workspace
    from mirrorpanel.verbs import keeping

    with Workspace(workspace) as opened:
        done = keeping.rotate(opened)
    if as_json:
        show_json({"before": done.before, "after": done.after, "pseudonyms": done.pseudonyms})
        return
    show(f"Key {done.before} is now {done.after}; {count(done.pseudonyms)} pseudonyms were rewritten")


@key.command("destroy")
def key_destroy(workspace: Folder = HERE, yes: Yes = False, as_json: AsJson = False) -> None:
    """Deletes the key for good: the links between original ids and pseudonyms are cut.

    Example: mirrorpanel key destroy --yes
    """
    from mirrorpanel import keys
    from mirrorpanel.store import Workspace
    from mirrorpanel.verbs import keeping

    with Workspace(workspace) as opened:
        known = keys.record(opened)
        if known.check and not yes:
            agree(f"Destroy key {known.check} in {known.place}? This cannot be undone.")
        done = keeping.destroy(opened)
    if as_json:
        show_json({"check": done.check, "place": done.place, "destroyed": str(done.destroyed)})
        return
    for line in keeping.DESTROYED:
        show(line)


@audit.command("verify")
def audit_verify(
    head: Annotated[str | None, typer.Option(help="A head that was noted earlier.")] = None,
    workspace: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Checks that no entry of the log was changed, deleted, inserted, moved or cut off.

    Example: mirrorpanel audit verify
    """
    from mirrorpanel.store import Workspace
    from mirrorpanel.verbs import auditing

    with Workspace(workspace, read_only=True) as opened:
        found = auditing.verify(opened, head)
    if as_json:
        show_json(
            {
                "intact": not found.faults,
                "entries": found.entries,
                "head": found.head,
                "head_kept_outside": found.kept is not None,
                "faults": list(found.faults),
            }
        )
    else:
        for fault in found.faults:
            show(fault)
        if not found.faults:
            show(
                f"The audit log is intact: {count(found.entries)} entries, {found.first} to {found.last} UTC"
            )
        show(f"Head: {found.head}")
        if found.kept is None:
            show("No copy of the head is kept outside the workspace: that its end was not cut is not shown")
    if found.faults:
        sys.exit(1)


@audit.command("show")
def audit_show(workspace: Folder = HERE, as_json: AsJson = False) -> None:
    """Lists the entries of the log, oldest first.

    Example: mirrorpanel audit show
    """
    from mirrorpanel.store import Workspace
    from mirrorpanel.verbs import auditing

    with Workspace(workspace, read_only=True) as opened:
        found = auditing.entries(opened)
    if as_json:
        columns = ("place", "moment", "verb", "detail", "hash")
        show_json({"entries": [{c: _plain(getattr(e, c)) for c in columns} for e in found]})
        return
    for entry in found:
        show(f"{entry.place:>5}  {entry.moment:%Y-%m-%d %H:%M:%S}  {entry.verb:<12} {entry.detail}")


@audit.command("export")
def audit_export(
    out: Annotated[Path | None, typer.Option(help="Folder; the workspace's where left out.")] = None,
    workspace: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Writes the record of processing and material for the impact assessment, as Markdown and JSON.

    Example: mirrorpanel audit export
    """
    from mirrorpanel.store import Workspace
    from mirrorpanel.verbs import auditing

    with Workspace(workspace, read_only=True) as opened:
        markdown, content = auditing.export(opened, out)
    if as_json:
        show_json({"markdown": str(markdown), "json": str(content)})
    else:
        show(str(markdown))


def erase(
    subject: Annotated[str, typer.Argument(help="Original id, or pseudonym.")],
    panel: Annotated[str | None, typer.Option(help="In this panel only; its name or identifier.")] = None,
    source: Annotated[
        str | None, typer.Option(help="Source that the id belongs to; 'all' where it is one person in all.")
    ] = None,
    workspace: Folder = HERE,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Erases a person: rows, persons that mirror them, answers, lent attributes, reports; leaves a receipt.

    Example: mirrorpanel erase C-10442 --yes
    """
    from mirrorpanel.store import Workspace
    from mirrorpanel.verbs import erasing

    def agreed(receipt: "Receipt") -> bool:
        if not yes:
            agree(f"{_summary(receipt)}\nErase them? This cannot be undone.")
        return True

    with Workspace(workspace) as opened:
        done = erasing.erase(opened, subject, panel, source, agreed)
    if as_json:
        show_json({"file": str(done.file), **done.receipt.model_dump(mode="json")})
        return
    show(f"Erased: {_summary(done.receipt)}")
    for adapter in done.receipt.retrain:
        show(f"Adapter {adapter.adapter} was fitted on them; train it anew: mirrorpanel train {adapter.file}")
    for file in done.receipt.ground:
        show(f"Ground again, so that the weights fit those left: mirrorpanel ground {file}")
    for name in (*done.receipt.outside, *done.receipt.exported, *done.receipt.suspected):
        show(f"Not changed, and may still hold them: {name}")
    show(str(done.file))


def _summary(receipt: "Receipt") -> str:
    d, panels = receipt.deleted, receipt.panels
    several = f"{len(panels)} panels: " if len(panels) > 1 else ""
    return (
        f"{count(d.people)} of the people, {counted(d.real_answers, 'real answer')}, "
        f"{counted(d.attributes + d.imputations, 'attribute')}, "
        f"{counted(d.lent, 'attribute')} lent to others, {counted(d.persons, 'person')} with "
        f"{counted(d.answers, 'answer')}, {counted(d.agreements, 'agreement result')}, "
        f"{counted(len(receipt.files), 'file')}, in {several}{', '.join(panels) or 'no panel'}"
    )


def _key(known: "KeyRecord", as_json: bool) -> None:
    from mirrorpanel.keys import RING

    if as_json:
        show_json(known.model_dump(mode="json"))
        return
    kind = "Key ring" if known.place.startswith(RING) else "Key file"
    show(f"{kind}: {known.place}")
    if known.destroyed is not None:
        show(f"Destroyed: {known.destroyed:%Y-%m-%d %H:%M} UTC")
    elif not known.check:
        show("No key is in use yet; it is made when the first source with personal data is grounded")
    else:
        show(f"Check value: {known.check}")
        show(f"Made: {known.made:%Y-%m-%d %H:%M} UTC" + (f", keys in the chain: {known.links}"))


def _plain(value: object) -> object:
    return value if isinstance(value, int) else str(value)
