"""The erasure of one subject from a workspace: everything that is, or came from, that person."""

import re
import secrets
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mirrorpanel import encodings, rewriting, sources, speakers
from mirrorpanel.receipts import FOLDER, Deleted, Flag, Receipt, Retrain
from mirrorpanel.records import PanelRecord
from mirrorpanel.rewriting import Connection
from mirrorpanel.sightings import Sighting
from mirrorpanel.store import FILE, Workspace, now, write_failed

_TEXT = {".csv", ".tsv", ".txt", ".json", ".jsonl", ".md", ".html", ".yaml", ".yml", ".log"}
# Panel and id of the people and donors that go, persons that mirror them, and what these answered.
_GONE = """
CREATE OR REPLACE TEMP TABLE gone_persons AS
    SELECT p.panel, p.person FROM {0}persons p
    SEMI JOIN gone_people g ON g.panel = p.panel AND g.id = p.mirrors;
CREATE OR REPLACE TEMP TABLE gone_answers AS
    SELECT r.run, g.person FROM {0}runs r JOIN gone_persons g ON g.panel = r.panel;
"""
_PEOPLE = "EXISTS (FROM gone_people g WHERE g.panel = t.panel AND g.id = t.{0})"
_LENT = (
    "((t.kind <> 'imputed' AND EXISTS (FROM gone_donors g WHERE g.panel = t.panel AND g.id = t.donor)) "
    f"OR (t.kind = 'imputed' AND {_PEOPLE.format('donor')}))"
)
_SPOKE = "EXISTS (FROM gone_speakers g WHERE (g.panel, g.source, g.id) = (t.panel, t.source, t.id))"
_ANSWER = "EXISTS (FROM gone_answers g WHERE g.run = t.run AND g.person = t.person)"
_AGREEMENT = "EXISTS (FROM {0}runs r JOIN gone_panels g ON g.panel = r.panel WHERE r.run = t.run)"


@dataclass(frozen=True)
class Plan:
    """What an erasure will do; ``flags`` is what each adapter fitted on the subject will say."""

    sightings: tuple[Sighting, ...]
    files: tuple[Path, ...]
    flags: dict[str, Flag]
    receipt: Receipt


def plan(workspace: Workspace, sightings: Sequence[Sighting], subject: str) -> Plan:
    """Counts everything that goes; nothing is changed."""
    for name, columns in _tables(sightings).items():
        workspace.insert_temporary(name, columns)
    workspace.connection.execute(_GONE.format(""))
    panels = tuple(dict.fromkeys(s.panel for s in sightings if s.person or s.donor))
    runs = [str(r[0]) for r in workspace.rows("SELECT run FROM runs SEMI JOIN gone_panels USING (panel)")]
    inside, outside = _exports(workspace)
    files = tuple(_files(workspace.folder, [*runs, *panels], inside))
    number = f"e-{now():%Y%m%d}-{secrets.token_hex(4)}"
    hit = _adapters(workspace)
    agreed = "SELECT t.run FROM agreements t WHERE " + _AGREEMENT.format("")
    records = [workspace.record("panels", "panel", panel, PanelRecord) for panel in panels]
    read = {r.name: r.origin for panel in panels for r in sources.records(workspace, panel)}
    read |= {s.name: s.file for p in {s.panel for s in sightings} for s in speakers.sources(workspace, p)}
    receipt = Receipt(
        receipt=number,
        moment=now().replace(microsecond=0),
        sources=tuple(dict.fromkeys(s.source for s in sightings if s.source)),
        panels=panels,
        deleted=_deleted(workspace),
        files=tuple(str(p.relative_to(workspace.folder)) for p in files),
        exported=tuple(str(p) for p in outside if p.exists()),
        retrain=tuple(Retrain(adapter=a, people=n, file=_train_file(workspace, a)) for a, n in hit.items()),
        runs=tuple(sorted(str(r[0]) for r in workspace.rows(agreed))),
        ground=tuple(dict.fromkeys(r.file for r in records)),
        outside=_outside(sightings, read, records),
        suspected=_suspected(workspace.folder, [subject, *(s.stored for s in sightings)], files),
    )
    return Plan(tuple(sightings), files, _flags(workspace, hit, number), receipt)


