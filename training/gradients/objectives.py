"""What gradient training minimises: pure functions of scores, one for each term of the loss.

Scores come as ``(n_persons, n_rows)`` with the options of all questions one after the other, as everywhere.
Every term is a ``Loss``: a sum and the weight that it is to be divided by. Both add up over parts of a batch
and over processes, so that a batch has the same loss however it is cut.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from personas.answer import NO_ANSWER, Answers
from personas.arrays import BoolArray, FloatArray, IntArray
from personas.panel import UNKNOWN

if TYPE_CHECKING:
    import torch

_NEVER = -1.0e4
"""Log-probability of an option that is not there: ``exp`` of it is zero, and nothing times it is NaN."""


class Rows(NamedTuple):
    """Where the options of each question stand among the rows, padded to the longest question.

    Attributes:
        at: row of each option, shape (n_questions, most_options); 0 where there is no such option.
        real: whether the option is there, same shape.
    """

    at: IntArray
    real: BoolArray


class Loss(NamedTuple):
    """A sum of losses and the sum of their weights; their quotient is the mean loss.

    Attributes:
        total: scalar tensor with a gradient.
        weight: what ``total`` is to be divided by; 0 where nothing was asked.
    """

    total: "torch.Tensor"
    weight: float

    def mean(self) -> "torch.Tensor":
        """The mean loss. Raises: ValueError where there is nothing to average."""
        if self.weight <= 0:
            raise ValueError("a mean loss needs at least one answer with a positive weight")
        return self.total / self.weight


def rows(sizes: Sequence[int]) -> Rows:
    """The rows of questions with so many options each: ``rows([2, 3])`` has shape (2, 3)."""
    counts = np.asarray(sizes, dtype=np.int64)
    place = np.arange(int(counts.max()))
    real = place < counts[:, None]
    starts = np.cumsum(counts) - counts
    return Rows(np.where(real, starts[:, None] + place, 0), real)


def log_probabilities(scores: "torch.Tensor", found: Rows) -> "torch.Tensor":
    """Log-softmax within each question, shape (n_persons, n_questions, most_options).

    Args:
        scores: shape (n_persons, n_rows), computed in float32 or wider.
        found: the rows of each question. Options that are not there get a probability of exactly zero
            (log-probability -10,000) and no gradient.
    """
    import torch

    real = torch.as_tensor(found.real, device=scores.device)
    padded = scores[:, torch.as_tensor(found.at, device=scores.device)]  # (n_persons, Q, K)
    shares = padded.masked_fill(~real, -torch.inf).log_softmax(-1)
    return shares.masked_fill(~real, _NEVER)


def likelihood(log_p: "torch.Tensor", chosen: "torch.Tensor", weights: "torch.Tensor") -> Loss:
    """Negative log-likelihood of individual answers, each among the options of its own question.

    ``sum w_i * -log p_iq(chosen)`` over the answers given, in nats; weight ``sum w_i`` over the same.

    Args:
        log_p: from ``log_probabilities``, shape (n_persons, n_questions, most_options).
        chosen: index of the option, shape (n_persons, n_questions); ``NO_ANSWER`` adds nothing.
        weights: of the people, shape (n_persons,).
    """
    given, own = _given(chosen, weights)
    picked = log_p.gather(-1, chosen.clamp_min(0)[..., None])[..., 0]
    return Loss(-(own * picked).sum(), float(own[given].sum()))


def cumulative(
    log_p: "torch.Tensor",
    chosen: "torch.Tensor",
    weights: "torch.Tensor",
    found: Rows,
    ordinal: BoolArray,
) -> Loss:
    """Cumulative log loss of ordinal questions, so that a near miss costs less than a far one.

    For an answer ``y`` on a scale of K options: the mean over the K - 1 cuts k of
    ``-[y <= k] log F_k - [y > k] log(1 - F_k)`` with ``F_k = p_1 + .. + p_k``. A mean of proper scores of
    the events "at most k", so its expectation is least at the true distribution. Nominal questions have
    no cuts and count with their likelihood. Worked: p = (.2, .3, .5) and the middle answer cost
    ``-(log .8 + log .5) / 2 = .458``.

    Args:
        log_p: from ``log_probabilities``.
        chosen: as in ``likelihood``.
        weights: of the people, shape (n_persons,).
        found: the rows of each question.
        ordinal: which questions have ordered options, shape (n_questions,).

    Source: Frank and Hall (2001), ECML, one event for each cut; the sum of their log losses as in Cao,
    Mirjalili and Raschka (2020), Pattern Recognition Letters 140, here for cuts of one distribution.
    """
    import torch

    given, own = _given(chosen, weights)
    real = torch.as_tensor(found.real, device=log_p.device)
    below = log_p.logcumsumexp(-1)[..., :-1]  # log F_k
    above = log_p.flip(-1).logcumsumexp(-1).flip(-1)[..., 1:]  # log(1 - F_k)
    cuts = torch.arange(below.shape[-1], device=log_p.device)
    score = torch.where(chosen[..., None] <= cuts, below, above) * real[:, 1:]
    mean = score.sum(-1) / (real.sum(-1) - 1)
    picked = log_p.gather(-1, chosen.clamp_min(0)[..., None])[..., 0]
    term = torch.where(torch.as_tensor(ordinal, device=log_p.device), mean, picked)
    return Loss(-(own * term).sum(), float(own[given].sum()))


def group_divergence(
    log_p: "torch.Tensor", members: "torch.Tensor", targets: "torch.Tensor", bases: "torch.Tensor"
) -> Loss:
    """Divergence of the groups' mean distributions from their shrunken real shares.

    ``sum b_gq KL(t_gq || m_gq)`` with ``m_gq = sum_i w_gi p_iq / sum_i w_gi``, in nats; weight ``sum b_gq``.
    The mean of the group is compared and not each person, so people of one group may differ; with one
    person for each group it is the divergence that Source trains with. A mean over few people of a large
    group is a noisy one and its divergence is too large on average: take groups whole, or many of each.

    Args:
        log_p: from ``log_probabilities``, shape (n_persons, n_questions, most_options).
        members: weight of each person in each group, shape (n_groups, n_persons); 0 outside.
        targets: real shares, shape (n_groups, n_questions, most_options), 0 where there is no option.
        bases: how much each group and question counts, such as the effective base behind its target,
            shape (n_groups, n_questions); 0 leaves it out.

    Source: Suh, Jahanparast, Moon, Kang and Chang (2025), "Language Model Fine-Tuning on Scaled Survey Data
    for Predicting Distributions of Public Opinions" (SubPOP), ACL, the forward divergence.
    """
    import torch

    share = members / members.sum(-1, keepdim=True).clamp_min(torch.finfo(log_p.dtype).tiny)
    mixed = torch.einsum("gi,iqk->gqk", share, log_p.exp())
    floor = torch.finfo(log_p.dtype).tiny
    divergence = targets * (targets.clamp_min(floor).log() - mixed.clamp_min(floor).log())
    there = bases * (members.sum(-1) > 0)[:, None]
    return Loss((there * divergence.sum(-1)).sum(), float(there.sum()))


def neutral_divergence(tuned: "torch.Tensor", base: "torch.Tensor", counted: "torch.Tensor") -> Loss:
    """Divergence of the base model's next-token distributions from the tuned ones, on neutral text.

    ``sum_n KL(base_n || tuned_n)`` in nats over the tokens counted; weight their number. It bounds what is
    forgotten: by Pinsker's inequality no next-token probability moves by more than ``sqrt(KL / 2)``.

    Args:
        tuned: logits, shape (..., n_tokens, vocabulary).
        base: logits of the model without its adapter, same shape; no gradient flows into them.
        counted: which predictions count (padding does not), shape (..., n_tokens).
    """
    left, right = base.detach().float().log_softmax(-1), tuned.float().log_softmax(-1)
    each = (left.exp() * (left - right)).sum(-1)
    return Loss((each * counted).sum(), float(counted.sum()))


def total(parts: Sequence[tuple[float, Loss]]) -> "torch.Tensor":
    """The weighted sum of mean losses; a term without anything to average adds nothing.

    Raises:
        ValueError: no term has anything to average.
    """
    means = [factor * loss.mean() for factor, loss in parts if loss.weight > 0]
    if not means:
        raise ValueError("a loss needs at least one answer with a positive weight")
    whole = means[0]
    for mean in means[1:]:
        whole = whole + mean
    return whole


def seed(number: int) -> None:
    """Seeds PyTorch's own draws, such as dropout, so that they do not depend on which process makes them."""
    import torch

    generators: Any = torch
    generators.manual_seed(number)


