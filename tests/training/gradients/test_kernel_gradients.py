import importlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from personas.models.kernel import (
    KernelRegression,
    KernelSettings,
    OptionSet,
    centred_blocks,
    row_blocks,
)
from personas.models.kernel import damping as damping_of
from training.gradients.kernel import PARTS, Kernel, Options, damping, options

torch: Any = importlib.import_module("torch")


def some_options(rng: np.random.Generator, sizes: list[int], n_layers: int = 2, dim: int = 7) -> OptionSet:
    positions = [np.linspace(-1, 1, n) if k % 2 else np.zeros(n) for k, n in enumerate(sizes)]
    question = np.repeat(np.arange(len(sizes)), sizes)
    family = rng.normal(size=(n_layers, len(sizes), dim))
    vectors = family[:, question] + rng.normal(size=(n_layers, sum(sizes), dim))
    return OptionSet(vectors, np.concatenate(positions), question)


def as_tensors(some: OptionSet) -> Options:
    return options(torch.tensor(some.vectors), some.positions, np.bincount(some.question).tolist())


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 1000),
    variances=st.sampled_from([(1, 0, 0, 0), (1, 0, 0, 0.3), (1, 0.5, 0.4, 0.3), (0, 1, 0, 0), (0, 0, 1, 3)]),
    length=st.floats(0.2, 2.0),
    noise=st.floats(0.05, 2.0),
    uncertain=st.booleans(),
)
def test_predictions_equal_those_of_the_closed_form(
    seed: int, variances: tuple[float, ...], length: float, noise: float, uncertain: bool
) -> None:
    rng = np.random.default_rng(seed)
    context, wanted = some_options(rng, [2, 3, 5, 4, 3]), some_options(rng, [3, 2, 6])
    targets = centred_blocks(rng.normal(size=(17, 2)), context.blocks)
    extra = rng.uniform(0, 1, 17) if uncertain else None
    chosen = KernelSettings(**dict(zip(PARTS, variances, strict=True)), length=length, noise=noise)
    expected = KernelRegression(context, targets, chosen, extra).predict(wanted)
    found = Kernel.of(chosen, torch.float64).predict(
        as_tensors(context),
        as_tensors(wanted),
        torch.tensor(targets),
        None if extra is None else torch.tensor(extra),
    )
    np.testing.assert_allclose(found.mean.detach().numpy(), expected.mean, atol=1e-9)
    np.testing.assert_allclose(found.variance.detach().numpy(), expected.variance, atol=1e-9)
    damped = damping(found.variance.detach(), as_tensors(wanted)).numpy()
    np.testing.assert_allclose(damped, damping_of(expected.variance, wanted.blocks), atol=1e-9)


def test_settings_come_back_as_they_were_put_in() -> None:
    chosen = KernelSettings(text=1.0, pair=0.0, slope=0.4, position=0.3, length=0.5, noise=0.1)
    back = Kernel.of(chosen, torch.float64).settings().model_dump()
    assert back == pytest.approx(chosen.model_dump())


def test_gradients_are_those_of_small_changes() -> None:
    rng = np.random.default_rng(1)
    context, wanted = as_tensors(some_options(rng, [2, 3])), as_tensors(some_options(rng, [3]))
    targets = torch.tensor(rng.normal(size=(5, 1)))
    chosen = KernelSettings(text=1.0, pair=0.5, slope=0.5, position=0.3, length=0.5, noise=0.2)
    start = Kernel.of(chosen, torch.float64)

    def predict(vectors: Any, variances: Any, length: Any, noise: Any) -> Any:
        trial = Kernel(variances, length, noise)
        found = trial.predict(context._replace(vectors=vectors), wanted, targets)
        return found.mean, found.variance

    leaves = [context.vectors, start.variances, start.length, start.noise]
    inputs = [leaf.detach().clone().requires_grad_() for leaf in leaves]
    assert torch.autograd.gradcheck(predict, inputs)


@pytest.mark.parametrize("sizes", [[2, 3], [4]])
def test_rows_are_centred_within_their_questions(sizes: list[int]) -> None:
    some = as_tensors(some_options(np.random.default_rng(0), sizes))
    values = torch.tensor(np.random.default_rng(1).normal(size=(sum(sizes), 2)))
    np.testing.assert_allclose(
        some.centred(values).numpy(), centred_blocks(values.numpy(), row_blocks(sizes)), atol=1e-12
    )
