"""Open answers in the voice of an adapter, and people who take their open answers back."""

import csv
import json
import os
import shutil
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tuned_study
from model_server import Asked, Fault, Json, Words, serving
from own_study import done, grounded_study, mirrorpanel, rows
from tuned_study import VOICE

from mirrorpanel import panels
from mirrorpanel.records import AdapterRecord
from mirrorpanel.store import Workspace
from mirrorpanel.verbs import writing
from personas.models import sampling
from personas.models.served import pace
from personas.panel import from_columns

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
    assert len(table) == 12 - told["copies"]
    assert told["answers"] == sum(row["outcome"] == "answered" for row in table) > 5
    assert told["answers"] + told["unparsable"] == len(table)
    assert all((row["outcome"] == "answered") == bool(row["answer"]) for row in table)
    assert {row["written_by"] for row in table} == {f"voice of {told['adapter']}"}
    assert told["synthetic"] is True
    assert told["attributes"] == ["sex"]
    assert all(row["synthetic"] == "True" and row["question"] == QUESTION for row in table)
    assert len({row["answer"] for row in table}) > 5
    review = done(
        "review", "export", tmp_path / "a.csv", "--out", tmp_path / "r.csv", "-w", trained, "--json"
    )
    assert review.json["answers"] == told["answers"]
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

    def repeating(language: object, prompts: Sequence[object], *more: object, **_: object) -> Any:
        made = ["so to say", "", *real, "or write to anna.schmidt@example.org please"]
        texts = (made * len(prompts))[: len(prompts)]
        yield list(range(len(prompts))), [sampling.Continued(text, True) for text in texts]

    monkeypatch.setattr(sampling, "continued", repeating)
    told, table = written(trained, tmp_path / "a.csv", "--persons", 43)
    people = rows(trained, "SELECT count(*) FROM persons")[0][0]
    assert told["persons"] == min(43, people)
    assert told["unparsable"] >= 1
    assert told["copies"] >= 10
    # Answers of people who were held out are no copies: the voice has not read them.
    assert told["answers"] + told["copies"] + told["unparsable"] == told["persons"]
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


# --- untuned models, forms, stops ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a panel and nothing trained."""
    folder = tmp_path_factory.mktemp("plain") / "own"
    grounded_study(folder)
    return folder


