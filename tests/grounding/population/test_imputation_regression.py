import warnings

import numpy as np
import pytest

from grounding.population import imputation
from grounding.population.imputation_model import fit
from grounding.population.imputation_pooling import combined
from personas.panel import UNKNOWN, Panel


def predicted(profiles: np.ndarray, sizes: list[int], b: np.ndarray) -> np.ndarray:
    """Shares of the levels for each profile, written out from the definition."""
    starts = np.cumsum([1, *sizes])[:-1]
    scores = b[0] + sum(b[starts[j] + profiles[:, j]] for j in range(len(sizes)))
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)


def test_with_many_people_the_regression_is_statsmodels_multinomial_logit():
    sm = pytest.importorskip("statsmodels.api")
    rng = np.random.default_rng(0)
    n, sizes = 20_000, [3, 2]
    x = np.stack([rng.integers(0, k, n) for k in sizes], axis=1)
    scores = np.array([[0, 0.5, -0.5], [0, -0.3, 0.8], [0, 0.2, 0.1]])[x[:, 0]] + 0.7 * x[:, 1:] * [0, 1, -1]
    shares = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    y = np.sum(shares.cumsum(axis=1) < rng.random((n, 1)), axis=1)
    profiles = np.stack(np.unravel_index(np.arange(6), sizes), axis=1)
    counts = np.zeros((6, 3))
    np.add.at(counts, (x[:, 0] * 2 + x[:, 1], y), 1.0)
    design = np.column_stack([np.ones(n), x[:, 0] == 1, x[:, 0] == 2, x[:, 1]]).astype(float)
    reference = sm.MNLogit(y, design).fit(disp=0)
    cells = np.column_stack([np.ones(6), profiles[:, 0] == 1, profiles[:, 0] == 2, profiles[:, 1]]).astype(
        float
    )
    ours = predicted(profiles, sizes, fit(profiles, sizes, counts))
    # The prior (standard deviation 2) weighs next to nothing beside 20,000 people.
    assert ours == pytest.approx(reference.predict(cells), abs=1e-3)


def test_separation_leaves_the_coefficients_finite():
    profiles = np.array([[0], [1]])
    b = fit(profiles, [2], np.array([[50.0, 0.0], [0.0, 50.0]]))
    shares = predicted(profiles, [2], b)
    assert np.all(np.abs(b) < 20)
    assert 0.95 < shares[0, 0] < 1
    assert 0.95 < shares[1, 1] < 1


def test_the_prior_draws_a_rare_group_towards_the_others():
    b = fit(np.array([[0], [1]]), [2], np.array([[500.0, 500.0], [1.0, 0.0]]))
    shares = predicted(np.array([[0], [1]]), [2], b)
    assert shares[0, 0] == pytest.approx(0.5, abs=0.01)
    assert 0.5 < shares[1, 0] < 0.9  # one person alone would say 1


def test_associations_among_several_gappy_attributes_survive_chained_equations():
    rng = np.random.default_rng(1)
    n = 3000
    a = rng.integers(0, 2, n)
    b = np.where(rng.random(n) < 0.85, a, 1 - a)
    c = np.where(rng.random(n) < 0.85, b, 1 - b)
    codes = np.stack([a, b, c], axis=1)
    holed = np.where(rng.random((n, 3)) < 0.3, UNKNOWN, codes)
    ids = tuple(map(str, range(n)))
    panel = Panel(ids, ("a", "b", "c"), (("0", "1"),) * 3, holed, np.ones(n))
    filled = imputation.chained(panel, ["a", "b", "c"], (), 3, 0)
    assert [f.attribute for f in filled] == ["a", "b", "c"]
    for copy in range(3):
        made = np.stack([f.codes[:, copy] for f in filled], axis=1)
        assert np.mean(made[:, 0] == made[:, 1]) == pytest.approx(0.85, abs=0.02)
        assert np.mean(made[:, 1] == made[:, 2]) == pytest.approx(0.85, abs=0.02)


@pytest.mark.parametrize("levels", [3, 6])
def test_attributes_of_several_levels_and_steps_keep_their_regression_on_another(levels):
    rng = np.random.default_rng(2)
    n = 6000
    group = rng.integers(0, 3, n)
    step = np.clip(np.round(group * (levels - 1) / 2 + rng.normal(0, 0.7, n)), 0, levels - 1).astype(np.int64)
    missing = rng.random(n) < np.array([0.6, 0.3, 0.1])[group]
    codes = np.stack([np.where(missing, UNKNOWN, step), group], axis=1)
    names = tuple(map(str, range(levels)))
    panel = Panel(tuple(map(str, range(n))), ("a", "g"), (names, ("x", "y", "z")), codes, np.ones(n))
    found = imputation.model(panel, "a", ["g"], 1, 0)
    for g in range(3):
        made = np.bincount(found.codes[missing & (group == g), 0], minlength=levels)
        truth = np.bincount(step[missing & (group == g)], minlength=levels)
        assert np.abs(made / made.sum() - truth / truth.sum()).max() < 0.08  # twice 600 people


def test_a_level_of_one_person_and_a_predictor_that_tells_all_do_not_stop_it():
    n = 60
    codes = np.zeros((n, 3), dtype=np.int64)
    codes[:, 1] = np.arange(n) % 20  # twenty thin levels
    codes[:, 0] = codes[:, 1] % 3
    codes[5, 0] = 3  # a level of one person
    codes[::4, 0] = UNKNOWN
    levels = (("a", "b", "c", "d", "nobody"), tuple(map(str, range(20))), ("same",))
    panel = Panel(tuple(map(str, range(n))), ("y", "x", "constant"), levels, codes, np.ones(n))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for fill in (imputation.model, imputation.hot_deck):
            found = fill(panel, "y", (), 3, 0)
            assert np.all((found.codes >= 0) & (found.codes < 4))  # never the level that nobody has


def test_one_level_only_is_what_everybody_gets():
    codes = np.array([[0, 0], [0, 1], [UNKNOWN, 1], [UNKNOWN, 0]])
    panel = Panel(("1", "2", "3", "4"), ("a", "b"), (("x",), ("0", "1")), codes, np.ones(4))
    assert np.all(imputation.model(panel, "a", ["b"], 2, 0).codes == 0)


def test_pooling_is_rubins_worked_example():
    # Estimates .40, .44, .42, each of variance .0004: W = B = .0004, T = .0004 + 4/3 x .0004.
    found = combined(np.array([0.40, 0.44, 0.42]), np.full(3, 0.0004))
    assert found.estimate == pytest.approx(0.42)
    assert (found.within, found.between) == (pytest.approx(0.0004), pytest.approx(0.0004))
    assert found.total == pytest.approx(0.0004 * 7 / 3)
    assert found.freedom == pytest.approx(2 * (1 + 3 / 4) ** 2)  # (m - 1) (1 + 1 / r)^2, r = 4/3
    assert found.low < 0.40 < 0.44 < found.high


def test_copies_that_agree_cost_nothing():
    found = combined(np.full(4, 0.3), np.full(4, 0.0001))
    assert (found.between, found.missing_information, found.total) == (0.0, 0.0, pytest.approx(0.0001))
    assert found.high - found.low == pytest.approx(2 * 1.959964 * 0.01, rel=1e-4)


@pytest.mark.parametrize("estimates", [[0.4], []])
def test_one_copy_cannot_be_pooled(estimates):
    with pytest.raises(ValueError, match="at least two copies"):
        combined(np.array(estimates), np.full(len(estimates), 0.1))
