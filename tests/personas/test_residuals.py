import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax, logsumexp
from scipy.stats import norm

from personas.answer import NO_ANSWER
from personas.arrays import FloatArray, IntArray
from personas.models.kernel import KernelSettings, OptionSet, centred_blocks, row_blocks
from personas.models.residuals import LOADINGS, Residuals, from_tensors, no_residuals

SIZES = (2, 3, 4, 2)
BLOCKS = row_blocks(SIZES)


def made(seed: int, rank: int = 2, scale: float = 0.6) -> Residuals:
    rng = np.random.default_rng(seed)
    loadings = centred_blocks(rng.normal(0.0, scale, (sum(SIZES), rank)), BLOCKS)
    shares = np.concatenate([rng.dirichlet(np.full(size, 4.0)) for size in SIZES])
    return Residuals(loadings, shares, SIZES)


def normalised(logits: FloatArray) -> FloatArray:
    return np.concatenate([log_softmax(logits[:, b], axis=1) for b in BLOCKS], axis=1)


def sample(seed: int, n: int = 40) -> tuple[FloatArray, IntArray]:
    rng = np.random.default_rng(seed)
    logits = rng.normal(0.0, 1.0, (n, sum(SIZES)))
    chosen = np.stack([rng.integers(-1, size, n) for size in SIZES], axis=1)
    return logits, chosen


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.integers(0, 4))
def test_without_known_answers_the_distributions_stay_the_models_own(seed: int, rank: int) -> None:
    logits, chosen = sample(seed)
    found = made(seed, rank).condition(logits, np.full_like(chosen, NO_ANSWER))
    np.testing.assert_allclose(found, normalised(logits), atol=1e-9)


@settings(max_examples=25)
@given(st.integers(0, 10_000))
def test_conditioned_distributions_sum_to_one_whoever_else_is_in_the_batch(seed: int) -> None:
    logits, chosen = sample(seed)
    residuals = made(seed)
    whole = residuals.condition(logits, chosen)
    sums = [logsumexp(whole[:, b], axis=1) for b in BLOCKS]
    np.testing.assert_allclose(sums, 0.0, atol=1e-9)
    some = np.random.default_rng(seed).permutation(len(logits))[:7]
    np.testing.assert_allclose(residuals.condition(logits[some], chosen[some]), whole[some], atol=1e-9)


def test_more_persons_than_one_pass_takes_are_answered_like_few() -> None:
    logits, chosen = sample(3, n=1203)
    residuals = made(3)
    whole = residuals.condition(logits, chosen)
    np.testing.assert_allclose(residuals.condition(logits[900:], chosen[900:]), whole[900:], atol=1e-9)


@pytest.mark.parametrize("share", [0.5, 0.2])
def test_two_binary_questions_have_the_conditional_share_that_integration_gives(share: float) -> None:
    """Reference: the latent position integrated on a fine grid, with intercepts that keep the marginals."""
    loadings = np.array([[-0.6], [0.6], [-0.6], [0.6]])
    shares = np.array([1 - share, share, 1 - share, share])
    residuals = Residuals(loadings, shares, (2, 2))
    found = np.exp(residuals.condition(np.log(shares)[None], np.array([[1, NO_ANSWER]])))[0, 3]
    grid = np.linspace(-8.0, 8.0, 4001)
    density = norm.pdf(grid) / norm.pdf(grid).sum()

    def yes(intercept: float) -> FloatArray:
        return 1.0 / (1.0 + np.exp(-(intercept + 1.2 * grid)))

    intercepts = np.linspace(-6.0, 6.0, 4001)
    margins = np.array([density @ yes(i) for i in intercepts])
    curve = yes(float(intercepts[np.argmin(np.abs(margins - share))]))
    exact = float(density @ curve**2 / (density @ curve))
    assert exact > share + 0.08
    assert found == pytest.approx(exact, abs=0.012)


