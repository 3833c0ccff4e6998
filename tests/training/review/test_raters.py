import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from personas.arrays import IntArray
from training.review import raters
from training.review.raters import NO_RATING

# Krippendorff, "Computing Krippendorff's alpha-reliability" (2011), section C: four observers, twelve units.
_ = 0
PUBLISHED = (
    np.array(
        [
            [1, 2, 3, 3, 2, 1, 4, 1, 2, _, _, _],
            [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, _, 3],
            [_, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, _],
            [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, _],
        ]
    ).T
    - 1
)
VALUES = np.arange(1.0, 6.0)


@pytest.mark.parametrize(("level", "expected"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_alpha_is_that_of_the_published_example(level: raters.Level, expected: float) -> None:
    assert raters.alpha(PUBLISHED, VALUES, level) == pytest.approx(expected, abs=0.0005)


def test_coincidences_of_the_published_example_have_its_margins() -> None:
    table = raters.coincidences(PUBLISHED, 5).sum(axis=0)
    assert table.sum(axis=1) == pytest.approx([9, 13, 10, 5, 3])
    assert table[0] == pytest.approx([7, 4 / 3, 1 / 3, 1 / 3, 0])


def test_alpha_without_variation_or_without_pairs_is_not_defined() -> None:
    assert raters.alpha(np.zeros((5, 3), dtype=np.int64), VALUES, "nominal") is None
    alone = np.array([[0, NO_RATING], [NO_RATING, 2]])
    assert raters.alpha(alone, VALUES, "nominal") is None
    assert raters.in_words(None).startswith("not defined")


matrices = arrays(np.int64, st.tuples(st.integers(2, 12), st.integers(2, 4)), elements=st.integers(-1, 3))


@given(matrices, st.sampled_from(["nominal", "ordinal", "interval"]), st.randoms())
def test_the_order_of_raters_and_things_does_not_matter(
    ratings: IntArray, level: raters.Level, random: object
) -> None:
    values = np.arange(4.0)
    turned = ratings[::-1, ::-1]
    first, second = raters.alpha(ratings, values, level), raters.alpha(turned, values, level)
    assert first == (None if second is None else pytest.approx(second))
    assert first is None or first <= 1 + 1e-12


@given(matrices)
def test_identical_raters_agree_fully_where_anything_varies(ratings: IntArray) -> None:
    same = np.repeat(ratings[:, :1], 3, axis=1)
    found = raters.alpha(same, np.arange(4.0), "ordinal")
    assert found is None or found == pytest.approx(1.0)


def test_raters_who_guess_have_an_alpha_around_zero_and_an_interval_that_holds_it() -> None:
    rng = np.random.default_rng(4)
    ratings = rng.integers(0, 3, (120, 3))
    found = raters.alpha_interval(ratings, np.arange(3.0), "nominal")
    assert found is not None
    assert found.low < 0.0 < found.high
    assert found.high - found.low < 0.3
    assert raters.in_words(found.value).startswith("too low")


@pytest.mark.parametrize(("n_raters", "n_things"), [(2, 30), (4, 30), (2, 100)])
def test_the_interval_covers_alpha_where_raters_agree_nearly_always(n_raters: int, n_things: int) -> None:
    rng = np.random.default_rng(2)

    def rated(n: int) -> IntArray:
        truth = rng.choice(2, n)
        slips = rng.random((n, n_raters)) < 0.1
        return np.where(slips, rng.choice(2, (n, n_raters)), truth[:, None]).astype(np.int64)

    alpha = raters.alpha(rated(40_000), np.arange(2.0), "nominal")
    assert alpha is not None
    found = [raters.alpha_interval(rated(n_things), np.arange(2.0), "nominal") for _ in range(150)]
    covered = np.mean([f is not None and f.low <= alpha <= f.high for f in found])
    assert covered >= 0.93


def test_full_agreement_of_few_things_is_no_proof_of_agreement() -> None:
    ratings = np.repeat(np.arange(20)[:, None] % 2, 2, axis=1)
    found = raters.alpha_interval(ratings, np.arange(2.0), "nominal")
    assert found is not None
    assert (found.value, found.high) == (1.0, 1.0)
    assert 0.4 < found.low < 0.8


def test_a_tie_between_raters_is_no_majority() -> None:
    ratings = np.array([[0, 0, 1], [0, 1, NO_RATING], [NO_RATING, NO_RATING, NO_RATING], [2, NO_RATING, 2]])
    assert raters.majority(ratings, 3).tolist() == [0, NO_RATING, NO_RATING, 2]


def test_precision_and_recall_count_only_what_has_label_and_rating() -> None:
    rated = np.array([0, 0, 1, 1, NO_RATING, 0])
    labels = np.array([0, 1, 1, 0, 0, NO_RATING])
    real, simulated = raters.label_scores(rated, labels, ("real", "simulated"))
    assert (real.labelled, real.rated, real.precision, real.recall) == (2, 2, 0.5, 0.5)
    assert (simulated.precision, simulated.recall) == (0.5, 0.5)
    unused = raters.label_scores(np.array([0]), np.array([0]), ("a", "b"))[1]
    assert (unused.precision, unused.recall) == (None, None)
