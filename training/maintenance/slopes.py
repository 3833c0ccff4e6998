"""How strongly a model's person effects still show once its shares are right: the calibration slope."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import log_softmax, softmax

from personas.answer import NO_ANSWER, Answers
from personas.arrays import FloatArray, IntArray
from personas.models.base import AnswerModel
from personas.panel import Panel

_STEPS, _TOLERANCE = 30, 1e-8
_RIDGE = 0.01


class Slope(NamedTuple):
    """A slope fitted to the answers of some people.

    Attributes:
        value: 1 where effects are as strong as the model says, 0 where they tell nothing.
        influence: of each person, (n_people,): the sampling variance is the sum of their squares.
        gain: mean log score over that of the right shares alone, in nats for each answer.
        answers: that it was fitted to.
    """

    value: float
    influence: FloatArray
    gain: float
    answers: int

    @property
    def deviation(self) -> float:
        """Standard error, people being the units that are drawn."""
        return float(np.sqrt(np.sum(self.influence**2)))


class _Asked(NamedTuple):
    """One question: who answered, effects (n, n_options), options chosen, weights, and old log shares."""

    rows: IntArray
    effects: FloatArray
    chosen: IntArray
    weights: FloatArray
    start: FloatArray


def slope(model: AnswerModel, people: Panel, answers: Answers) -> Slope | None:
    """The slope of the model's effects in these people's answers; ``None`` where they have none to show.

    With the effects ``z = log p(option | person) - log p(option | empty persona)`` the answers follow
    ``softmax(a_q + b z)``: the intercepts ``a_q`` take up whatever the shares are now, and ``b`` is the
    slope, fitted by Newton's method to all questions at once. Its standard error is the sandwich over people.

    Source: Cox, "Two further applications of a model for binary regression", Biometrika 45 (1958);
    Steyerberg et al., "Validation and updating of predictive logistic regression models", Statistics in
    Medicine 23 (2004), calibration slope; for several options and questions at once it is ours.
    """
    asked = _asked(model, people, answers)
    if not asked or max(float(np.abs(q.effects).max()) for q in asked) < 1e-9:
        return None
    value, intercepts = 1.0, [q.start.copy() for q in asked]
    for _ in range(_STEPS):
        parts = [_derivatives(q, a, value) for q, a in zip(asked, intercepts, strict=True)]
        information = sum(p.information for p in parts)
        step = sum(p.score for p in parts) / information
        value += step
        for a, p in zip(intercepts, parts, strict=True):
            a += p.solved - step * p.carried
        if abs(step) < _TOLERANCE:
            break
    influence = np.zeros(len(people))
    parts = [_derivatives(q, a, value) for q, a in zip(asked, intercepts, strict=True)]
    information = sum(p.information for p in parts)
    for q, p in zip(asked, parts, strict=True):
        np.add.at(influence, q.rows, p.residuals / information)
    size = sum(float(q.weights.sum()) for q in asked)
    gain = sum(_gain(q, a, value) for q, a in zip(asked, intercepts, strict=True)) / size
    return Slope(value, influence, gain, sum(len(q.rows) for q in asked))


def intercepts(
    model: AnswerModel, people: Panel, answers: Answers, names: Sequence[str], pull: float
) -> list[FloatArray]:
    """New log shares of the empty persona for the questions named, so that shares are those of these people.

    Effects stay as they are; ``pull`` people of whom nothing is known, who answer by the old shares, are
    added to the answers.
    """
    some = answers.only(names)
    found: list[FloatArray] = []
    for asked in _asked(model, people, some, keep_all=True):
        a = asked.start.copy()
        for _ in range(_STEPS):
            p = softmax(a + asked.effects, axis=1)
            mine = softmax(a)
            gradient = _counts(asked) - asked.weights @ p + pull * (softmax(asked.start) - mine)
            hessian = np.diag(asked.weights @ p) - (p * asked.weights[:, None]).T @ p
            hessian += pull * (np.diag(mine) - np.outer(mine, mine)) + 1e-9 * np.eye(len(a))
            step = np.linalg.lstsq(hessian, gradient, rcond=1e-8)[0]
            a += np.clip(step - step.mean(), -2.0, 2.0)
            if np.abs(step).max() < _TOLERANCE:
                break
        found.append(log_softmax(a))
    return found


def _asked(model: AnswerModel, people: Panel, answers: Answers, keep_all: bool = False) -> list[_Asked]:
    if not len(people):
        return []
    weights = people.weights / people.weights.mean() if people.weights.sum() > 0 else people.weights
    nobody = model.distributions(people.take(np.zeros(1, dtype=np.int64)).empty(), answers.questions)
    found: list[_Asked] = []
    said = model.distributions(people, answers.questions)
    for own, prior, chosen in zip(said, nobody, answers.chosen.T, strict=True):
        rows = np.flatnonzero((chosen != NO_ANSWER) & (weights > 0))
        if len(rows) or keep_all:
            start = np.log(np.maximum(prior[0], 1e-12))
            effects = np.log(np.maximum(own[rows], 1e-12)) - start
            effects = effects - effects.mean(axis=1, keepdims=True)
            found.append(_Asked(rows, effects, chosen[rows], weights[rows], start))
    return found


def _counts(asked: _Asked) -> FloatArray:
    return np.bincount(asked.chosen, asked.weights, len(asked.start)).astype(np.float64)


class _Derivatives(NamedTuple):
    """Profile score and information of the slope from one question, and what its intercepts do.

    ``solved`` is their Newton step for a fixed slope and ``carried`` how they follow it, (n_options,);
    ``residuals`` are contributions of people to the score, (n,).
    """

    score: float
    information: float
    solved: FloatArray
    carried: FloatArray
    residuals: FloatArray


def _derivatives(asked: _Asked, a: FloatArray, value: float) -> _Derivatives:
    z, w = asked.effects, asked.weights
    p = softmax(a + value * z, axis=1)
    mean = (p * z).sum(axis=1)
    rows = np.arange(len(z))
    own = z[rows, asked.chosen] - mean
    variance = float(w @ ((p * z**2).sum(axis=1) - mean**2))
    cross = w @ (p * (z - mean[:, None]))
    hessian = np.diag(w @ p) - (p * w[:, None]).T @ p + _RIDGE * np.eye(len(a))
    gradient = _counts(asked) - w @ p - _RIDGE * (a - asked.start)
    solved, carried = np.linalg.solve(hessian, np.stack([gradient, cross], axis=1)).T
    hits = np.zeros_like(p)
    hits[rows, asked.chosen] = 1.0
    residuals = w * (own - (hits - p) @ carried)
    return _Derivatives(
        float(w @ own - cross @ solved), float(variance - cross @ carried), solved, carried, residuals
    )


def _gain(asked: _Asked, a: FloatArray, value: float) -> float:
    """Weighted sum of log scores over those of the shares of the same answers."""
    fitted = log_softmax(a + value * asked.effects, axis=1)[np.arange(len(asked.rows)), asked.chosen]
    shares = _counts(asked) / asked.weights.sum()
    return float(asked.weights @ (fitted - np.log(shares[asked.chosen])))
