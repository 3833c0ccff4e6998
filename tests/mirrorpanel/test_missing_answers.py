"""Runs from which some answers did not come, by a scripted model that can refuse, mumble or fail."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from dataclasses import field as made
from pathlib import Path

import numpy as np
import pytest
from own_study import PERSONS, QUESTIONS, change, done, grounded_study, mirrorpanel, rows

from mirrorpanel import lineup, panels, runs
from mirrorpanel.records import RunRecord
from mirrorpanel.store import Workspace
from personas.answer import NO_ANSWER
from personas.models.asked import Asked, AskedModel, Missing
from personas.models.scripted import ScriptedModel
from personas.panel import Panel
from personas.question import Question

ALL = PERSONS * len(QUESTIONS)


@dataclass(frozen=True)
class Moody(ScriptedModel):
    """Says why an answer does not come where ``mood`` names an outcome, and counts what it was asked."""

    mood: Callable[[str, str], str | None] = lambda person, question: None
    asked: list[tuple[str, str]] = made(default_factory=list)

    def ask(self, panel: Panel, questions: Sequence[Question]) -> Asked:
        """See ``AskedModel``."""
        distributions = [d.copy() for d in self.distributions(panel, questions)]
        missing: list[Missing] = []
        for j, question in enumerate(questions):
            for i, person in enumerate(panel.ids):
                self.asked.append((person, question.name))
                outcome = self.mood(person, question.name)
                if outcome is not None:
                    distributions[j][i] = np.nan
                    missing.append(Missing(i, j, outcome, f"{outcome}: as it came 🙃"))
        return Asked(distributions, tuple(missing))


@pytest.fixture
def folder(tmp_path):
    return grounded_study(tmp_path / "own")


@pytest.fixture
def answered_by(monkeypatch):
    def use(mood) -> Moody:
        model = Moody(mood=mood)
        assert isinstance(model, AskedModel)
        monkeypatch.setattr(lineup, "ScriptedModel", lambda: model)
        return model

    return use


def ids(folder) -> tuple[str, ...]:
    with Workspace(folder) as workspace:
        return panels.persons(workspace, workspace.latest("panels", "panel", "own")).ids


def some(people: Sequence[str], every: int):
    chosen = set(people[::every])
    return lambda person: person in chosen


def kept(folder):
    return rows(folder, "SELECT person, question, outcome, reply FROM missing ORDER BY person, question")


def test_a_finished_run_of_a_model_that_is_asked_says_what_it_took(folder, answered_by):
    answered_by(lambda person, question: None)
    said = done("field", folder / "study.yaml", "-w", folder).err
    assert "Took " in said
    assert "Expected" not in said
    assert "Took " not in done("field", folder / "study.yaml", "-w", folder).err


def test_failed_answers_are_kept_and_asked_again_alone_and_never_doubled(folder, answered_by):
    people = ids(folder)
    ill = {(person, "tea") for person in people[::10]} | {(people[3], "parks")}
    model = answered_by(lambda person, question: "failed" if (person, question) in ill else None)
    first = mirrorpanel("field", folder / "study.yaml", "-w", folder)
    assert first.code == 3
    assert "(partial)" in first.out
    assert f"{len(ill)} answers failed to come from the server; they are asked for again" in first.out
    assert {row[:2] for row in kept(folder)} == ill
    assert {row[2:] for row in kept(folder)} == {("failed", "failed: as it came 🙃")}
    # They were asked again once before the run was left.
    assert sorted(model.asked[ALL:]) == sorted(ill)
    assert rows(folder, "SELECT count(*) FROM answers") == [(ALL - len(ill),)]
    refused = mirrorpanel("validate", "tastes", "-w", folder)
    assert "is not complete" in refused.err

    ill.discard((people[3], "parks"))
    again = mirrorpanel("field", folder / "study.yaml", "-w", folder, "--json")
    assert (again.code, again.json["missing"], again.json["complete"]) == (3, {"failed": 12}, False)
    ill.clear()
    model.asked.clear()
    whole = done("field", folder / "study.yaml", "-w", folder, "--json").json
    assert (whole["answers"], whole["missing"], whole["complete"]) == (ALL, {}, True)
    assert sorted(model.asked) == sorted((person, "tea") for person in people[::10])
    assert rows(folder, "SELECT count(*), count(DISTINCT (person, question)) FROM answers") == [(ALL, ALL)]
    found = done("field", "--replay", "tastes", "-w", folder, "--json").json
    assert (found["identical"], found["answers"]) == (True, ALL)


def test_a_refusal_is_final_and_a_failure_that_becomes_one_is_kept_as_one(folder, answered_by):
    people = ids(folder)
    moods = {(people[0], "tea"): "refused", (people[1], "tea"): "failed"}
    model = answered_by(lambda person, question: moods.get((person, question)))
    assert mirrorpanel("field", folder / "study.yaml", "-w", folder).code == 3
    moods[people[1], "tea"] = "unparsable"
    model.asked.clear()
    said = done("field", folder / "study.yaml", "-w", folder).out
    assert model.asked == [(people[1], "tea")]
    assert "1 answer did not come: the model declined, and its words are kept." in said
    assert "1 answer did not come: the reply was none of the options, and its words are kept." in said
    assert [row[2] for row in sorted(kept(folder), key=lambda r: people.index(r[0]))] == [
        "refused",
        "unparsable",
    ]
    model.asked.clear()
    done("field", folder / "study.yaml", "-w", folder)
    assert model.asked == []


def test_figures_leave_persons_out_question_by_question(folder, answered_by):
    people = ids(folder)
    silent = some(people, 5)
    answered_by(lambda p, q: {"tea": "refused", "coffee": "unparsable"}.get(q) if silent(p) else None)
    run = done("field", folder / "study.yaml", "-w", folder, "--json").json
    assert run["missing"] == {"refused": 24, "unparsable": 24}
    said = done("validate", "tastes", "-w", folder).out
    assert (
        "48 of 600 answers did not come: 24 that the model declined to give, 24 with a reply that was none "
        "of the options (coffee 24, tea 24). A person is left out of the figures of the questions without an "
    ) in said
    report = done("report", "tastes", "-w", folder, "--json").json["report"]
    twin = json.loads(Path(report).with_suffix(".json").read_text(encoding="utf-8"))
    assert (twin["refused"], twin["answers"], twin["persons"]) == (48, ALL - 48, PERSONS)
    with Workspace(folder) as workspace:
        record = workspace.record("runs", "run", run["run"], RunRecord)
        panel = panels.persons(workspace, workspace.latest("panels", "panel", "own"))
        distributions, drawn = runs.answers(workspace, run["run"], panel.ids, record.questions)
    for j, question in enumerate(record.questions):
        came = drawn[:, j] != NO_ANSWER
        assert came.sum() == (96 if question.name in ("tea", "coffee") else 120)
        result = next(q for q in twin["agreement"]["questions"] if q["name"] == question.name)
        expected = np.average(distributions[j][came], axis=0, weights=panel.weights[came])
        assert result["simulated"] == pytest.approx(expected.tolist())
        counted = np.bincount(drawn[came, j], weights=panel.weights[came], minlength=len(expected))
        assert result["drawn"] == pytest.approx((counted / counted.sum()).tolist())
    answers = (folder / "reports" / run["run"] / "answers.csv").read_text(encoding="utf-8").splitlines()
    assert len(answers) == 1 + ALL - 48
    assert "🙃" not in "".join(answers)


def test_a_question_that_nobody_answers_has_no_figures_and_all_of_them_are_refused(folder, answered_by):
    answered_by(lambda p, q: "refused" if q == "tea" else None)
    done("field", folder / "study.yaml", "-w", folder)
    assert "Not one answer came to tea: no figures." in done("validate", "tastes", "-w", folder).out
    done("report", "tastes", "-w", folder)
    change(folder / "study.yaml", "seed: 11", "seed: 12")
    answered_by(lambda p, q: "refused")
    done("field", folder / "study.yaml", "-w", folder)
    refused = mirrorpanel("validate", "tastes", "-w", folder)
    assert refused.code == 1
    assert "has no answer to any question that real people were asked" in refused.err
    assert "Traceback" not in refused.err


def test_a_question_of_the_study_alone_is_shown_without_those_who_did_not_answer(folder, answered_by):
    with (folder / "study.yaml").open("a", encoding="utf-8") as file:
        file.write('new_questions:\n  - {name: cocoa, text: "Do you like cocoa?", options: ["no", "yes"]}\n')
        file.write('  - {name: milk, text: "Do you like milk?", options: ["no", "yes"]}\n')
    silent = some(ids(folder), 3)
    answered_by(lambda p, q: "refused" if q == "milk" or (q == "cocoa" and silent(p)) else None)
    done("field", folder / "study.yaml", "-w", folder)
    done("validate", "tastes", "-w", folder)
    report = done("report", "tastes", "-w", folder, "--json").json["report"]
    twin = json.loads(Path(report).with_suffix(".json").read_text(encoding="utf-8"))
    assert [(q["name"], q["shares"]) for q in twin["unvalidated"]] == [("cocoa", [0.5, 0.5])]


def test_what_did_not_come_of_an_erased_person_is_erased(folder, answered_by):
    answered_by(lambda p, q: "refused" if q == "tea" else None)
    done("field", folder / "study.yaml", "-w", folder)
    before = {person for person, *_ in kept(folder)}
    assert len(before) == PERSONS
    mirrors = "SELECT mirrors, list(person) FROM persons GROUP BY 1 ORDER BY count(*) DESC, 1"
    pseudonym, gone = rows(folder, mirrors)[0]
    done("erase", pseudonym, "--yes", "-w", folder)
    assert {person for person, *_ in kept(folder)} == before - set(gone)
    done("validate", "tastes", "-w", folder)
