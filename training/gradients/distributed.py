"""Several processes share one training: by parts of each batch, and by parts of the base's weights (FSDP).

Every process draws the same batch, which is cut into the same parts whatever the number of processes; each
process takes its share of the parts, and gradients are summed. So several processes train what one would,
up to the order in which floating-point numbers are added: to the bit where each process takes one part of
two, to about 1e-6 elsewhere.
"""

import contextlib
import importlib
import os
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from personas.errors import MirrorpanelError
from training.gradients import checkpoint, engine
from training.gradients.backbone import Backbone
from training.gradients.engine import EngineSettings, Objective, Outcome, Progress

if TYPE_CHECKING:
    import torch

T = TypeVar("T")


class ClusterError(MirrorpanelError):
    """The processes of a training do not fit together, or were started without what they need."""


@dataclass(frozen=True)
class Share:
    """The share of the work that this process does.

    Attributes:
        rank: number of this process, from 0.
        size: how many processes there are.
    """

    rank: int = 0
    size: int = 1

    @property
    def writes(self) -> bool:
        """Whether this process writes files and prints; the first one does."""
        return self.rank == 0

    def check(self, n_parts: int, name: str = "parts") -> None:
        """Returns where every process gets as many parts. Raises: ClusterError.

        Processes that hold parts of the weights must compute in step; one pass fewer in one of them would
        leave the others waiting for ever.
        """
        if n_parts % self.size:
            raise ClusterError(
                f"{name} is {n_parts}, which {self.size} processes cannot share evenly; "
                f"set it to {self.size} or a multiple of it"
            )

    def of(self, parts: Sequence[T]) -> Sequence[T]:
        """This process's parts; over all processes each part is taken once."""
        return parts[self.rank :: self.size]

    def add(self, tensors: "Sequence[torch.Tensor]") -> None:
        """Sums the gradients of all processes, in place; a tensor without a gradient anywhere stays so.

        Written for ``engine.train(reduce=...)``. Each process must already have divided its loss by the
        weight of the whole batch.
        """
        if self.size == 1:
            return
        import torch

        group: Any = importlib.import_module("torch.distributed")
        wanted = torch.tensor([t.grad is not None for t in tensors], dtype=torch.float32)
        wanted = wanted.to(tensors[0].device)
        group.all_reduce(wanted)
        with torch.no_grad():
            for tensor, somewhere in zip(tensors, wanted.cpu().numpy(), strict=True):
                if somewhere:
                    tensor.grad = torch.zeros_like(tensor) if tensor.grad is None else tensor.grad
                    group.all_reduce(tensor.grad)

    def total(self, values: Sequence[float]) -> list[float]:
        """Sum of each value over all processes, added in the order of the processes."""
        if self.size == 1:
            return list(values)
        group: Any = importlib.import_module("torch.distributed")
        gathered: list[list[float]] = [[] for _ in range(self.size)]
        group.all_gather_object(gathered, list(values))
        return [sum(column) for column in zip(*gathered, strict=True)]


WHOLE = Share()
"""All of the work: one process."""


def share(environment: Mapping[str, str] = os.environ) -> Share:
    """The share that torchrun or accelerate gave to this process; all of the work where neither did.

    Raises:
        ClusterError: rank and size do not fit together.
    """
    rank, size = environment.get("RANK", "0"), environment.get("WORLD_SIZE", "1")
    if not (rank.isdecimal() and size.isdecimal() and int(rank) < int(size)):
        raise ClusterError(
            f"RANK is {rank!r} and WORLD_SIZE {size!r}; start the processes with torchrun or "
            "accelerate launch, which set both"
        )
    return Share(int(rank), int(size))


def device(environment: Mapping[str, str] = os.environ) -> str | None:
    """The device of this process: its own GPU where several share a machine, else ``None`` for any."""
    import torch

    if share(environment).size == 1 or not torch.cuda.is_available():
        return None
    return f"cuda:{int(environment.get('LOCAL_RANK', '0'))}"


@contextlib.contextmanager
def joined(own: Share, place: str = "cpu") -> Generator[Share]:
    """Connects this process with the others while the block runs: gloo on CPUs, NCCL on CUDA.

    Addresses come from ``MASTER_ADDR`` and ``MASTER_PORT``, which torchrun and accelerate set.
    """
    group: Any = importlib.import_module("torch.distributed")
    if own.size == 1 or group.is_initialized():
        yield own
        return
    if place.startswith("cuda"):
        import torch

        torch.cuda.set_device(place)
        group.init_process_group("nccl", rank=own.rank, world_size=own.size)
    else:
        group.init_process_group("gloo", rank=own.rank, world_size=own.size)
    try:
        yield own
    finally:
        group.destroy_process_group()


