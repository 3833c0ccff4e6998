from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grounding.privacy import anonymity
from personas.errors import DataError
from personas.panel import UNKNOWN


@st.composite
def samples(draw):
    n, attributes = draw(st.integers(1, 120)), draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    levels = rng.integers(1, 6, size=attributes)
    codes = np.stack([rng.integers(-1, size, size=n) for size in levels], axis=1).astype(np.int64)
    people = rng.integers(0, max(1, n // 2), size=n) if draw(st.booleans()) else None
    return codes, people


def by_hand(codes, people):
    """People who share the combination of each row, counted with sets."""
    groups = {}
    for i, row in enumerate(codes.tolist()):
        groups.setdefault(tuple(row), set()).add(i if people is None else int(people[i]))
    return [len(groups[tuple(row)]) for row in codes.tolist()]


@given(samples(), st.integers(5, 12))
def test_k_and_violations_are_those_counted_by_hand(sample, k):
    codes, people = sample
    counted = by_hand(codes, people)
    assert anonymity.k_of(codes, people) == min(counted)
    assert anonymity.violations(codes, k, people).tolist() == [c < k for c in counted]


@settings(max_examples=200)
@given(samples(), st.integers(5, 12))
def test_after_suppression_every_combination_is_shared_by_k_people(sample, k):
    codes, people = sample
    done = anonymity.suppress(codes, k, people)
    kept = None if people is None else people[done.rows]
    assert done.codes.shape == (int(done.rows.sum()), codes.shape[1])
    if len(done.codes):
        assert min(by_hand(done.codes, kept)) >= k
    # Nothing is invented: a value is as it was or unknown, and the blanks are counted.
    before = codes[done.rows]
    changed = done.codes != before
    assert np.all(done.codes[changed] == UNKNOWN)
    assert done.blanked.tolist() == changed.sum(axis=0).tolist()
    # Rows that were in good company are not touched.
    good = np.array(by_hand(codes, people)) >= k
    assert np.all(done.rows[good])
    assert not np.any(changed[good[done.rows]])


@given(samples())
def test_only_rows_too_few_even_when_nothing_is_known_are_dropped(sample):
    codes, _ = sample
    assert anonymity.suppress(codes, 7).dropped < 7


def test_the_attribute_that_helps_most_is_blanked():
    # Twelve people alike but for the last attribute, where each has a value of its own.
    codes = np.column_stack([np.zeros(12), np.ones(12), np.arange(12)]).astype(np.int64)
    done = anonymity.suppress(codes)
    assert done.blanked.tolist() == [0, 0, 12]
    assert done.dropped == 0
    assert done.share == pytest.approx(1 / 3)


def test_persons_simulated_from_the_same_human_do_not_hide_that_human():
    codes = np.zeros((20, 2), dtype=np.int64)
    assert anonymity.k_of(codes) == 20
    assert anonymity.k_of(codes, np.repeat([0, 1, 2, 3], 5)) == 4
    assert anonymity.suppress(codes, 5, np.repeat([0, 1, 2, 3], 5)).dropped == 20


def test_more_combinations_than_an_integer_holds_are_counted_all_the_same():
    rng = np.random.default_rng(1)
    codes = rng.integers(-1, 40, size=(3_000, 14)).astype(np.int64)
    codes[:2_000, 1:] = codes[:200, 1:].repeat(10, axis=0)
    counted = Counter(map(tuple, codes.tolist()))
    assert anonymity.violations(codes, 5).tolist() == [counted[tuple(r)] < 5 for r in codes.tolist()]
    done = anonymity.suppress(codes, 5)
    assert min(by_hand(done.codes, None)) >= 5
    assert done.blanked[0] >= 1_800


@pytest.mark.parametrize("k", [1, 4])
def test_k_below_the_floor_is_refused(k):
    with pytest.raises(DataError, match=f"k must be at least 5, got {k}; 10 is usual"):
        anonymity.suppress(np.zeros((3, 1), dtype=np.int64), k)


def test_nobody_is_no_violation():
    nobody = np.zeros((0, 3), dtype=np.int64)
    assert anonymity.k_of(nobody) == 0
    assert anonymity.suppress(nobody).codes.shape == (0, 3)


def test_attributes_are_needed():
    with pytest.raises(ValueError, match="no attributes"):
        anonymity.k_of(np.zeros((3, 0), dtype=np.int64))


def test_diversity_is_the_fewest_distinct_values_in_a_group():
    codes = np.array([[0], [0], [0], [1], [1], [1]])
    sensitive = np.array([0, 1, 2, 5, 5, UNKNOWN])
    assert anonymity.l_diversity(codes, sensitive) == 1
    assert anonymity.l_diversity(codes[:3], sensitive[:3]) == 3
    warning = anonymity.low_diversity("religion", 1)
    assert warning is not None
    assert "'religion' has only 1 distinct value in some group" in warning
    assert anonymity.low_diversity("religion", 2) is None
