"""A workspace with people, donors, persons and a run, as grounding and fielding leave it."""

import json
from pathlib import Path

from grounding.privacy.protection import Kind, SourceRecord
from grounding.privacy.spec import Protection
from mirrorpanel import keys, store
from mirrorpanel.records import PanelRecord
from mirrorpanel.store import Workspace

PANEL = "kept-1"
PLANTED = "Planted-Value-7731 Liebfrauenstraße"
PEOPLE = tuple(f"C-{i:05d}" for i in range(30))
DONORS = tuple(f"K-{i:05d}" for i in range(10))
PROTECTION = Protection(controller="Kino GmbH", legal_basis="contract, Art. 6(1)(b)", purpose="panel")


def panel_record() -> PanelRecord:
    """A record of a panel of 30 people and 60 persons."""
    return PanelRecord.model_validate_json(
        json.dumps(
            {
                "spec": {
                    "panel": "kept",
                    "persons": 60,
                    "population": "customers of a cinema",
                    "survey": {"file": "people.csv", "id": "id", "attributes": {"age": {"column": "age"}}},
                },
                "file": "grounding.yaml",
                "people": 30,
                "persons": 60,
                "weighting": {
                    "people": 30, "design_effect": 1.0, "effective_base": 30.0, "largest_weight": 1.0,
                    "largest_margin_error": None, "margins": [],
                },
                "inputs": {"people.csv": "0" * 64},
                "sources": [],
                "tables": [],
                "found": {
                    "household_margins": [], "merges": [], "balance": [], "tradeoff": [], "coverage": None,
                    "filled": [], "supports": [], "modelled": [], "masked": {}, "special": [],
                    "unrecorded": {},
                    "drawing": {
                        "persons": 60, "people": 30, "by_attribute": [], "mean": 0.0, "largest": 0.0,
                        "expected": 0.0,
                    },
                },
                "provenance": [
                    {
                        "attribute": name, "kind": kind, "source": "own", "vintage": "", "licence": "",
                        "method": "", "sha256": "0" * 64,
                    }
                    for name, kind in (("age", "observed"), ("visits", "matched"))
                ],
            }
        )
    )  # fmt: skip


def make(folder: Path, pseudonymised: bool = True) -> Path:
    """Makes the workspace; the first of the people has a planted attribute value and donor 0."""
    store.create(folder)
    with Workspace(folder) as workspace:
        pseudonymise = keys.pseudonymiser(workspace)
        people = pseudonymise("survey", PEOPLE) if pseudonymised else PEOPLE
        donors = pseudonymise("till", DONORS) if pseudonymised else DONORS
        pseudonymise.keep()
        with workspace.transaction("ground", PANEL):
            _write_panel(workspace, people, donors, pseudonymised)
        with workspace.transaction("field", "run-1"):
            _write_run(workspace, people)
    (folder / "reports" / "run-1").mkdir(parents=True)
    (folder / "reports" / "run-1" / "answers.csv").write_text("person,answer\np0,no\n")
    return folder


def _write_panel(
    workspace: Workspace, people: tuple[str, ...], donors: tuple[str, ...], pseudonymised: bool
) -> None:
    n = len(people)
    row = [PANEL, "kept", store.now(), panel_record().model_dump_json()]
    workspace.connection.execute("INSERT INTO panels VALUES (?, ?, ?, ?)", row)
    kinds: tuple[tuple[str, Kind], ...] = (("survey", "survey"), ("till", "crm"))
    for place, (name, kind) in enumerate(kinds):
        record = SourceRecord(
            name=name, kind=kind, origin=f"{name}.csv", protection=PROTECTION, namespace=name,
            pseudonymised=pseudonymised,
        )  # fmt: skip
        row = [PANEL, place, name, record.model_dump_json()]
        workspace.connection.execute("INSERT INTO sources VALUES (?, ?, ?, ?)", row)
    workspace.insert(
        "people", {"panel": [PANEL] * n, "place": list(range(n)), "id": people, "weight": [1.0] * n}
    )
    given = {"panel": [PANEL] * n, "id": people, "question": ["tea"] * n, "option": [0] * n}
    workspace.insert("real_answers", given)
    values = [PLANTED, *("30-39" for _ in people[1:])]
    for attribute, kind in (("age", "observed"), ("visits", "matched")):
        row = [PANEL, attribute, kind]
        workspace.connection.execute(
            "INSERT INTO provenance (panel, place, attribute, kind, source, vintage, licence, method, "
            "sha256, raked) VALUES (?, 0, ?, ?, '', '', '', '', '', '')", row
        )  # fmt: skip
    own = {"panel": [PANEL] * n, "id": people, "attribute": ["age"] * n, "value": values}
    workspace.insert("attributes", own | {"kind": ["observed"] * n})
    lent = {"panel": [PANEL] * n, "id": people, "attribute": ["visits"] * n, "value": ["often"] * n}
    lenders = {"donor": [donors[i % 10] for i in range(n)], "distance": [0.1] * n}
    workspace.insert("attributes", lent | {"kind": ["matched"] * n} | lenders)
    workspace.insert(
        "imputations",
        {
            "panel": [PANEL] * 2, "id": people[:2], "attribute": ["age"] * 2, "copy": [1, 1],
            "value": ["x", "y"], "donor": [people[5], people[0]],
        },
    )  # fmt: skip
    workspace.insert(
        "persons",
        {
            "panel": [PANEL] * 2 * n, "place": list(range(2 * n)),
            "person": [f"p{i:04d}" for i in range(2 * n)], "mirrors": [people[i // 2] for i in range(2 * n)],
            "weight": [1.0] * 2 * n,
        },
    )  # fmt: skip
    columns = "(adapter, name, panel, created, record)"
    record = json.dumps({"attributes": ["age"]})
    workspace.connection.execute(
        f"INSERT INTO adapters {columns} VALUES ('a-1', 'a', ?, ?, ?)", [PANEL, store.now(), record]
    )
    workspace.insert("trained", {"adapter": ["a-1"] * 20, "panel": [PANEL] * 20, "id": people[:20]})


def _write_run(workspace: Workspace, people: tuple[str, ...]) -> None:
    row = ["run-1", "s", PANEL, store.now(), store.now(), 1.0, "cpu", "{}"]
    workspace.connection.execute("INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
    n = 2 * len(people)
    workspace.connection.execute(
        "INSERT INTO answers SELECT 'run-1', person, 'tea', 0, [1.0, 0.0] FROM persons WHERE panel = ?",
        [PANEL],
    )
    assert workspace.value("SELECT count(*) FROM answers") == n
    workspace.connection.execute("INSERT INTO agreements VALUES ('run-1', ?, '{}')", [store.now()])
