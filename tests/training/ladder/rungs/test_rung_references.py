"""The regression rungs against statsmodels, an independent implementation."""

import warnings
from typing import Any

import numpy as np
import pytest

from personas.answer import Answers
from personas.arrays import FloatArray, IntArray
from personas.panel import Panel, from_columns
from personas.question import Question
from training.dataset import TrainingData
from training.ladder.rungs import learners, multilevel, ordered
from training.ladder.rungs.columns import Design, columns

sm: Any = pytest.importorskip("statsmodels.api")


def people(n: int, rng: np.random.Generator, levels: dict[str, int]) -> Panel:
    values = {name: [f"{name}{v}" for v in rng.integers(0, k, n)] for name, k in levels.items()}
    return from_columns([str(i) for i in range(n)], values, np.ones(n))


def drawn(logits: FloatArray, rng: np.random.Generator) -> IntArray:
    shares = np.exp(logits)
    shares /= shares.sum(axis=1, keepdims=True)
    return (shares.cumsum(axis=1)[:, :-1] < rng.random((len(logits), 1))).sum(axis=1).astype(np.int64)


def test_without_a_penalty_the_multinomial_logit_predicts_what_statsmodels_does() -> None:
    rng = np.random.default_rng(1)
    panel = people(400, rng, {"a": 3, "b": 2})
    features = Design(panel).dummies(panel)
    chosen = drawn(features @ rng.normal(0, 0.8, (5, 3)), rng)
    reference = sm.MNLogit(chosen, sm.add_constant(features[:, [1, 2, 4]])).fit(disp=0)
    fitted = learners.multinomial_ridge(features, chosen, np.ones(400), 4, 1e5)
    found = fitted(features)
    np.testing.assert_allclose(found[:, :3], reference.predict(), atol=2e-3)
    assert found[:, 3].max() == 0.0  # nobody chose it


def test_without_a_penalty_the_ordered_logit_is_that_of_statsmodels() -> None:
    from statsmodels.miscmodels.ordinal_model import OrderedModel

    rng = np.random.default_rng(2)
    features = rng.normal(size=(300, 2))
    latent = features @ np.array([0.9, -0.5]) + rng.logistic(size=300)
    chosen = np.digitize(latent, [-1.0, 0.2, 1.5]).astype(np.int64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reference = OrderedModel(chosen, features, distr="logit").fit(method="bfgs", disp=0)
    found = ordered.fit(features, chosen, np.ones(300), 4, 1e-9)
    np.testing.assert_allclose(found.slopes, reference.params[:2], atol=2e-3)
    np.testing.assert_allclose(found.probabilities(features), reference.predict(), atol=2e-3)


def test_a_ridge_makes_ordered_slopes_smaller_and_a_skipped_option_impossible() -> None:
    rng = np.random.default_rng(5)
    features = rng.normal(size=(120, 3))
    chosen = np.digitize(features[:, 0] + rng.logistic(size=120), [-0.5, 0.7]).astype(np.int64)
    chosen[chosen == 2] = 3  # option 2 is skipped by everybody
    free, held = (ordered.fit(features, chosen, np.ones(120), 4, ridge) for ridge in (1e-6, 50.0))
    assert np.linalg.norm(held.slopes) < 0.6 * np.linalg.norm(free.slopes)
    assert np.all(free.probabilities(features)[:, 2] == 0)
    np.testing.assert_allclose(free.probabilities(features).sum(axis=1), 1.0)


def binary(n: int, seed: int) -> tuple[TrainingData, FloatArray]:
    """A yes-no question that depends on 12 regions (sd .8) and hardly on 4 groups; region effects."""
    rng = np.random.default_rng(seed)
    panel = people(n, rng, {"region": 12, "group": 4})
    effects = rng.normal(0, 0.8, 12)
    lean = 0.3 + effects[[int(v.removeprefix("region")) for v in panel.values("region") if v]]
    chosen = (rng.random(n) < 1 / (1 + np.exp(lean))).astype(np.int64)  # option 0 where the lean is high
    asked = (Question(name="q", text="Q?", options=("yes", "no")),)
    return TrainingData(panel, Answers(asked, chosen[:, None]), np.ones(n)), effects


def test_the_multilevel_fit_of_a_binary_question_is_that_of_a_mixed_model_in_statsmodels() -> None:
    from statsmodels.genmod.bayes_mixed_glm import BinomialBayesMixedGLM

    data, _ = binary(600, 7)
    design = Design(data.people)
    (column,) = columns(data)
    codes = design.codes(data.people)
    own = multilevel.varying(column, codes, design.sizes)
    hot = np.concatenate([np.arange(k) == codes[:, [a]] for a, k in enumerate(design.sizes)], axis=1) * 1.0
    reference = BinomialBayesMixedGLM(
        (column.chosen == 0).astype(float), np.ones((600, 1)), hot, np.repeat([0, 1], design.sizes), vcp_p=2.0
    ).fit_vb()
    # Two options have one contrast c, and the log odds are sqrt(2) c.
    scale = np.sqrt(2.0)
    regions = scale * own.effects[: design.sizes[0], 0]
    expected = np.asarray(reference.vc_mean)[: design.sizes[0]]
    sign = np.sign(np.corrcoef(regions, expected)[0, 1])
    np.testing.assert_allclose(sign * regions, expected, atol=0.12)
    assert scale * np.sqrt(own.variances[0]) == pytest.approx(float(np.exp(reference.vcp_mean[0])), rel=0.2)
    assert own.variances[1] < 0.05 * own.variances[0]


def test_effects_of_small_groups_are_pulled_towards_the_rest_and_near_the_truth() -> None:
    data, effects = binary(900, 11)
    design = Design(data.people)
    (column,) = columns(data)
    own = multilevel.varying(column, design.codes(data.people), design.sizes)
    order = [int(v.removeprefix("region")) for v in data.people.levels[0]]
    found = np.sqrt(2.0) * own.effects[:12, 0]
    truth = effects[order] - effects.mean()
    found = found * np.sign(np.corrcoef(found, truth)[0, 1])
    assert np.corrcoef(found, truth)[0, 1] > 0.9
    assert np.std(found) < np.std(truth) * 1.1


def test_the_evidence_prefers_variances_near_the_fixed_point() -> None:
    """Laplace's marginal likelihood, evaluated away from the variances found, is lower."""
    data, _ = binary(400, 3)
    design = Design(data.people)
    (column,) = columns(data)
    codes = design.codes(data.people)
    own = multilevel.varying(column, codes, design.sizes)
    for factor in (0.4, 2.5):
        other = multilevel.evidence(column, codes, design.sizes, own.variances * np.array([factor, 1.0]))
        assert other < own.evidence