def carry_out(workspace: Workspace, planned: Plan) -> None:
    """Deletes the files, then replaces the database by one without the subject, in a single step.

    Killed before that step, the subject is as it was, only reports are gone, which can be written again.

    Raises:
        WorkspaceError: the disk is full or the file is held by another; nothing but reports is gone.
    """
    try:
        for path in planned.files:
            path.unlink(missing_ok=True)
        for folder in sorted({p.parent for p in planned.files} - {workspace.folder}, reverse=True):
            if not any(folder.iterdir()):
                shutil.rmtree(folder)
    except OSError as error:
        raise write_failed(workspace.folder, error) from None
    rewriting.rewrite(
        workspace,
        _selections(),
        _tables(planned.sightings),
        "erase",
        f"receipt {planned.receipt.receipt}",
        lambda connection: _record(connection, planned),
        prepare=_GONE.format("before."),
    )


def _tables(sightings: Sequence[Sighting]) -> dict[str, dict[str, list[str]]]:
    def listed(chosen: Iterable[Sighting]) -> dict[str, list[str]]:
        unique = sorted({(s.panel, s.source, s.stored) for s in chosen})
        # A table without rows would have no types.
        columns = zip(*(unique or [("", "", "")]), strict=True)
        return dict(zip(("panel", "source", "id"), map(list, columns), strict=True))

    return {
        "gone_people": listed(s for s in sightings if s.person),
        "gone_donors": listed(s for s in sightings if s.donor),
        "gone_speakers": listed(s for s in sightings if s.spoke),
        "gone_panels": {"panel": sorted({s.panel for s in sightings if s.person or s.donor}) or [""]},
    }


def _selections() -> dict[str, str]:
    """What stays of each table."""
    gone = {
        "people": _PEOPLE.format("id"),
        "real_answers": _PEOPLE.format("id"),
        "trained": _PEOPLE.format("id"),
        "set_aside": _PEOPLE.format("id"),
        "spoken": _SPOKE,
        "persons": _PEOPLE.format("mirrors"),
        "attributes": f"{_PEOPLE.format('id')} OR {_LENT}",
        "imputations": f"{_PEOPLE.format('id')} OR {_PEOPLE.format('donor')}",
        "asked": _ANSWER,
        "answers": _ANSWER,
        "missing": _ANSWER,
        "agreements": _AGREEMENT.format("before."),
    }
    return {table: f"FROM before.{table} t WHERE NOT ({rule})" for table, rule in gone.items()}


def _deleted(workspace: Workspace) -> Deleted:
    def count(table: str, rule: str) -> int:
        return int(workspace.value(f"SELECT count(*) FROM {table} t WHERE {rule}"))

    own = _PEOPLE.format("id")
    return Deleted(
        people=min(count("people", own), 1),
        persons=count("persons", _PEOPLE.format("mirrors")),
        answers=count("answers", _ANSWER),
        real_answers=count("real_answers", own),
        attributes=count("attributes", own),
        lent=count("attributes", f"{_LENT} AND NOT {own}"),
        imputations=count("imputations", f"{own} OR {_PEOPLE.format('donor')}"),
        agreements=count("agreements", _AGREEMENT.format("")),
    )


def _adapters(workspace: Workspace) -> dict[str, int]:
    """Adapters fitted on the subject, or on attributes that others had from it -> how many people."""
    fitted = workspace.rows(
        f"""SELECT adapter, count(*) FROM (
            SELECT t.adapter, t.id FROM trained t WHERE {_PEOPLE.format("id")}
            UNION SELECT t.adapter, t.id FROM spoken t WHERE {_SPOKE}
        ) GROUP BY 1 ORDER BY 1"""
    )
    lent = workspace.rows(
        f"""SELECT DISTINCT a.adapter FROM adapters a JOIN attributes t ON t.panel = a.panel
        WHERE {_LENT} AND list_contains(json_extract_string(a.record, '$.attributes[*]'), t.attribute)
        ORDER BY 1"""
    )
    return {str(row[0]): 1 for row in lent} | {str(a): int(n) for a, n in fitted}


def _flags(workspace: Workspace, hit: dict[str, int], number: str) -> dict[str, Flag]:
    flags: dict[str, Flag] = {}
    for adapter, people in hit.items():
        known = flag(workspace, adapter)
        before, receipts = (0, ()) if known is None else (known.people, known.receipts)
        flags[adapter] = Flag(people=before + people, receipts=(*receipts, number))
    return flags


