"""What may change between two sittings of a run: nothing that its answers depend on, and the clock."""

import shutil
from datetime import timedelta

import pytest
from own_study import ALL, QUESTIONS, answer_rows, change, done, fielding, grounded_study, mirrorpanel, rows

from mirrorpanel import lineup, runs, store
from mirrorpanel.records import RunRecord
from mirrorpanel.store import FILE, Workspace
from personas.models.scripted import ScriptedModel


class Limited(ScriptedModel):
    """Answers so many batches and then breaks off."""

    left = 1

    def distributions(self, panel, questions):
        """See ``AnswerModel``."""
        if Limited.left == 0:
            raise OSError(5, "broken off", "here")
        Limited.left -= 1
        return super().distributions(panel, questions)


def broken_off(folder, monkeypatch, batches: int = 1) -> None:
    """Fields the study until it is broken off."""
    Limited.left = batches
    with monkeypatch.context() as patch:
        patch.setattr(lineup, "ScriptedModel", Limited)
        assert mirrorpanel("field", folder / "study.yaml", "-w", folder).code == 1


@pytest.fixture
def folder(tmp_path, monkeypatch):
    made = grounded_study(tmp_path / "own")
    broken_off(made, monkeypatch)
    assert len(answer_rows(made)) == 50 * len(QUESTIONS)
    return made


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("seed: 11", "seed: 12", "seed was 11 and is 12"),
        ("questions: all", "questions: [tea, parks]", "questions was 'all' and is ['tea', 'parks']"),
        ("seed: 11", "seed: 11\nuntil: {persons: 9}", "until was left out and is {'persons': 9"),
        (
            "questions: all\nsegments: [age_group, sex]\nseed: 11",
            'new_questions: [{name: milk, text: "Do you like milk?", options: ["no", "yes"]}]\nseed: 3',
            "; seed was 11 and is 3",
        ),
    ],
)
def test_a_study_that_was_changed_on_the_way_is_refused_with_what_changed(folder, old, new, said):
    change(folder / "study.yaml", old, new)
    refused = mirrorpanel("field", folder / "study.yaml", "-w", folder)
    assert refused.code == 1
    assert "of study 'tastes' is not complete (50 persons asked), and since then something has" in refused.err
    assert said in refused.err
    assert "undo the change to go on with that run, or begin a new one beside it with --anew" in refused.err
    assert rows(folder, "SELECT count(*) FROM runs") == [(1,)]
    change(folder / "study.yaml", new, old)
    assert f"{250} of them kept from before" in done("field", folder / "study.yaml", "-w", folder).out


def test_what_answers_do_not_depend_on_may_change(folder):
    change(folder / "study.yaml", "batch: 50", "batch: 7")
    change(folder / "study.yaml", "segments: [age_group, sex]", "segments: [sex]")
    done("field", folder / "study.yaml", "-w", folder)
    assert rows(folder, "SELECT count(*) FROM runs WHERE finished IS NOT NULL") == [(1,)]


def test_a_new_run_is_begun_on_purpose_and_both_can_go_on(folder):
    change(folder / "study.yaml", "seed: 11", "seed: 12")
    begun = done("field", folder / "study.yaml", "-w", folder, "--anew", "--json").json
    assert (begun["answers"], begun["resumed"]) == (ALL, 0)
    # Complete by now, so that nothing is given up, and the one that was broken off is found again.
    done("field", folder / "study.yaml", "-w", folder)
    change(folder / "study.yaml", "seed: 12", "seed: 11")
    assert done("field", folder / "study.yaml", "-w", folder, "--json").json["resumed"] == 250
    assert rows(folder, "SELECT count(*) FROM runs WHERE finished IS NOT NULL") == [(2,)]


