"""A loaded language model: token ids in, hidden states and log-probabilities out.

The one typed module around transformers and peft; torch is imported when a model is loaded, not before.
"""

import contextlib
import functools
import hashlib
import importlib
import json
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from safetensors import SafetensorError

from personas.arrays import FloatArray, IntArray
from personas.errors import MirrorpanelError, PullError
from personas.models import catalogue
from personas.models.conversion import transformers_quietly
from personas.models.processor import Processor, choose
from personas.models.tree import Batch
from personas.models.wheel import cache_folder, sha256_of

if TYPE_CHECKING:
    import torch

_HASHES = ".sha256.json"
# Tokens that steer a model, by what they look like: not all tokenizers mark them as special.
_CONTROL = re.compile(r"<[^<>]*[_|][^<>]*>|\[\w+\]")
# Memory and time grow with the square of a text: one of 28,000 tokens took 9 GB and five minutes.
_LONGEST = 8192
_SLOT = "\ue000"  # where a message stands in a chat template; no survey has this character


class Below(NamedTuple):
    """What a model made of a batch up to some layer, so that it need not do so again.

    Attributes:
        layer: the layer whose input this is.
        states: hidden states (B, T, dim) in the model's number format.
    """

    layer: int
    states: "torch.Tensor"


class _Enough(Exception):
    """The layers asked for have been computed; the rest of the forward pass is not needed."""


