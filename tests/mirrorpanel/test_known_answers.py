import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import related_model
from own_study import PERSONS, QUESTIONS, STUDY, change, done, grounded_study, mirrorpanel, rows

from mirrorpanel import known, lineup, panels, runs
from mirrorpanel.lineup import Answering
from mirrorpanel.records import AgreementRecord, RunRecord
from mirrorpanel.store import Workspace
from personas.answer import NO_ANSWER
from personas.errors import WorkspaceError
from personas.models.factored import FactoredModel

KNOWN, ASKED = ("tea", "parks"), ("coffee", "trains", "museums")
STUDY_KNOWN = STUDY.replace("questions: all", "questions: all\nknown: [tea, parks]")


def related(folder: Path) -> FactoredModel:
    """A persona model for the study's panel, in which all questions have something in common."""
    with Workspace(folder) as workspace:
        panel = workspace.latest("panels", "panel", "own")
        asked, persons = panels.questions(workspace, panel), panels.persons(workspace, panel)
    return related_model.model(trained=asked, persons=persons.select(["age_group", "sex"]))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The study whose persons' answers to two questions are known, from fielding to the report."""
    folder = grounded_study(tmp_path_factory.mktemp("known") / "own")
    (folder / "study.yaml").write_text(STUDY_KNOWN)
    model = related(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lineup, "answering", lambda *arguments: Answering(model, None, None, model))
        said = done("field", folder / "study.yaml", "-w", folder)
        run = done("field", folder / "study.yaml", "-w", folder, "--json").json
        done("validate", "tastes", "-w", folder)
        page = Path(done("report", "tastes", "-w", folder).out.splitlines()[-1])
    return folder, model, said.out, run, page


def test_real_answers_of_the_people_behind_the_persons_condition_what_is_asked(whole):
    folder, model, _, run, _ = whole
    with Workspace(folder) as workspace:
        record = workspace.record("runs", "run", run["run"], RunRecord)
        panel = workspace.value("SELECT panel FROM runs WHERE run = ?", [run["run"]])
        persons, (_, real) = panels.persons(workspace, panel), panels.people(workspace, panel)
        mirrored = panels.mirrored(workspace, panel)
        distributions, _ = runs.answers(workspace, run["run"], persons.ids, record.questions)
    assert tuple(q.name for q in record.questions) == ASKED
    mine = real.only(KNOWN).take(mirrored)
    expected = model.distributions(replace(persons, known=mine), record.questions)
    untold = model.distributions(persons, record.questions)
    for found, own, other in zip(distributions, expected, untold, strict=True):
        np.testing.assert_allclose(found, own, atol=1e-12)
        nothing = np.all(mine.chosen == NO_ANSWER, axis=1)
        np.testing.assert_allclose(found[nothing], other[nothing], atol=1e-12)
        assert np.all(np.abs(found - other).max(axis=1)[~nothing] > 1e-4)
    assert record.known is not None
    assert tuple(q.name for q in record.known.questions) == KNOWN
    assert (record.known.answers, record.known.persons) == (
        int((mine.chosen != NO_ANSWER).sum()),
        int(np.any(mine.chosen != NO_ANSWER, axis=1).sum()),
    )
    assert (run["known_answers"], run["known_persons"]) == (record.known.answers, record.known.persons)


def test_the_run_and_its_report_say_how_much_was_known_and_how_answers_were_drawn(whole):
    folder, _, said, run, page = whole
    answers, persons = run["known_answers"], run["known_persons"]
    told = f"{answers:,} real answers of {persons:,} of {PERSONS} persons to 2 questions"
    text = page.read_text(encoding="utf-8")
    assert told in said
    assert told in text
    assert "drawn together" in text
    assert run["draws"] == "joint"
    assert json.loads((page.parent / "report.json").read_text())["known"][0].startswith(told)
    asked = rows(folder, f"SELECT DISTINCT question FROM answers WHERE run = '{run['run']}' ORDER BY 1")
    assert [name for (name,) in asked] == sorted(ASKED)


def test_what_is_validated_is_never_known_and_baselines_lose_what_is_known(whole):
    folder, _, _, run, _ = whole
    with Workspace(folder) as workspace:
        found = workspace.record("agreements", "run", run["run"], AgreementRecord).result
    assert {q.name for q in found.questions} == set(ASKED)
    (status,) = found.statuses
    assert {"empty_persona", "shuffled_persona"} <= set(status.baselines)
    assert status.person_signal["model"] != pytest.approx(status.person_signal["shuffled_persona"], abs=1e-3)


