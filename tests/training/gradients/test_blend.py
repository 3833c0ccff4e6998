import numpy as np
import pytest

from personas.answer import NO_ANSWER, Answers
from personas.draws import draw
from personas.models.offset import offset
from personas.question import Question
from training.gradients.blend import best_blend

OPTIONS = ("a", "b", "c")
QUESTIONS = tuple(Question(name=f"q{k}", text=f"Question {k}?", options=OPTIONS) for k in range(4))
N = 4000


def world(true_blend: float) -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray], Answers]:
    """Answers drawn from the offset model with a known blend."""
    rng = np.random.default_rng(0)
    priors = [np.log(rng.dirichlet(np.ones(3) * 3)) for _ in QUESTIONS]
    tuned, base = ([rng.dirichlet(np.ones(3) * 2, N) for _ in QUESTIONS] for _ in range(2))
    chosen = [
        draw(offset(p, t, b, true_blend), rng.random(N)) for p, t, b in zip(priors, tuned, base, strict=True)
    ]
    return priors, tuned, base, Answers(QUESTIONS, np.stack(chosen, axis=1))


@pytest.mark.parametrize("truth", [0.0, 0.4, 1.2])
def test_the_blend_that_made_the_answers_is_found_again(truth: float) -> None:
    found = best_blend(*world(truth), np.ones(N))
    # One parameter from 16,000 answers; its standard error here is below .01.
    assert found.blend == pytest.approx(truth, abs=0.04)
    assert found.answers == 4 * N
    assert (found.gain > 0.01) == (truth > 0)


def test_what_harms_gets_no_weight_at_all() -> None:
    priors, tuned, base, answers = world(1.0)
    found = best_blend(priors, base, tuned, answers, np.ones(N))
    assert found.blend == pytest.approx(0.0, abs=1e-4)
    assert found.gain == pytest.approx(0.0, abs=1e-6)


def test_who_has_no_weight_does_not_count_and_nobody_at_all_is_refused() -> None:
    priors, tuned, base, answers = world(0.8)
    weights = np.ones(N)
    weights[: N // 2] = 0.0
    half = best_blend(priors, tuned, base, answers, weights)
    rest = answers.take(np.arange(N // 2, N))
    alone = best_blend(
        priors, [t[N // 2 :] for t in tuned], [b[N // 2 :] for b in base], rest, np.ones(N // 2)
    )
    assert half.blend == pytest.approx(alone.blend)
    assert half.answers == alone.answers
    silent = Answers(QUESTIONS, np.full((N, 4), NO_ANSWER))
    with pytest.raises(ValueError, match="at least one answer"):
        best_blend(priors, tuned, base, silent, np.ones(N))