@dataclass(frozen=True)
class LanguageModel:
    """A causal language model in evaluation mode.

    Attributes:
        name: what people call it.
        fingerprint: hash of weights, adapter, configuration, tokenizer and number format.
        weights: hash of the weights alone, adapter included: the same on every machine.
        processor: where it runs.
        n_layers: number of layers; hidden states 0 are the embeddings, ``n_layers`` the last.
        dim: width of a hidden state.
        max_tokens: longest text that is read: the model's own limit, and 8,192 where that is more.
        start: tokens that its tokenizer puts before every text.
    """

    name: str
    fingerprint: str
    weights: str
    processor: Processor
    n_layers: int
    dim: int
    max_tokens: int
    start: tuple[int, ...]
    _model: Any
    _tokenizer: Any
    _origin: tuple[Path | str, Path | None, str, bool] | tuple[()] = ()

    @staticmethod
    def load(
        source: Path | str, processor: Processor, adapter: Path | None = None, *, four_bit: bool = False
    ) -> "LanguageModel":
        """The model in a folder or under a hub name, with a LoRA adapter merged in where there is one.

        Args:
            source: a folder with weights, a hub name, or a folder with a LoRA adapter, whose base is then
                loaded first.
            processor: from ``processor.choose``.
            adapter: folder of a LoRA adapter on top of ``source``.
            four_bit: the weights are kept in 4 bits (bitsandbytes, CUDA only) and computed with in the
                processor's number format.

        Raises:
            PullError: the weights cannot be found or reached.
            MirrorpanelError: an architecture that cannot be read by layers.
        """
        base, adapter = _base_and_adapter(source, adapter)
        model, tokenizer = _load(base, adapter, processor, four_bit)
        decoder = model.base_model
        if not hasattr(decoder, "layers"):
            raise MirrorpanelError(
                f"Model {base} has the unsupported architecture {type(model).__name__}; "
                "use a decoder such as Llama, Qwen, Gemma or Mistral"
            )
        bare: list[int] = tokenizer("a", add_special_tokens=False).input_ids
        full: list[int] = tokenizer("a").input_ids
        parts = [_hash_of(base, model.config), processor.dtype, *(["nf4"] if four_bit else [])]
        parts += [_hash_of(adapter, None)] if adapter else []
        return LanguageModel(
            name="+".join(Path(p).name if isinstance(p, Path) else p for p in (base, adapter) if p),
            fingerprint=_digest(parts),
            weights=_digest([_hash_of(p, model.config, (".safetensors",)) for p in (base, adapter) if p]),
            processor=processor,
            n_layers=len(decoder.layers),
            dim=int(model.config.hidden_size),
            max_tokens=min(int(model.config.max_position_embeddings), _LONGEST),
            start=tuple(full[: full.index(bare[0])]),
            _model=model,
            _tokenizer=tokenizer,
            _origin=(base, adapter, processor.dtype, four_bit),
        )

    def __reduce__(self) -> tuple[Any, ...]:
        """Weights do not go to another process: it loads the same ones, onto the device that it has."""
        return _load_there, self._origin

    def tokens(self, text: str) -> tuple[int, ...]:
        """Token ids of a text, none of them special: ``<|im_end|>`` in it is read as these letters."""
        read = self._tokenizer(text, add_special_tokens=False, split_special_tokens=True)
        return tuple(read.input_ids)

    def chat(self, text: str) -> tuple[int, ...] | None:
        """Token ids of ``text`` as a user's message, up to where the reply begins.

        Only the template's own words are control tokens; the text cannot end its message. ``None`` where the
        tokenizer has no chat template.
        """
        if not getattr(self._tokenizer, "chat_template", None):
            return None
        messages = [{"role": "user", "content": _SLOT}]
        framed: str = self._tokenizer.apply_chat_template(
            messages, add_generation_prompt=True, tokenize=False
        )
        before, _, after = framed.partition(_SLOT)
        frame = [tuple(self._tokenizer(part, add_special_tokens=False).input_ids) for part in (before, after)]
        return (*frame[0], *self.tokens(text.strip()), *frame[1])

    @property
    def dtype(self) -> "torch.dtype":
        """Number format that hidden states are computed in."""
        return self._model.dtype

    def hidden_states(
        self, batch: Batch, layers: Sequence[int], gradients: bool = False, below: Below | None = None
    ) -> "list[torch.Tensor]":
        """For each layer asked for its states, shape (B, T, dim), in float32 on the model's device.

        Layers above the highest one asked for are not computed, and none under ``below`` where it is given.
        With ``gradients`` the states can be differentiated. Raises: ValueError for a layer that is not
        there.
        """
        import torch

        least = 0 if below is None else below.layer
        wrong = [layer for layer in layers if not least <= layer <= self.n_layers]
        if wrong:
            raise ValueError(f"no layer {wrong[0]}; the model has hidden states {least} to {self.n_layers}")
        found: dict[int, torch.Tensor] = {}
        decoder, inputs = self._model.base_model, self._inputs(batch)
        whole = decoder.layers
        hooks = self._record(found, frozenset(layers))
        try:
            if below is not None:
                decoder.layers = torch.nn.ModuleList(list(whole)[below.layer :])
                inputs = {**inputs, "input_ids": None, "inputs_embeds": below.states}
            with contextlib.nullcontext() if gradients else torch.inference_mode():
                decoder(**inputs, use_cache=False)
        except _Enough:
            pass
        finally:
            decoder.layers = whole
            for hook in hooks:
                hook.remove()
        return [found[layer].float() for layer in layers]

    def log_probabilities(self, batch: Batch, at: IntArray, tokens: IntArray) -> FloatArray:
        """Log-probability of token ``tokens[i]`` after place ``at[i]`` in each row, shape (B, n).

        The output matrix is applied only to the places asked for, and in float32 whatever the model's
        format: in bfloat16 a logit near 20 would be rounded to eighths.
        """
        import torch

        with torch.inference_mode():
            result = self.likelihoods(batch, at, tokens)
        return result.cpu().numpy().astype(np.float64)

    def likelihoods(self, batch: Batch, at: IntArray, tokens: IntArray) -> "torch.Tensor":
        """What ``log_probabilities`` returns, as a tensor that can be differentiated."""
        import torch

        places, which = np.unique(at, return_inverse=True)
        logits = self.logits(batch, places)
        column = torch.as_tensor(which).to(logits.device)
        chosen = logits[:, column, torch.as_tensor(tokens).to(logits.device)]
        return chosen - logits.logsumexp(dim=-1)[:, column]

    def logits(self, batch: Batch, places: IntArray) -> "torch.Tensor":
        """Unscaled log-probabilities of every next token after ``places``, (B, n_places, vocabulary).

        In float32, with their graph.
        """
        import torch

        keep = torch.as_tensor(places).to(self._model.device)
        return self._model(**self._inputs(batch), use_cache=False, logits_to_keep=keep).logits.float()

    def _record(self, found: "dict[int, torch.Tensor]", wanted: frozenset[int]) -> list[Any]:
        """Hooks that put the states of the layers wanted into ``found`` and end the pass after the last."""
        decoder = self._model.base_model

        def before(layer: int, _module: Any, arguments: tuple[Any, ...]) -> None:
            # What goes into layer i is hidden state i, also where the embeddings are scaled first.
            if layer in wanted:
                found[layer] = arguments[0]
            if layer >= max(wanted):
                raise _Enough

        def after(_module: Any, _arguments: Any, output: Any) -> None:
            found[self.n_layers] = output

        hooks: list[Any] = [
            module.register_forward_pre_hook(functools.partial(before, layer))
            for layer, module in enumerate(decoder.layers)
        ]
        return [*hooks, decoder.norm.register_forward_hook(after)]

    def _inputs(self, batch: Batch) -> dict[str, Any]:
        import torch

        device = self._model.device
        return {
            "input_ids": torch.as_tensor(batch.ids).to(device),
            "position_ids": torch.as_tensor(batch.positions).to(device),
            "attention_mask": self._attention(batch),
        }

    def _attention(self, batch: Batch) -> Any:
        """The ancestor mask as numbers to add, (B, 1, T, T); one for each kind of layer where they differ."""
        import torch

        config = self._model.config
        window: int | None = getattr(config, "sliding_window", None)
        full = self._bias(torch.as_tensor(batch.mask))
        if window is None or int(batch.positions.max()) < window:
            return full
        distance = batch.positions[:, :, None] - batch.positions[:, None, :]
        sliding = self._bias(torch.as_tensor(batch.mask & (distance < window)))
        if getattr(config, "layer_types", None) is None:
            return sliding
        return {"full_attention": full, "sliding_attention": sliding}

    def _bias(self, allowed: "torch.Tensor") -> "torch.Tensor":
        import torch

        dtype: torch.dtype = self._model.dtype
        bias = torch.zeros(allowed.shape, dtype=dtype, device=self._model.device)
        return bias.masked_fill_(~allowed.to(self._model.device), torch.finfo(dtype).min)[:, None]