def asks_for_shards(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether accelerate was started with FSDP, so that no process is to hold all weights.

    Raises:
        ClusterError: its configuration leaves the base out of all processes but the first.
    """
    asked = environment.get("ACCELERATE_USE_FSDP", "false").lower() == "true"
    if asked and environment.get("FSDP_CPU_RAM_EFFICIENT_LOADING", "false").lower() == "true":
        raise ClusterError(
            "accelerate's fsdp_cpu_ram_efficient_loading is on, with which only the first process reads the "
            "weights; set it to false (see examples/training/fsdp.yaml)"
        )
    return asked


def refuse_shards(own: Share) -> None:
    """Returns where each process may hold the whole base. Raises: ClusterError."""
    if own.size > 1 and asks_for_shards():
        raise ClusterError(
            "accelerate was started with FSDP, but lora with the factored objective reads the base only up "
            "to the layers that vectors are taken from, which a base cut into parts cannot do; start with "
            f"torchrun --nproc-per-node {own.size}, where each process holds the whole base, or choose "
            "objective: joint"
        )


def shard(backbone: Backbone, own: Share) -> None:
    """Leaves each process only its part of every layer's base weights; a layer is whole while it computes.

    The adapter is small and is trained, so every process keeps all of it as plain tensors: optimiser,
    checkpoints and saving work as in one process. ``accelerate launch`` says whether layers are given up
    between the two passes and whether parts wait in main memory. The processes must be ``joined``.

    Raises:
        ClusterError: a base in 4 bits, which cannot be cut.

    Source: Zhao et al. (2023), "PyTorch FSDP", VLDB; here ``fully_shard`` of PyTorch, its second version.
    """
    if own.size == 1:
        return
    if backbone.settings.four_bit:
        raise ClusterError(
            "a base in 4 bits cannot be cut into parts; leave four_bit out, or start without FSDP "
            "(torchrun --nproc-per-node N), where each GPU holds the whole base in 4 bits"
        )
    accelerate: Any = importlib.import_module("accelerate")
    fsdp: Any = importlib.import_module("torch.distributed.fsdp")
    meshes: Any = importlib.import_module("torch.distributed.device_mesh")
    plugin: Any = accelerate.FullyShardedDataParallelPlugin(fsdp_version=2)
    model: Any = backbone.language._model  # pyright: ignore[reportPrivateUsage]
    how: dict[str, Any] = {
        "mesh": meshes.init_device_mesh(backbone.language.processor.device.partition(":")[0], (own.size,)),
        "reshard_after_forward": plugin.reshard_after_forward,
        "offload_policy": plugin.cpu_offload,
        "ignored_params": set(backbone.tensors().values()),
    }
    for layer in model.base_model.layers:
        fsdp.fully_shard(layer, **how)
    fsdp.fully_shard(model, **how)


def train(
    objective: Objective,
    settings: EngineSettings,
    folder: Path | None,
    report: Callable[[Progress], None],
    own: Share,
) -> Outcome:
    """``engine.train`` in every process at once; the first one writes and reports.

    Args:
        objective: made with ``share=own``, so that each process takes its parts.
        settings: see there. A limit in minutes is refused: clocks differ, and all must stop together.
        folder: for checkpoints, the same one for all processes, on a disk that all of them see.
        report: called after each episode in the first process.
        own: this process's share; the processes must be ``joined``.

    Raises:
        ClusterError: a limit in minutes, or a checkpoint that only some processes see.
    """
    if own.size == 1:
        return engine.train(objective, settings, folder, report)
    if settings.minutes is not None:
        raise ClusterError(
            f"minutes is {settings.minutes:g}, but {own.size} processes cannot stop by the clock; "
            "limit the training by episodes"
        )
    there = folder is not None and (folder / checkpoint.FILE).is_file()
    seen = own.total([float(there)])[0]
    if seen not in (0.0, float(own.size)):
        raise ClusterError(
            f"{seen:.0f} of {own.size} processes see a checkpoint in {folder}; "
            "it must lie on a disk that all of them share"
        )
    return engine.train(
        objective, settings, folder, report if own.writes else _silent, reduce=own.add, writes=own.writes
    )


def _silent(progress: Progress) -> None:
    del progress
