import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from personas.models import gram
from personas.models.gram import position_features, position_kernel, triangle
from personas.models.kernel import (
    KernelRegression,
    KernelSettings,
    OptionSet,
    centred_blocks,
    kernel,
    texts_alone,
)

WHOLE = KernelSettings(text=1.0, pair=0.5, slope=0.4, position=0.3, length=0.5, noise=0.2)
TEXTS = KernelSettings(text=1.0, position=0.3, length=0.5, noise=0.2)


def options(sizes, seed=1):
    rng = np.random.default_rng(seed)
    places = [np.linspace(-1, 1, n) if i % 2 else np.zeros(n) for i, n in enumerate(sizes)]
    vectors = rng.normal(size=(3, sum(sizes), 6))
    return OptionSet(vectors, np.concatenate(places), np.repeat(np.arange(len(sizes)), sizes))


def in_one_piece(found, settings):
    whole = kernel(found, found, settings)
    centred = centred_blocks(centred_blocks(whole, found.blocks).T, found.blocks)
    return centred + settings.noise * np.eye(len(centred))


@given(st.lists(st.integers(2, 9), min_size=1, max_size=12), st.integers(1, 20))
def test_blocks_of_any_size_give_the_kernel_in_one_piece(sizes, rows):
    found = options(sizes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gram, "_ROWS", rows)
        for settings in (WHOLE, TEXTS):
            expected = in_one_piece(found, settings)
            np.testing.assert_allclose(triangle(found, settings, whole=True), expected, atol=1e-13)
            np.testing.assert_allclose(np.tril(triangle(found, settings)), np.tril(expected), atol=1e-13)


def test_few_columns_hold_all_of_the_position_kernel():
    found = options([2, 5, 5, 3, 4, 5, 7, 5])
    columns = position_features(found, 0.3)
    place = 0.3 * position_kernel(found.positions, found.positions)
    expected = centred_blocks(centred_blocks(place, found.blocks).T, found.blocks)
    np.testing.assert_allclose(columns @ columns.T, expected, atol=1e-13)
    assert columns.shape[1] <= len(np.unique(found.positions))


@pytest.mark.parametrize("settings", [WHOLE, TEXTS])
def test_support_is_that_of_a_regression_on_texts_alone(settings):
    train, other = options([3, 4, 5, 2, 6, 5, 4]), options([4, 3, 5], seed=2)
    extra = np.random.default_rng(3).uniform(0.0, 0.5, len(train.positions))
    targets = centred_blocks(np.random.default_rng(4).normal(size=(len(extra), 2)), train.blocks)
    found = KernelRegression(train, targets, settings, extra).support(other)
    alone = texts_alone(settings)
    predicted = KernelRegression(train, targets, alone, extra).predict(other)
    signal = [in_one_piece(other.take([q]), alone.model_copy(update={"noise": 0.0})) for q in range(3)]
    noise = alone.noise * (1 - 1 / np.array([4, 3, 5]))
    expected = []
    for block, own, more in zip(other.blocks, signal, noise, strict=True):
        removed = np.trace(own) + more * len(own) - predicted.variance[block].sum()
        expected.append(removed / np.trace(own))
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_the_expectation_alone_is_that_of_a_whole_prediction():
    train, other = options([3, 4, 5]), options([4, 3], seed=2)
    targets = centred_blocks(np.random.default_rng(4).normal(size=(12, 2)), train.blocks)
    fresh, used = (KernelRegression(train, targets, WHOLE) for _ in range(2))
    np.testing.assert_array_equal(fresh.expected(other), used.predict(other).mean)
