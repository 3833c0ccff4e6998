import numpy as np
import pytest
import torch

from personas.models import output
from personas.models.output import Output

VOCABULARY, DIM = 3000, 48


@pytest.fixture(scope="module")
def numbers() -> tuple[torch.Tensor, torch.Tensor]:
    """An output matrix and states whose largest logits are about 20, as those of a language model."""
    draw = torch.Generator().manual_seed(0)
    weights = torch.randn((VOCABULARY, DIM), generator=draw)
    return weights, torch.randn((2, 5, DIM), generator=draw)


@pytest.mark.parametrize("cap", [None, 15.0])
@pytest.mark.parametrize(("dtype", "error"), [(torch.float32, 1e-4), (torch.bfloat16, 5e-3)])
def test_log_probabilities_are_those_of_double_precision(numbers, dtype, error, cap):
    weights, states = (x.to(dtype) for x in numbers)
    place, tokens = np.array([0, 3, 3, 4]), np.array([7, 0, 2999, 500])
    logits = states.double() @ weights.double().T
    logits = logits if cap is None else cap * (logits / cap).tanh()
    expected = logits.log_softmax(-1)[:, place, tokens]
    found = Output(weights, cap).log_probabilities(states, place, tokens)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.double(), expected, atol=error, rtol=0)


def test_what_16_bits_would_have_lost_is_there(numbers):
    weights, states = (x.to(torch.bfloat16) for x in numbers)
    tokens = np.arange(100)
    exact = (states.double() @ weights.double().T).log_softmax(-1)[:, 0, :100]
    rounded = (states @ weights.T).float().log_softmax(-1)[:, 0, :100]
    found = Output(weights).log_probabilities(states, np.zeros(100, dtype=np.int64), tokens)
    assert (found - exact).abs().max() < (rounded - exact).abs().max() / 10


def test_states_taken_a_few_at_a_time_give_the_same(numbers, monkeypatch):
    weights, states = numbers
    place, tokens = np.arange(5), np.arange(5)
    whole = Output(weights).log_probabilities(states, place, tokens)
    monkeypatch.setattr(output, "_HELD", 1)
    torch.testing.assert_close(Output(weights).log_probabilities(states, place, tokens), whole)