def test_the_position_found_is_the_most_probable_one() -> None:
    logits, chosen = sample(5)
    residuals = made(5, rank=1)
    posterior = residuals.posterior(logits, chosen)
    grid = np.linspace(-4.0, 4.0, 8001)
    variances = [np.square(residuals.loadings[b]).sum() * len(residuals.loadings[b]) for b in BLOCKS]
    for person in range(10):
        value = -0.5 * grid**2
        for q, block in enumerate(BLOCKS):
            if chosen[person, q] == NO_ANSWER:
                continue
            n = SIZES[q]
            wide = logits[person, block] * np.sqrt(1 + np.pi / 8 * variances[q] / (n - 1) ** 2)
            logs = log_softmax(wide[:, None] + residuals.loadings[block] * grid, axis=0)
            value = value + logs[chosen[person, q]]
        assert posterior.mean[person, 0] == pytest.approx(grid[np.argmax(value)], abs=0.005)


def test_a_surprising_answer_with_strong_loadings_does_not_run_away() -> None:
    loadings = np.array([[-8.0], [8.0]])
    residuals = Residuals(loadings, np.array([0.999, 0.001]), (2,))
    posterior = residuals.posterior(np.array([[4.0, -4.0]]), np.array([[1]]))
    # The intercept is widened to 80 logits; 16 * sigmoid(80 - 16 z) = z has its root at 5.05.
    assert posterior.mean[0, 0] == pytest.approx(5.05, abs=2.0)


def test_known_answers_to_some_questions_condition_others() -> None:
    logits, chosen = sample(7)
    residuals = made(7)
    chosen[:, 2:] = NO_ANSWER
    whole = residuals.condition(logits, chosen)
    told, asked = residuals.take([0, 1]), residuals.take([3, 2])
    columns = np.r_[BLOCKS[3], BLOCKS[2]]
    posterior = told.posterior(logits[:, : BLOCKS[2].start], chosen[:, :2])
    np.testing.assert_allclose(asked.given(logits[:, columns], posterior), whole[:, columns], atol=1e-9)


def test_tensors_come_back_as_they_were_stored() -> None:
    residuals = made(2)
    again = from_tensors(residuals.tensors(), SIZES)
    np.testing.assert_array_equal(again.loadings, residuals.loadings)
    np.testing.assert_array_equal(again.shares, residuals.shares)
    with pytest.raises(KeyError, match=LOADINGS):
        from_tensors({}, SIZES)
    with pytest.raises(ValueError, match="must have 5 rows"):
        from_tensors(residuals.tensors(), (2, 3))


def test_no_strength_leaves_nothing() -> None:
    logits, chosen = sample(1)
    nothing = made(1).scaled(0.0)
    assert nothing.rank == 0
    np.testing.assert_allclose(nothing.condition(logits, chosen), normalised(logits), atol=1e-12)


def test_known_answers_that_do_not_fit_are_refused() -> None:
    logits, chosen = sample(1)
    with pytest.raises(ValueError, match="must have shapes"):
        made(1).condition(logits[:, :-1], chosen)
    chosen[3, 1] = 3
    with pytest.raises(ValueError, match="known answer 3 of person 3 to question 1: it has options 0 to 2"):
        made(1).condition(logits, chosen)


def test_loadings_of_a_new_question_come_from_those_alike_in_text() -> None:
    rng = np.random.default_rng(4)
    topics = rng.normal(size=(2, 12))
    yes = rng.normal(size=12)

    def options(which: IntArray) -> OptionSet:
        rows = [topics[t] + side * 0.5 * topics[t] * yes for t in which for side in (-1, 1)]
        near = np.array(rows) + rng.normal(0, 0.05, (2 * len(which), 12))
        return OptionSet(near[None], np.tile([-1.0, 1.0], len(which)), np.repeat(np.arange(len(which)), 2))

    which = np.array([0, 1] * 8)
    loadings = np.zeros((32, 2))
    for q, topic in enumerate(which):
        loadings[2 * q : 2 * q + 2, topic] = (-0.7, 0.7)
    trained = Residuals(loadings, np.full(32, 0.5), (2,) * 16)
    kernel = KernelSettings(text=1.0, position=0.0, length=0.2, noise=0.1)
    new = trained.predict(options(which), options(np.array([1, 0])), np.full(4, 0.5), kernel)
    assert new.sizes == (2, 2)
    np.testing.assert_allclose(new.loadings[1], [0.0, 0.7], atol=0.1)
    np.testing.assert_allclose(new.loadings[3], [0.7, 0.0], atol=0.1)
    none = no_residuals(trained.shares, trained.sizes).predict(
        options(which), options(np.array([1])), np.full(2, 0.5)
    )
    assert none.rank == 0
