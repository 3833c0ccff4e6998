from pathlib import Path

import numpy as np
import pytest
from own_study import GROUND, QUESTIONS, change, contents, done, grounded_study, rows, write_study

from grounding import build
from grounding.privacy.guard import Guard
from grounding.spec import GroundSpec
from mirrorpanel import keys, panels
from mirrorpanel.store import Workspace
from personas import document

CRM = """\
crm:
  - name: shop
    files: {customers: customers.csv, sales: sales.csv}
    people: customers
    key: customer
    attributes:
      spend: {table: sales, measure: sum, of: price, up_to: {little: 5, much: null}}
    match:
      age:
        people: {column: age, bins: {18-44: [18, 44], 45 and over: [45, 120]}}
        customers: {column: age, values: {18-44: young, 45 and over: old}}
impute:
  - {attribute: region, table: us_region_2022}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = write_study(tmp_path_factory.mktemp("panels") / "own")
    (made / "grounding.yaml").write_text(GROUND + CRM)
    (made / "customers.csv").write_text("customer,age\nc1,young\nc2,old\n")
    (made / "sales.csv").write_text("customer,price\nc1,2\nc2,9\n")
    # Nothing is known of the place of one person: she must come back as unknown, not as a value.
    change(made / "people.csv", "\nh005,", "\nh005x,")
    lines = (made / "people.csv").read_text().splitlines()
    lines[1] = ",".join([*lines[1].split(",")[:3], "", *lines[1].split(",")[4:]])
    (made / "people.csv").write_text("\n".join(lines))
    done("ground", made / "grounding.yaml", "-w", made)
    return made


@pytest.fixture(scope="module")
def built(folder):
    spec = document.read(folder / "grounding.yaml", GroundSpec)
    with Workspace(folder) as workspace:
        guard = Guard(keys.pseudonymiser(workspace))
        return build.ground(spec, folder, folder, guard, lambda _: None)


def panel_of(workspace):
    return workspace.latest("panels", "panel", "own")


def test_people_come_back_as_they_were_grounded(folder, built):
    with Workspace(folder) as workspace:
        people, answers = panels.people(workspace, panel_of(workspace))
    assert people.ids == built.people.ids
    assert people.attributes == built.people.attributes == ("age_group", "sex", "place", "spend", "region")
    assert np.array_equal(people.weights, built.people.weights)
    for name in people.attributes:
        assert people.values(name) == built.people.values(name)
    assert people.values("place")[0] is None
    assert answers.questions == built.answers.questions
    assert np.array_equal(answers.chosen, built.answers.chosen)
    assert tuple(q.name for q in answers.questions) == QUESTIONS


def test_persons_come_back_with_the_attributes_of_those_they_mirror(folder, built):
    with Workspace(folder) as workspace:
        persons = panels.persons(workspace, panel_of(workspace))
    assert persons.ids == built.persons.ids
    assert np.array_equal(persons.weights, built.persons.weights)
    for row in range(len(persons)):
        assert persons.person(row) == built.persons.person(row)


def test_every_attribute_of_every_person_has_its_provenance(folder, built):
    known = sum(len(built.persons.person(i).attributes) for i in range(len(built.persons)))
    found = rows(folder, "SELECT attribute, kind, source, method FROM person_attributes")
    assert len(found) == known
    assert {(a, kind) for a, kind, _, _ in found} == {
        ("age_group", "observed"),
        ("sex", "observed"),
        ("place", "observed"),
        ("spend", "matched"),
        ("region", "imputed"),
    }
    assert all(source and method for _, _, source, method in found)


def test_a_matched_value_names_its_donor_by_a_pseudonym(folder):
    found = rows(folder, "SELECT DISTINCT attribute, value, donor FROM attributes WHERE donor IS NOT NULL")
    with Workspace(folder) as workspace:
        c1, c2 = keys.pseudonymiser(workspace)("shop", ("c1", "c2"))
    assert sorted(found) == [("spend", "little", c1), ("spend", "much", c2)]


def test_persons_are_counted_by_the_people_whom_they_mirror(folder, built):
    with Workspace(folder) as workspace:
        mirrored = panels.mirrored(workspace, panel_of(workspace))
    assert [built.people.ids[i] for i in mirrored] == list(built.mirrors)


def test_the_same_file_and_data_are_the_same_panel(folder):
    before = contents(folder)
    again = done("ground", folder / "grounding.yaml", "-w", folder, "--json").json
    assert again["fresh"] is False
    after = contents(folder)
    assert {k: v for k, v in before.items() if k != "panels"} == {
        k: v for k, v in after.items() if k != "panels"
    }
    assert len(after["panels"]) == 1


def test_other_data_make_another_panel_and_the_name_stands_for_the_last_grounded(tmp_path: Path):
    folder = grounded_study(tmp_path / "own")
    first = rows(folder, "SELECT panel FROM panels")[0][0]
    original = (folder / "people.csv").read_text()
    change(folder / "people.csv", "\nh003,", "\nx003,")
    second = done("ground", folder / "grounding.yaml", "-w", folder, "--json").json
    assert second["fresh"] is True
    assert second["panel"] != first
    (folder / "people.csv").write_text(original)
    assert done("ground", folder / "grounding.yaml", "-w", folder, "--json").json["panel"] == first
    with Workspace(folder) as workspace:
        assert panel_of(workspace) == first
        assert workspace.value("SELECT count(*) FROM panels") == 2
