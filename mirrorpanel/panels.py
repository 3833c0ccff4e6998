"""Panels in a workspace: writing what was grounded, reading it back."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import astuple
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from grounding.build import Grounded
from grounding.population.imputation import NO_DONOR, Imputed
from mirrorpanel import arrow
from mirrorpanel.records import PanelRecord
from mirrorpanel.store import Workspace
from personas.answer import NO_ANSWER, Answers
from personas.arrays import FloatArray, IntArray
from personas.panel import UNKNOWN, Panel
from personas.question import Question

ObjectArray: TypeAlias = npt.NDArray[np.object_]


def identifier(record: PanelRecord) -> str:
    """Name and hash of everything that a panel is made from."""
    content = record.spec.model_dump_json() + "".join(record.inputs.values()) + record.left_out
    return f"{record.spec.panel}-{hashlib.sha256(content.encode()).hexdigest()[:8]}"


def exists(workspace: Workspace, panel: str) -> bool:
    """Whether this very panel was grounded before."""
    return workspace.value("SELECT count(*) FROM panels WHERE panel = ?", [panel]) > 0


def write(workspace: Workspace, panel: str, record: PanelRecord, grounded: Grounded) -> None:
    """Stores a grounded panel whole."""
    with workspace.transaction("ground", panel):
        row = [panel, record.spec.panel, workspace.moment("panels"), record.model_dump_json()]
        workspace.connection.execute("INSERT INTO panels VALUES (?, ?, ?, ?)", row)
        questions = grounded.answers.questions
        _numbered(workspace, "questions", panel, {"question": [q.model_dump_json() for q in questions]})
        sources = grounded.sources
        named = {"name": [s.name for s in sources], "record": [s.model_dump_json() for s in sources]}
        _numbered(workspace, "sources", panel, named)
        _numbered(workspace, "toplines", panel, {"record": [t.model_dump_json() for t in grounded.toplines]})
        people, persons = grounded.people, grounded.persons
        times = [None] * len(people) if grounded.seconds is None else _or_none(grounded.seconds)
        own = {"id": list(people.ids), "weight": people.weights, "seconds": times}
        _numbered(workspace, "people", panel, own)
        _write_answers(workspace, panel, people, grounded.answers)
        for place, entry in enumerate(grounded.provenance):
            workspace.connection.execute(
                f"INSERT INTO provenance VALUES ({', '.join('?' * 11)})", [panel, place, *astuple(entry)]
            )
        _write_attributes(workspace, panel, grounded)
        drawn = {
            "person": list(persons.ids),
            "mirrors": list(grounded.mirrors),
            "weight": persons.weights,
            "copy": grounded.copies,
        }
        _numbered(workspace, "persons", panel, drawn)


def _numbered(workspace: Workspace, table: str, panel: str, columns: Mapping[str, object]) -> None:
    """Appends rows of one panel with their place in it; no rows are nothing to do."""
    first = next(iter(columns.values()))
    n = len(first)  # pyright: ignore[reportArgumentType]
    if n:
        workspace.insert(table, {"panel": [panel] * n, "place": np.arange(n), **columns})


def _write_answers(workspace: Workspace, panel: str, people: Panel, answers: Answers) -> None:
    person, question = np.nonzero(answers.chosen != NO_ANSWER)
    if not len(person):
        return
    workspace.insert(
        "real_answers",
        {
            "panel": [panel] * len(person),
            "id": np.asarray(people.ids, dtype=object)[person],
            "question": np.asarray([q.name for q in answers.questions], dtype=object)[question],
            "option": answers.chosen[person, question],
        },
    )


def _write_attributes(workspace: Workspace, panel: str, grounded: Grounded) -> None:
    people = grounded.people
    ids = np.asarray(people.ids, dtype=object)
    kinds = {p.attribute: p.kind for p in reversed(grounded.provenance)}
    most = max((filled.copies for filled in grounded.imputed.values()), default=1)
    for a, attribute in enumerate(people.attributes):
        known = np.flatnonzero(people.codes[:, a] != UNKNOWN)
        filled = grounded.imputed.get(attribute)
        donors = grounded.donors.get(attribute)
        lender = np.full(len(people), None, dtype=object)
        distance = np.full(len(people), np.nan)
        if donors is not None:
            lender[:], distance = donors.ids, donors.distance
        kind = np.full(len(people), kinds[attribute], dtype=object)
        if filled is not None:
            kind[filled.imputed] = "imputed"
            lender[filled.imputed] = _lenders(people, filled, 0)
            if filled.distance is not None:
                distance[filled.imputed] = filled.distance[filled.imputed, 0]
        workspace.insert(
            "attributes",
            {
                "panel": [panel] * len(known),
                "id": ids[known],
                "attribute": [attribute] * len(known),
                "value": np.asarray(people.levels[a], dtype=object)[people.codes[known, a]],
                "kind": kind[known],
                "donor": lender[known],
                "distance": _or_none(distance[known]),
            },
        )
        if filled is not None:
            _write_copies(workspace, panel, people, filled, most)


def _write_copies(workspace: Workspace, panel: str, people: Panel, filled: Imputed, most: int) -> None:
    """All copies of the imputed values but the first, which stands among the attributes.

    One filled fewer times than ``most`` begins anew; one filled once has the first copy throughout.
    """
    n = int(filled.imputed.sum())
    values = np.asarray(filled.levels, dtype=object)
    for copy in range(1, most if n and filled.copies > 1 else 0):
        workspace.insert(
            "imputations",
            {
                "panel": [panel] * n,
                "id": np.asarray(people.ids, dtype=object)[filled.imputed],
                "attribute": [filled.attribute] * n,
                "copy": np.full(n, copy),
                "value": values[filled.codes[filled.imputed, copy % filled.copies]],
                "donor": _lenders(people, filled, copy % filled.copies),
                "distance": _distances(filled, copy % filled.copies),
            },
        )


def _lenders(people: Panel, filled: Imputed, copy: int) -> ObjectArray:
    """Id of the donor of each imputed value, ``None`` where a model made it."""
    n = int(filled.imputed.sum())
    if filled.donors is None:
        return np.full(n, None, dtype=object)
    rows = filled.donors[filled.imputed, copy]
    found = np.asarray(people.ids, dtype=object)[rows]
    found[rows == NO_DONOR] = None
    return found


def _distances(filled: Imputed, copy: int) -> list[float | None]:
    """Distance to the donor of each imputed value; ``None`` where there is none."""
    if filled.distance is None:
        return [None] * int(filled.imputed.sum())
    return _or_none(filled.distance[filled.imputed, copy])


def _or_none(values: FloatArray) -> list[float | None]:
    """The values, ``None`` where NaN."""
    return [None if np.isnan(v) else v for v in values.tolist()]


def questions(workspace: Workspace, panel: str) -> tuple[Question, ...]:
    """The questions that the real people were asked."""
    found = workspace.rows("SELECT question FROM questions WHERE panel = ? ORDER BY place", [panel])
    return tuple(Question.model_validate_json(row[0]) for row in found)


def people(workspace: Workspace, panel: str) -> tuple[Panel, Answers]:
    """The real people with weights and attributes, and their answers."""
    found = workspace.columns("SELECT id, weight FROM people WHERE panel = ? ORDER BY place", [panel])
    ids = tuple(arrow.strings(found, "id"))
    asked = questions(workspace, panel)
    chosen = np.full((len(ids), len(asked)), NO_ANSWER, dtype=np.int64)
    given = workspace.columns(
        "SELECT p.place AS person, q.place AS question, r.option FROM real_answers r "
        "JOIN people p ON p.panel = r.panel AND p.id = r.id "
        "JOIN (SELECT panel, place, question->>'name' AS name FROM questions) q "
        "ON q.panel = r.panel AND q.name = r.question WHERE r.panel = ?",
        [panel],
    )
    places, options = _ranks(workspace, panel), arrow.integers(given, "option")
    chosen[places[arrow.integers(given, "person")], arrow.integers(given, "question")] = options
    names, levels, codes = _attributes(workspace, panel, len(ids), places)
    return Panel(ids, names, levels, codes, arrow.floats(found, "weight")), Answers(asked, chosen)


def seconds(workspace: Workspace, panel: str) -> FloatArray | None:
    """How long each of the real people took to answer, NaN where unknown; ``None`` where it is of nobody."""
    found = workspace.rows("SELECT seconds FROM people WHERE panel = ? ORDER BY place", [panel])
    times = np.array([np.nan if row[0] is None else row[0] for row in found], dtype=np.float64)
    return times if np.isfinite(times).any() else None


def persons(workspace: Workspace, panel: str) -> Panel:
    """The drawn persons with the attributes of the people whom they mirror.

    A value that was imputed several times is, for each person, the copy that was drawn for that person.
    """
    found = workspace.columns(
        "SELECT p.person, p.weight, p.copy, q.place FROM persons p "
        "JOIN people q ON q.panel = p.panel AND q.id = p.mirrors WHERE p.panel = ? ORDER BY p.place",
        [panel],
    )
    places = _ranks(workspace, panel)
    n = int(workspace.value("SELECT count(*) FROM people WHERE panel = ?", [panel]))
    names, levels, codes = _attributes(workspace, panel, n, places)
    rows = places[arrow.integers(found, "place")]
    mine = codes[rows]
    copies = arrow.integers(found, "copy")
    for copy in np.unique(copies[copies > 0]).tolist():
        here = np.flatnonzero(copies == copy)
        mine[here] = _overlaid(workspace, panel, copy, names, levels, codes, places)[rows[here]]
    ids = tuple(arrow.strings(found, "person"))
    return _compact(Panel(ids, names, levels, mine, arrow.floats(found, "weight")))


def mirrored(workspace: Workspace, panel: str) -> IntArray:
    """Which of the people each person mirrors, 0 and up, shape (n_persons,), in the order of ``persons``."""
    found = workspace.columns(
        "SELECT q.place FROM persons p JOIN people q ON q.panel = p.panel AND q.id = p.mirrors "
        "WHERE p.panel = ? ORDER BY p.place",
        [panel],
    )
    return _ranks(workspace, panel)[arrow.integers(found, "place")]


def _ranks(workspace: Workspace, panel: str) -> IntArray:
    """Row of the person at each place; places may have gaps where people were erased."""
    found = workspace.columns("SELECT place FROM people WHERE panel = ? ORDER BY place", [panel])
    places = arrow.integers(found, "place")
    ranks = np.full(int(places.max()) + 1 if len(places) else 0, -1, dtype=np.int64)
    ranks[places] = np.arange(len(places))
    return ranks


def _attributes(
    workspace: Workspace, panel: str, n: int, places: IntArray
) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...], IntArray]:
    """Names, sorted levels and codes (n_people, n_attributes) of all attributes of the people."""
    listed = workspace.rows(
        "SELECT attribute FROM provenance WHERE panel = ? GROUP BY attribute ORDER BY min(place)", [panel]
    )
    names = tuple(str(r[0]) for r in listed)
    levels: list[tuple[str, ...]] = []
    codes = np.full((n, len(names)), UNKNOWN, dtype=np.int64)
    for a, name in enumerate(names):
        values = workspace.rows(
            "SELECT DISTINCT value FROM attributes WHERE panel = ? AND attribute = ? UNION "
            "SELECT DISTINCT value FROM imputations WHERE panel = ? AND attribute = ? ORDER BY 1",
            [panel, name, panel, name],
        )
        levels.append(tuple(sorted(str(v[0]) for v in values)))
        found = workspace.columns(
            "SELECT p.place, a.value FROM attributes a JOIN people p ON p.panel = a.panel AND p.id = a.id "
            "WHERE a.panel = ? AND a.attribute = ?",
            [panel, name],
        )
        codes[places[arrow.integers(found, "place")], a] = arrow.coded(found, "value", levels[-1])
    return names, tuple(levels), codes


def _overlaid(
    workspace: Workspace,
    panel: str,
    copy: int,
    names: Sequence[str],
    levels: Sequence[Sequence[str]],
    codes: IntArray,
    places: IntArray,
) -> IntArray:
    """``codes`` with the values of one imputed copy in their place."""
    result = codes.copy()
    for a, name in enumerate(names):
        found = workspace.columns(
            "SELECT p.place, i.value FROM imputations i JOIN people p ON p.panel = i.panel AND p.id = i.id "
            "WHERE i.panel = ? AND i.attribute = ? AND i.copy = ?",
            [panel, name, copy],
        )
        result[places[arrow.integers(found, "place")], a] = arrow.coded(found, "value", levels[a])
    return result


def _compact(panel: Panel) -> Panel:
    """The panel without levels that nobody has."""
    levels: list[tuple[str, ...]] = []
    codes = np.empty_like(panel.codes)
    for a, values in enumerate(panel.levels):
        used = np.bincount(panel.codes[:, a] + 1, minlength=len(values) + 1)[1:] > 0
        place = np.append(np.cumsum(used) - 1, UNKNOWN)
        codes[:, a] = place[panel.codes[:, a]]
        levels.append(tuple(v for v, u in zip(values, used, strict=True) if u))
    return Panel(panel.ids, panel.attributes, tuple(levels), codes, panel.weights)
