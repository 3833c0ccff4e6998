from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from grounding.sources.toplines_spec import Toplines
from personas.answer import NO_ANSWER, Answers
from personas.measures.estimate import Estimate
from personas.panel import from_columns
from personas.question import Question
from validation import toplines

TEA = Question(name="tea", text="Do you drink tea?", options=("no", "yes"))
CAKE = Question(name="cake", text="Which cake?", options=("a", "b", "c"), scale="nominal")


def study(**changed: object) -> Toplines:
    content: dict[str, object] = {
        "source": "Example Institute",
        "population": "adults",
        "field_start": "2025-01-01",
        "field_end": "2025-01-31",
        "n": 1000,
        "weighted": True,
        "design_effect": 2.5,
        "no_answer": ["don't know"],
        "questions": [
            {
                "name": "hot_1",
                "text": "Do you drink tea?",
                "options": ["yes", "no", "don't know"],
                "total": {"shares": [60, 30, 10]},
                "segments": {
                    "sex": {
                        "female": {"n": 500, "shares": [70, 20, 10]},
                        "diverse": {"n": 40, "shares": [50, 50, 0]},
                    },
                    "region": {"north": {"n": 300, "shares": [60, 40, 0]}},
                },
            },
            {"name": "juice", "text": "Juice?", "options": ["yes", "no"], "total": {"shares": [50, 50]}},
        ],
    }
    return Toplines.model_validate(content | changed)


def panel(people: int = 200):
    sexes = ["female" if i % 2 else "male" for i in range(people)]
    weights = np.where(np.arange(people) % 2 == 1, 2.0, 1.0)
    return from_columns([f"p{i}" for i in range(people)], {"sex": sexes}, weights)


def answered(people: int = 200) -> Answers:
    """Women say yes, men no; the last ten persons do not answer about tea."""
    tea = np.arange(people) % 2
    tea[-10:] = NO_ANSWER
    return Answers((TEA, CAKE), np.stack([tea, np.zeros(people, dtype=np.int64)], axis=1))


def test_shares_and_agreement_by_hand():
    found = toplines.against(study(), answered(), panel(), np.random.default_rng(0))
    total, female, diverse, north = found.results
    assert (total.question, total.attribute, total.options) == ("tea", None, ("no", "yes"))
    assert total.published == pytest.approx((1 / 3, 2 / 3))
    assert total.simulated == pytest.approx((1 / 3, 2 / 3))  # 95 men of weight 1, 95 women of weight 2
    assert total.agreement.value == pytest.approx(1.0)
    assert (total.n, total.persons) == (1000, 190)
    assert total.n_effective == pytest.approx(1000 * 0.9 / 2.5)
    assert (female.attribute, female.level, female.persons) == ("sex", "female", 95)
    assert female.simulated == (0.0, 1.0)
    assert female.agreement.value == pytest.approx(7 / 9)
    assert female.n_effective == pytest.approx(500 * 0.9 / 2.5)
    assert (diverse.simulated, diverse.agreement) == ((), None)
    assert diverse.reason == "nobody has sex 'diverse'; there are female, male"
    assert north.reason == "the panel has no attribute 'region'; it has sex"
    assert found.mean_agreement == total.agreement.value
    assert found.mean_ceiling == total.ceiling.value
    assert [(u.question, u.reason) for u in found.unused] == [
        ("juice", "no question has this name, or this text and these options")
    ]


def test_the_ceiling_is_what_a_second_sample_of_the_same_size_would_score():
    half = {"name": "tea", "text": "?", "options": ["yes", "no"], "total": {"shares": [50, 50]}}
    made = study(questions=[half], n=250, design_effect=1.0, no_answer=[])
    found = toplines.against(made, answered(), panel(), np.random.default_rng(0), 20_000)
    # Two shares of n people each differ by a normal of variance 2 p (1 - p) / n.
    expected = 1 - np.sqrt(4 * 0.5 * 0.5 / (np.pi * 250))
    assert found.results[0].ceiling.value == pytest.approx(expected, abs=0.001)
    assert found.reworded == ("tea",)


def test_smaller_studies_leave_wider_intervals_and_lower_ceilings():
    sizes = (100, 1000, 10_000)
    found = [
        toplines.against(
            study(n=n, questions=_without_segments(), no_answer=[]),
            answered(),
            panel(),
            np.random.default_rng(1),
        )
        for n in sizes
    ]
    widths = [f.results[0].agreement.high - f.results[0].agreement.low for f in found]
    limits = [f.results[0].ceiling.value for f in found]
    assert widths == sorted(widths, reverse=True)
    assert limits == sorted(limits)


def _without_segments() -> list[dict[str, object]]:
    return [{"name": "tea", "text": "?", "options": ["yes", "no"], "total": {"shares": [30, 70]}}]


