"""Does the order in which options are shown change the answers?"""

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from personas.arrays import FloatArray
from personas.measures import distances


def cyclic(n_options: int) -> list[list[int]]:
    """All cyclic orders of the options, the original one first: each option stands once in each place.

    ``cyclic(3)`` is ``[[0, 1, 2], [1, 2, 0], [2, 0, 1]]``; an order lists original options as shown.
    """
    return [[(start + i) % n_options for i in range(n_options)] for start in range(n_options)]


def restored(distribution: FloatArray, order: Sequence[int]) -> FloatArray:
    """Distributions of options shown in ``order``, (n_people, n_options), back in the original order.

    ``restored([[.7, .2, .1]], [2, 0, 1])`` is ``[[.2, .1, .7]]``: option 2 was shown first.

    Raises:
        ValueError: ``order`` does not name every option once.
    """
    if sorted(order) != list(range(distribution.shape[1])):
        raise ValueError(
            f"an order of {distribution.shape[1]} options names each of them once, got {list(order)}"
        )
    found = np.empty_like(distribution)
    found[:, list(order)] = distribution
    return found


def order_sensitivity(orders: Sequence[FloatArray], weights: FloatArray) -> float:
    """Mean total variation between a person's answers under two option orders, in [0, 1]; 0 is none.

    ``sum_i w_i / W * 1/2 sum_o abs(p_io - q_io)``, mean over all pairs of orders. Answers of one person,
    ``[.6, .4]`` in one order and ``[.5, .5]`` in the other: ``.1``.

    Args:
        orders: one array (n_people, n_options) for each order, its columns already back in the original
            order (``restored``).
        weights: people's weights, (n_people,).

    Raises:
        ValueError: fewer than 2 orders, nobody with a positive weight, or rows that are no distributions.
    """
    if len(orders) < 2:
        raise ValueError(f"order sensitivity needs at least 2 orders, got {len(orders)}")
    if not weights.sum() > 0:
        raise ValueError("order sensitivity needs at least one person with a positive weight")
    pairs = [1.0 - distances.agreement(a, b) for a, b in combinations(orders, 2)]
    return float(np.mean(pairs, axis=0) @ weights / weights.sum())
