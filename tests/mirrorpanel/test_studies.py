"""Published studies from the grounding file to the report; no proof where they were an anchor."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from own_study import GROUND, contents, done, grounded_study, mirrorpanel, write_study

from grounding.sources.toplines import Anchor
from mirrorpanel import panels, runs, studies
from mirrorpanel.records import RunRecord
from mirrorpanel.store import Workspace
from personas.answer import shares
from validation.toplines import ToplineResult

PUBLISHED = """
source: Example Institute, Drinks 2025
licence: figures quoted
population: adults
field_start: 2025-03-03
field_end: 2025-03-14
n: 1000
weighted: false
no_answer: [no opinion]
questions:
  - name: t1
    text: "do you like TEA?"
    options: ['yes', 'no', no opinion]
    scale: nominal
    total: {shares: [54, 36, 10]}
    segments:
      sex: {female: {n: 510, shares: [60, 30, 10]}, male: {n: 490, shares: [48, 42, 10]}}
      region: {north: {n: 300, shares: [50, 40, 10]}}
  - name: coffee
    text: "Coffee?"
    options: ['no', 'yes']
    scale: nominal
    total: {shares: [40, 60]}
  - {name: juice, text: "Juice?", options: ['no', 'yes'], total: {shares: [50, 50]}}
"""
STUDIES = "studies:\n  - {file: drinks.yaml}\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a fielded and validated run of a panel that has a published study."""
    place = tmp_path_factory.mktemp("studies")
    write_study(place)
    (place / "ground.yaml").write_text(GROUND + STUDIES)
    (place / "drinks.yaml").write_text(PUBLISHED)
    done("ground", place / "ground.yaml", "-w", place)
    done("field", place / "study.yaml", "-w", place)
    return place


@pytest.fixture(scope="module")
def validated(folder: Path) -> dict[str, Any]:
    return done("validate", "tastes", "-w", folder, "--json").json


def test_the_grounding_page_says_what_can_be_used_and_what_not(folder: Path) -> None:
    page = next((folder / "reports").glob("own-*/grounding.html")).read_text(encoding="utf-8")
    for text in (
        "Example Institute, Drinks 2025: 1,000 people (unweighted), fielded 2025-03-03 to 2025-03-14",
        "an anchor of the prior of 2 of the panel&#39;s questions: tea, coffee.",
        "Same name and options, but another wording: coffee.",
        "Published, but not used: juice (no question has this name, or this text and these options).",
        "Segments that the panel does not have, and that stay unused: region: north.",
    ):
        assert text in page


def test_validation_compares_the_shares_of_persons_with_those_published(
    folder: Path, validated: dict[str, Any]
) -> None:
    (found,) = validated["toplines"]
    assert found["source"] == "Example Institute, Drinks 2025"
    assert (found["questions"], found["anchored"]) == (2, [])  # the scripted model was trained on nothing
    with Workspace(folder) as workspace:
        run = workspace.latest("runs", "run", "tastes")
        record = workspace.record("runs", "run", run, RunRecord)
        persons = panels.persons(workspace, str(workspace.value("SELECT panel FROM runs")))
        tea, coffee = (next(q for q in record.questions if q.name == n) for n in ("tea", "coffee"))
        _, drawn = runs.answers(workspace, run, persons.ids, [tea, coffee])
    mine = [shares(drawn[:, j], 2, persons.weights) for j in range(2)]
    theirs = [np.array([0.4, 0.6]), np.array([0.4, 0.6])]
    expected = np.mean([1 - 0.5 * np.abs(a - b).sum() for a, b in zip(mine, theirs, strict=True)])
    assert found["agreement"] == pytest.approx(expected)


def test_a_question_that_a_study_anchored_is_shown_and_proves_nothing(folder: Path) -> None:
    with Workspace(folder) as workspace:
        run = workspace.latest("runs", "run", "tastes")
        record = workspace.record("runs", "run", run, RunRecord)
        panel = str(workspace.value("SELECT panel FROM runs"))
        used = [Anchor("tea", np.array([0.4, 0.6]), 900.0, "Example Institute, Drinks 2025")]
        (plain,) = studies.compared(workspace, run, panel, record, [])
        (found,) = studies.compared(workspace, run, panel, record, used)
        (other,) = studies.compared(workspace, run, panel, record, [replace(used[0], source="another study")])
    assert other == plain
    assert {r.question for r in found.results if r.anchored} == {"tea"}
    coffee = next(r for r in found.results if r.question == "coffee")
    assert (found.questions, found.mean_agreement) == (1, coffee.agreement and coffee.agreement.value)
    assert [r.agreement for r in found.results] == [r.agreement for r in plain.results]