def flag(workspace: Workspace, adapter: str) -> Flag | None:
    """Why an adapter is flagged, ``None`` where it is not."""
    found = workspace.value("SELECT flagged FROM adapters WHERE adapter = ?", [adapter])
    return None if found is None else Flag.model_validate_json(found)


def _record(connection: Connection, planned: Plan) -> None:
    """Writes list, receipt and flags into the new file, and how many people and persons its panels have."""
    receipt = planned.receipt
    for mark in sorted({s.mark for s in planned.sightings}):
        connection.execute("INSERT OR IGNORE INTO erased VALUES (?, ?)", [mark, receipt.moment])
    row = [receipt.receipt, receipt.moment, receipt.model_dump_json()]
    connection.execute("INSERT INTO receipts VALUES (?, ?, ?)", row)
    for adapter, why in planned.flags.items():
        row = [why.model_dump_json(), adapter]
        connection.execute("UPDATE adapters SET flagged = ? WHERE adapter = ?", row)
    for panel in receipt.panels:
        found = connection.execute(
            "SELECT record, (SELECT count(*) FROM people p WHERE p.panel = t.panel), "
            "(SELECT count(*) FROM persons p WHERE p.panel = t.panel) FROM panels t WHERE panel = ?",
            [panel],
        ).fetchall()
        kept, people, persons = found[0]
        record = PanelRecord.model_validate_json(kept).model_copy(
            update={"people": people, "persons": persons}
        )
        connection.execute("UPDATE panels SET record = ? WHERE panel = ?", [record.model_dump_json(), panel])


def _exports(workspace: Workspace) -> tuple[list[Path], list[Path]]:
    """Files that the panels were exported to, inside the workspace and outside it."""
    found = workspace.rows("SELECT path FROM exports SEMI JOIN gone_panels USING (panel) ORDER BY path")
    home = workspace.folder.resolve()
    paths = [Path(row[0]) for row in found]
    return [p for p in paths if p.is_relative_to(home)], [p for p in paths if not p.is_relative_to(home)]


def _files(folder: Path, reported: Sequence[str], exports: Sequence[Path]) -> list[Path]:
    """Reports on the panels and their runs, all exports, trainings that were not finished, all encodings.

    The subject is in their rows, figures or weights, or a value may be that nobody else has.
    """
    places = [folder / "reports" / name for name in reported] + [folder / "exports"]
    places += [p for p in (folder / "reports").glob(".*.part")]
    places += [p for p in (folder / "adapters").glob(".*.checkpoints")]
    found = {path for place in places for path in place.rglob("*") if path.is_file()}
    found |= {folder / p.relative_to(folder.resolve()) for p in exports if p.is_file()}
    found |= set(encodings.files(folder))
    return sorted(found)


def _train_file(workspace: Workspace, adapter: str) -> str:
    sql = "SELECT json_extract_string(record, '$.file') FROM adapters WHERE adapter = ?"
    return str(workspace.value(sql, [adapter]))


def _placed(name: str, origin: str) -> str:
    """A source and where its rows lie, which is said once where the file's name is the source's."""
    return name if origin == name else f"{name} ({origin})"


def _outside(
    sightings: Sequence[Sighting], origins: dict[str, str], records: Sequence[PanelRecord]
) -> tuple[str, ...]:
    named = [name for s in sightings for name in s.source.split(", ") if name]
    if not named:
        return tuple(dict.fromkeys(name for r in records for name in r.inputs))
    return tuple(dict.fromkeys(_placed(name, origins.get(name, "not recorded")) for name in named))


def _suspected(folder: Path, ids: Sequence[str], deleted: Sequence[Path]) -> tuple[str, ...]:
    """Text files in the folder, not written by this program, in which one of the ids stands as a word."""
    words = re.compile(rb"(?<![\w-])(" + b"|".join(re.escape(i.encode()) for i in set(ids)) + rb")(?![\w-])")
    own = {folder / name for name in (FOLDER, "adapters", "reports", "exports")}
    gone = set(deleted)
    found = [
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in _TEXT and path.is_file() and path.name != FILE and path not in gone
        if not own & set(path.parents) and _holds(path, words)
    ]
    return tuple(sorted(str(path.relative_to(folder)) for path in found))


def _holds(path: Path, words: re.Pattern[bytes]) -> bool:
    with path.open("rb") as file:
        return any(words.search(line) for line in file)
