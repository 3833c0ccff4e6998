import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from personas.models.work import Work
from validation import plan as plans
from validation.plan import Calibration, Cost, PlanError, Room

GIB = 1 << 30


def test_batches_are_the_worked_ones():
    assert plans.batch_size(Work(), 40, "cpu float64") == 5_000
    assert plans.batch_size(Work(), 4_000, "cpu float64") == 250
    assert plans.batch_size(Work(), 400, "cpu float64") == 500
    assert plans.batch_size(Work(persons=1, flops=1e10), 5, "cpu float32") == 90
    assert plans.batch_size(Work(persons=1, requests=50), 50, "cpu float64") == 4


@given(
    st.floats(1.0, 1e18), st.integers(1, 10_000), st.sampled_from(["cpu float32", "cuda bfloat16", "cpu x"])
)
def test_a_batch_has_at_least_one_person_and_at_most_5000(flops, questions, kind):
    for one in (Work(), Work(persons=1, flops=flops), Work(persons=1, requests=questions)):
        assert 1 <= plans.batch_size(one, questions, kind) <= 5_000


def test_a_forecast_is_the_worked_one():
    plan = plans.plan(Work(answers=1_000), 500, 250, "cpu", (2, 2))
    measured = Calibration(Cost(0.001, 0.002), Cost(0.1, 0.1), memory=1_000_000)
    found = plans.forecast(plan, measured)
    assert plan.batches == 2
    assert (found.seconds_low, found.seconds_high) == pytest.approx((1.0, 2.64))
    assert found.seconds == pytest.approx(2.64**0.5)
    assert found.memory_low == 1_000_000
    # 250 persons x (2 answers of 300 bytes and 4 options of 48).
    assert plan.batch_bytes == 250 * (600 + 192)
    assert found.memory_high == round(1.2 * (1_000_000 + 198_000))


def test_each_kind_of_work_has_its_own_cost():
    work = Work(answers=10, flops=1e9, algebra=2e9)
    plan = plans.plan(work, 10, 10, "cpu", (2,))
    one = Cost(1.0, 1.0)
    measured = Calibration(answer=Cost(0.5, 0.5), batch=one, flop=Cost(1e-9, 1e-9), algebra=Cost(2e-9, 2e-9))
    found = plans.forecast(plan, measured)
    assert found.seconds_low == pytest.approx((1 + 4 + 5 + 1) / 1.2)


def test_a_guess_goes_down_to_the_machine_that_batches_are_made_for():
    kind, flops = "cpu float32", 3e9
    seconds = plans.batch_size(Work(persons=1, flops=flops), 10, kind) * flops * plans.guessed(kind).high
    assert seconds == pytest.approx(30.0)
    assert plans.guessed("cpu float64").high > plans.guessed(kind).high
    assert plans.guessed("cuda bfloat16").low < plans.guessed("cuda float32").low


def test_what_nobody_measured_has_no_forecast_of_time():
    plan = plans.plan(Work(answers=10, requests=10), 10, 10, "cpu", (2,))
    found = plans.forecast(plan, Calibration(Cost(1, 1), Cost(1, 1)))
    assert found.seconds_low is found.seconds_high is found.seconds is None
    assert found.memory_high > 0


def test_a_cost_is_the_range_of_what_was_measured():
    assert Cost.of([2.0, 1.0, 4.0]) == (1.0, 4.0)
    with pytest.raises(ValueError, match="seconds above 0"):
        Cost.of([])
    with pytest.raises(ValueError, match="seconds above 0"):
        Cost.of([1.0, 0.0])


def test_a_plan_passes_where_nine_tenths_of_what_is_free_hold_it_and_not_a_byte_below():
    plan = plans.plan(Work(largest=GIB), 100, 100, "cpu, float32", (2,))
    least = math.ceil(plan.extra / 0.9)
    plans.check(plan, Room(least))
    with pytest.raises(PlanError):
        plans.check(plan, Room(least - 1))


def test_a_plan_that_does_not_fit_says_what_would():
    work = Work(largest=GIB, weights=GIB)
    plan = plans.plan(work, 4_000_000, 4_000_000, "cpu, float32", (2,))
    # 4 million persons x 396 bytes are 1.475 GiB; with the pass 2.475.
    room = Room(round(1.8 * GIB), devices=[("cuda:0", 8 * GIB), ("cuda:1", GIB)], models=[("tiny", 0.01)])
    with pytest.raises(PlanError) as refused:
        plans.check(plan, room)
    said = str(refused.value)
    assert "needs 2.5 GiB of memory on cpu, float32 beside the language model, and 1.8 GiB are free" in said
    # .9 x 1.8 GiB less the pass leave .62 GiB, so 1.68 million persons: halved twice.
    assert "`batch: 1000000` in the study file instead of 4000000" in said
    assert "the smaller language model tiny" in said
    assert "--device cuda:0" in said
    assert "cuda:1" not in said


def test_a_plan_that_nothing_makes_fit_says_so():
    plan = plans.plan(Work(largest=4 * GIB), 1, 1, "cpu, float32", (2,))
    with pytest.raises(PlanError, match=r"4.0 GiB .* and 0.5 GiB are free; no single change makes it fit"):
        plans.check(plan, Room(GIB // 2))


def test_weights_that_do_not_fit_are_refused_with_what_would_do():
    room = Room(GIB, devices=[("cpu", 32 * GIB)], models=[("half", 0.5), ("tenth", 0.1)])
    plans.check_weights("large", GIB // 2, "cuda", room)
    with pytest.raises(PlanError) as refused:
        plans.check_weights("large", 4 * GIB, "cuda", room)
    assert str(refused.value) == (
        "The weights of large take 4.0 GiB on cuda, and 1.0 GiB are free; "
        "it would do with the smaller language model tenth or --device cpu"
    )
