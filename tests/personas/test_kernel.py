import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax

from personas.arrays import FloatArray
from personas.models.kernel import (
    KernelRegression,
    KernelSettings,
    OptionSet,
    centred_blocks,
    damping,
    gram_matrix,
    kernel,
    option_set,
    parts,
    position_kernel,
    row_blocks,
    rows_of,
    similarity,
)
from personas.models.spectrum import leave_one_question_out, spectrum
from personas.question import Question

MIXED = KernelSettings(text=1.0, pair=0.4, slope=0.6, position=0.7, length=0.5, noise=0.3)


def questions(*kinds: tuple[int, str]) -> tuple[Question, ...]:
    return tuple(
        Question(name=f"q{i}", text=f"{i}?", options=tuple(map(str, range(n))), scale=scale)
        for i, (n, scale) in enumerate(kinds)
    )


def options(*kinds: tuple[int, str], seed: int = 0) -> OptionSet:
    """Options with random vectors whose mean is zero within each question, so with any questions left out."""
    asked = questions(*kinds)
    vectors = np.random.default_rng(seed).normal(size=(2, sum(n for n, _ in kinds), 6))
    blocks = row_blocks([n for n, _ in kinds])
    return option_set(asked, np.stack([centred_blocks(layer, blocks) for layer in vectors]))


def without(whole: OptionSet, question: int) -> OptionSet:
    kept = whole.question != question
    renumbered = np.unique(whole.question[kept], return_inverse=True)[1]
    return OptionSet(whole.vectors[:, kept], whole.positions[kept], renumbered)


def only(whole: OptionSet, question: int) -> OptionSet:
    kept = whole.question == question
    return OptionSet(whole.vectors[:, kept], whole.positions[kept], np.zeros(kept.sum(), dtype=np.int64))


KINDS = ((3, "ordinal"), (2, "ordinal"), (4, "nominal"), (5, "ordinal"), (2, "nominal"), (3, "ordinal"))


CHANGES = ({}, {"text": 0.0}, {"position": 0.0}, {"pair": 0.0}, {"slope": 0.0}, {"noise": 0.01})


@pytest.mark.parametrize("changes", CHANGES)
def test_leaving_a_question_out_equals_refitting_without_it(changes: dict[str, float]) -> None:
    chosen = MIXED.model_copy(update=changes)
    whole = options(*KINDS)
    targets = centred_blocks(np.random.default_rng(1).normal(size=(len(whole.positions), 3)), whole.blocks)
    found = leave_one_question_out(gram_matrix(whole, chosen), targets, whole.blocks)
    for question, block in enumerate(whole.blocks):
        rest = KernelRegression(without(whole, question), targets[whole.question != question], chosen)
        refitted = rest.predict(only(whole, question))
        np.testing.assert_allclose(found.mean[block], refitted.mean, atol=1e-9)
        np.testing.assert_allclose(found.variance[block], refitted.variance, atol=1e-9)
        np.testing.assert_allclose(found.prior_variance[block], refitted.prior_variance, atol=1e-9)


def test_a_spectrum_serves_all_noises() -> None:
    whole = options(*KINDS)
    targets = centred_blocks(np.random.default_rng(2).normal(size=(len(whole.positions), 2)), whole.blocks)
    kernel = spectrum(gram_matrix(whole, MIXED.model_copy(update={"noise": 0.0})), whole.blocks)
    for noise in (0.05, 2.0):
        settings_ = MIXED.model_copy(update={"noise": noise})
        direct = leave_one_question_out(gram_matrix(whole, settings_), targets, whole.blocks)
        for one, other in zip(kernel.left_out(noise, targets, whole.blocks), direct, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-9)
        solved = np.linalg.solve(gram_matrix(whole, settings_), targets)
        contrasts = len(targets) - len(whole.blocks)
        assert kernel.amplitude(noise, targets) == pytest.approx((targets * solved).sum() / (2 * contrasts))


