import numpy as np
import pytest
from scipy.stats import kstest

from personas.arrays import FloatArray, IntArray
from personas.models.copula import Copula, copula
from personas.models.kernel import row_blocks
from personas.models.residuals import Residuals, no_residuals

SIZES = (2, 3, 4)
NAMES = ["first", "second", "third"]
SHARES = np.array([0.5, 0.5, 0.2, 0.5, 0.3, 0.1, 0.4, 0.3, 0.2])
LOADINGS = np.array([-0.7, 0.7, -0.8, 0.0, 0.8, 0.9, 0.3, -0.3, -0.9])[:, None] * np.array([[1.0, 0.3]])
RESIDUALS = Residuals(LOADINGS, SHARES, SIZES)
PERSONS = [f"person {i}" for i in range(20_000)]


def distributions(n: int) -> list[FloatArray]:
    rng = np.random.default_rng(1)
    return [rng.dirichlet(np.full(size, 2.0), 4)[np.arange(n) % 4] for size in SIZES]


def test_marginals_of_joint_draws_are_the_models_own() -> None:
    """20,000 draws, 5,000 from each of 4 distributions: within 4.5 binomial standard errors."""
    joint = copula(RESIDUALS)
    asked = distributions(len(PERSONS))
    drawn = joint.draw(asked, joint.uniforms(5, PERSONS, NAMES))
    for q, distribution in enumerate(asked):
        for group in range(4):
            rows = np.arange(len(PERSONS)) % 4 == group
            expected = distribution[group]
            found = np.bincount(drawn[rows, q], minlength=SIZES[q]) / rows.sum()
            assert np.all(np.abs(found - expected) < 4.5 * np.sqrt(expected * (1 - expected) / rows.sum()))


@pytest.mark.parametrize("known", [False, True])
def test_each_uniform_alone_is_uniform(known: bool) -> None:
    persons = PERSONS[:4000]
    posterior = None
    if known:
        chosen = np.full((len(persons), 3), -1)
        chosen[::2, 0] = 1
        posterior = RESIDUALS.posterior(np.tile(np.log(SHARES), (len(persons), 1)), chosen)
    found = copula(RESIDUALS).uniforms(9, persons, NAMES, posterior)
    assert np.all((found >= 0) & (found < 1))
    for column in found.T:
        assert kstest(column, "uniform").pvalue > 1e-3


def test_draws_have_the_correlations_of_the_latent_model() -> None:
    """Reference: answers drawn from the latent model itself, at the same shares."""
    rng = np.random.default_rng(2)
    n = len(PERSONS)
    latent = rng.normal(size=(n, 2))
    squares = np.array([np.square(LOADINGS[block]).sum() for block in row_blocks(SIZES)])
    wide = np.sqrt(1 + np.pi / 8 * squares * np.array([2 / 1, 3 / 4, 4 / 9]))
    scores: list[IntArray] = []
    for q, block in enumerate(row_blocks(SIZES)):
        logits = wide[q] * np.log(SHARES[block]) + latent @ LOADINGS[block].T
        odds = np.exp(logits)
        cut = np.cumsum(odds / odds.sum(axis=1, keepdims=True), axis=1)
        scores.append((cut < rng.random((n, 1))).sum(axis=1))
    expected: FloatArray = np.asarray(np.corrcoef(np.array(scores)), dtype=np.float64)
    joint = copula(RESIDUALS)
    alike = [np.tile(SHARES[b], (n, 1)) for b in row_blocks(SIZES)]
    found = np.corrcoef(joint.draw(alike, joint.uniforms(3, PERSONS, NAMES)).T)
    assert np.all(np.abs(expected[np.triu_indices(3, 1)]) > 0.2)
    np.testing.assert_allclose(found, expected, atol=0.05)


def test_the_slope_of_two_halves_is_the_worked_number() -> None:
    halves = Residuals(np.array([[-0.5], [0.5]]), np.array([0.5, 0.5]), (2,))
    assert copula(halves).slopes[0, 0] == pytest.approx(0.518, abs=5e-4)


def test_unordered_options_are_drawn_along_their_loadings() -> None:
    loadings = np.array([[0.2], [1.0], [-1.2]])
    found = copula(Residuals(loadings, np.full(3, 1 / 3), (3,)))
    assert found.orders[0].tolist() in ([2, 0, 1], [1, 0, 2])


def test_draws_depend_on_seed_person_and_question_alone() -> None:
    joint = copula(RESIDUALS)
    whole = joint.uniforms(4, PERSONS[:50], NAMES)
    turned = Copula(joint.slopes[[2, 0]], (joint.orders[2], joint.orders[0]))
    again = turned.uniforms(4, PERSONS[20:30], ["third", "first"])
    np.testing.assert_allclose(again, whole[20:30][:, [2, 0]], rtol=0, atol=1e-12)
    assert not np.allclose(joint.uniforms(5, PERSONS[:50], NAMES), whole)
    with pytest.raises(ValueError, match="2 questions for 3 slopes"):
        joint.uniforms(4, PERSONS[:5], NAMES[:2])


def test_without_residuals_draws_are_independent() -> None:
    joint = copula(no_residuals(SHARES, SIZES))
    found = joint.uniforms(4, PERSONS[:2000], NAMES)
    off = np.asarray(np.corrcoef(found.T), dtype=np.float64)[np.triu_indices(3, 1)]
    assert np.all(np.abs(off) < 4.5 / np.sqrt(2000))
