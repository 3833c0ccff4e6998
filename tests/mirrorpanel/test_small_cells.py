import itertools
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kept_people import panel_record
from scipy.optimize import linprog

from grounding.population.balance import Moved
from grounding.population.weights import MarginFit
from mirrorpanel.render import small_cells
from validation.results import SegmentResult

K = 10
COUNTS = st.lists(
    st.lists(st.sampled_from([0, 1, 3, 9, 10, 14, 40, 200]), min_size=3, max_size=3), min_size=2, max_size=4
)


def fit(attributes, cell, base, total):
    return MarginFit(attributes, cell, 0.1, base / total, 0.1, base)


def crossed(counts):
    """A margin by area and sex, and one by area alone, of the same people."""
    total = max(1, int(np.sum(counts)))
    both = [
        fit(("area", "sex"), (f"a{i}", f"s{j}"), int(n), total)
        for i, row in enumerate(counts)
        for j, n in enumerate(row)
    ]
    return [*both, *(fit(("area",), (f"a{i}",), int(sum(row)), total) for i, row in enumerate(counts))]


def bounds(counts, kept_back, cell):
    """Fewest and most people that a cell can hold for all that the page tells, by linear programmes."""
    n, m = len(counts), len(counts[0])
    equal, value = [np.ones(n * m)], [int(np.sum(counts))]
    for i in range(n):
        if (("area",), (f"a{i}",)) not in kept_back:
            equal.append(np.array([float(r == i) for r, _ in itertools.product(range(n), range(m))]))
            value.append(int(sum(counts[i])))
    limits = [
        (0, None) if (("area", "sex"), (f"a{i}", f"s{j}")) in kept_back else (counts[i][j], counts[i][j])
        for i, j in itertools.product(range(n), range(m))
    ]
    aim = np.zeros(n * m)
    aim[cell[0] * m + cell[1]] = 1.0
    found = [
        linprog(sign * aim, A_eq=np.array(equal), b_eq=value, bounds=limits).fun * sign for sign in (1, -1)
    ]
    return found[0], found[1]


@settings(max_examples=50, deadline=None)
@given(COUNTS)
def test_no_small_cell_of_a_page_follows_from_the_figures_on_it(counts):
    kept_back = small_cells.hidden(crossed(counts))
    for i, j in np.argwhere((np.array(counts) > 0) & (np.array(counts) < K)):
        assert (("area", "sex"), (f"a{i}", f"s{j}")) in kept_back
        if np.sum(counts) >= K:
            least, most = bounds(counts, kept_back, (i, j))
            assert least - 1e-6 <= counts[i][j] <= most + 1e-6
            assert most - least >= K - 1e-6


def test_a_small_group_takes_another_with_it_so_that_subtraction_fails():
    moved = [Moved("area", level, people, 0.1, 0.1, 0.0) for level, people in
             (("city", 300), ("island", 4), ("suburb", 40))]  # fmt: skip
    kept_back = small_cells.hidden([], moved)
    assert {cell for _, cell in kept_back} == {("island",), ("suburb",)}
    assert [m.level for m in small_cells.shown(moved, kept_back)] == ["city"]


def test_a_margin_cell_that_is_kept_back_has_neither_number_nor_share():
    fits = [fit(("sex",), ("female",), 200, 260), fit(("sex",), ("male",), 56, 260),
            fit(("sex",), ("other",), 4, 260)]  # fmt: skip
    rows = small_cells.margin_rows(fits, small_cells.hidden(fits))
    assert [(r.base, r.unweighted) for r in rows] == [(200, 200 / 260), (None, None), (None, None)]
    assert [r.official for r in rows] == [0.1, 0.1, 0.1]


def test_the_twin_of_a_grounding_page_keeps_back_what_the_page_does():
    kept = panel_record()
    moved = [Moved("area", level, people, people / 344, 0.1, 0.0) for level, people in
             (("city", 300), ("island", 4), ("suburb", 40))]  # fmt: skip
    found = kept.found.__class__(**{**vars(kept.found), "balance": tuple(moved)})
    twin = json.dumps(small_cells.panel_twin(kept.model_copy(update={"found": found})))
    assert '"city"' in twin
    assert '"island"' not in twin
    assert str(4 / 344) not in twin
    assert str(40 / 344) not in twin


@pytest.mark.parametrize(
    ("people", "gone"), [((30, 44, 60), ()), ((3, 44, 60), (0, 1)), ((3, 8, 60), (0, 1, 2))]
)
def test_the_size_of_a_small_segment_cannot_be_had_by_subtraction(people, gone):
    segments = [
        SegmentResult(attribute="area", level=f"a{i}", status="unseen_people", people=n, persons=9,
                      suppressed=n < 30)
        for i, n in enumerate(people)
    ]  # fmt: skip
    kept_back = small_cells.segments_kept_back(segments)
    assert kept_back == {("unseen_people", "area", f"a{i}") for i in gone}