def test_questions_left_out_together_are_predicted_from_the_rest_alone() -> None:
    whole = options(*KINDS)
    targets = centred_blocks(np.random.default_rng(8).normal(size=(len(whole.positions), 2)), whole.blocks)
    groups = [[0, 3], [1], [2, 4, 5]]
    found = leave_one_question_out(gram_matrix(whole, MIXED), targets, whole.blocks, groups)
    for group in groups:
        rest = [q for q in range(len(whole.blocks)) if q not in group]
        kept = np.isin(whole.question, rest)
        refitted = KernelRegression(whole.take(rest), targets[kept], MIXED).predict(whole.take(group))
        gone = rows_of(whole.blocks, group)
        np.testing.assert_allclose(found.mean[gone], refitted.mean, atol=1e-9)
        np.testing.assert_allclose(found.variance[gone], refitted.variance, atol=1e-9)


def test_leaving_out_some_questions_by_their_blocks_equals_leaving_out_all_in_turn() -> None:
    whole = options(*KINDS)
    targets = centred_blocks(np.random.default_rng(9).normal(size=(len(whole.positions), 2)), whole.blocks)
    all_in_turn = leave_one_question_out(gram_matrix(whole, MIXED), targets, whole.blocks)
    some = KernelRegression(whole, targets, MIXED).left_out([4, 1])
    for one, other in zip(some, all_in_turn, strict=True):
        np.testing.assert_allclose(one, other[rows_of(whole.blocks, [4, 1])], atol=1e-9)


def test_what_is_known_badly_is_held_to_less() -> None:
    whole = options(*KINDS)
    targets = centred_blocks(np.random.default_rng(10).normal(size=(len(whole.positions), 1)), whole.blocks)
    own = only(whole, 3)
    plain = KernelRegression(whole, targets, MIXED).predict(own)
    unsure = np.where(whole.question == 3, 50.0, 0.0)
    doubted = KernelRegression(whole, targets, MIXED, unsure).predict(own)
    without_it = KernelRegression(without(whole, 3), targets[whole.question != 3], MIXED).predict(own)
    assert doubted.variance.sum() > plain.variance.sum()
    np.testing.assert_allclose(doubted.mean, without_it.mean, atol=0.1)


def test_the_parts_are_one_for_the_same_option_and_multiply_as_they_say() -> None:
    whole = options(*KINDS)
    own = parts(whole, whole, MIXED.length)
    np.testing.assert_allclose(np.diag(own.text), 1.0)
    pairs = np.ix_(whole.question, whole.question)
    question = similarity(whole.means, whole.means, 1.5 * MIXED.length)[pairs]
    np.testing.assert_allclose(own.slope, question * own.position)
    np.testing.assert_allclose(own.pair, question * similarity(whole.apart, whole.apart, 1.5 * MIXED.length))


def test_the_kernel_is_centred_within_each_question_and_positive() -> None:
    whole = options(*KINDS)
    gram = gram_matrix(whole, MIXED)
    np.testing.assert_allclose(gram, gram.T, atol=1e-12)
    signal = gram - MIXED.noise * np.eye(len(gram))
    for block in whole.blocks:
        np.testing.assert_allclose(signal[block].sum(axis=0), 0.0, atol=1e-12)
    assert np.linalg.eigvalsh(signal).min() > -1e-9


def test_without_noise_a_trained_question_is_predicted_as_it_is() -> None:
    whole = options(*KINDS)
    targets = centred_blocks(np.random.default_rng(3).normal(size=(len(whole.positions), 2)), whole.blocks)
    fitted = KernelRegression(whole, targets, MIXED.model_copy(update={"noise": 1e-8}))
    prediction = fitted.predict(only(whole, 3))
    np.testing.assert_allclose(prediction.mean, targets[whole.blocks[3]], atol=1e-4)
    assert prediction.variance.max() < 1e-5 < prediction.prior_variance.min()


def test_predictions_are_centred_and_never_less_certain_than_before() -> None:
    whole, new = options(*KINDS), options((4, "ordinal"), (2, "nominal"), seed=9)
    targets = centred_blocks(np.random.default_rng(4).normal(size=(len(whole.positions), 2)), whole.blocks)
    found = KernelRegression(whole, targets, MIXED).predict(new)
    for block in new.blocks:
        np.testing.assert_allclose(found.mean[block].sum(axis=0), 0.0, atol=1e-10)
    assert np.all((found.variance > 0) & (found.variance <= found.prior_variance + 1e-12))