def test_nothing_about_single_people_is_computed_from_published_shares() -> None:
    kept = {"question", "text", "options", "attribute", "level", "published", "simulated", "agreement"}
    kept |= {"ceiling", "n", "n_effective", "persons", "reason", "anchored"}
    assert set(ToplineResult.model_fields) == kept


def test_the_report_sets_published_shares_apart_from_real_answers(
    folder: Path, validated: dict[str, Any]
) -> None:
    assert validated
    path = Path(done("report", "tastes", "-w", folder, "--json").json["report"])
    page = path.read_text(encoding="utf-8")
    assert "Against published studies" in page
    assert "no figure: the panel has no attribute &#39;region&#39;" in page
    assert "No published shares are in it: the prior rests on real answers alone." in page
    twin = json.loads((path.parent / "report.json").read_text(encoding="utf-8"))
    assert [r["question"] for r in twin["toplines"][0]["results"]] == ["tea"] * 4 + ["coffee"]


def test_anchors_are_those_of_the_questions_asked_for_and_survive_the_record(folder: Path) -> None:
    with Workspace(folder) as workspace:
        panel = str(workspace.value("SELECT panel FROM runs"))
        questions = panels.questions(workspace, panel)
        found = studies.anchors(workspace, panel, [q for q in questions if q.name != "tea"])
        both = studies.anchors(workspace, panel, questions)
    assert [a.question for a in found.anchors] == ["coffee"]
    assert [u.question for u in found.unused] == ["t1", "juice"]
    assert {a.question: a.n_effective for a in both.anchors} == {"tea": 900.0, "coffee": 1000.0}
    np.testing.assert_allclose(both.anchors[0].shares, [0.4, 0.6])  # in the panel's order: no, yes
    recorded = studies.recorded(both.anchors)
    assert [(r.question, r.shares) for r in recorded][1] == ("coffee", (0.4, 0.6))


def test_a_study_that_only_validates_is_no_anchor(tmp_path: Path) -> None:
    write_study(tmp_path)
    (tmp_path / "ground.yaml").write_text(GROUND + "studies:\n  - {file: drinks.yaml, anchor: false}\n")
    (tmp_path / "drinks.yaml").write_text(PUBLISHED)
    done("ground", tmp_path / "ground.yaml", "-w", tmp_path)
    with Workspace(tmp_path) as workspace:
        panel = workspace.latest("panels", "panel", "own")
        assert studies.anchors(workspace, panel, panels.questions(workspace, panel)).anchors == ()
        assert [s.anchor for s in studies.of(workspace, panel)] == [False]


@pytest.mark.parametrize(
    ("published", "expected"),
    [
        (None, "no such file 'drinks.yaml'"),
        (PUBLISHED.replace("[40, 60]", "[40, 50]"), "coffee, total: shares sum to 90, not to 100"),
        (PUBLISHED.replace("n: 510", "n: 5100"), "t1, sex: female: n is 5100, more than the study's 1000"),
        (PUBLISHED.replace("2025-03-14", "2025-02-14"), "fieldwork ends before it starts, on 2025-03-03"),
    ],
)
def test_a_study_that_cannot_be_used_leaves_the_workspace_as_it_was(
    tmp_path: Path, published: str | None, expected: str
) -> None:
    grounded_study(tmp_path)
    (tmp_path / "ground.yaml").write_text(GROUND + STUDIES)
    if published is not None:
        (tmp_path / "drinks.yaml").write_text(published)
    before = contents(tmp_path)
    ended = mirrorpanel("ground", tmp_path / "ground.yaml", "-w", tmp_path)
    assert ended.code == 1
    assert expected in ended.err
    assert contents(tmp_path) == before
