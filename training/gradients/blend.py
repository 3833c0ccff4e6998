"""How far what an adapter learned is to count over the prior, read off people it was not trained on."""

from collections.abc import Sequence

import numpy as np

from personas.answer import NO_ANSWER, Answers
from personas.arrays import FloatArray
from personas.document import Document
from personas.models.offset import offset

_MOST = 2.0


class Blend(Document):
    """The exponent of ``OffsetModel`` that answers best.

    Attributes:
        blend: 0 where what was learned does not help these people; at most 2.
        gain: mean log score over that of the prior alone, in nats for each answer; at least 0.
        answers: how many it was estimated on.
    """

    blend: float
    gain: float
    answers: int


def best_blend(
    log_prior: Sequence[FloatArray],
    tuned: Sequence[FloatArray],
    base: Sequence[FloatArray],
    answers: Answers,
    weights: FloatArray,
) -> Blend:
    """The blend with the highest weighted log score on held-out people.

    The score is concave in the blend (a log-linear model with one parameter), so there is one best. It is
    chosen for all questions together, as one number from thousands of answers; its gain on the people it was
    chosen on is a little too high, so a verdict is read off others.

    Args:
        log_prior: log shares of each question.
        tuned: distributions of the tuned model, one (n_people, n_options) for each question.
        base: of the untuned one.
        answers: of people not trained on.
        weights: of the people.

    Raises:
        ValueError: nobody with a positive weight answered.
    """
    from scipy.optimize import minimize_scalar

    given = (answers.chosen != NO_ANSWER) & (weights > 0)[:, None]
    total = float((weights[:, None] * given).sum())
    if total <= 0:
        raise ValueError("a blend needs at least one answer with a positive weight")

    def score(blend: float) -> float:
        found = 0.0
        for q, (prior, left, right) in enumerate(zip(log_prior, tuned, base, strict=True)):
            who = np.flatnonzero(given[:, q])
            p = offset(prior, left[who], right[who], blend)[np.arange(len(who)), answers.chosen[who, q]]
            found += float(weights[who] @ np.log(p))
        return found / total

    none = score(0.0)
    found = minimize_scalar(lambda blend: -score(float(blend)), bounds=(0.0, _MOST), method="bounded")
    gain = -float(found.fun) - none
    best = float(found.x) if gain > 0 else 0.0
    return Blend(blend=best, gain=max(gain, 0.0), answers=int(given.sum()))