def test_predictions_do_not_depend_on_what_else_is_asked() -> None:
    whole, new = options(*KINDS), options((4, "ordinal"), (2, "nominal"), seed=9)
    targets = centred_blocks(np.random.default_rng(5).normal(size=(len(whole.positions), 1)), whole.blocks)
    fitted = KernelRegression(whole, targets, MIXED)
    together, alone = fitted.predict(new), fitted.predict(only(new, 1))
    for one, other in zip(together, alone, strict=True):
        np.testing.assert_allclose(one[new.blocks[1]], other, atol=1e-12)
    np.testing.assert_allclose(fitted.support(new)[1:], fitted.support(only(new, 1)))


def test_permuting_unordered_options_permutes_the_prediction() -> None:
    whole, new = options(*KINDS), options((4, "nominal"), seed=9)
    targets = centred_blocks(np.random.default_rng(6).normal(size=(len(whole.positions), 1)), whole.blocks)
    fitted = KernelRegression(whole, targets, MIXED)
    order = np.array([2, 0, 3, 1])
    turned = OptionSet(new.vectors[:, order], new.positions[order], new.question)
    for one, other in zip(fitted.predict(new), fitted.predict(turned), strict=True):
        np.testing.assert_allclose(one[order], other, atol=1e-12)
    assert fitted.support(new) == pytest.approx(fitted.support(turned))


def test_unordered_options_have_no_part_in_what_is_learned_of_positions() -> None:
    position_only = KernelSettings(text=0.0, position=1.0, length=0.5, noise=0.1)
    whole = options((3, "ordinal"), (3, "nominal"))
    targets = centred_blocks(np.array([[-1.0], [0.0], [1.0], [5.0], [-2.0], [-3.0]]), whole.blocks)
    with_both = KernelRegression(whole, targets, position_only).predict(options((3, "ordinal"), seed=5))
    one = KernelRegression(only(whole, 0), targets[:3], position_only).predict(
        options((3, "ordinal"), seed=5)
    )
    np.testing.assert_allclose(with_both.mean, one.mean, atol=1e-10)


def far_and_near() -> tuple[OptionSet, OptionSet]:
    """Trained questions whose vectors span three directions; one new question along them, one across."""
    axes = np.eye(12)
    trained = np.concatenate([axes[:3], axes[:3], axes[:3]]) + 0.02 * np.random.default_rng(0).normal(
        size=(9, 12)
    )
    new = np.concatenate([axes[:3], 40.0 * axes[6:9]])
    kinds = ((3, "ordinal"),) * 3
    return option_set(questions(*kinds), trained[None]), option_set(questions(*kinds[:2]), new[None])


def test_far_texts_fall_back_on_the_position_part() -> None:
    trained, new = far_and_near()
    targets = np.tile(np.array([[-1.0], [0.0], [1.0]]), (3, 1))
    kernel = KernelSettings(text=1.0, position=0.0, length=0.05, noise=0.1)
    near, far = KernelRegression(trained, targets, kernel).predict(new).mean.reshape(2, 3)
    assert near[2] > 0.8
    np.testing.assert_allclose(far, 0.0, atol=1e-3)
    both = KernelRegression(trained, targets, kernel.model_copy(update={"position": 1.0})).predict(new)
    near, far = both.mean.reshape(2, 3)
    assert near[2] > 0.8
    assert 0.3 < far[2] < near[2]
    np.testing.assert_allclose(far[1], 0.0, atol=0.05)
    assert both.variance[3:].min() > 2 * both.variance[:3].max()


def test_support_tells_near_questions_from_far_ones_whatever_their_positions() -> None:
    trained, new = far_and_near()
    targets = np.tile(np.array([[-1.0], [0.0], [1.0]]), (3, 1))
    for position in (0.0, 3.0):
        kernel = KernelSettings(text=1.0, position=position, length=0.1, noise=0.1)
        near, far = KernelRegression(trained, targets, kernel).support(new)
        assert near > 0.5
        assert far < 0.01
    silent = KernelSettings(text=0.0, position=1.0, length=0.1, noise=0.1)
    np.testing.assert_array_equal(KernelRegression(trained, targets, silent).support(new), [0.0, 0.0])


