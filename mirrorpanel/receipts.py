"""Receipts of erasures: what was deleted and what is left to do, never who it was."""

from datetime import datetime
from pathlib import Path

from mirrorpanel.store import Workspace, write_failed
from personas.document import Document

FOLDER = "receipts"


class Deleted(Document):
    """Rows that were deleted, and values that became unknown.

    Attributes:
        people: 1 where the subject was one of the people, in however many panels and from however many
            sources; 0 for a customer who only lent attributes. ``persons`` mirrored the subject and gave
            ``answers`` in runs.
        real_answers: what they answered in surveys.
        attributes: their own; ``lent`` are those that other people had from them by matching.
        imputations: drawn for them, or lent by them.
        agreements: results that were computed with their answers or attributes.
    """

    people: int
    persons: int
    answers: int
    real_answers: int
    attributes: int
    lent: int
    imputations: int
    agreements: int


class Retrain(Document):
    """An adapter that was fitted on people who were erased since, and the file that trains it anew."""

    adapter: str
    people: int
    file: str


class Flag(Document):
    """Why an adapter is flagged: how many of those it was fitted on were erased, by which receipts."""

    people: int
    receipts: tuple[str, ...]


class Receipt(Document):
    """One erasure. It names no id and no pseudonym: note its number on the request that it answers.

    Attributes:
        receipt: its number.
        moment: when, in UTC.
        sources: names of the sources that the subject came from.
        panels: the panels that held the subject.
        files: reports and exports that were deleted in the workspace.
        retrain: adapters that were flagged.
        runs: runs whose agreement is to be computed again.
        ground: grounding files of the panels, to be grounded again so that the weights fit those left.
        outside: sources, which this program does not change, that held the subject when they were read.
        exported: files outside the workspace that panels with the subject were exported to.
        suspected: files in the workspace folder in which the id was still found.
    """

    receipt: str
    moment: datetime
    sources: tuple[str, ...]
    panels: tuple[str, ...]
    deleted: Deleted
    files: tuple[str, ...]
    retrain: tuple[Retrain, ...]
    runs: tuple[str, ...]
    ground: tuple[str, ...]
    outside: tuple[str, ...]
    exported: tuple[str, ...] = ()
    suspected: tuple[str, ...]


def text(receipt: Receipt) -> str:
    """The receipt as Markdown."""
    d = receipt.deleted
    rows = (
        ("people, each counted once in all panels", d.people),
        ("their real answers", d.real_answers),
        ("their attributes", d.attributes),
        ("attributes that others had from them by matching, now unknown", d.lent),
        ("imputed values drawn for them or lent by them", d.imputations),
        ("persons who mirrored them", d.persons),
        ("answers of these persons in all runs", d.answers),
        ("agreement results computed with their answers or attributes", d.agreements),
    )
    return "\n".join(
        [
            f"# Receipt of an erasure: {receipt.receipt}",
            "",
            f"Done on {receipt.moment:%Y-%m-%d at %H:%M:%S} UTC. This receipt names neither the id nor the "
            "pseudonym of the person; note its number on the request that it answers.",
            "",
            f"Panels: {', '.join(receipt.panels) or 'none'}. "
            f"Sources: {', '.join(receipt.sources) or 'not recorded'}.",
            "",
            "| deleted | number |",
            "|---|---:|",
            *(f"| {label} | {number:,} |" for label, number in rows),
            f"| reports and exports in the workspace | {len(receipt.files):,} |",
            "",
            "The database file was written anew without these rows, so its bytes no longer hold them. The "
            "pseudonym was put on the list of those who are left out when a panel is grounded again; that "
            "list is all that is kept. It works as long as the source keeps its name, or the name of its ids "
            "(`protection.ids`).",
            "",
            "## Files deleted",
            "",
            *_listed(receipt.files, "None."),
            "",
            "## Still to do",
            "",
            *_to_do(receipt),
            "",
        ]
    )


def _to_do(receipt: Receipt) -> list[str]:
    lines = [
        f"- Ground again, so that the weights fit the people who are left: `mirrorpanel ground {file}`. "
        "Until then the weights are those computed with the person."
        for file in receipt.ground
    ]
    lines += [
        f"- Adapter {r.adapter} was fitted on {r.people:,} of the people erased. It is flagged and still "
        "works; its weights were not changed, and what it learnt from one person cannot be cut out of them. "
        f"Training again (`mirrorpanel train {r.file}`) fits it without the person and replaces it. Copies "
        "of its folder elsewhere are yours to delete."
        for r in receipt.retrain
    ]
    lines += [f"- Agreement of run {run} was removed: `mirrorpanel validate {run}`." for run in receipt.runs]
    lines += [
        f"- Source {source} lies outside this program and was not changed: delete the person there as well."
        for source in receipt.outside
    ]
    lines += [
        f"- {file} was exported while the person was in the panel. It names nobody, and every combination in "
        "it is shared by k people; delete it and export again."
        for file in receipt.exported
    ]
    lines += [
        f"- {file} in the workspace folder still holds the id; it was not written by this program."
        for file in receipt.suspected
    ]
    return [
        *lines,
        "- Backups, snapshots and copies of the workspace, and what was sent to others, are out of reach "
        "here.",
    ]


def _listed(lines: tuple[str, ...], none: str) -> list[str]:
    return [f"- {line}" for line in lines] or [none]


def records(workspace: Workspace) -> tuple[Receipt, ...]:
    """All receipts of the workspace, oldest first."""
    found = workspace.rows("SELECT record FROM receipts ORDER BY moment, receipt")
    return tuple(Receipt.model_validate_json(row[0]) for row in found)


def write(workspace: Workspace) -> tuple[Path, ...]:
    """Writes every receipt that has no file yet, as Markdown and JSON; returns the Markdown files written."""
    folder = workspace.folder / FOLDER
    made: list[Path] = []
    try:
        for receipt in records(workspace):
            path = folder / f"{receipt.receipt}.md"
            if path.exists():
                continue
            folder.mkdir(exist_ok=True)
            (folder / f"{receipt.receipt}.json").write_text(
                receipt.model_dump_json(indent=2) + "\n", encoding="utf-8"
            )
            path.write_text(text(receipt), encoding="utf-8")
            made.append(path)
    except OSError as error:
        raise write_failed(folder, error) from None
    return tuple(made)
