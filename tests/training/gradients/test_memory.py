from dataclasses import replace

import pytest
import torch

from personas.models.processor import free_bytes
from training.gradients.memory import Load, OutOfMemory, check, is_out_of_memory

GIB = 1 << 30
SMALL = Load(
    parameters=134_515_008, weight_bytes=2, trained=5_000_000, layers=22, hidden=576, inner=1536, heads=9,
    tokens=2048, longest=160, number_bytes=2,
)  # fmt: skip


def test_a_training_that_fits_returns_what_it_takes() -> None:
    assert check(SMALL, 64 * GIB) == SMALL.bytes()


def test_every_part_of_a_training_adds_to_its_memory() -> None:
    for more in (
        replace(SMALL, parameters=2 * SMALL.parameters),
        replace(SMALL, trained=10 * SMALL.trained),
        replace(SMALL, tokens=2 * SMALL.tokens),
        replace(SMALL, layers=30),
        replace(SMALL, vocabulary=49152),
        replace(SMALL, number_bytes=4),
    ):
        assert more.bytes() > SMALL.bytes()
    assert replace(SMALL, checkpointed=True).bytes() < SMALL.bytes()


def test_a_refusal_names_each_change_that_would_fit() -> None:
    needed = SMALL.bytes() / GIB
    with pytest.raises(OutOfMemory) as refused:
        check(SMALL, 0.93 * SMALL.bytes(), [("small-model", 20_000_000)])
    text = str(refused.value)
    assert f"needs about {needed:.1f} GiB" in text
    for change in (
        "a batch of 1,024 tokens instead of 2,048",
        "activation checkpointing",
        "layers instead of",
    ):
        assert change in text
    assert "the base model small-model" in text


def test_sequences_that_are_too_long_are_to_be_shortened() -> None:
    long = replace(SMALL, tokens=4 * 20_000, longest=20_000)
    with pytest.raises(OutOfMemory, match=r"sequences of [\d,]+ tokens instead of 20,000") as refused:
        check(long, 4 * GIB)
    fewer = int(str(refused.value).split("sequences of ")[1].split()[0].replace(",", ""))
    shorter = replace(SMALL, tokens=4 * fewer, longest=fewer)
    assert check(shorter, 4 * GIB) == shorter.bytes()
    packed = replace(SMALL, tokens=20_000, longest=20_000)
    with pytest.raises(OutOfMemory, match=r"a batch of [\d,]+ tokens instead of 20,000"):
        check(packed, 4 * GIB)


def test_where_nothing_helps_the_refusal_says_so() -> None:
    with pytest.raises(OutOfMemory, match="no single change makes it fit"):
        check(SMALL, 0.1 * GIB)


def test_the_memory_of_this_machine_is_some_gigabytes() -> None:
    assert 0.05 * GIB < free_bytes("cpu") < 1e6 * GIB


def test_lack_of_memory_is_told_from_other_errors() -> None:
    assert is_out_of_memory(MemoryError())
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory"))
    with pytest.raises(RuntimeError) as refused:
        torch.empty(1 << 60)
    assert is_out_of_memory(refused.value)
    assert not is_out_of_memory(RuntimeError("size mismatch"))
