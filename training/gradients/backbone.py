"""A language model with a LoRA adapter that is trained: token trees in, differentiable states out.

The one typed module around peft. The adapter is a peft folder, which ``LanguageModel.load`` merges on load.

Source: Hu et al., "LoRA" (2022); the scale alpha / sqrt(rank) is rsLoRA, Kalajdzievski (2023).
"""

import contextlib
import hashlib
import importlib
import importlib.util
import warnings
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from personas.arrays import IntArray
from personas.document import Document
from personas.errors import MirrorpanelError
from personas.models.language import LanguageModel
from personas.models.processor import Processor
from personas.models.tree import Batch
from training.gradients.memory import Load

if TYPE_CHECKING:
    import torch


class LoraSettings(Document):
    """What is added to the language model.

    Attributes:
        rank: of the matrices added to every linear layer.
        alpha: their scale is ``alpha / sqrt(rank)``.
        dropout: share of their inputs that is dropped in training.
        first: lowest layer with matrices, from 0; those below stay as they are and can be cached.
        last: highest one, ``None`` for the last of the model.
        seed: of the matrices at the start (they change nothing until trained).
        checkpointing: compute activations again for the gradient instead of keeping them.
        four_bit: keep the base in 4 bits (CUDA and the package bitsandbytes).
    """

    rank: int = Field(default=16, ge=1, le=256)
    alpha: float = Field(default=16.0, gt=0)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    first: int = Field(default=0, ge=0)
    last: int | None = Field(default=None, ge=0)
    seed: int = Field(default=0, ge=0)
    checkpointing: bool = False
    four_bit: bool = False


@dataclass(frozen=True)
class Backbone:
    """A language model whose adapter is trained.

    Attributes:
        language: the model with the adapter in it, so that an ``Encoder`` around it reads what was trained.
        settings: of the adapter.
    """

    language: LanguageModel
    settings: LoraSettings
    _peft: Any

    @staticmethod
    def load(source: Path | str, processor: Processor, settings: LoraSettings) -> "Backbone":
        """The model of a folder or hub name under a fresh adapter, which changes nothing yet.

        Weights that are not trained stay in the processor's number format, the adapter is in float32.
        Measured on a CPU with avx512_bf16: bfloat16 weights learn 2.3 times as fast as float32 weights
        under autocast, and 3.6 times as fast as float32.

        Raises:
            MirrorpanelError: layers that the model does not have, or 4 bits without what they need.
            PullError: the weights cannot be found.
        """
        torch: Any = importlib.import_module("torch")
        if settings.four_bit:
            _check_four_bit(processor)
        language = LanguageModel.load(source, processor, four_bit=settings.four_bit)
        last = language.n_layers - 1 if settings.last is None else settings.last
        if not settings.first <= last < language.n_layers:
            raise MirrorpanelError(
                f"LoRA on layers {settings.first} to {last}: {language.name} has layers 0 to "
                f"{language.n_layers - 1}, and the first must not lie above the last"
            )
        model: Any = language._model  # pyright: ignore[reportPrivateUsage]
        peft: Any = importlib.import_module("peft")
        config = peft.LoraConfig(
            r=settings.rank,
            lora_alpha=settings.alpha,
            lora_dropout=settings.dropout,
            use_rslora=True,
            target_modules=_linear_names(model.base_model.layers[0]),
            layers_to_transform=list(range(settings.first, last + 1)),
            layers_pattern="layers",
            task_type="CAUSAL_LM",
        )
        torch.manual_seed(settings.seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            adapted: Any = peft.get_peft_model(model, config)
            if settings.checkpointing:  # its name changes in transformers 6, of which this warns
                model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        return Backbone(language, settings, adapted)

    @property
    def fingerprint(self) -> str:
        """Hash of base and adapter settings, not of what was learned."""
        content = f"{self.language.fingerprint}\n{self.settings.model_dump_json()}"
        return hashlib.sha256(content.encode()).hexdigest()[:16]

    def tensors(self) -> "dict[str, torch.Tensor]":
        """The adapter's matrices by name."""
        named: Any = self._peft.named_parameters()
        return {name: tensor for name, tensor in named if tensor.requires_grad}

    def states(self, batch: Batch, layers: Sequence[int]) -> "list[torch.Tensor]":
        """Hidden states (B, T, dim) of the layers asked for, in float32, with their graph."""
        return self.language.hidden_states(batch, layers, gradients=True)

    def likelihoods(self, batch: Batch, at: IntArray, tokens: IntArray) -> "torch.Tensor":
        """Log-probability of ``tokens[i]`` after place ``at[i]`` in each row, (B, n), with its graph."""
        return self.language.likelihoods(batch, at, tokens)

    @contextlib.contextmanager
    def training(self) -> Generator[None]:
        """Dropout and activation checkpointing are on inside, off outside."""
        self._peft.train()
        try:
            yield
        finally:
            self._peft.eval()

    @contextlib.contextmanager
    def untouched(self) -> Generator[None]:
        """Inside, the model answers as the base does."""
        with self._peft.disable_adapter():
            yield

    def load_of(self, tokens: int, longest: int, top: int, vocabulary: bool = False) -> Load:
        """What a training takes from memory: ``tokens`` in a pass, gradients down from layer ``top``."""
        config: Any = self.language._model.config  # pyright: ignore[reportPrivateUsage]
        size = 2 if self.language.processor.dtype == "bfloat16" else 4
        trained = sum(t.numel() for t in self.tensors().values())
        every: Any = self._peft.parameters()
        return Load(
            parameters=sum(t.numel() for t in every) - trained,
            weight_bytes=0.6 if self.settings.four_bit else size,
            trained=trained,
            layers=max(1, top - self.settings.first),
            hidden=int(config.hidden_size),
            inner=int(config.intermediate_size),
            heads=int(config.num_attention_heads),
            tokens=tokens,
            longest=longest,
            vocabulary=int(config.vocab_size) if vocabulary else 0,
            checkpointed=self.settings.checkpointing,
            number_bytes=size,
        )

    def save(self, folder: Path, base: str) -> None:
        """Writes the adapter as a peft folder that names ``base`` as what it belongs to."""
        self._peft.peft_config["default"].base_model_name_or_path = base
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._peft.save_pretrained(str(folder), save_embedding_layers=False)


def _linear_names(layer: Any) -> list[str]:
    """Last names of all linear layers inside a decoder layer (in 4 bits they are linear layers too)."""
    import torch

    modules: Any = layer.named_modules()
    return sorted({name.rpartition(".")[2] for name, m in modules if isinstance(m, torch.nn.Linear)})


def _check_four_bit(processor: Processor) -> None:
    if not processor.device.startswith("cuda"):
        raise MirrorpanelError(
            f"A base in 4 bits needs a CUDA device, not {processor.device!r}; leave four_bit out"
        )
    if importlib.util.find_spec("bitsandbytes") is None:
        raise MirrorpanelError(
            "A base in 4 bits needs the package bitsandbytes; install it with "
            "`pip install 'mirrorpanel[four-bit]'`"
        )