def table_of(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as opened:
        return list(csv.DictReader(opened))


def test_an_untuned_model_writes_for_a_panel_and_every_row_says_so(
    plain: Path, tiny_folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "a.csv"
    ran = done(
        "write",
        "own",
        "Why 🙂? لماذا",
        "--model",
        tiny_folder,
        "--persons",
        9,
        "-w",
        plain,
        "--out",
        out,
        *CPU,
    )
    assert "untuned, not validated" in ran.out
    assert "nothing was held against real answers" in ran.out
    found = table_of(out)
    assert len(found) == 9
    assert {row["written_by"] for row in found} == {f"{tiny_folder.name}, untuned, not validated"}
    assert {row["adapter"] for row in found} == {""}
    assert {row["question"] for row in found} == {"Why 🙂? لماذا"}


def test_numbers_and_lists_have_their_form_or_are_recorded_as_unparsable(
    plain: Path, tiny_folder: Path, tmp_path: Path
) -> None:
    pytest.importorskip("llguidance")
    own = ("--model", tiny_folder, "--persons", 12, "-w", plain, *CPU, "--json")
    limits = ("--form", "number", "--lowest", 10, "--highest", 120)
    numbers = done("write", "own", "How old?", *own, *limits, "--out", tmp_path / "n.csv").json
    found = table_of(tmp_path / "n.csv")
    assert numbers["answers"] + numbers["unparsable"] == len(found) == 12
    assert numbers["answers"] >= 8
    assert all(10 <= int(row["answer"]) <= 120 for row in found if row["outcome"] == "answered")
    assert all(row["answer"] == "" for row in found if row["outcome"] == "unparsable")
    done("write", "own", "What?", *own, "--form", "list", "--most", 2, "--out", tmp_path / "l.csv")
    items = [
        row["answer"].split("; ") for row in table_of(tmp_path / "l.csv") if row["outcome"] == "answered"
    ]
    assert all(1 <= len(each) <= 2 for each in items)


def test_a_stop_keeps_what_was_written_and_the_same_command_goes_on(
    plain: Path, tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ("write", "own", "Why?", "--model", tiny_folder, "--persons", 10, "-w", plain, *CPU)
    done(*arguments, "--out", tmp_path / "whole.csv")
    out = tmp_path / "stopped.csv"
    whole, calls = sampling.continued, list[int]()

    def cut(*given: Any, **more: Any) -> Iterator[Any]:
        for part in whole(*given, batch=4, **more):
            if not calls:
                os.kill(os.getpid(), signal.SIGINT)
            calls.append(len(part[0]))
            yield part

    monkeypatch.setattr(sampling, "continued", cut)
    stopped = mirrorpanel(*arguments, "--out", out)
    assert stopped.code == 3
    assert "Not complete: the same command goes on" in stopped.out
    part = tmp_path / ".stopped.csv.answers.part"
    assert not out.exists()
    assert len(part.read_text(encoding="utf-8").splitlines()) == 1 + 4
    part.write_bytes(part.read_bytes() + b'{"person": "cut')  # as a kill leaves it
    other = mirrorpanel("write", "own", "How?", *arguments[3:], "--out", out)
    assert other.code == 1
    assert "was left by another command" in other.err
    done(*arguments, "--out", out)
    assert calls == [4, 4, 2]
    assert out.read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert not part.exists()


def test_a_question_too_long_is_refused_and_a_person_too_long_is_recorded(
    plain: Path, tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = ("--model", tiny_folder, "-w", plain, *CPU, "--out", tmp_path / "a.csv")
    refusal = mirrorpanel("write", "own", "Why? " * 300, *own)
    assert refusal.code == 1
    assert "the question takes 1," in refusal.err
    assert "reads 512: shorten the question 'Why? Why?" in refusal.err
    known = {"sex": ["female", "male", None], "diary": ["short", "very long " * 5000, None]}
    people = from_columns(["p1", "p2", "p3"], known, np.ones(3))
    monkeypatch.setattr(panels, "persons", lambda *_: people)
    done("write", "own", "Why?", "--model", tiny_folder, "-w", plain, *CPU, "--out", tmp_path / "b.csv")
    found = {row["person"]: row for row in table_of(tmp_path / "b.csv")}
    assert [found[p]["outcome"] for p in ("p1", "p2", "p3")].count("failed") == 1
    assert found["p2"]["outcome"] == "failed"
    assert "the longest attribute is 'diary', of 50,000 characters" in found["p2"]["raw"]


def test_a_server_writes_numbers_and_what_failed_is_asked_again(
    plain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "FIRST_WAIT", 0.002)
    down, sent = [True], list[Any]()

    def say(request: Asked, _: Json) -> Json | Fault | None:
        if "messages" not in request.body:
            return None
        sent.append(request.body.get("response_format", {}).get("type"))
        if request.body.get("response_format", {}).get("type") == "json_schema":
            return Fault(422, '{"detail": "no such format"}')
        text = request.body["messages"][0]["content"]
        if down[0] and "sex: male" in text:
            return Fault(400, '{"error": "not today"}')
        answer = 200 if "age group: 18-44" in text else 42
        return {"choices": [{"message": {"content": json.dumps({"answer": answer})}}]}

    out = tmp_path / "a.csv"
    limits = ("--form", "number", "--lowest", 0, "--highest", 120)
    with serving(Words(" a"), spoil=say) as server:
        file = tmp_path / "server.yaml"
        file.write_text(f"url: {server.url}\nmodel: tiny\nconcurrency: 2\n", encoding="utf-8")
        arguments = ("write", "own", "How old?", "--model", file, "--persons", 20, "-w", plain, *limits)
        first = mirrorpanel(*arguments, "--out", out, "--json")
        assert first.code == 3
        assert first.json["failed"] > 0
        assert first.json["answers"] + first.json["unparsable"] + first.json["failed"] == 20
        down[0], before = False, len(sent)
        second = done(*arguments, "--out", out, "--json").json
    file.write_text(f"model: tiny\nurl: {server.url}\nattempts: 1\n", encoding="utf-8")
    gone = mirrorpanel(*arguments, "--out", tmp_path / "b.csv")
    assert gone.code == 1
    assert f"{file}:2: url: {server.url.split('/')[2]}: " in " ".join(gone.err.split())
    assert len(sent) - before <= first.json["failed"] + 1
    assert second["failed"] == 0
    assert second["complete"] is True
    found = table_of(out)
    assert {row["answer"] for row in found} == {"42", ""}
    assert all(json.loads(row["raw"])["answer"] == 200 for row in found if row["outcome"] == "unparsable")
    assert "tiny at 127.0.0.1" in found[0]["written_by"]
    assert not (tmp_path / ".a.csv.answers.part").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--form", "poem"), "one of number, decimal, list"),
        (("--lowest", "1"), "only with --form number"),
        (("--most", "2"), "only with --form list"),
        (("--form", "number", "--lowest", "5", "--highest", "1"), "lowest must not be above highest"),
        (("--form", "number", "--lowest", "0.5"), "must be whole"),
    ],
)
def test_options_of_a_form_that_make_no_sense_are_refused(
    plain: Path, options: tuple[str, ...], said: str
) -> None:
    outcome = mirrorpanel("write", "own", "Why?", "--model", "smollm2-135m", "-w", plain, *options)
    assert outcome.code == 2
    assert said in " ".join(outcome.err.replace("│", " ").split())
