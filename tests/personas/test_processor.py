from pathlib import Path

import pytest
import torch

from personas.models import processor
from personas.models.processor import Processor, ProcessorError, bf16_instructions, choose, matmul_rate


@pytest.fixture
def no_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


def pretend(
    monkeypatch: pytest.MonkeyPatch, instructions: str | None, float32: float, bfloat16: float
) -> None:
    monkeypatch.setattr(processor, "bf16_instructions", lambda: instructions)
    monkeypatch.setattr(processor, "matmul_rate", {"float32": float32, "bfloat16": bfloat16}.__getitem__)


@pytest.mark.usefixtures("no_cuda")
def test_a_cpu_with_the_instructions_and_the_gain_computes_in_bfloat16(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pretend(monkeypatch, "avx512_bf16", 85.0, 427.0)
    chosen = choose()
    assert chosen.dtype == "bfloat16"
    assert chosen.describe() == "cpu, bfloat16 (avx512_bf16; 427 GFLOP/s a core against 85 in float32)"


@pytest.mark.usefixtures("no_cuda")
def test_instructions_that_gain_too_little_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, "AMX", 100.0, 149.0)
    assert choose().dtype == "float32"
    assert (
        choose().describe()
        == "cpu, float32 (AMX gains too little; 149 GFLOP/s a core against 100 in float32)"
    )


@pytest.mark.usefixtures("no_cuda")
def test_a_cpu_without_the_instructions_is_not_timed_in_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processor, "bf16_instructions", lambda: None)
    monkeypatch.setattr(processor, "matmul_rate", lambda name: pytest.fail(f"timed {name}"))
    assert choose().describe() == "cpu, float32 (this CPU has neither AMX nor avx512_bf16)"


def test_an_explicit_choice_is_obeyed_also_in_its_short_form() -> None:
    assert choose("cpu", "bf16") == Processor("cpu", "bfloat16", "asked for")
    assert choose("cpu", "float32").describe() == "cpu, float32 (asked for)"


def test_unknown_names_are_answered_with_those_allowed() -> None:
    with pytest.raises(ProcessorError, match=r"Unknown dtype 'int8'; choose from 'float32', 'bfloat16'"):
        choose("cpu", "int8")
    for device in ("tpu", "cuda:x", "cpu:", ""):
        with pytest.raises(ProcessorError, match=r"Unknown device .*; choose from 'cpu', 'cuda', 'cuda:N'"):
            choose(device)


@pytest.mark.usefixtures("no_cuda")
def test_cuda_asked_for_where_there_is_none_is_refused() -> None:
    with pytest.raises(
        ProcessorError, match=r"'cuda' asked for, but PyTorch .* sees 0 CUDA devices.*use 'cpu'"
    ):
        choose("cuda")


def test_cuda_is_chosen_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"Card at {device}")
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: True)
    assert choose().describe() == "cuda, bfloat16 (Card at cuda)"
    assert choose("cuda:1").device == "cuda:1"
    with pytest.raises(ProcessorError, match="sees 2 CUDA devices"):
        choose("cuda:2")
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: False)
    assert choose().describe() == "cuda, float32 (Card at cuda has no bfloat16)"


def test_this_machine_is_measured() -> None:
    assert bf16_instructions() in ("AMX", "avx512_bf16", None)
    assert matmul_rate("float32") > 0


def test_the_peak_of_memory_is_in_bytes_whatever_unit_the_system_counts_in(monkeypatch):
    own = Path("/proc/self/status")
    if not own.exists():
        pytest.skip("the system does not say what the process held at most")
    text = next(line for line in own.read_text().splitlines() if line.startswith("VmHWM"))
    assert processor.peak_bytes() == pytest.approx(int(text.split()[1]) * 1024, rel=0.05)
    kibibytes = processor.peak_bytes() // 1024
    monkeypatch.setattr("sys.platform", "darwin")
    assert processor.peak_bytes() == pytest.approx(kibibytes, rel=0.05)  # there the count is bytes


def test_a_gpu_that_is_named_is_looked_for_and_nothing_is_where_none_is(monkeypatch):
    processor.check_there(None, None)
    processor.check_there("cpu", "bf16")
    with pytest.raises(ProcessorError, match="Device 'cuda:99' asked for"):
        processor.check_there("cuda:99", None)
