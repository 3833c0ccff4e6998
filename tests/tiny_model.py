"""A tiny random language model, and what a simple script would compute with it."""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from personas.arrays import FloatArray
from personas.models.language import LanguageModel
from personas.models.processor import Processor
from personas.panel import Panel
from personas.prompt import option_text, person_text, question_text
from personas.question import Question

CORPUS = [
    "This is what is known of a person: age group: 18-24, sex: female, education: bachelor's degree.",
    "The person is asked questions in a survey and answers each one truthfully. Question: Answer:",
    "Are we spending too little, too much or about the right amount on the environment and on health?",
    "strongly agree, agree, neither, disagree, strongly disagree, yes, no, yes indeed. Größe, Straße.",
]
OneByOne = Callable[[LanguageModel, Panel, Question], FloatArray]
FLOAT32 = Processor("cpu", "float32", "asked for")


def save_tiny_model(folder: Path, architecture: str = "Llama", seed: int = 0, **changes: Any) -> Path:
    """Writes a randomly initialised model of three layers and a byte-level tokenizer into ``folder``."""
    torch: Any = importlib.import_module("torch")
    transformers: Any = importlib.import_module("transformers")
    tokenizers: Any = importlib.import_module("tokenizers")
    raw = tokenizers.ByteLevelBPETokenizer()
    raw.train_from_iterator(
        CORPUS, vocab_size=400, min_frequency=1, special_tokens=["<start>"], show_progress=False
    )
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=raw._tokenizer, bos_token="<start>")
    settings = {
        "vocab_size": len(tokenizer),
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "max_position_embeddings": 512,
        "initializer_range": 0.3,
        "bos_token_id": 0,
        "eos_token_id": 0,
        "pad_token_id": 0,
        **changes,
    }
    torch.manual_seed(seed)
    config = getattr(transformers, f"{architecture}Config")(**settings)
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def score_one_by_one(language: LanguageModel, panel: Panel, question: Question) -> FloatArray:
    """Distributions of one question, (n_persons, n_options), from plain causal passes without any packing."""
    torch: Any = importlib.import_module("torch")
    model: Any = language._model
    rows: list[FloatArray] = []
    for index in range(len(panel)):
        person = language.tokens(person_text(panel.person(index).attributes))
        before = [*language.start, *person, *language.tokens(question_text(question))]
        scores = np.zeros(len(question.options))
        for number, option in enumerate(question.options):
            own = list(language.tokens(option_text(option)))
            with torch.inference_mode():
                logits = model(input_ids=torch.tensor([before + own])).logits[0].float()
            known = logits.log_softmax(-1)[len(before) - 1 : -1]
            scores[number] = float(known[torch.arange(len(own)), torch.tensor(own)].sum())
        weights = np.exp(scores - scores.max())
        rows.append(weights / weights.sum())
    return np.stack(rows)