def _load_there(base: Path | str, adapter: Path | None, dtype: str, four_bit: bool) -> LanguageModel:
    return LanguageModel.load(base, choose(None, dtype), adapter, four_bit=four_bit)


def _base_and_adapter(source: Path | str, adapter: Path | None) -> tuple[Path | str, Path | None]:
    if isinstance(source, str) or not (source / "adapter_config.json").is_file():
        return source, adapter
    if adapter is not None:
        raise MirrorpanelError(f"{source} is an adapter itself; name its base model to put {adapter} on top")
    config = json.loads((source / "adapter_config.json").read_text(encoding="utf-8"))
    return catalogue.folder(str(config["base_model_name_or_path"]), cache_folder()), source


def _load(base: Path | str, adapter: Path | None, processor: Processor, four_bit: bool) -> tuple[Any, Any]:
    import torch

    transformers = transformers_quietly()
    dtype: torch.dtype = getattr(torch, processor.dtype)
    # The two packages warn of each other's deprecations, about which a user can do nothing.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            tokenizer = _with_controls(transformers.AutoTokenizer.from_pretrained(base))
            # An adapter is merged in float32, so that small changes do not vanish in rounding.
            model = transformers.AutoModelForCausalLM.from_pretrained(
                base,
                dtype=torch.float32 if adapter else dtype,
                attn_implementation="sdpa",
                **(_in_four_bits(transformers, processor, dtype) if four_bit else {}),
            )
            if adapter is not None:
                peft: Any = importlib.import_module("peft")
                model = peft.PeftModel.from_pretrained(model, str(adapter)).merge_and_unload().to(dtype)
        except (OSError, ValueError, SafetensorError) as error:
            raise PullError(_unreachable(base, str(error))) from None
    model = model.eval() if four_bit else model.to(processor.device).eval()
    if dtype != torch.float32:
        _widen_output(model)
    return model, tokenizer