def descend(term: "torch.Tensor") -> float:
    """Adds the gradient of a part of the loss to the tensors behind it; the part's value."""
    graph: Any = term
    graph.backward()
    return float(term.detach())


def group_shares(
    answers: Answers, weights: FloatArray, groups: IntArray, centres: Sequence[FloatArray], strength: float
) -> tuple[FloatArray, FloatArray]:
    """Shrunken shares of each group, (n_groups, n_questions, most_options), and their effective bases.

    ``(n * observed + strength * centre) / (n + strength)`` with n the effective base of the group's
    answers, so that a group of few people stays near the share of everybody. Worked: 10 people with
    (.6, .4), centre (.5, .5) and strength 10 -> (.55, .45). A group in which nobody answered has the
    centre and a base of 0.

    Args:
        answers: the real answers.
        weights: of the people, shape (n_people,).
        groups: group of each person from 0, shape (n_people,).
        centres: what each question's shares are shrunk towards: its item share.
        strength: how many people the centre counts as.
    """
    n_groups, n_questions = int(groups.max()) + 1, len(answers.questions)
    most = max(len(q.options) for q in answers.questions)
    shares, bases = np.zeros((n_groups, n_questions, most)), np.zeros((n_groups, n_questions))
    for q, question in enumerate(answers.questions):
        n, chosen = len(question.options), answers.chosen[:, q]
        for g in range(n_groups):
            inside = (groups == g) & (chosen != NO_ANSWER) & (weights > 0)
            own = weights[inside]
            counts = np.bincount(chosen[inside], weights=own, minlength=n)
            bases[g, q] = own.sum() ** 2 / np.square(own).sum() if len(own) else 0.0
            observed = counts / own.sum() * bases[g, q] if len(own) else counts
            shares[g, q, :n] = (observed + strength * centres[q]) / (bases[g, q] + strength)
    return shares, bases


def drop_attributes(codes: IntArray, rate: float, whole: float, rng: np.random.Generator) -> IntArray:
    """The codes with attributes forgotten at random, so that one adapter also serves partial personas.

    Args:
        codes: of a panel, shape (n_persons, n_attributes).
        rate: probability that a known attribute of a person becomes unknown, each on its own.
        whole: probability that all of a person's attributes do: the question without a persona.
        rng: takes the same number of draws whatever is dropped.

    Raises:
        ValueError: a probability outside [0, 1].
    """
    for name, probability in (("rate", rate), ("whole", whole)):
        if not 0 <= probability <= 1:
            raise ValueError(f"persona dropout: {name} must be from 0 to 1, got {probability}")
    gone = rng.random(codes.shape) < rate
    gone |= rng.random((len(codes), 1)) < whole
    return np.where(gone, UNKNOWN, codes)


def _given(chosen: "torch.Tensor", weights: "torch.Tensor") -> "tuple[torch.Tensor, torch.Tensor]":
    """Which answers were given, and the weight of each with 0 where not, both (n_persons, n_questions)."""
    given = chosen != NO_ANSWER
    return given, weights[:, None] * given
