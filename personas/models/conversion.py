"""GGUF files turned into the safetensors folders that language models are loaded from."""

import contextlib
import importlib
import io
from pathlib import Path
from typing import Any


def transformers_quietly() -> Any:
    """The transformers package with its progress bars and notices off; the one place that imports it.

    It is untyped in practice (its classes are built at run time), so what it returns is ``Any`` here and is
    narrowed by the callers.
    """
    transformers: Any = importlib.import_module("transformers")
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    return transformers


def convert(gguf: Path, folder: Path, tied: bool) -> None:
    """Writes weights in float32, configuration and tokenizer of ``gguf`` into ``folder`` as safetensors.

    Args:
        gguf: the file to read; nothing in it is executed.
        folder: where to write; must exist.
        tied: the model uses its output matrix as input embeddings as well, which GGUF does not say.
    """
    import torch

    transformers = transformers_quietly()
    where: dict[str, Any] = {"gguf_file": gguf.name}
    tokenizer = transformers.AutoTokenizer.from_pretrained(gguf.parent, **where)
    # Reading GGUF draws a progress bar on standard error that transformers offers no switch for.
    with contextlib.redirect_stderr(io.StringIO()):
        model = transformers.AutoModelForCausalLM.from_pretrained(
            gguf.parent,
            quantization_config=transformers.GgufConfig(dequantize=True),
            dtype=torch.float32,
            **where,
        )
    if tied:
        model.config.tie_word_embeddings = True
        model.get_input_embeddings().weight = model.get_output_embeddings().weight
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
