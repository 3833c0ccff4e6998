"""Keys and values of what a language model has read, so that nothing is read twice.

Transformers' own caches append by copying everything at each step and keep no more than a window of layers
with sliding attention, which a packed tree does not survive. This one is written in place.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from personas.arrays import BoolArray, IntArray
from personas.models.language import LanguageModel

if TYPE_CHECKING:
    import torch

NOWHERE = -(10**9)  # the position of a column that nobody sees


class Memory:
    """Keys and values of some rows, in the form that transformers' models ask for.

    Args:
        language: whose they are.
        rows: texts beside each other.
        columns: tokens that there is room for in each.
    """

    def __init__(self, language: LanguageModel, rows: int, columns: int) -> None:
        self._language, self._columns = language, columns
        self._keys: dict[int, Any] = {}
        self._values: dict[int, Any] = {}
        self._filled = 0
        # Position of each column in its row's text; rows may begin at different columns.
        self._positions = np.full((rows, columns), NOWHERE, dtype=np.int64)

    def read(self, ids: IntArray, positions: IntArray, among: BoolArray, places: IntArray) -> "torch.Tensor":
        """Reads further tokens of every row; logits behind ``places`` of them, (rows, n_places, vocabulary).

        Args:
            ids: tokens, (rows, T).
            positions: of each in its row's text, (rows, T).
            among: which of the new tokens see which, (rows, T, T); all that was read before is seen.
            places: of the new tokens whose next token is wanted.
        """
        import torch

        model: Any = self._language._model  # pyright: ignore[reportPrivateUsage]
        start, new = self._filled, ids.shape[1]
        self._positions[:, start : start + new] = positions
        seen = self._positions[:, : start + new]
        earlier = np.broadcast_to(seen[:, None, :start] > NOWHERE, (len(ids), new, start))
        allowed = np.concatenate([earlier, among], axis=2)
        with torch.inference_mode():
            out: Any = model(
                input_ids=torch.as_tensor(ids).to(model.device),
                position_ids=torch.as_tensor(positions).to(model.device),
                attention_mask=self._masks(allowed, positions, seen),
                past_key_values=self,
                use_cache=False,
                logits_to_keep=torch.as_tensor(places).to(model.device),
            )
        self._filled += new
        return out.logits.float()

    def receive(self, rows: Sequence[int], other: "Memory", places: Sequence[IntArray]) -> None:
        """Copies what one row of ``other`` has at ``places``, so that each text ends at the last column.

        Args:
            rows: of this memory.
            other: of one row.
            places: for each of the rows the columns of its text there, in order.
        """
        import torch

        longest = max(self._filled, *(len(own) for own in places))
        index = np.zeros((len(rows), longest), dtype=np.int64)
        for row, own, at in zip(rows, places, range(len(rows)), strict=True):
            index[at, longest - len(own) :] = own
            self._positions[row, longest - len(own) : longest] = other._positions[0, own]
        self._filled = longest
        for layer, keys in other._keys.items():
            where = torch.as_tensor(index).to(keys.device)
            into = torch.as_tensor(np.asarray(rows)).to(keys.device)
            for mine, theirs in ((self._keys, keys), (self._values, other._values[layer])):
                found = theirs[0][:, where].transpose(0, 1)
                room = self._room(mine, layer, theirs, len(self._positions))
                room[into, :, :longest] = found

    def fork(self, columns: int) -> "Memory":
        """A memory that has read the same and has room for so many columns more."""
        new = Memory(self._language, len(self._positions), self._filled + columns)
        new._filled = self._filled
        new._positions[:, : self._filled] = self._positions[:, : self._filled]
        for mine, theirs in ((new._keys, self._keys), (new._values, self._values)):
            for layer, states in theirs.items():
                room = new._room(mine, layer, states, len(self._positions))
                room[:, :, : self._filled] = states[:, :, : self._filled]
        return new

    def keep(self, rows: IntArray) -> None:
        """Forgets all rows but these."""
        import torch

        self._positions = self._positions[rows]
        for states in (self._keys, self._values):
            for layer, whole in states.items():
                states[layer] = whole[torch.as_tensor(rows).to(whole.device)]

    def next_positions(self) -> IntArray:
        """Where the next token of each row stands in its text, (rows, 1)."""
        return self._positions[:, self._filled - 1 : self._filled] + 1

    # --- what transformers asks of a cache ------------------------------------------------------------------

    def get_seq_length(self, layer_idx: int = 0) -> int:
        """Columns that were read before this pass."""
        return self._filled

    def update(
        self, key_states: Any, value_states: Any, layer_idx: int, *_: Any, **__: Any
    ) -> tuple[Any, Any]:
        """Keeps the keys and values of this pass; all of the layer's so far."""
        start, stop = self._filled, self._filled + key_states.shape[2]
        found: list[Any] = []
        for mine, states in ((self._keys, key_states), (self._values, value_states)):
            room = self._room(mine, layer_idx, states, states.shape[0])
            room[:, :, start:stop] = states
            found.append(room[:, :, :stop])
        return found[0], found[1]

    def _room(self, kept: dict[int, Any], layer: int, like: Any, rows: int) -> Any:
        if layer not in kept:
            _, heads, _, width = like.shape
            # Columns that nobody sees are multiplied by zero, which must not meet a NaN.
            kept[layer] = like.new_zeros((rows, heads, self._columns, width))
        return kept[layer]

    def _masks(self, allowed: BoolArray, positions: IntArray, seen: IntArray) -> Any:
        """The mask as numbers to add, (rows, 1, T, columns); one for each kind of layer where they differ."""
        model: Any = self._language._model  # pyright: ignore[reportPrivateUsage]
        window: int | None = getattr(model.config, "sliding_window", None)
        if window is None or int(positions.max()) < window:
            return self._added(allowed)
        near = positions[:, :, None] - seen[:, None, :] < window
        sliding = self._added(allowed & near)
        if getattr(model.config, "layer_types", None) is None:
            return sliding
        return {"full_attention": self._added(allowed), "sliding_attention": sliding}

    def _added(self, allowed: BoolArray) -> Any:
        import torch

        model: Any = self._language._model  # pyright: ignore[reportPrivateUsage]
        bias = torch.zeros(allowed.shape, dtype=model.dtype, device=model.device)
        hidden = ~torch.as_tensor(allowed).to(model.device)
        return bias.masked_fill_(hidden, torch.finfo(model.dtype).min)[:, None]


def bytes_per_token(language: LanguageModel) -> int:
    """What the keys and values of one token take, in all layers."""
    model: Any = language._model  # pyright: ignore[reportPrivateUsage]
    config = model.config
    heads = int(getattr(config, "num_key_value_heads", None) or config.num_attention_heads)
    width = int(getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads)
    return 2 * language.n_layers * heads * width * model.dtype.itemsize


def vocabulary(language: LanguageModel) -> int:
    """Tokens that the model gives a probability to."""
    model: Any = language._model  # pyright: ignore[reportPrivateUsage]
    return int(model.config.vocab_size)