def test_no_kernel_predicts_nothing() -> None:
    trained, new = far_and_near()
    nothing = KernelSettings(text=0.0, position=0.0, length=1.0, noise=1.0)
    found = KernelRegression(trained, np.tile([[1.0], [0.0], [-1.0]], (3, 1)), nothing).predict(new)
    np.testing.assert_array_equal(found.mean, np.zeros((6, 1)))
    np.testing.assert_allclose(found.variance, found.prior_variance)


def test_one_trained_question_is_enough_to_predict_from() -> None:
    trained = options((3, "ordinal"))
    found = KernelRegression(trained, np.array([[1.0], [0.0], [-1.0]]), MIXED).predict(trained)
    assert found.mean[0] > 0 > found.mean[2]


@pytest.mark.parametrize("scale", [0.3, 2.0])
def test_the_simulated_signal_variance_is_recovered(scale: float) -> None:
    whole = options(*[(n, "ordinal") for n in (2, 3, 5)] * 12)
    rng = np.random.default_rng(7)
    root = np.linalg.cholesky(scale * gram_matrix(whole, MIXED))
    drawn = centred_blocks(root @ rng.normal(size=(len(root), 40)), whole.blocks)
    found = spectrum(gram_matrix(whole, MIXED), whole.blocks).amplitude(0.0, drawn)
    assert found == pytest.approx(scale, rel=0.08)


def test_damping_has_its_worked_value_and_none_without_variance() -> None:
    factor = damping(np.array([0.25, 0.25, 0.0, 0.0, 0.0]), row_blocks([2, 3]))
    np.testing.assert_allclose(factor, [0.8474, 0.8474, 1.0, 1.0, 1.0], atol=1e-4)


@settings(max_examples=15, deadline=None)
@given(st.integers(2, 7), st.floats(0.2, 2.0), st.integers(0, 10**6))
def test_damped_logits_are_close_to_the_expected_distribution(n: int, deviation: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    mean = rng.normal(size=n)
    expected = softmax(mean + deviation * rng.normal(size=(20_000, n)), axis=1).mean(axis=0)
    factor = damping(np.full(n, deviation**2 * (1 - 1 / n)), row_blocks([n]))
    assert np.abs(softmax(mean * factor) - expected).sum() / 2 < 0.05


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 6), min_size=1, max_size=8), st.integers(0, 10**6))
def test_centred_blocks_sum_to_zero_and_keep_differences(sizes: list[int], seed: int) -> None:
    values: FloatArray = np.random.default_rng(seed).normal(size=(sum(sizes), 2))
    centred = centred_blocks(values, row_blocks(sizes))
    for block in row_blocks(sizes):
        np.testing.assert_allclose(centred[block].sum(axis=0), 0.0, atol=1e-12)
        np.testing.assert_allclose(
            np.diff(centred[block], axis=0), np.diff(values[block], axis=0), atol=1e-12
        )


def test_positions_fall_off_as_a_bell() -> None:
    found = position_kernel(np.array([0.0]), np.array([0.0, 0.5, 1.0]))
    np.testing.assert_allclose(found, [[1.0, np.exp(-0.5), np.exp(-2.0)]])


def test_vectors_must_be_as_many_as_options() -> None:
    with pytest.raises(ValueError, match="vectors must have 5 rows, got 4"):
        option_set(questions((3, "ordinal"), (2, "ordinal")), np.zeros((1, 4, 6)))


def test_the_kernel_is_the_sum_of_its_parts() -> None:
    whole, new = options(*KINDS), options((4, "ordinal"), (2, "nominal"), seed=9)
    for changes in CHANGES:
        settings_ = MIXED.model_copy(update=changes)
        np.testing.assert_allclose(
            kernel(new, whole, settings_), parts(new, whole, settings_.length).whole(settings_), atol=1e-12
        )
