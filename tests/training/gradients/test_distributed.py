import importlib
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from training.gradients import checkpoint, distributed
from training.gradients.backbone import LoraSettings
from training.gradients.distributed import ClusterError, Share
from training.gradients.engine import EngineSettings

torch: Any = pytest.importorskip("torch")

ROOT = Path(__file__).parents[3]
HERE = Path(__file__).parent
CONFIG = ROOT / "examples" / "training" / "fsdp.yaml"


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def launched(model: Path, folder: Path) -> None:
    """Two processes on this machine's CPU, started as the example configuration says."""
    command = [
        sys.executable, "-m", "accelerate.commands.launch", "--config_file", str(CONFIG),
        "--main_process_port", str(free_port()), str(HERE / "two_processes.py"), str(model), str(folder),
    ]  # fmt: skip
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(HERE)]),
        "CUDA_VISIBLE_DEVICES": "",
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]


def test_two_processes_train_what_one_does(
    tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    launched(tiny_folder, tmp_path)
    monkeypatch.syspath_prepend(str(HERE))
    scenes: Any = importlib.import_module("two_processes")
    load: Any = importlib.import_module("safetensors.torch").load_file
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        alone = scenes.trained(tiny_folder, Share(), False, None)
        gradients = scenes.gradients(tiny_folder, Share())
        episodes = scenes.episodes(tiny_folder, Share())
    finally:
        torch.set_num_threads(threads)
    assert max(float(t.abs().max()) for name, t in alone.items() if "lora_B" in name) > 1e-3
    # Each process adds one part of two: the same sum to the bit, whether the base is whole or cut.
    for name, held in (("whole", 1.0), ("cut", 0.5)):
        both = load(tmp_path / f"{name}.safetensors")
        assert float(both.pop("share of the base held")) == pytest.approx(held, abs=0.02)
        assert both.keys() == alone.keys() - {"share of the base held"}
        for key in both.keys() - {"losses", "scores"}:
            assert torch.equal(alone[key], both[key]), (name, key)
        for key in ("losses", "scores"):
            torch.testing.assert_close(alone[key], both[key], atol=1e-6, rtol=1e-6)
        assert (tmp_path / name / checkpoint.FILE).is_file()
    # Episodes: each process takes one of two, and both score with the same tensors.
    both = load(tmp_path / "episodes.safetensors")
    assert both.keys() == episodes.keys()
    assert max(float(t.abs().max()) for name, t in episodes.items() if "lora_B" in name) > 1e-3
    for key, tensor in episodes.items():
        torch.testing.assert_close(tensor, both[key], atol=2e-5, rtol=2e-5, msg=key)
    # Two parts of four: the same numbers added in another order.
    both = load(tmp_path / "gradients.safetensors")
    assert both.keys() == gradients.keys()
    largest = max(float(g.abs().max()) for g in gradients.values())
    for key, gradient in gradients.items():
        assert float((gradient - both[key]).abs().max()) <= 1e-6 * largest, key


def test_shares_take_every_part_once() -> None:
    parts = list(range(12))
    shares = [Share(rank, 4) for rank in range(4)]
    assert sorted(p for own in shares for p in own.of(parts)) == parts
    assert [own.writes for own in shares] == [True, False, False, False]
    assert Share().of(parts) == parts
    assert Share().total([1.5, 2.0]) == [1.5, 2.0]
    with pytest.raises(ClusterError, match="parts is 6, which 4 processes cannot share evenly; set it to 4"):
        shares[0].check(6)


def test_the_share_is_read_from_what_the_launcher_set() -> None:
    assert distributed.share({}) == Share(0, 1)
    assert distributed.share({"RANK": "2", "WORLD_SIZE": "3"}) == Share(2, 3)
    for wrong in ({"RANK": "3", "WORLD_SIZE": "3"}, {"RANK": "one", "WORLD_SIZE": "3"}):
        with pytest.raises(ClusterError, match="start the processes with torchrun"):
            distributed.share(wrong)
    assert distributed.device({"RANK": "0", "WORLD_SIZE": "1"}) is None


def test_only_accelerate_with_fsdp_asks_for_a_cut_base_and_never_one_that_is_not_loaded() -> None:
    assert not distributed.asks_for_shards({})
    assert distributed.asks_for_shards({"ACCELERATE_USE_FSDP": "true"})
    with pytest.raises(ClusterError, match="fsdp_cpu_ram_efficient_loading is on"):
        distributed.asks_for_shards({"ACCELERATE_USE_FSDP": "true", "FSDP_CPU_RAM_EFFICIENT_LOADING": "true"})


class _Cut:
    settings = LoraSettings(four_bit=True)


def test_what_several_processes_cannot_do_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake: Any = _Cut()
    with pytest.raises(ClusterError, match="4 bits cannot be cut"):
        distributed.shard(fake, Share(0, 2))
    distributed.shard(fake, Share())
    with pytest.raises(ClusterError, match="cannot stop by the clock"):
        distributed.train(fake, EngineSettings(minutes=3), tmp_path, lambda _: None, Share(0, 2))
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    distributed.refuse_shards(Share())
    with pytest.raises(ClusterError, match="start with torchrun --nproc-per-node 2, where each process"):
        distributed.refuse_shards(Share(0, 2))


def test_the_example_configuration_is_one_that_accelerate_reads() -> None:
    module: Any = importlib.import_module("accelerate.commands.config.config_args")
    config = module.load_config_from_file(str(CONFIG))
    assert str(config.distributed_type.value) == "FSDP"
    assert config.fsdp_config["fsdp_version"] == 2
    assert config.fsdp_config["fsdp_cpu_ram_efficient_loading"] is False
