import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import scaled_dot_product_attention

from personas.models import attention


def _tensors(seed: int, texts: int, heads: int, groups: int, queries: int, keys: int) -> list[torch.Tensor]:
    draw = torch.Generator().manual_seed(seed)
    shapes = [(heads, queries), (groups, keys), (groups, keys)]
    return [torch.randn((texts, n, length, 8), generator=draw) for n, length in shapes]


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 99), st.integers(1, 3), st.integers(1, 3), st.integers(1, 3), st.integers(1, 6),
    st.integers(0, 4), st.booleans(),
)  # fmt: skip
def test_heads_in_one_product_attend_as_each_head_alone(seed, texts, groups, each, queries, before, one_mask):
    # Origin of the other figure: PyTorch's own attention, with keys and values repeated for each head.
    query, key, value = _tensors(seed, texts, groups * each, groups, queries, queries + before)
    seen = torch.tril(torch.ones(queries, queries + before, dtype=torch.bool), diagonal=before)
    bias = torch.zeros(1 if one_mask else texts, 1, *seen.shape).masked_fill(~seen, -1e30)
    found = attention.grouped(query * 8**-0.5, key, value, bias)
    repeated = [x.repeat_interleave(each, dim=1) for x in (key, value)]
    torch.testing.assert_close(found, scaled_dot_product_attention(query, *repeated, attn_mask=bias))


class Layer:
    layer_idx, num_key_value_groups, training, is_causal = 0, 2, False, True


@pytest.mark.parametrize("kind", ["numbers to add", "yes and no", "none", "too many scores"])
def test_all_kinds_of_masks_give_the_same_attention(kind, monkeypatch):
    query, key, value = _tensors(1, 2, 4, 2, 5, 5)
    seen = torch.ones(5, 5, dtype=torch.bool).tril().expand(2, 1, 5, 5)
    added = torch.zeros(2, 1, 5, 5).masked_fill(~seen, torch.finfo(torch.float32).min)
    expected = attention.grouped(query * 8**-0.5, key, value, added).transpose(1, 2)
    if kind == "too many scores":
        monkeypatch.setattr(attention, "SCORES", 0)
    mask = {"yes and no": seen, "none": None}.get(kind, added)
    found, _ = attention.attend(Layer(), query, key, value, mask, dropout=0.0, scaling=8**-0.5)
    torch.testing.assert_close(found, expected)


def test_a_gradient_can_be_taken_through_attention():
    query, key, value = _tensors(2, 1, 4, 2, 5, 5)
    added = torch.zeros(1, 1, 5, 5)
    query.requires_grad_()
    found, _ = attention.attend(Layer(), query, key, value, added, dropout=0.0, scaling=8**-0.5)
    found.sum().backward()
    assert query.grad is not None
    assert query.grad.abs().sum() > 0