def test_the_interval_covers_the_expected_agreement_at_the_size_of_the_study():
    truth, simulated, n = np.array([0.45, 0.55]), np.array([1 / 3, 2 / 3]), 400
    rng = np.random.default_rng(5)
    draws = rng.multinomial(n, truth, size=300) / n
    expected = np.mean(1 - 0.5 * np.abs(rng.multinomial(n, truth, size=50_000) / n - simulated).sum(axis=1))
    covered = 0
    for published in draws:
        samples = toplines._samples(published, n, 500, rng)  # pyright: ignore[reportPrivateUsage]
        interval = toplines._agreement(published, simulated, samples)  # pyright: ignore[reportPrivateUsage]
        covered += interval.low <= expected <= interval.high
    assert covered / 300 >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / 300)


def test_too_few_persons_give_no_figure():
    found = toplines.against(study(), answered(40), panel(40), np.random.default_rng(0))
    total, female = found.results[:2]
    assert total.agreement is not None
    assert female.agreement is None
    assert female.reason == "15 persons answered; 30 are needed to read a figure"


def test_a_study_without_a_question_of_the_panel_has_no_mean():
    only_cake = answered().only(["cake"])
    found = toplines.against(study(), only_cake, panel(), np.random.default_rng(0))
    assert (found.results, found.mean_agreement, found.mean_ceiling) == ((), None, None)
    assert len(found.unused) == 2


def test_results_survive_being_written_down():
    found = toplines.against(study(), answered(), panel(), np.random.default_rng(0))
    again = toplines.ToplinesResult.model_validate_json(found.model_dump_json())
    assert again == found
    assert isinstance(again.results[0].agreement, Estimate)


def test_answers_and_persons_must_be_as_many():
    with pytest.raises(ValueError, match="200 rows of answers for 40 persons"):
        toplines.against(study(), answered(), panel(40), np.random.default_rng(0))


def test_questions_that_the_study_anchored_are_shown_and_left_out_of_the_mean():
    cake = {"name": "cake", "text": "Which cake?", "options": ["a", "b", "c"], "scale": "nominal"}
    asked = [*_without_segments(), cake | {"total": {"shares": [80, 10, 10]}}]
    made = study(questions=asked, no_answer=[])
    plain = toplines.against(made, answered(), panel(), np.random.default_rng(0))
    found = toplines.against(made, answered(), panel(), np.random.default_rng(0), anchored={"tea"})
    tea, cakes = found.results
    assert (plain.questions, found.questions) == (2, 1)
    assert (tea.anchored, cakes.anchored) == (True, False)
    assert tea.agreement is not None
    assert cakes.agreement is not None
    assert found.mean_agreement == cakes.agreement.value == pytest.approx(0.8)
    both = toplines.against(made, answered(), panel(), np.random.default_rng(0), anchored={"tea", "cake"})
    assert (both.mean_agreement, both.mean_ceiling, both.questions) == (None, None, 0)
    assert [r.agreement for r in both.results] == [r.agreement for r in plain.results]


def test_the_published_toplines_of_a_real_survey_are_those_of_its_rows():
    """FiveThirtyEight and SurveyMonkey, masculinity survey of May 2018: weighted rows and printed shares."""
    folder = Path(__file__).parents[3] / "shared" / "data" / "fivethirtyeight" / "masculinity-survey"
    if not folder.is_dir():
        pytest.skip(f"the survey is not here: {folder}")
    rows = pd.read_csv(folder / "raw-responses.csv", encoding="utf-8")
    asked = Question(
        name="q0001",
        text='In general, how masculine or "manly" do you feel?',
        options=("Very masculine", "Somewhat masculine", "Not very masculine", "Not at all masculine"),
    )
    printed = {
        "name": "q0001",
        "text": asked.text,
        "options": [*asked.options, "No answer"],
        "total": {"shares": [0.37, 0.46, 0.11, 0.05, 0.01]},
    }
    made = study(
        source="FiveThirtyEight and SurveyMonkey", n=1615, questions=[printed], unit="fraction",
        no_answer=["No answer"], field_start="2018-05-10", field_end="2018-05-22",
    )  # fmt: skip
    chosen = np.array([[asked.options.index(a)] if a in asked.options else [NO_ANSWER] for a in rows.q0001])
    men = from_columns([str(i) for i in range(len(rows))], {}, rows.weight.to_numpy(dtype=np.float64))
    (found,) = toplines.against(made, Answers((asked,), chosen), men, np.random.default_rng(0)).results
    assert (len(rows), found.n) == (1615, 1615)
    np.testing.assert_allclose(found.simulated, found.published, atol=0.006)  # rounded to whole points
    assert found.agreement is not None
    assert found.agreement.value > 0.99
