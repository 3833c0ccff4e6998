"""Weights and tokenizers from folders and hubs, and the hashes that tell them apart."""

import contextlib
import hashlib
import importlib
import json
import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from safetensors import SafetensorError

from personas.errors import MirrorpanelError, PullError
from personas.models import attention, catalogue
from personas.models.conversion import transformers_quietly
from personas.models.output import Output
from personas.models.processor import Processor
from personas.models.wheel import cache_folder, sha256_of

if TYPE_CHECKING:
    import torch

_HASHES = ".sha256.json"
# Tokens that steer a model, by what they look like: not all tokenizers mark them as special.
_CONTROL = re.compile(r"<[^<>]*[_|][^<>]*>|\[\w+\]")


class Loaded(NamedTuple):
    """A transformers model in evaluation mode, its tokenizer, and its output matrix as it was loaded."""

    model: Any
    tokenizer: Any
    output: Output


def base_and_adapter(source: Path | str, adapter: Path | None) -> tuple[Path | str, Path | None]:
    """Where weights lie, and the LoRA adapter on top; the source may itself be an adapter."""
    if isinstance(source, str) or not (source / "adapter_config.json").is_file():
        return source, adapter
    if adapter is not None:
        raise MirrorpanelError(f"{source} is an adapter itself; name its base model to put {adapter} on top")
    config = json.loads((source / "adapter_config.json").read_text(encoding="utf-8"))
    return catalogue.folder(str(config["base_model_name_or_path"]), cache_folder()), source


def load(base: Path | str, adapter: Path | None, processor: Processor, four_bit: bool) -> Loaded:
    """The model in a folder or under a hub name, with a LoRA adapter merged in. Raises: PullError."""
    import torch

    transformers = transformers_quietly()
    attention.register()
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
                attn_implementation=attention.NAME,
                **(_in_four_bits(transformers, processor, dtype) if four_bit else {}),
            )
            if adapter is not None:
                peft: Any = importlib.import_module("peft")
                model = peft.PeftModel.from_pretrained(model, str(adapter)).merge_and_unload().to(dtype)
        except (OSError, ValueError, SafetensorError) as error:
            raise PullError(_unreachable(base, str(error))) from None
    model = model.eval() if four_bit else model.to(processor.device).eval()
    output = Output(
        model.get_output_embeddings().weight.detach(), getattr(model.config, "final_logit_softcapping", None)
    )
    if dtype != torch.float32:
        _widen_output(model)
    return Loaded(model, tokenizer, output)


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
    """Gives the model an output matrix in float32; see ``Output``."""
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


def digest(parts: Sequence[str]) -> str:
    """One short hash of several."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def hash_of(source: Path | str, config: Any, kinds: tuple[str, ...] = (".safetensors", ".json")) -> str:
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
