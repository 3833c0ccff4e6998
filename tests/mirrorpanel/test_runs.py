import numpy as np
import pytest

from mirrorpanel import runs, store
from mirrorpanel.records import KnownRecord, RunRecord
from mirrorpanel.store import Workspace
from personas.models.scripted import ScriptedModel
from personas.panel import from_columns
from validation.field import Fielding, answer, field
from validation.study import StudySpec

PANEL = from_columns([f"p{i}" for i in range(7)], {"sex": ["f", "m", "f", None, "m", "f", "m"]}, np.ones(7))


@pytest.fixture
def workspace(tmp_path):
    store.create(tmp_path)
    with Workspace(tmp_path) as opened:
        yield opened


@pytest.fixture
def record(few_questions):
    def make(questions=few_questions, fingerprint="scripted", **changes):
        spec = StudySpec(study="s", panel="p", model="scripted", **changes)
        return RunRecord(
            spec=spec,
            file="study.yaml",
            questions=questions,
            model="scripted",
            fingerprint=fingerprint,
            adapter=None,
            split=None,
        )

    return make


def by_sex(person, question):
    """A distribution that depends on the person and differs between options."""
    weights = np.arange(1.0, len(question.options) + 1)
    if person.attributes.get("sex") == "f":
        weights = weights[::-1]
    return weights / weights.sum()


MODEL = ScriptedModel(by_sex)


def test_a_run_is_named_by_all_that_its_answers_depend_on(record, few_questions):
    first = runs.identifier(record(), "p-1")
    assert first.startswith("s-")
    assert runs.identifier(record(batch=3), "p-1") == first
    assert runs.identifier(record(segments=("sex",)), "p-1") == first
    others = [
        runs.identifier(record(seed=2), "p-1"),
        runs.identifier(record(), "p-2"),
        runs.identifier(record(fingerprint="other"), "p-1"),
        runs.identifier(record(questions=few_questions[:2]), "p-1"),
        runs.identifier(record().model_copy(update={"draws": "joint"}), "p-1"),
        *(
            runs.identifier(record().model_copy(update={"known": found}), "p-1")
            for n in (1, 2)
            for found in [KnownRecord(questions=few_questions[:n], persons=3, answers=4)]
        ),
    ]
    assert len({first, *others}) == 8


@pytest.mark.parametrize("batch", [1, 3, 100])
def test_answers_come_back_as_they_were_given_for_any_batch(workspace, record, few_questions, batch):
    runs.start(workspace, "s-1", "p-1", record())
    sink = runs.RunSink(workspace, "s-1")
    field(MODEL, PANEL, few_questions, sink, Fielding(5, batch), lambda _: None)
    expected = answer(MODEL, PANEL, few_questions, 5)
    order = list(reversed(PANEL.ids))
    distributions, drawn = runs.answers(workspace, "s-1", order, few_questions)
    assert np.array_equal(drawn, expected.drawn[::-1])
    for found, given in zip(distributions, expected.distributions, strict=True):
        assert np.array_equal(found, given[::-1])
    assert workspace.value("SELECT count(*) FROM answers") == len(PANEL) * len(few_questions)
    assert sink.done() == set(PANEL.ids)


def test_the_answers_of_other_runs_are_left_alone(workspace, record, few_questions):
    for run, seed in (("s-1", 1), ("s-2", 2)):
        runs.start(workspace, run, "p-1", record())
        field(MODEL, PANEL, few_questions, runs.RunSink(workspace, run), Fielding(seed, 4), lambda _: None)
    found = runs.answers(workspace, "s-1", PANEL.ids, few_questions)[1]
    assert np.array_equal(found, answer(MODEL, PANEL, few_questions, 1).drawn)


def test_a_batch_is_kept_whole_or_not_at_all(workspace, record, few_questions):
    runs.start(workspace, "s-1", "p-1", record())
    sink = runs.RunSink(workspace, "s-1")
    sink.write(answer(MODEL, PANEL.take(np.array([0, 1])), few_questions, 5))
    seconds = workspace.value("SELECT seconds FROM runs")
    # The last person is answered already, which only the last of her rows would bring to light.
    overlapping = answer(MODEL, PANEL.take(np.array([2, 3, 1])), few_questions, 5)
    with pytest.raises(Exception, match=r"(?i)duplicate|constraint"):
        sink.write(overlapping)
    assert sink.done() == {"p0", "p1"}
    assert workspace.value("SELECT seconds FROM runs") == seconds
    field(MODEL, PANEL, few_questions, sink, Fielding(5, 2), lambda _: None)
    drawn = runs.answers(workspace, "s-1", PANEL.ids, few_questions)[1]
    assert np.array_equal(drawn, answer(MODEL, PANEL, few_questions, 5).drawn)


def test_a_complete_run_keeps_the_moment_and_machine_that_completed_it(workspace, record):
    runs.start(workspace, "s-1", "p-1", record())
    assert workspace.value("SELECT finished FROM runs") is None
    runs.finish(workspace, "s-1", "cpu, here", 0.0)
    before = workspace.rows("SELECT finished, processor FROM runs")
    runs.finish(workspace, "s-1", "cpu, elsewhere", 1.0)
    assert workspace.rows("SELECT finished, processor FROM runs") == before
    assert before[0][0] is not None
    assert before[0][1] == "cpu, here"


def test_a_run_started_again_takes_over_the_segments_that_its_file_names_now(workspace, record):
    runs.start(workspace, "s-1", "p-1", record(segments=("age",)))
    runs.start(workspace, "s-2", "p-1", record(seed=2))
    runs.start(workspace, "s-1", "p-1", record(segments=("sex",)))
    assert workspace.record("runs", "run", "s-1", RunRecord).spec.segments == ("sex",)
    assert workspace.latest("runs", "run", "s") == "s-1"
    assert workspace.value("SELECT count(*) FROM runs") == 2
