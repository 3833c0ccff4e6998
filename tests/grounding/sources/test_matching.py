import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from grounding.sources import matching
from grounding.sources.matching import Shared
from personas.errors import DataError
from personas.panel import UNKNOWN


def shared(people, customers, sizes=(3, 3), ordered=(True, False)):
    return Shared(np.array(people), np.array(customers), sizes, ordered)


def match(pair, seed=1, name="shop", limit=None):
    ids = [f"i{k}" for k in range(len(pair.people))]
    donors = [f"d{k}" for k in range(len(pair.customers))]
    return matching.match(pair, ids, donors, seed, name, limit)


groups = arrays.arrays(np.int64, st.tuples(st.integers(1, 12), st.just(2)), elements=st.integers(-1, 2))


def test_gower_distances_by_hand():
    distance, count = matching.gower(shared([[0, 0], [2, UNKNOWN]], [[1, 0], [2, 1]]))
    assert distance.tolist() == [[0.25, 1.0], [0.5, 0.0]]
    assert count.tolist() == [[2, 2], [1, 1]]


def test_gower_equals_the_published_formula_written_as_loops():
    rng = np.random.default_rng(3)
    pair = shared(rng.integers(-1, 3, (20, 2)), rng.integers(-1, 3, (15, 2)))
    distance, count = matching.gower(pair)
    for i, j in np.ndindex(20, 15):
        parts = [
            (abs(a - b) / 2 if scale else float(a != b))
            for a, b, scale in zip(pair.people[i], pair.customers[j], pair.ordered, strict=True)
            if a != UNKNOWN and b != UNKNOWN
        ]
        assert count[i, j] == len(parts)
        assert distance[i, j] == pytest.approx(np.mean(parts)) if parts else np.isnan(distance[i, j])


@given(groups, groups)
def test_every_donor_is_as_near_as_any_and_unknown_stays_unknown(people, customers):
    pair = shared(people, customers)
    donors = match(pair)
    distance, count = matching.gower(pair)
    for i, row in enumerate(donors.rows):
        if row == matching.NO_DONOR:
            assert np.all(np.isnan(distance[i]))
            assert donors.ids[i] is None
            assert donors.variables[i] == 0
        else:
            assert donors.distance[i] == distance[i, row] == np.nanmin(distance[i])
            assert donors.variables[i] == count[i, row]
            assert donors.ids[i] == f"d{row}"


@given(st.permutations(range(6)))
def test_a_person_gets_the_same_donor_wherever_the_row_stands(order):
    people = np.array([[0, 0], [1, 1], [2, 2], [0, 1], [UNKNOWN, 0], [0, 0]])
    customers = np.array([[0, 0], [0, 0], [2, 1], [1, 1], [1, 0]] * 3)
    ids = np.array([f"i{k}" for k in range(6)])
    donor_ids = [f"d{k}" for k in range(15)]
    first = matching.match(shared(people, customers), ids.tolist(), donor_ids, 5, "shop", None)
    index = list(order)
    again = matching.match(shared(people[index], customers), ids[index].tolist(), donor_ids, 5, "shop", None)
    assert [first.ids[k] for k in index] == list(again.ids)


def test_ties_are_broken_evenly_and_by_the_seed():
    pair = shared(np.zeros((3000, 2)).astype(int), np.zeros((3, 2)).astype(int))
    donors = match(pair)
    uses = np.bincount(donors.rows)
    assert np.all(np.abs(uses - 1000) < 4 * np.sqrt(3000 * (1 / 3) * (2 / 3)))  # 4 binomial standard errors
    assert donors.ids != match(pair, seed=2).ids
    assert donors.ids != match(pair, name="bank").ids
    assert donors.ids == match(pair).ids


def test_of_equally_near_donors_the_one_compared_on_more_variables_is_taken():
    pair = shared([[1, 1]] * 50, [[1, UNKNOWN], [1, 1]])
    assert set(match(pair).ids) == {"d1"}


def test_a_donor_limit_spreads_the_donors_and_passes_over_those_used_up():
    pair = shared([[0, 0]] * 6, [[0, 0], [0, 0], [1, 0]])
    donors = match(pair, limit=2)
    assert np.bincount(donors.rows).tolist() == [2, 2, 2]
    assert sorted(donors.distance.tolist()) == [0, 0, 0, 0, 0.25, 0.25]


def test_too_low_a_donor_limit_is_refused():
    with pytest.raises(DataError, match="donor_limit of 1 lets 2 customers serve too few of 3 people"):
        match(shared([[0, 0]] * 3, [[0, 0], [1, 1]]), limit=1)


def test_people_get_what_their_donor_has():
    donors = match(shared([[0, 0], [UNKNOWN, UNKNOWN], [2, 2]], [[0, 0], [2, 2]]))
    assert matching.lent(np.array([1, UNKNOWN]), donors).tolist() == [1, UNKNOWN, UNKNOWN]
    assert matching.lent(np.array([0, 2]), donors).tolist() == [0, UNKNOWN, 2]