def _with_controls(tokenizer: Any) -> Any:
    """The tokenizer with every control token marked as special, so that ``tokens`` can take them apart."""
    found = getattr(tokenizer, "backend_tokenizer", None)
    if found is not None:
        added: Any = importlib.import_module("tokenizers").AddedToken
        unmarked = [t for t in found.get_added_tokens_decoder().values() if not t.special]
        controls = [t.content for t in unmarked if _CONTROL.fullmatch(t.content)]
        found.add_special_tokens([added(text, special=True, normalized=False) for text in controls])
    return tokenizer


def _in_four_bits(transformers: Any, processor: Processor, dtype: "torch.dtype") -> dict[str, Any]:
    """Arguments that load weights in NF4, straight onto the device (Dettmers et al., "QLoRA", 2023)."""
    config = transformers.BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
    )
    return {"quantization_config": config, "device_map": {"": processor.device}}


def _widen_output(model: Any) -> None:
    """Gives the model an output matrix in float32; see ``log_probabilities``."""
    import torch

    narrow = model.get_output_embeddings()
    wide = torch.nn.Linear(narrow.in_features, narrow.out_features, bias=narrow.bias is not None)
    wide.load_state_dict(narrow.state_dict())

    def widen(_module: Any, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        return (arguments[0].float(),)

    wide.register_forward_pre_hook(widen)
    model.set_output_embeddings(wide.to(model.device).eval())


def _unreachable(base: Path | str, reason: str) -> str:
    first = reason.strip().splitlines()[0]
    if isinstance(base, Path):
        return (
            f"{base} holds no loadable model ({first}); it needs config.json, the tokenizer's files and "
            "*.safetensors"
        )
    return (
        f"Could not load {base!r} from the model hub ({first}). Without a network, place the model's files "
        f"(config.json, tokenizer files, *.safetensors) into a folder and name that folder, or choose one of "
        f"{', '.join(catalogue.names())}"
    )


def _digest(parts: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _hash_of(source: Path | str, config: Any, kinds: tuple[str, ...] = (".safetensors", ".json")) -> str:
    """Hash of the files of these kinds in a folder; for a hub name the commit that was loaded."""
    if isinstance(source, str):
        return f"{source}@{config._commit_hash}"
    files = sorted(p for p in source.iterdir() if p.suffix in (".safetensors", ".json") and p.name != _HASHES)
    known = _known_hashes(source)
    now = {p.name: [p.stat().st_size, p.stat().st_mtime_ns] for p in files}
    hashes = {
        p.name: known[p.name][2] if known.get(p.name, [])[:2] == now[p.name] else sha256_of(p) for p in files
    }
    fresh = {name: [*now[name], hashes[name]] for name in now}
    if fresh != known:
        # A folder that cannot be written only costs reading the weights again next time.
        with contextlib.suppress(OSError):
            (source / _HASHES).write_text(json.dumps(fresh), encoding="utf-8")
    wanted = {name: found for name, found in hashes.items() if name.endswith(kinds)}
    return hashlib.sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest()


def _known_hashes(source: Path) -> dict[str, list[Any]]:
    """Sizes, times and hashes noted at an earlier load; empty where there are none or they are unreadable."""
    try:
        return json.loads((source / _HASHES).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
