"""Open answers in the voice of an adapter, and people who take their open answers back."""

import csv
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import tuned_study
from own_study import done, mirrorpanel, rows
from tuned_study import VOICE

from mirrorpanel.records import AdapterRecord
from mirrorpanel.store import Workspace
from mirrorpanel.verbs import writing
from personas.models import sampling

pytest.importorskip("torch")

CPU = ("--device", "cpu", "--dtype", "float32")
QUESTION = "What do you say of tea?"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, tiny_folder: Path) -> Path:
    """A workspace with an adapter that has a voice."""
    folder = tmp_path_factory.mktemp("written") / "own"
    file = tuned_study.study(folder, tiny_folder, VOICE)
    done("train", file, "-w", folder, *CPU, "--force")
    return folder


@pytest.fixture
def own(trained: Path, tmp_path: Path) -> Path:
    """A copy of the workspace that a test may change; the training file lies in the first one."""
    return Path(shutil.copytree(trained, tmp_path / "own"))


def written(folder: Path, out: Path, *more: Any) -> tuple[dict[str, Any], list[dict[str, str]]]:
    arguments = ("write", "tastes", QUESTION, "--out", out, "-w", folder, *CPU, "--json", *more)
    told = done(*arguments).json
    with out.open(encoding="utf-8", newline="") as file:
        return told, list(csv.DictReader(file))


def changed(folder: Path, **changes: Any) -> None:
    """Changes what the workspace knows of the voice."""
    with Workspace(folder) as workspace, workspace.transaction("test", "change"):
        name = workspace.value("SELECT adapter FROM adapters")
        record = workspace.record("adapters", "adapter", name, AdapterRecord)
        assert record.voice is not None
        voice = record.voice.model_copy(update=changes) if changes else None
        text = record.model_copy(update={"voice": voice}).model_dump_json()
        workspace.connection.execute("UPDATE adapters SET record = ?", [text])


def test_persons_write_answers_that_are_marked_and_can_be_reviewed(trained: Path, tmp_path: Path) -> None:
    told, table = written(trained, tmp_path / "a.csv", "--persons", 12)
    assert tuple(table[0]) == writing.COLUMNS
    assert told["persons"] == 12
    assert told["answers"] == len(table) == 12 - told["copies"] - told["empty"]
    assert told["synthetic"] is True
    assert told["attributes"] == ["sex"]
    assert all(row["synthetic"] == "True" and row["question"] == QUESTION for row in table)
    assert len({row["answer"] for row in table}) > 5
    review = done(
        "review", "export", tmp_path / "a.csv", "--out", tmp_path / "r.csv", "-w", trained, "--json"
    )
    assert review.json["answers"] == len(table)
    assert review.json["values"] == ["1", "2", "3", "4", "5"]


def test_what_a_person_writes_depends_on_seed_person_and_question_alone(
    trained: Path, tmp_path: Path
) -> None:
    def said(name: str, *more: Any) -> dict[str, str]:
        return {row["person"]: row["answer"] for row in written(trained, tmp_path / name, *more)[1]}

    many, few = said("a.csv", "--persons", 12), said("b.csv", "--persons", 5)
    assert set(few) < set(many)
    assert few == {person: many[person] for person in few}
    other = said("c.csv", "--persons", 12, "--seed", 2)
    assert set(other) != set(many)
    shared = set(other) & set(many)
    assert all(other[person] != many[person] for person in shared)


def test_copies_of_what_people_wrote_are_left_out_and_counted(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (trained / "said.csv").open(encoding="utf-8") as file:
        real = [row["said"] for row in csv.DictReader(file)]

    def repeating(language: object, prompts: Sequence[str], *more: object) -> list[str]:
        made = ["so to say", "", *real, "or write to anna.schmidt@example.org please"]
        return (made * len(prompts))[: len(prompts)]

    monkeypatch.setattr(sampling, "continued", repeating)
    told, table = written(trained, tmp_path / "a.csv", "--persons", 43)
    people = rows(trained, "SELECT count(*) FROM persons")[0][0]
    assert told["persons"] == min(43, people)
    assert told["empty"] >= 1
    assert told["copies"] >= 10
    # Answers of people who were held out are no copies: the voice has not read them.
    assert told["answers"] + told["copies"] + told["empty"] == told["persons"]
    assert "so to say" in {row["answer"] for row in table}
    if told["persons"] == 43:
        assert told["masked"] == 1
        assert "anna.schmidt" not in (tmp_path / "a.csv").read_text(encoding="utf-8")


def refused(folder: Path, *more: Any) -> str:
    outcome = mirrorpanel("write", "tastes", QUESTION, "-w", folder, "--persons", 3, *CPU, *more)
    assert outcome.code == 1
    assert not list((folder / "exports").glob("written-*"))
    return outcome.err


def test_an_adapter_without_a_kept_voice_writes_nothing(own: Path) -> None:
    changed(own, kept=False)
    assert "was not kept: real answers of other people surprised it" in refused(own)
    changed(own)
    assert "has no voice: it was trained on no open answers" in refused(own)


def test_nothing_is_written_where_it_cannot_be_held_against_the_answers_trained_on(own: Path) -> None:
    changed(own, texts="0" * 16)
    assert "these are not the open answers that the voice was trained on" in refused(own)


def test_a_file_that_is_there_and_an_empty_question_are_refused(own: Path, tmp_path: Path) -> None:
    there = tmp_path / "there.csv"
    there.write_text("mine", encoding="utf-8")
    assert "there is a file already" in refused(own, "--out", there)
    assert there.read_text(encoding="utf-8") == "mine"
    outcome = mirrorpanel("write", "tastes", "  ", "-w", own, *CPU)
    assert outcome.code == 1
    assert "the question is empty" in outcome.err


def test_whoever_takes_open_answers_back_flags_the_adapter(own: Path) -> None:
    spoke = rows(own, "SELECT DISTINCT source, namespace FROM spoken")
    assert spoke == [("open answers", "")]
    who = rows(own, "SELECT id FROM spoken ORDER BY id")[0][0]
    before = rows(own, "SELECT count(*) FROM spoken")[0][0]
    people = rows(own, "SELECT count(*) FROM people")
    (own / "exports").mkdir()
    (own / "exports" / "written-of-then.csv").write_text("person,answer\n", encoding="utf-8")
    said = done("erase", who, "-w", own, "--source", "open answers", "--yes", "--json").json
    assert [r["people"] for r in said["retrain"]] == [1]
    assert said["panels"] == []
    assert said["outside"] == ["open answers (said.csv)"]
    assert rows(own, "SELECT count(*) FROM spoken") == [(before - 1,)]
    assert rows(own, "SELECT count(*) FROM people") == people
    assert rows(own, "SELECT pseudonym FROM erased") == [(f"open answers/{who}",)]
    assert not (own / "exports" / "written-of-then.csv").exists()
    assert "were erased; what it writes cannot be held against" in refused(own)
    again = mirrorpanel("erase", who, "-w", own, "--source", "open answers", "--yes")
    assert again.code == 1


def test_whoever_was_only_scored_on_flags_nothing(own: Path) -> None:
    spoke = {str(row[0]) for row in rows(own, "SELECT id FROM spoken")}
    silent = next(f"w{i}" for i in range(40) if f"w{i}" not in spoke)
    outcome = mirrorpanel("erase", silent, "-w", own, "--source", "open answers", "--yes")
    assert outcome.code == 1
    assert rows(own, "SELECT count(*) FROM adapters WHERE flagged IS NOT NULL") == [(0,)]
