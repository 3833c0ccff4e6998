import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.distance import pdist

from personas.measures.orders import cyclic, order_sensitivity, restored


def test_the_worked_numbers():
    assert cyclic(3) == [[0, 1, 2], [1, 2, 0], [2, 0, 1]]
    assert restored(np.array([[0.7, 0.2, 0.1]]), [2, 0, 1]).tolist() == [[0.2, 0.1, 0.7]]
    found = order_sensitivity([np.array([[0.6, 0.4]]), np.array([[0.5, 0.5]])], np.ones(1))
    assert found == pytest.approx(0.1)


@given(st.integers(2, 6), st.randoms(use_true_random=False))
def test_restoring_undoes_any_order(n, random):
    original = np.random.default_rng(0).dirichlet(np.ones(n), size=3)
    order = list(range(n))
    random.shuffle(order)
    assert restored(original[:, order], order).tolist() == original.tolist()


@given(arrays(np.float64, (4, 3, 5), elements=st.floats(0.01, 1)))
def test_it_is_half_the_mean_city_block_distance_of_scipy(raw):
    orders = list(raw / raw.sum(axis=2, keepdims=True))
    weights = np.array([1.0, 3.0, 0.5])
    expected = sum(
        w * pdist([order[i] for order in orders], "cityblock").mean() / 2 for i, w in enumerate(weights)
    )
    found = order_sensitivity(orders, weights)
    assert found == pytest.approx(expected / weights.sum())
    assert 0 <= found <= 1


def test_a_model_that_ignores_the_order_has_none_and_one_that_answers_by_place_has_much():
    content = np.array([[0.7, 0.2, 0.1], [0.2, 0.2, 0.6]])
    deaf = [restored(content[:, order], order) for order in cyclic(3)]
    assert order_sensitivity(deaf, np.ones(2)) == 0.0
    first = np.array([[1.0, 0.0, 0.0]] * 2)
    assert order_sensitivity([restored(first, order) for order in cyclic(3)], np.ones(2)) == 1.0


def test_people_without_weight_do_not_count():
    one, two = np.array([[0.5, 0.5], [1.0, 0.0]]), np.array([[0.5, 0.5], [0.0, 1.0]])
    assert order_sensitivity([one, two], np.array([1.0, 0.0])) == 0.0


def test_what_cannot_be_measured_raises():
    row = np.array([[0.5, 0.5]])
    with pytest.raises(ValueError, match="at least 2 orders, got 1"):
        order_sensitivity([row], np.ones(1))
    with pytest.raises(ValueError, match="positive weight"):
        order_sensitivity([row, row], np.zeros(1))
    with pytest.raises(ValueError, match="names each of them once"):
        restored(row, [0, 0])
