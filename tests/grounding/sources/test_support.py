import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grounding.sources import matching, support
from grounding.sources.matching import Shared
from grounding.sources.support import Bounds, Example
from personas.answer import NO_ANSWER
from personas.panel import UNKNOWN
from personas.question import Question

QUESTION = Question(name="tea", text="Tea?", options=("yes", "no"))


def matched(people, customers, limit=None):
    pair = Shared(np.array(people), np.array(customers), (3, 2), (True, False))
    ids = [f"i{k}" for k in range(len(people))]
    donors = matching.match(pair, ids, [f"d{k}" for k in range(len(customers))], 1, "shop", limit)
    return pair, donors


def test_frechet_bounds_by_hand():
    low, high = support.frechet(np.array([0.6, 0.4]), np.array([0.7, 0.2, 0.1]))
    np.testing.assert_allclose(low, [[0.3, 0, 0], [0.1, 0, 0]], atol=1e-12)
    np.testing.assert_allclose(high, [[0.6, 0.2, 0.1], [0.4, 0.2, 0.1]])


def test_bounds_within_strata_by_hand():
    # Stratum 0: p = 1, q = 1/2; stratum 1: p = 1/5, q = 1/2; ten people each.
    first = np.array([True] * 10 + [True] * 2 + [False] * 8)
    second = np.array(([True] * 5 + [False] * 5) * 2)
    strata = np.repeat([0, 1], 10)
    # (1/2)(1/2) + (1/2) 0 = .25; (1/2)(1/2) + (1/2)(1/5) = .35; (1/2)(1/2) + (1/2)(1/10) = .30
    assert support.bounds(first, second, strata, np.ones(20)) == pytest.approx(Bounds(0.25, 0.35, 0.30))
    # Without the strata p = .6 and q = .5.
    whole = support.bounds(first, second, np.zeros(20, dtype=np.int64), np.ones(20))
    assert whole == pytest.approx(Bounds(0.10, 0.50, 0.30))


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 3)), min_size=1, max_size=40))
def test_the_true_joint_share_lies_in_the_bounds_and_strata_only_narrow_them(rows):
    first, second = (np.array([r[i] for r in rows]) for i in (0, 1))
    strata, weights = np.array([r[2] for r in rows]), np.arange(1.0, len(rows) + 1)
    within = support.bounds(first, second, strata, weights)
    overall = support.bounds(first, second, np.zeros_like(strata), weights)
    joint = weights @ (first & second) / weights.sum()
    assert overall.low - 1e-9 <= within.low <= joint + 1e-9
    assert joint - 1e-9 <= within.high <= overall.high + 1e-9
    assert within.low - 1e-9 <= within.independent <= within.high + 1e-9


def test_figures_of_a_match_by_hand():
    people = [[0, 0], [0, 0], [0, 0], [2, 0], [2, UNKNOWN], [UNKNOWN, UNKNOWN]]
    pair, donors = matched(people, [[0, 0], [1, 0], [1, 1], [1, 1]])
    lent = {"spend": (("low", "high"), np.array([0, 1, 1, UNKNOWN]))}
    found = support.support(pair, ["age", "sex"], donors, lent, np.array([1, 1, 2, 2, 1, 1.0]))
    assert (found.people, found.matched, found.customers) == (6, 5, 4)
    assert (found.on_all, found.exact, found.busiest) == (4, 3, 3)
    # Three at distance 0, one at (1/2 + 0) / 2, one at 1/2 over a single variable.
    assert found.distances == pytest.approx((0, 0, 0, 0.25, 0.45, 0.5))
    spend = found.attributes[0]
    assert spend.customers == pytest.approx((1 / 3, 2 / 3))
    assert spend.people[0] >= 4 / 7
    assert spend.total_variation == pytest.approx(spend.people[0] - 1 / 3)
    text = "\n".join(found.sentences)
    assert "5 of 6 people got their values" in text
    assert "the most used donor serves 3 people" in text
    assert "1 people share no known variable" in text
    assert "given age and sex, survey answers and customer attributes are independent" in text
    assert "spend is spread otherwise among the people" in text


def test_a_worked_number_says_what_stays_open():
    pair, donors = matched([[0, 0]] * 10 + [[2, 1]] * 10, [[0, 0], [2, 1]])
    lent = {"spend": (("low", "high"), np.array([0, 1]))}
    chosen = np.array([0] * 6 + [1] * 4 + [0] * 3 + [1] * 6 + [NO_ANSWER])
    found = support.support(pair, ["age", "sex"], donors, lent, np.ones(20), Example(QUESTION, chosen))
    worked = found.bounds
    assert (worked.attribute, worked.people, worked.strata) == ("spend", 19, 2)
    # The lent group is a function of the stratum, so nothing is open within it.
    share = {"low": (10, 6), "high": (9, 3)}[worked.group]
    both = share[1] if worked.option == "yes" else share[0] - share[1]
    assert worked.within == pytest.approx(Bounds(*[both / 19] * 3))
    assert worked.overall.low < both / 19 < worked.overall.high
    assert "could be anything from" in found.sentences[-1]
    assert f"of 19 people have spend {worked.group!r}" in found.sentences[-1]


def test_a_match_without_donors_supports_nothing():
    pair, donors = matched([[UNKNOWN, UNKNOWN]], [[0, 0]])
    lent = {"spend": (("low", "high"), np.array([1]))}
    found = support.support(pair, ["age", "sex"], donors, lent, np.ones(1), Example(QUESTION, np.array([0])))
    assert (found.matched, found.distances, found.bounds) == (0, (), None)
    assert found.sentences == ("None of 1 people has a donor: nothing can be said with the lent attributes.",)


def test_associations_beyond_the_matching_variables_are_lost_as_the_sentences_say():
    rng = np.random.default_rng(4)
    n = 4000
    age = rng.integers(0, 3, n)
    spend = rng.random(n) < 0.5
    says = np.where(spend, 0, 1)  # in truth everybody who spends much says yes, whatever their age
    groups = np.column_stack([age, np.zeros(n, dtype=np.int64)])
    pair, donors = matched(groups[: n // 2], groups[n // 2 :])
    got = matching.lent(spend[n // 2 :].astype(np.int64), donors)
    among = np.mean(says[: n // 2][got == 1] == 0)
    assert among == pytest.approx(0.5, abs=0.05)
    found = support.support(
        pair,
        ["age", "sex"],
        donors,
        {"spend": (("low", "high"), spend[n // 2 :].astype(np.int64))},
        np.ones(n // 2),
        Example(QUESTION, says[: n // 2]),
    )
    assert found.bounds.within.low < 0.05
    assert found.bounds.within.high > 0.45  # the truth, .5, is among what the data allow
    assert found.bounds.within.independent == pytest.approx(0.25, abs=0.03)
