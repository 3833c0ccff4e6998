"""What docs/performance.md says, and what the benchmarks behind it count."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_model import FLOAT32

from benchmarks import asked, fielding, matmul, output, peers, performance, plots, reading
from benchmarks.output import Result
from benchmarks.peers import Rate, Way, agreement, ratio
from benchmarks.performance import DOCS, GOALS, PAGE, Goal
from benchmarks.plots import Point
from benchmarks.reading import Reading
from benchmarks.ways import Plain, rating
from personas.models.exams import exams
from personas.models.joint import JointModel
from personas.models.language import LanguageModel
from personas.models.shape import shape_of
from personas.panel import Panel, from_columns
from personas.prompt import person_text
from personas.question import Question

QUESTIONS = (
    Question(name="a", text="Is it so?", options=("yes", "yes indeed", "no")),
    Question(name="b", text="Is it thus?", options=("yes", "no")),
)


def result(benchmark: str, **figures: float | str) -> Result:
    command = f"python -m benchmarks.{benchmark}"
    place = {"date": "2026-01-02", "machine": "a machine"}
    return Result(benchmark=benchmark, command=command, figures=figures, **place)


def words(text: str) -> tuple[int, ...]:
    """A token for each letter."""
    return tuple(map(ord, text))


def panel(n: int) -> Panel:
    ages = [f"{20 + i}" for i in range(n)]
    return from_columns([f"p{i}" for i in range(n)], {"age": ages}, np.ones(n))


# --- the page -----------------------------------------------------------------------------------------------


def test_the_page_is_what_the_recorded_figures_make() -> None:
    results = performance.read(output.RESULTS)
    assert (DOCS / PAGE).read_text(encoding="utf-8") == performance.page(results), (
        "run python -m benchmarks.performance"
    )
    assert (DOCS / performance.PICTURE).is_file() == bool(performance.costs(results))


def test_a_figure_stands_beside_its_goal_and_says_where_that_is_missed() -> None:
    found = performance.page([result("fielding", persons=10.0, questions=10.0, factored_cold_seconds=6.25,
                                     factored_warm_seconds=0.5, joint_seconds=2.0)])  # fmt: skip
    assert "| `factored_cold_seconds` | 6.25 | at most 5 (missed) |" in found
    assert "| `factored_warm_seconds` | 0.5 | at most 1 |" in found
    assert "`python -m benchmarks.fielding`  \na machine; 2026-01-02" in found
    assert "Not recorded yet: `peers`" in found


@pytest.mark.parametrize(
    ("goal", "figure", "met"),
    [
        (Goal("<=", 5.0), 5.0, True),
        (Goal(">=", 5.0), 4.9, False),
        (Goal("=", 0.0), 0.0, True),
        (Goal("=", "true"), "false", False),
        (Goal("<=", 1.0), "not measured", False),
    ],
)
def test_a_goal_is_met_or_missed(goal: Goal, figure: float | str, met: bool) -> None:
    assert goal.met(figure) is met


def test_every_goal_is_of_a_benchmark_that_is_there() -> None:
    for name in (*GOALS, *performance.ORDER):
        script = f"{name.partition('_')[0]}.py"
        assert (Path(performance.__file__).parent / script).is_file()


def test_costs_are_drawn_where_they_were_measured_and_scaled_lines_pass_through_them(tmp_path: Path) -> None:
    results = [
        result("fielding", persons=1000.0, questions=10.0, factored_cold_seconds=4.0,
               factored_warm_seconds=0.5, joint_seconds=100.0),
        result("peers", edsl_answers=20.0, edsl_answers_per_second=0.5, joint_answers=64.0,
               joint_answers_per_second=90.0),
        result("million", seconds=30.0, encode_seconds=5.0),
    ]  # fmt: skip
    points = performance.costs(results)
    assert Point(20.0, 40.0, "EDSL") in points
    assert [p for p in points if p.series == "joint"] == [Point(10_000.0, 100.0, "joint")]
    assert Point(1_000_000, 25.0, "factored, warm") in points
    assert performance.picture(results, tmp_path / "costs.svg")
    drawn = (tmp_path / "costs.svg").read_text(encoding="utf-8")
    assert drawn.startswith("<svg")
    assert "EDSL" in drawn
    assert not performance.picture([], tmp_path / "none.svg")


def test_what_grows_stands_in_a_table_with_a_line_for_each_size() -> None:
    figures = {
        "seconds": 4.0, "microseconds_per_answer": 2.5, "stored_bytes": 26.0, "peak_memory_gb": 1.5,
        "encode_seconds": 1.5, "batch": 2000.0,
        "seconds_10k": 2.5, "peak_memory_gb_10k": 1.25, "encode_seconds_10k": 1.5,
    }  # fmt: skip
    found = performance.page([result("million", **figures, questions=100.0)])
    assert "| `seconds` | 4 | at most 60 |" in found
    assert "| 10,000 | 2.5 | 1.5 |  |  | 1.25 |  |" in found
    assert "| 1,000,000 | 4 | 1.5 | 2.5 | 26 | 1.5 | 2,000 |" in found
    assert "`seconds_10k`" not in found
    assert "| `questions` | 100 |  |" in found


def test_the_page_says_how_to_measure_on_a_gpu_until_somebody_has() -> None:
    assert "No figures of a GPU" in performance.page([result("fielding", persons=1.0, questions=1.0,
        factored_cold_seconds=1.0, factored_warm_seconds=1.0, joint_seconds=1.0)])  # fmt: skip
    found = performance.page([result("fielding_135m_cuda", joint_share_of_matmul=0.5)])
    assert "No figures of a GPU" not in found
    assert "| `joint_share_of_matmul` | 0.5 | at least 0.4 |" in found


def test_figures_without_a_goal_stand_beside_those_with_one() -> None:
    found = performance.page([result("forecast", cold_seconds=1.0, worst_error=0.5, median_error=0.25)])
    assert found.index("median_error") < found.index("worst_error") < found.index("cold_seconds")
    assert "| `worst_error` | 0.5 |  |" in found


@pytest.mark.parametrize("point", [Point(0.0, 1.0, "s"), Point(1.0, 0.0, "s"), Point("name", 1.0, "s")])
def test_what_has_no_place_on_logarithmic_axes_is_refused(point: Point, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no place on logarithmic axes"):
        plots.log_log([point], [point], "x", "y", "t", [], tmp_path / "x.svg")


@pytest.mark.parametrize(
    ("figure", "text"),
    [(1234.5, "1,234"), (3.0, "3"), (0.04159, "0.0416"), (12.345, "12.3"), ("a | b", "a / b"), (0.0, "0")],
)
def test_figures_are_shown_with_three_digits(figure: float | str, text: str) -> None:
    assert performance.shown(figure) == text


def test_a_benchmark_is_kept_with_its_command_and_without_what_lies_where_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["benchmarks/peers.py", "--workspace", "/somewhere", "--seconds", "5", "--record", str(tmp_path)]
    monkeypatch.setattr(output, "_STARTED", words)
    file = output.keep("peers", {"ratio": 1.23456789, "note": "a note"}, tmp_path / "results")
    kept = Result.model_validate_json(file.read_text(encoding="utf-8"))
    assert kept.command == "python -m benchmarks.peers --seconds 5"
    assert kept.figures == {"ratio": 1.23457, "note": "a note"}
    assert performance.read(tmp_path / "results") == [kept]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (["--record", "--persons", "3"], "--persons 3"),
        (["--workspace=here", "--persons=3"], "--persons=3"),
        (["--record"], ""),
    ],
)
def test_places_are_left_out_of_a_command(given: list[str], kept: str) -> None:
    assert output.command(["a/fielding.py", *given]) == f"python -m benchmarks.fielding {kept}".strip()


def test_a_result_is_plain_json(tmp_path: Path) -> None:
    file = output.keep("million", {"seconds": 1.0}, tmp_path)
    assert json.loads(file.read_text(encoding="utf-8"))["benchmark"] == "million"


# --- what is counted ----------------------------------------------------------------------------------------


def test_one_token_in_one_layer_takes_what_is_written() -> None:
    class Small:
        layers, layer_parameters, attention, hidden, vocabulary = 1, 10, 4, 2, 3

    small: object = Small()
    assert Reading(1, 1, 0).flops(small) == 20 + 4 * 4  # pyright: ignore[reportArgumentType]
    assert Reading(1, 1, 1).flops(small) == 36 + 2 * 2 * 3  # pyright: ignore[reportArgumentType]


def test_what_has_to_be_read_is_what_one_tree_behind_each_person_has() -> None:
    """The trees of the joint model, counted in another way; the one person shares nothing with another."""
    (exam,) = exams(words, QUESTIONS, 10_000)
    found = reading.reading(words, (1,), panel(1), QUESTIONS)
    before = 1 + len(person_text({"age": "20"}))
    assert found.tokens == before + len(exam.tree)
    assert found.seen == before * (before + 1) / 2 + int((exam.tree.positions + 1 + before).sum())
    assert found.places == len(np.unique(exam.at))


def test_what_two_persons_begin_alike_with_is_read_once_and_a_double_not_at_all() -> None:
    one, two = (reading.reading(words, (), panel(n), QUESTIONS) for n in (1, 2))
    text = person_text({"age": "20"})
    alike = text.index("20") + 1  # both are in their twenties
    questions = one.tokens - len(text)
    assert two.tokens == one.tokens + len(text) - alike + questions
    assert two.places == 2 * one.places
    double = panel(1).take(np.array([0]))
    codes = np.repeat(double.codes, 2, axis=0)
    twice = Panel(("a", "b"), double.attributes, double.levels, codes, np.ones(2))
    assert reading.reading(words, (), twice, QUESTIONS) == one


def test_a_random_model_needs_no_more_than_its_padded_passes(tiny_folder: Path) -> None:
    language = LanguageModel.load(tiny_folder, FLOAT32)
    persons = panel(5)
    planned = JointModel(language).passes(persons, QUESTIONS)
    padded = sum(p.tokens for _, passes in planned for p in passes)
    least = reading.reading(language.tokens, language.start, persons, QUESTIONS)
    assert 0 < least.tokens <= padded
    assert reading.flops(language, persons, QUESTIONS) == least.flops(shape_of(language))


def test_ten_questions_that_differ_are_asked_of_made_up_persons_who_differ() -> None:
    questions, persons = asked.questions(), asked.made_up(50)
    assert len({q.fingerprint for q in questions}) == 10
    assert len({person_text(persons.person(i).attributes) for i in range(50)}) == 50
    assert "age_group" in persons.attributes


# --- other ways of answering --------------------------------------------------------------------------------


def test_all_plain_ways_give_the_joint_models_probabilities(tiny_folder: Path) -> None:
    persons = panel(2)
    ours = JointModel(LanguageModel.load(tiny_folder, FLOAT32)).distributions(persons, QUESTIONS)
    plain = Plain(tiny_folder, "float32", "cpu")
    for found in (plain.one_by_one(persons, QUESTIONS), plain.batched(persons, QUESTIONS)):
        for own, other in zip(ours, found, strict=True):
            np.testing.assert_allclose(own, other, atol=1e-5)


def test_a_free_answer_is_rated_by_its_cosines_above_the_least() -> None:
    angles = np.arccos([0.9, 0.6, 0.7])
    options = np.stack([np.cos(angles), np.sin(angles)], axis=1) * np.array([[1.0], [2.0], [3.0]])
    np.testing.assert_allclose(rating(np.array([5.0, 0.0]), options), [0.75, 0.0, 0.25], atol=1e-12)
    np.testing.assert_allclose(rating(np.ones(2), np.ones((4, 2))), 0.25)


@given(st.integers(2, 6), st.integers(1, 5), st.integers(0, 1000))
def test_ratings_are_probabilities(n_options: int, dim: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    found = rating(rng.normal(size=dim), rng.normal(size=(n_options, dim)))
    assert found.min() >= 0
    assert found.sum() == pytest.approx(1)


def test_ways_are_compared_round_by_round_and_over_the_persons_both_asked() -> None:
    fast, slow = Way([Rate(100, 1.0), Rate(100, 2.0), Rate(90, 1.0)]), Way([Rate(1, 1.0)] * 3)
    assert ratio(fast, slow) == 90
    assert fast.each_second == pytest.approx(290 / 4)
    one, two = np.array([[0.9, 0.1]]), np.array([[0.8, 0.2], [0.3, 0.7]])
    ways = {"joint": Way(found=[[one], [two]]), "one_by_one": Way(found=[[np.array([[0.6, 0.4]])]])}
    found = agreement(ways)
    assert found == {"largest_difference_one_by_one": pytest.approx(0.3), "same_favourite_one_by_one": 1.0}


def test_a_way_that_failed_is_compared_over_the_rounds_it_has_and_stops_no_other() -> None:
    fast, slow = Way([Rate(100, 1.0), Rate(300, 1.0), Rate(900, 1.0)]), Way([Rate(1, 1.0), Rate(1, 1.0)])
    assert ratio(fast, slow) == 200
    notes, calls = dict[str, float | str](), list[int]()

    def failing() -> None:
        calls.append(1)
        raise SystemExit("it stopped\nand said more")

    for round_ in range(2):
        peers.attempt(notes, round_, "other", failing)
    assert calls == [1]
    assert notes == {"other_failed": "in round 1: SystemExit: it stopped"}
    assert agreement({"joint": Way(), "one_by_one": Way()}) == {}


@pytest.mark.parametrize(
    ("device", "name"), [("cpu", "fielding"), ("cuda", "fielding_cuda"), ("cuda:1", "fielding_cuda")]
)
def test_figures_are_named_by_the_kind_of_device(device: str, name: str) -> None:
    assert fielding.named("fielding", device) == name


def test_a_folder_that_the_benchmark_did_not_make_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work", encoding="utf-8")
    with pytest.raises(SystemExit, match="not made by this benchmark"), fielding.workspace(10, tmp_path):
        pass
    assert (tmp_path / "thesis.txt").read_text(encoding="utf-8") == "years of work"


def test_the_machines_rate_is_the_median_of_its_measurements() -> None:
    assert matmul.middle([3.0, 1.0, 2.0]) == 2.0
    assert matmul.middle([4.0, 1.0]) == 2.5
