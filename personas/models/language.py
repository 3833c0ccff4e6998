"""A loaded language model: token ids in, hidden states and log-probabilities out.

The one typed module around transformers and peft; torch is imported when a model is loaded, not before.
"""

import contextlib
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from personas.arrays import BoolArray, FloatArray, IntArray
from personas.errors import MirrorpanelError
from personas.models import loading
from personas.models.attention import Carried, Enough, Rows
from personas.models.output import Output
from personas.models.prefixes import Prefixes, Shared, Sight
from personas.models.processor import Processor, choose
from personas.models.tree import Batch, Tree

if TYPE_CHECKING:
    import torch

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
    _output: Output
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
        base, adapter = loading.base_and_adapter(source, adapter)
        model, tokenizer, output = loading.load(base, adapter, processor, four_bit)
        decoder = model.base_model
        if not hasattr(decoder, "layers"):
            raise MirrorpanelError(
                f"Model {base} has the unsupported architecture {type(model).__name__}; "
                "use a decoder such as Llama, Qwen, Gemma or Mistral"
            )
        bare: list[int] = tokenizer("a", add_special_tokens=False).input_ids
        full: list[int] = tokenizer("a").input_ids
        parts = [loading.hash_of(base, model.config), processor.dtype, *(["nf4"] if four_bit else [])]
        parts += [loading.hash_of(adapter, None)] if adapter else []
        return LanguageModel(
            name="+".join(Path(p).name if isinstance(p, Path) else p for p in (base, adapter) if p),
            fingerprint=loading.digest(parts),
            weights=loading.digest(
                [loading.hash_of(p, model.config, (".safetensors",)) for p in (base, adapter) if p]
            ),
            processor=processor,
            n_layers=len(decoder.layers),
            dim=int(model.config.hidden_size),
            max_tokens=min(int(model.config.max_position_embeddings), _LONGEST),
            start=tuple(full[: full.index(bare[0])]),
            _model=model,
            _tokenizer=tokenizer,
            _output=output,
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
        decoder = self._model.base_model
        inputs = self._inputs(batch.ids, batch.positions, Sight.of(batch))
        whole = decoder.layers
        hooks = self._record(found, frozenset(layers))
        try:
            if below is not None:
                decoder.layers = torch.nn.ModuleList(list(whole)[below.layer :])
                inputs = {**inputs, "input_ids": None, "inputs_embeds": below.states}
            with contextlib.nullcontext() if gradients else torch.inference_mode():
                decoder(**inputs, use_cache=False)
        except Enough:
            pass
        finally:
            decoder.layers = whole
            for hook in hooks:
                hook.remove()
        return [found[layer].float() for layer in layers]

    def log_probabilities(self, batch: Batch, at: IntArray, tokens: IntArray) -> FloatArray:
        """Log-probability of token ``tokens[i]`` after place ``at[i]`` in each row, shape (B, n).

        The output matrix is applied only to the places asked for; see ``Output`` for the precision.
        """
        import torch

        places, which = np.unique(at, return_inverse=True)
        with torch.inference_mode():
            states = self._last(batch.ids, batch.positions, Sight.of(batch))[:, places]
            result = self._output.log_probabilities(states, which, tokens)
        return result.cpu().numpy().astype(np.float64)

    def read(self, texts: Sequence[Sequence[int]]) -> Prefixes:
        """The texts, for others to be read behind them; what several begin with is read once.

        Raises: ValueError where a text is empty.
        """
        import torch

        shared = Shared.of(texts)
        with torch.inference_mode():
            paths, back = (torch.as_tensor(x).to(self._model.device) for x in (shared.paths, shared.back))
            carried = Carried(Rows(paths, back), keep=self.n_layers)
            with contextlib.suppress(Enough):
                self._last(shared.ids[None], shared.positions[None], shared.sight(), carried)
        return Prefixes(shared.lengths, carried.kept)

    def behind(self, before: Prefixes, tree: Tree, at: IntArray, tokens: IntArray) -> FloatArray:
        """``log_probabilities`` of a tree that is read behind each of the texts, shape (B, n).

        ``at`` are places of the tree, whose predictions may not come from the texts.
        """
        import torch

        places, which = np.unique(at, return_inverse=True)
        sight = before.sight(tree)
        ids = np.broadcast_to(tree.ids, sight.queries.shape)
        with torch.inference_mode():
            states = self._last(ids, sight.queries, sight, Carried(before=before.memory))[:, places]
            result = self._output.log_probabilities(states, which, tokens)
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
        return self._model(
            **self._inputs(batch.ids, batch.positions, Sight.of(batch)), use_cache=False, logits_to_keep=keep
        ).logits.float()

    def _record(self, found: "dict[int, torch.Tensor]", wanted: frozenset[int]) -> list[Any]:
        """Hooks that put the states of the layers wanted into ``found`` and end the pass after the last."""
        decoder = self._model.base_model

        def before(layer: int, _module: Any, arguments: tuple[Any, ...]) -> None:
            # What goes into layer i is hidden state i, also where the embeddings are scaled first.
            if layer in wanted:
                found[layer] = arguments[0]
            if layer >= max(wanted):
                raise Enough

        def after(_module: Any, _arguments: Any, output: Any) -> None:
            found[self.n_layers] = output

        hooks: list[Any] = [
            module.register_forward_pre_hook(functools.partial(before, layer))
            for layer, module in enumerate(decoder.layers)
        ]
        return [*hooks, decoder.norm.register_forward_hook(after)]

    def _last(
        self, ids: IntArray, positions: IntArray, sight: Sight, carried: Carried | None = None
    ) -> "torch.Tensor":
        """States after the last norm, (B, T, dim), in the model's number format."""
        inputs = self._inputs(ids, positions, sight)
        more: dict[str, Any] = {} if carried is None else {"carried": carried}
        return self._model.base_model(**inputs, use_cache=False, **more).last_hidden_state

    def _inputs(self, ids: IntArray, positions: IntArray, sight: Sight) -> dict[str, Any]:
        import torch

        device = self._model.device
        return {
            "input_ids": torch.tensor(ids).to(device),
            "position_ids": torch.tensor(positions).to(device),
            "attention_mask": self._attention(sight),
        }

    def _attention(self, sight: Sight) -> Any:
        """Who sees whom as numbers to add, (B or 1, 1, n_queries, n_keys); one for each kind of layer."""
        config = self._model.config
        window: int | None = getattr(config, "sliding_window", None)
        full = self._bias(sight.allowed)
        if window is None or int(sight.queries.max()) < window:
            return full
        sliding = self._bias(sight.within(window))
        if getattr(config, "layer_types", None) is None:
            return sliding
        return {"full_attention": full, "sliding_attention": sliding}

    def _bias(self, allowed: BoolArray) -> "torch.Tensor":
        import torch

        dtype: torch.dtype = self._model.dtype
        bias = torch.zeros(allowed.shape, dtype=dtype, device=self._model.device)
        hidden = torch.as_tensor(~allowed).to(self._model.device)
        return bias.masked_fill_(hidden, torch.finfo(dtype).min)[:, None]


def _load_there(base: Path | str, adapter: Path | None, dtype: str, four_bit: bool) -> LanguageModel:
    return LanguageModel.load(base, choose(None, dtype), adapter, four_bit=four_bit)