def test_a_panel_grounded_anew_and_a_model_with_other_weights_are_named(folder, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(lineup, "ScriptedModel", lambda: ScriptedModel(fingerprint="other"))
        refused = mirrorpanel("field", folder / "study.yaml", "-w", folder)
        assert "scripted answered with fingerprint scripted and has other (other weights" in refused.err
    change(folder / "grounding.yaml", "seed: 3", "seed: 4")
    done("ground", folder / "grounding.yaml", "-w", folder)
    refused = mirrorpanel("field", folder / "study.yaml", "-w", folder)
    assert "panel own was grounded anew (own-" in refused.err


def test_a_run_of_whom_nobody_was_asked_is_nothing_to_give_up(tmp_path, monkeypatch):
    made = grounded_study(tmp_path / "own")
    broken_off(made, monkeypatch, batches=0)
    change(made / "study.yaml", "seed: 11", "seed: 12")
    asked = done("field", made / "study.yaml", "-w", made, "--json").json
    assert (asked["answers"], asked["resumed"], asked["complete"]) == (ALL, 0, True)
    assert len(answer_rows(made)) == ALL


@pytest.mark.parametrize("days", [-400, 400])
def test_the_newest_run_is_the_one_fielded_last_whatever_the_clock_says(folder, monkeypatch, days):
    done("field", folder / "study.yaml", "-w", folder)
    first = rows(folder, "SELECT run FROM runs")[0][0]
    real = store.now
    for module in (store, runs):
        monkeypatch.setattr(module, "now", lambda: real() + timedelta(days=days))
    change(folder / "study.yaml", "seed: 11", "seed: 12")
    second = done("field", folder / "study.yaml", "-w", folder, "--json").json["run"]
    monkeypatch.undo()

    def newest() -> str:
        with Workspace(folder) as workspace:
            return workspace.latest("runs", "run", "tastes")

    assert newest() == second != first
    change(folder / "study.yaml", "seed: 12", "seed: 11")
    done("field", folder / "study.yaml", "-w", folder)
    assert newest() == first
    # A panel that is asked for again is the newest too, and so is what is fielded of it.
    done("ground", folder / "grounding.yaml", "-w", folder)
    assert done("field", folder / "study.yaml", "-w", folder, "--json").json["resumed"] == ALL
    assert done("audit", "verify", "-w", folder).code == 0


def test_two_that_start_at_once_write_every_answer_once(folder):
    both = [fielding(folder) for _ in range(2)]
    ended = [(process.communicate(timeout=120)[1], process.returncode) for process in both]
    assert 0 in [code for _, code in ended], ended
    for err, code in ended:
        assert code == 0 or "is held by process" in err
    assert rows(folder, "SELECT count(*), count(DISTINCT (person, question)) FROM answers") == [(ALL, ALL)]


def test_a_power_cut_in_the_middle_of_writing_leaves_whole_batches(tmp_path, folder, monkeypatch):
    """Files as they are on the disk at one moment, and with the end of the journal torn off."""
    done("field", folder / "study.yaml", "-w", folder)
    whole = answer_rows(folder)
    other = grounded_study(tmp_path / "other")
    change(other / "study.yaml", "batch: 50", "batch: 5")
    journal, taken, write = other / f"{FILE}.wal", list[int](), runs.RunSink.write

    def cut(sink, batch) -> None:
        write(sink, batch)
        if sink.workspace.folder != other:  # a calibration's
            return
        taken.append(journal.stat().st_size)
        if len(taken) == 6:
            for name in (FILE, f"{FILE}.wal"):
                shutil.copy(other / name, tmp_path / name)
            raise OSError(5, "power cut", "here")

    with monkeypatch.context() as patch:
        patch.setattr(runs.RunSink, "write", cut)
        assert mirrorpanel("field", other / "study.yaml", "-w", other).code == 1
    log = (tmp_path / f"{FILE}.wal").read_bytes()
    assert len(log) == taken[-1] > taken[-2]
    everything = {row[0]: row for row in whole}
    # Nothing torn off, a byte, half a batch, all but a byte of a batch, a whole one, one and a half.
    last, before = taken[-1] - taken[-2], taken[-2] - taken[-3]
    for torn, batches in ((0, 6), (1, 5), (last // 2, 5), (last - 1, 5), (last, 5), (last + before // 2, 4)):
        copy = tmp_path / f"torn-{torn}"
        shutil.copytree(other, copy)
        shutil.copy(tmp_path / FILE, copy / FILE)
        (copy / f"{FILE}.wal").write_bytes(log[: len(log) - torn])
        kept = answer_rows(copy)
        assert len(kept) == batches * 5 * len(QUESTIONS), torn
        assert {row[0] for row in kept} <= everything.keys()
        change(copy / "study.yaml", "batch: 5", "batch: 200")
        assert done("field", copy / "study.yaml", "-w", copy, "--json").json["resumed"] == len(kept)
        assert answer_rows(copy) == whole
    with Workspace(copy) as workspace:
        assert workspace.record("runs", "run", workspace.latest("runs", "run", "tastes"), RunRecord)
