from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax, rel_entr

from personas.answer import NO_ANSWER, Answers
from personas.panel import UNKNOWN
from personas.question import Question
from training.gradients import objectives
from training.gradients.objectives import Loss

torch: Any = pytest.importorskip("torch")

SIZES = (2, 5, 3)


def scores(n_persons: int, seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    return torch.tensor(rng.normal(0, 3, (n_persons, sum(SIZES))), requires_grad=True)


def blocks() -> list[slice]:
    ends = np.cumsum(SIZES)
    return [slice(int(e - n), int(e)) for e, n in zip(ends, SIZES, strict=True)]


def answered(n_persons: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    chosen = np.stack([rng.integers(0, n, n_persons) for n in SIZES], axis=1)
    chosen[rng.random(chosen.shape) < 0.3] = NO_ANSWER
    return chosen


@settings(deadline=None)
@given(st.lists(st.integers(2, 9), min_size=1, max_size=6), st.integers(0, 1000))
def test_shares_are_the_softmax_of_each_question_alone(sizes: list[int], seed: int) -> None:
    found = objectives.rows(sizes)
    logits = np.random.default_rng(seed).normal(0, 20, (3, sum(sizes)))
    log_p = objectives.log_probabilities(torch.tensor(logits), found).numpy()
    start = 0
    for q, n in enumerate(sizes):
        np.testing.assert_allclose(
            log_p[:, q, :n], log_softmax(logits[:, start : start + n], axis=1), rtol=1e-9, atol=1e-12
        )
        assert np.all(np.exp(log_p[:, q, n:]) == 0.0)
        start += n


def test_the_likelihood_is_that_of_the_answers_given_and_of_nothing_else() -> None:
    logits, chosen, weights = scores(6), answered(6), np.array([1.0, 2.0, 0.5, 1.0, 0.0, 3.0])
    log_p = objectives.log_probabilities(logits, objectives.rows(SIZES))
    loss = objectives.likelihood(log_p, torch.tensor(chosen), torch.tensor(weights))
    total = mass = 0.0
    for q, block in enumerate(blocks()):
        own = log_softmax(logits.detach().numpy()[:, block], axis=1)
        for i in np.flatnonzero(chosen[:, q] != NO_ANSWER):
            total -= weights[i] * own[i, chosen[i, q]]
            mass += weights[i]
    assert loss.total.item() == pytest.approx(total)
    assert loss.weight == pytest.approx(mass)
    loss.mean().backward()
    gradient = logits.grad.numpy()
    for q, block in enumerate(blocks()):
        silent = chosen[:, q] == NO_ANSWER
        assert np.all(gradient[silent, block] == 0.0)
        # The softmax's gradient: share minus one for the answer, so it sums to zero within a question.
        np.testing.assert_allclose(gradient[:, block].sum(axis=1), 0.0, atol=1e-12)


def test_a_loss_cut_into_parts_of_the_batch_adds_up_to_that_of_the_whole() -> None:
    logits, chosen, weights = scores(6), torch.tensor(answered(6)), torch.arange(1.0, 7.0)
    log_p = objectives.log_probabilities(logits, objectives.rows(SIZES))
    whole = objectives.likelihood(log_p, chosen, weights)
    parts = [objectives.likelihood(log_p[p], chosen[p], weights[p]) for p in (slice(0, 2), slice(2, 6))]
    assert sum(p.total for p in parts).item() == pytest.approx(whole.total.item())
    assert sum(p.weight for p in parts) == pytest.approx(whole.weight)


def test_the_cumulative_loss_has_the_value_worked_in_its_description() -> None:
    log_p = torch.tensor([[[0.2, 0.3, 0.5]]], dtype=torch.float64).log()
    chosen, weights = torch.tensor([[1]]), torch.ones(1, dtype=torch.float64)
    found = objectives.rows([3])
    loss = objectives.cumulative(log_p, chosen, weights, found, np.array([True]))
    assert loss.mean().item() == pytest.approx(-(np.log(0.8) + np.log(0.5)) / 2)
    nominal = objectives.cumulative(log_p, chosen, weights, found, np.array([False]))
    assert nominal.mean().item() == pytest.approx(-np.log(0.3))


def test_the_cumulative_loss_equals_binary_log_losses_of_the_cuts_and_is_differentiable() -> None:
    logits, chosen = scores(5, 3), answered(5, 3)
    found = objectives.rows(SIZES)
    log_p = objectives.log_probabilities(logits, found)
    weights = np.array([1.0, 2.0, 3.0, 0.5, 1.5])
    args = (torch.tensor(chosen), torch.tensor(weights), found, np.array([True, True, True]))
    loss = objectives.cumulative(log_p, *args)
    expected = 0.0
    for q, (n, block) in enumerate(zip(SIZES, blocks(), strict=True)):
        p = np.exp(log_softmax(logits.detach().numpy()[:, block], axis=1))
        for i in np.flatnonzero(chosen[:, q] != NO_ANSWER):
            below = np.cumsum(p[i])[: n - 1]
            event = chosen[i, q] <= np.arange(n - 1)
            expected -= weights[i] * np.mean(np.where(event, np.log(below), np.log1p(-below)))
    assert loss.total.item() == pytest.approx(expected)
    check = lambda s: objectives.cumulative(objectives.log_probabilities(s, found), *args).total  # noqa: E731
    assert torch.autograd.gradcheck(check, (logits,))


def test_the_cumulative_loss_is_least_at_the_true_shares_and_spares_near_misses() -> None:
    truth = np.array([0.1, 0.2, 0.3, 0.4])
    found = objectives.rows([4])

    def expected_loss(p: np.ndarray) -> float:
        log_p = torch.tensor(np.log(p))[None, None].expand(4, 1, 4)
        args = (torch.arange(4)[:, None], torch.tensor(truth), found, np.array([True]))
        return float(objectives.cumulative(log_p, *args).total)

    rng = np.random.default_rng(0)
    best = expected_loss(truth)
    assert all(expected_loss(rng.dirichlet(np.ones(4))) > best for _ in range(50))
    near, far = np.array([0.05, 0.85, 0.05, 0.05]), np.array([0.05, 0.05, 0.05, 0.85])
    losses = [
        objectives.cumulative(
            torch.tensor(np.log(p))[None, None], torch.tensor([[0]]), torch.ones(1), found, np.array([True])
        ).mean()
        for p in (near, far)
    ]
    assert losses[0] < losses[1]


def test_group_divergence_is_that_of_the_mean_distribution_of_the_group() -> None:
    logits = scores(4, 1)
    log_p = objectives.log_probabilities(logits, objectives.rows(SIZES))
    members = np.array([[1.0, 2.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0]])
    targets, bases = np.zeros((3, 3, 5)), np.array([[5.0, 0.0, 9.0], [2.0, 3.0, 4.0], [7.0, 7.0, 7.0]])
    rng = np.random.default_rng(5)
    for q, n in enumerate(SIZES):
        targets[:, q, :n] = rng.dirichlet(np.ones(n), 3)
    loss = objectives.group_divergence(
        log_p, torch.tensor(members), torch.tensor(targets), torch.tensor(bases)
    )
    p = np.exp(log_p.detach().numpy())
    expected = sum(
        bases[g, q] * rel_entr(targets[g, q], np.average(p[:, q], axis=0, weights=members[g])).sum()
        for g in range(2)
        for q in range(3)
    )
    assert loss.total.item() == pytest.approx(expected)
    assert loss.weight == pytest.approx(bases[:2].sum())
    loss.mean().backward()
    assert np.all(np.isfinite(logits.grad.numpy()))


def test_the_neutral_divergence_is_zero_for_the_same_model_and_equals_numpy_for_another() -> None:
    rng = np.random.default_rng(2)
    base, tuned = rng.normal(size=(2, 3, 7)), rng.normal(size=(2, 3, 7))
    counted = np.array([[1, 1, 0], [1, 0, 0]], dtype=bool)
    same = objectives.neutral_divergence(torch.tensor(base), torch.tensor(base), torch.tensor(counted))
    assert same.mean().item() == pytest.approx(0.0, abs=1e-7)
    loss = objectives.neutral_divergence(torch.tensor(tuned), torch.tensor(base), torch.tensor(counted))
    p, q = np.exp(log_softmax(base, -1)), np.exp(log_softmax(tuned, -1))
    assert loss.weight == 3
    assert loss.total.item() == pytest.approx((rel_entr(p, q).sum(-1) * counted).sum(), rel=1e-5)


def test_terms_without_answers_add_nothing_and_no_terms_at_all_are_refused() -> None:
    some = Loss(torch.tensor(6.0), 3.0)
    none = Loss(torch.tensor(0.0), 0.0)
    assert objectives.total([(1.0, some), (0.5, none), (0.5, some)]).item() == pytest.approx(3.0)
    with pytest.raises(ValueError, match="at least one answer"):
        objectives.total([(1.0, none)])


def test_group_shares_are_shrunk_by_the_groups_effective_base() -> None:
    question = Question(name="q", text="Yes?", options=("yes", "no"))
    chosen = np.array([[0]] * 6 + [[1]] * 4 + [[NO_ANSWER]] * 3)
    groups = np.array([0] * 10 + [1] * 3)
    shares, bases = objectives.group_shares(
        Answers((question,), chosen), np.ones(13), groups, [np.array([0.5, 0.5])], 10.0
    )
    np.testing.assert_allclose(shares[:, 0], [[0.55, 0.45], [0.5, 0.5]])
    np.testing.assert_allclose(bases[:, 0], [10.0, 0.0])


def test_persona_dropout_forgets_at_the_rates_asked_for_and_never_invents() -> None:
    codes = np.tile(np.arange(10), (20_000, 1))
    codes[:, 3] = UNKNOWN
    dropped = objectives.drop_attributes(codes, 0.2, 0.1, np.random.default_rng(0))
    kept = dropped != UNKNOWN
    assert np.all(dropped[kept] == codes[kept])
    empty = ~kept.any(axis=1)
    # All nine known attributes of a person vanish together with probability .1 + .9 * .2**9.
    assert empty.mean() == pytest.approx(0.1, abs=4 * np.sqrt(0.09 / 20_000))
    assert kept[~empty][:, 0].mean() == pytest.approx(0.8, abs=4 * np.sqrt(0.16 / 18_000))
    np.testing.assert_array_equal(
        objectives.drop_attributes(codes, 0.0, 0.0, np.random.default_rng(0)), codes
    )
    with pytest.raises(ValueError, match="from 0 to 1, got"):
        objectives.drop_attributes(codes, 1.5, 0.0, np.random.default_rng(0))
