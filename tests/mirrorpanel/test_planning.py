import pytest
from own_study import PERSONS, QUESTIONS, change, contents, done, grounded_study, mirrorpanel, rows

from mirrorpanel import planning
from mirrorpanel.cli import plans
from mirrorpanel.records import PlanRecord, RunRecord
from mirrorpanel.render.numbers import duration
from personas.models.work import Work
from validation.plan import Forecast, plan

ALL = PERSONS * len(QUESTIONS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return grounded_study(tmp_path_factory.mktemp("planned") / "own")


@pytest.fixture
def tiny_study(tmp_path, tiny_folder):
    """The study, asked of the tiny language model itself."""
    made = grounded_study(tmp_path / "own")
    change(made / "study.yaml", "model: scripted", f"model: {tiny_folder}")
    change(made / "study.yaml", "batch: 50\n", "")
    return made


def stored(folder) -> RunRecord:
    return RunRecord.model_validate_json(rows(folder, "SELECT record FROM runs")[0][0])


def test_a_dry_run_prints_the_plan_and_leaves_the_workspace_as_it_is(folder):
    before, file = contents(folder), (folder / "mirrorpanel.duckdb").read_bytes()
    said = done("field", folder / "study.yaml", "-w", folder, "--dry-run").out
    assert f"{ALL} answers to come" in said
    assert "3 batches of 50 persons" in said
    assert "Expected time: " in said
    assert "Expected memory: " in said
    assert contents(folder) == before
    assert (folder / "mirrorpanel.duckdb").read_bytes() == file


def test_a_dry_run_speaks_json(tiny_study):
    found = done("field", tiny_study / "study.yaml", "-w", tiny_study, "--dry-run", "--json").json
    assert found["answers"] == ALL
    assert found["dry_run"] is True
    assert 0 < found["persons"] <= PERSONS
    assert found["passes"] > 0
    assert found["tokens"] > found["passes"]
    assert 0 < found["seconds_low"] < found["seconds_high"]
    assert 0 < found["memory_low"] < found["memory_high"]


def test_a_run_keeps_its_forecast_beside_what_it_took_and_a_finished_one_has_no_plan(tiny_study):
    planned = done("field", tiny_study / "study.yaml", "-w", tiny_study, "--dry-run", "--json").json
    said = done("field", tiny_study / "study.yaml", "-w", tiny_study)
    record = stored(tiny_study)
    assert record.plan is not None
    assert record.plan.batch == record.spec.batch == planned["batch"]
    assert (record.plan.passes, record.plan.tokens) == (planned["passes"], planned["tokens"])
    assert record.plan.seconds is not None
    assert record.plan.seconds > 0
    assert record.plan.memory is not None
    assert record.plan.memory >= record.plan.memory_low
    assert "Expected " in said.err
    again = done("field", tiny_study / "study.yaml", "-w", tiny_study, "--dry-run")
    assert "nobody is left to ask" in again.out
    nobody = done("field", tiny_study / "study.yaml", "-w", tiny_study)
    assert stored(tiny_study).plan == record.plan
    assert "took" not in nobody.err


def test_a_run_that_nobody_could_forecast_says_what_it_took():
    plan = PlanRecord(
        batch=5, device="cpu, float64", answers=15, passes=0, tokens=0, seconds_low=None, seconds_high=None,
        memory_low=1, memory_high=2,
    )  # fmt: skip
    assert plans.outcome(plan).startswith("Expected time: nobody can say")
    assert plans.outcome(plan.model_copy(update={"seconds": 90.0})) == f"Took {duration(90.0)}"


def test_a_plan_names_the_regression_and_the_fewest_requests():
    some = Work(answers=30, persons=4, requests=12, algebra=3e12, spared=1e12)
    whole = plan(some, 10, 5, "cpu, float64", (2, 2, 2))
    planned = planning.Planned(whole, Forecast(None, None, 1, 2), 0, 0.0)
    said = "\n".join(plans.sentences("run", planned))
    assert "At least 12 requests to the server, for 4 persons, those of a batch who are alike once" in said
    assert "read with the questions" not in said
    assert "nobody was asked: at most 3.00 million million operations in double precision" in said
    content = plans.content("run", planned)
    assert (content["algebra"], content["algebra_spared"], content["requests"]) == (3e12, 1e12, 12)


@pytest.mark.parametrize("words", [[], ["--dry-run"]])
def test_a_gpu_that_is_not_there_is_refused_whoever_answers(folder, words):
    refused = mirrorpanel("field", folder / "study.yaml", "-w", folder, "--device", "cuda:99", *words)
    assert refused.code in (1, 2)
    assert "Device 'cuda:99' asked for" in " ".join(refused.err.split())
    assert "Traceback" not in refused.err


def test_a_plan_that_does_not_fit_is_refused_before_anything_is_written(folder, monkeypatch):
    before = contents(folder)
    monkeypatch.setattr(planning, "free_bytes", lambda device: 30_000)
    refused = mirrorpanel("field", folder / "study.yaml", "-w", folder)
    assert refused.code == 1
    assert "of memory on cpu, float64" in refused.err
    assert "`batch: 12` in the study file instead of 50" in " ".join(refused.err.split())
    assert contents(folder) == before


def test_weights_that_do_not_fit_are_refused_before_they_are_loaded(tiny_study, monkeypatch):
    from mirrorpanel import lineup

    lineup.language.cache_clear()
    monkeypatch.setattr(planning, "free_bytes", lambda device: 30_000)
    refused = mirrorpanel("field", tiny_study / "study.yaml", "-w", tiny_study, "--dry-run")
    assert refused.code == 1
    assert "The weights of " in refused.err
    assert "Traceback" not in refused.err


def test_the_batch_does_not_hang_on_the_clock(tiny_study, monkeypatch):
    first = done("field", tiny_study / "study.yaml", "-w", tiny_study, "--dry-run", "--json").json["batch"]
    monkeypatch.setattr("mirrorpanel.calibrating.time.perf_counter", iter(range(10**6)).__next__)
    second = done("field", tiny_study / "study.yaml", "-w", tiny_study, "--dry-run", "--json").json["batch"]
    assert first == second
