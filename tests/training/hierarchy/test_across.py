import numpy as np
import pytest

from personas.models import projection
from personas.question import Question
from training.hierarchy.across import left_out_together
from training.hierarchy.support import USUAL, calibrated


def question(text: str) -> Question:
    return Question(name=text, text=text, options=("yes", "no"))


def test_batteries_are_left_out_whole_unless_one_of_them_is_most_of_what_there_is() -> None:
    apart = [
        question(t) for t in ("Do you own a car?", "Should taxes on fuel rise next year?", "Is it raining?")
    ]
    many = [*apart, question("Who cooks at home on weekdays, you or others?")]
    assert left_out_together(many) == [[0], [1], [2], [3]]
    battery = [question(f"How much do you trust the people who run the {x} of this country?") for x in "abcd"]
    assert left_out_together([*battery, *apart]) is None


def test_a_bound_is_found_where_little_support_means_worse_answers() -> None:
    rng = np.random.default_rng(1)
    support = rng.uniform(0.0, 1.0, 300)
    real = [np.array([p, 1 - p]) for p in rng.uniform(0.1, 0.9, 300)]
    good = [0.8 * r + 0.1 for r in real]
    predicted = [np.array([0.5, 0.5]) if s < 0.15 else g for s, g in zip(support, good, strict=True)]
    found = calibrated(support, predicted, real)
    assert 0.1 < found.least < 0.25
    assert found.flagged is not None
    assert found.others is not None
    assert found.p is not None
    assert found.flagged < 0.3 < 0.7 < found.others
    assert found.p <= 0.05


def test_no_bound_is_found_where_support_says_nothing() -> None:
    found_any = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        real = [np.array([p, 1 - p]) for p in rng.uniform(0.1, 0.9, 120)]
        predicted = [0.5 * r + 0.25 + rng.choice([-0.2, 0.2]) * np.array([1, -1]) for r in real]
        found = calibrated(rng.uniform(0, 1, 120), predicted, real)
        found_any += found.flagged is not None
        if found.flagged is None:
            assert found.least == USUAL
    # One in twenty by chance; four of twenty has probability .016.
    assert found_any <= 3


def test_few_questions_keep_the_usual_bound() -> None:
    real = [np.array([0.3, 0.7])] * 8
    found = calibrated(np.linspace(0, 1, 8), real, real)
    assert (found.least, found.flagged, found.p) == (USUAL, None, None)


def test_a_projection_keeps_what_tells_vectors_apart_and_holds_the_strongest_direction_back() -> None:
    rng = np.random.default_rng(2)
    vectors = rng.normal(size=(2, 40, 12))
    vectors[:, :, 0] *= 30.0
    space = projection.fitted(vectors)
    out = space.apply(vectors)
    assert out.shape == (2, 40, 12)
    np.testing.assert_allclose(out.mean(axis=1), 0.0, atol=0.02)
    before = vectors[0].std(axis=0)
    after = np.sort(out[0].std(axis=0))[::-1]
    assert after[0] / after[1] < 0.5 * before[0] / np.sort(before)[-2]
    with pytest.raises(ValueError, match="must have 2 layers of width 12"):
        space.apply(rng.normal(size=(1, 5, 12)))


def test_a_projection_is_no_wider_than_there_are_vectors_and_survives_vectors_all_alike() -> None:
    assert projection.fitted(np.random.default_rng(3).normal(size=(1, 5, 30))).matrix.shape == (1, 30, 5)
    flat = projection.fitted(np.ones((1, 6, 4)))
    np.testing.assert_array_equal(flat.apply(np.ones((1, 2, 4))), np.zeros((1, 2, 4)))
