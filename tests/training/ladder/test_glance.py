"""The verdict of a ladder, from figures that are made up so that it is known what it must say."""

from personas.measures.estimate import Estimate
from training.ladder import verdict
from training.ladder.measured import Comparison, Measured


def rung(
    name: str, gain: tuple[float, float, float] | None, answers: int = 900, family: str = "statistics"
) -> Measured:
    estimate = None if gain is None else Estimate(value=gain[0], low=gain[1], high=gain[2])
    compared = None
    if estimate is not None:
        compared = Comparison(against="cells", log_loss=estimate, agreement=None, signal=None)
    return Measured(
        rung=name, title=name.capitalize(), family=family, people=100, questions=9, answers=answers,
        agreement=None, uniform=None, ceiling=None, gap_closed=None, signal=None, log_loss=1.357, brier=0.5,
        accuracy=0.5, precision=None, recall=None, f1=None, calibration_error=0.1, calibration_floor=0.1,
        variance=None, entropy=None, order_sensitivity=None, cost=None, comparison=compared,
    )  # fmt: skip


def said(*rungs: Measured) -> str:
    return "\n".join(verdict.words([verdict.Evidence("New people", False, rungs)]))


def test_nothing_is_recommended_that_is_not_told_from_guessing() -> None:
    rungs = (rung("uniform", (-0.03, -0.17, 0.09)), rung("cells", None))
    assert verdict.glance("New people", rungs).use is None
    assert said(*rungs).startswith(
        "For new people use nothing of this: no rung is shown to be better than guessing. Cells loses least, "
        "and luck can explain that (log loss 1.357 nats on 900 answers of 100 people)."
    )
    assert "no rung is shown to be better than guessing (log loss" in said(rung("uniform", None))


def test_where_the_baseline_is_not_told_from_guessing_another_rung_may_be() -> None:
    over = Comparison(
        against="uniform", log_loss=Estimate(value=0.2, low=0.05, high=0.3), agreement=None, signal=None
    )
    mine = rung("mine", (0.02, -0.01, 0.05), family="trained").model_copy(update={"over_guess": over})
    rungs = (rung("uniform", (-0.18, -0.4, 0.02)), rung("cells", None), mine)
    found = verdict.glance("New people", rungs)
    assert found.use == "Mine"
    assert "Mine" not in found.tied
    assert said(*rungs).startswith(
        "For new people use mine: it is better than guessing, by .200 (+.050 to +.300) nats for each answer"
    )


def test_a_rung_that_is_better_than_the_baseline_is_recommended_even_so() -> None:
    rungs = (
        rung("uniform", (-0.03, -0.17, 0.09)),
        rung("cells", None),
        rung("mine", (0.04, 0.01, 0.07), family="trained"),
    )
    assert verdict.glance("New people", rungs).use == "Mine"
    assert said(*rungs).startswith("For new people use mine")
    assert "by .040 (+.010 to +.070) nats" in said(*rungs)
    assert "without a trained model" not in said(*rungs)


def test_rungs_are_sorted_by_what_their_intervals_show() -> None:
    found = verdict.glance(
        "New people",
        (
            rung("uniform", (-0.24, -0.40, -0.13)),
            rung("share", (-0.05, -0.09, -0.01)),
            rung("cells", None),
            rung("logit", (-0.01, -0.03, 0.01)),
            rung("plain", (-4.0, -7.5, -0.5), 88, "language model"),
            rung("prompt", (-1.0, -6.0, 3.2), 28, "language model"),
        ),
    )
    assert (found.use, found.baseline, found.tied, found.few) == ("Cells", "Cells", ("Logit",), ("Prompt",))
    assert found.worse == ("Uniform", "Share", "Plain")
    assert found.guessing == ("Plain",)


def test_what_a_trained_model_loses_is_a_loss_and_is_said_once() -> None:
    shared = (rung("uniform", (-0.24, -0.40, -0.13)), rung("cells", None))
    parts = [
        verdict.Evidence("New people", False, (*shared, rung("mine", gain, family="trained")))
        for gain in ((-0.0134, -0.036, 0.008), (0.0061, -0.125, 0.157), (0.0001, -0.01, 0.01))
    ]
    text = "\n".join(verdict.words(parts))
    assert text.count("trained model") == 1
    assert (
        "Mine: loses .013 nats (\u2212.036 to +.008) for new people; gains .006 nats (\u2212.125 to +.157) "
        "for new people; neither gains nor loses (\u2212.010 to +.010) for new people."
    ) in text