def test_a_run_is_another_one_when_something_else_is_known_or_it_is_drawn_otherwise(whole, monkeypatch):
    folder, model, _, run, _ = whole
    monkeypatch.setattr(lineup, "answering", lambda *arguments: Answering(model, None, None, model))
    some = STUDY.replace("questions: all", "questions: [coffee, trains, museums]")

    def asked(text: str) -> str:
        (folder / "study.yaml").write_text(text)
        return str(done("field", folder / "study.yaml", "-w", folder, "--json").json["run"])

    known_all = asked(some + "known: all\n")
    different = {run["run"], known_all, asked(some), asked(some + "known: [tea]\n")}
    assert len(different | {asked(STUDY_KNOWN + "draws: independent\n")}) == 5
    assert asked(some + "known: [parks, tea]\ndraws: joint\n") == known_all
    assert asked(STUDY_KNOWN + "draws: joint\n") == run["run"]


def test_a_run_that_was_stopped_ends_with_the_same_draws(whole, tmp_path, monkeypatch):
    folder, model, _, run, _ = whole
    with Workspace(folder) as workspace:
        order = "SELECT person, question, option FROM answers WHERE run = ? ORDER BY 1, 2"
        expected = workspace.rows(order, [run["run"]])
    again = grounded_study(tmp_path / "own")
    (again / "study.yaml").write_text(STUDY_KNOWN)
    monkeypatch.setattr(lineup, "answering", lambda *arguments: Answering(model, None, None, model))
    write, left = runs.RunSink.write, [1]

    def stopping(self, batch):
        if self.workspace.folder == again:  # not where the plan tries out how long writing takes
            if not left:
                raise WorkspaceError("stopped")
            left.pop()
        write(self, batch)

    with monkeypatch.context() as patch:
        patch.setattr(runs.RunSink, "write", stopping)
        assert mirrorpanel("field", again / "study.yaml", "-w", again).code == 1
    change(again / "study.yaml", "batch: 50", "batch: 17")
    ended = done("field", again / "study.yaml", "-w", again, "--json").json
    assert ended["resumed"] == 50 * len(ASKED)
    with Workspace(again) as workspace:
        assert workspace.rows(order, [ended["run"]]) == expected


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("known: [tea]", "study.yaml:9: known: scripted knows nothing that the answers of a person share"),
        ("draws: joint", "study.yaml:9: draws: scripted knows nothing that the answers of a person share"),
        (
            "known: [milk]",
            f"study.yaml:9: known: unknown question 'milk'; the panel has {', '.join(QUESTIONS)}",
        ),
        ("known: all", "study.yaml:9: known: no question of the panel is left to be known"),
    ],
)
def test_a_study_that_cannot_be_told_anything_is_refused(tmp_path, lines, message):
    folder = grounded_study(tmp_path / "own")
    (folder / "study.yaml").write_text(STUDY + f"\n{lines}\n")
    refused = mirrorpanel("field", folder / "study.yaml", "-w", folder)
    assert refused.code == 1
    assert message in refused.err
    assert rows(folder, "SELECT count(*) FROM runs") == [(0,)]


def test_a_model_without_residuals_draws_each_answer_for_itself_and_says_so(tmp_path):
    folder = grounded_study(tmp_path / "own")
    run = done("field", folder / "study.yaml", "-w", folder, "--json").json
    assert (run["draws"], run["known_answers"]) == ("independent", 0)


def test_a_known_question_that_gives_away_an_asked_one_is_named(tmp_path):
    folder = tmp_path / "own"
    grounded_study(folder)
    with Workspace(folder) as workspace:
        panel = workspace.latest("panels", "panel", "own")
        persons, asked = panels.persons(workspace, panel), panels.questions(workspace, panel)
        told = known.told(workspace, panel, persons, asked[:1])
    again = asked[0].model_copy(update={"name": "chai", "options": ("never", "now and then", "always")})
    found = known.recorded(told, [again, asked[3]])
    assert found is not None
    assert found.alike == (("tea", "chai"),)
    assert "nearly the same as asked in tea and chai" in known.sentences(found, len(persons))[1]
    assert known.sentences(known.recorded(persons, asked), len(persons)) == ()
