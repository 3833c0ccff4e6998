"""The factored persona model: persons and question-options are encoded apart and meet in one product.

``logit = log prior(question, option) + <person, effects(question, option)>``. A person vector starts
with the share of attributes known, so the first effect is the model's ``main`` term and an empty
persona gets exactly the prior. Questions that were trained on have prior and effects estimated from
real answers; for others both are predicted by kernel regression across question-options, and the
prediction's variance widens the distribution.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as tensor_bytes
from scipy.special import softmax

from personas.arrays import FloatArray
from personas.document import Document
from personas.errors import DataError
from personas.models.kernel import (
    KernelRegression,
    KernelSettings,
    OptionSet,
    centred_blocks,
    damping,
    option_set,
    row_blocks,
)
from personas.models.persons import Attribute, PersonEncoder
from personas.panel import Panel
from personas.prompt import PROMPT_VERSION, attribute_text, option_text, question_text, value_text
from personas.question import Question

WEIGHTS, CONFIG, FORMAT = "model.safetensors", "config.json", 2
_TENSORS = ("question_vectors", "attribute_vectors", "log_prior", "effects")
_LEAST_SUPPORT = 0.2


class TextEncoder(Protocol):
    """Turns texts into vectors; ``tails`` are the parts to pool over, each read after its text."""

    def encode(self, texts: Sequence[str], tails: Sequence[str]) -> FloatArray:
        """Vectors of shape (n_layers, n_texts, dim)."""
        ...


class FactoredConfig(Document):
    """Everything about a factored model that is not a number in a tensor."""

    format: int = FORMAT
    name: str
    base_model: str
    base_fingerprint: str
    layers: tuple[int, ...]
    prompt_version: str = PROMPT_VERSION
    questions: tuple[Question, ...]
    attributes: tuple[Attribute, ...]
    text: float
    share_kernel: KernelSettings
    effect_kernel: KernelSettings
    share_amplitude: float
    split: str
    seed: int


def question_option_vectors(encoder: TextEncoder, questions: Sequence[Question]) -> FloatArray:
    """Vector of each option read after its question, shape (n_layers, total options, dim)."""
    texts = [question_text(q) for q in questions for _ in q.options]
    return encoder.encode(texts, [option_text(o) for q in questions for o in q.options])


def attribute_vectors(encoder: TextEncoder, pairs: Sequence[tuple[str, str]]) -> FloatArray:
    """Vector of each value read after its attribute, shape (n_layers, n_pairs, dim)."""
    return encoder.encode([attribute_text(n) for n, _ in pairs], [value_text(v) for _, v in pairs])


@dataclass(frozen=True)
class Head:
    """Prior and effects of some questions, options one after the other.

    Attributes:
        log_prior: shape (n_rows,).
        effects: shape (width of a person, n_rows).
        support: for each question how near the trained ones are, see ``KernelRegression.support``; 1
            where the question itself was trained on.
    """

    log_prior: FloatArray
    effects: FloatArray
    support: FloatArray


@dataclass(frozen=True)
class FactoredModel:
    """A trained persona model; the language model is loaded only for questions or values that are new.

    Attributes:
        config: see ``FactoredConfig``.
        question_vectors: trained question-options, shape (n_layers, n_rows, dim).
        persons: the person encoder.
        head: prior and effects of the trained questions.
        load_encoder: called when something has to be encoded.
    """

    config: FactoredConfig
    question_vectors: FloatArray
    persons: PersonEncoder
    head: Head
    load_encoder: Callable[[], TextEncoder]

    @property
    def name(self) -> str:
        """What people call the model."""
        return self.config.name

    @property
    def fingerprint(self) -> str:
        """Hash of configuration and tensors."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        digest = hashlib.sha256(self.config.model_dump_json().encode())
        for array in (self.question_vectors, self.persons.vectors, self.head.log_prior, self.head.effects):
            digest.update(np.ascontiguousarray(array, dtype=np.float32).tobytes())
        return digest.hexdigest()[:16]

    @cached_property
    def encoder(self) -> TextEncoder:
        """The language model as an encoder, loaded once."""
        return self.load_encoder()

    def distributions(self, panel: Panel, questions: Sequence[Question]) -> list[FloatArray]:
        """See ``AnswerModel``."""
        return score(self.person_vectors(panel), self.head_for(questions), questions)

    def person_vectors(self, panel: Panel) -> FloatArray:
        """Person vectors, shape (n_persons, width)."""
        return self.persons.encode(panel, self._value_vectors)

    def head_for(self, questions: Sequence[Question]) -> Head:
        """Prior and effects for any questions, trained or new; each set of questions is encoded once."""
        key = tuple(q.fingerprint for q in questions)
        if key not in self._heads:
            self._heads[key] = self._head_for(questions)
        return self._heads[key]

    def _value_vectors(self, pairs: Sequence[tuple[str, str]]) -> FloatArray:
        new = [pair for pair in pairs if pair not in self._values]
        if new:
            fresh = attribute_vectors(self.encoder, new)
            self._values.update({pair: fresh[:, i] for i, pair in enumerate(new)})
        return np.stack([self._values[pair] for pair in pairs], axis=1)

    @cached_property
    def _heads(self) -> "dict[tuple[str, ...], Head]":
        return {}

    @cached_property
    def _values(self) -> dict[tuple[str, str], FloatArray]:
        return {}

    def _head_for(self, questions: Sequence[Question]) -> Head:
        trained = {q.fingerprint: i for i, q in enumerate(self.config.questions)}
        new = [q for q in questions if q.fingerprint not in trained]
        predicted = self._predict(new) if new else None
        fresh = iter(range(len(new)))
        old_blocks = self._options.blocks
        new_blocks = option_blocks(new)
        parts: list[tuple[Head, slice, int]] = []
        for question in questions:
            if (place := trained.get(question.fingerprint)) is not None:
                parts.append((self.head, old_blocks[place], place))
            elif predicted is not None:
                place = next(fresh)
                parts.append((predicted, new_blocks[place], place))
        return Head(
            np.concatenate([h.log_prior[b] for h, b, _ in parts]),
            np.concatenate([h.effects[:, b] for h, b, _ in parts], axis=1),
            np.array([h.support[i] for h, _, i in parts]),
        )

    def outside_support(self, questions: Sequence[Question]) -> list[str]:
        """Names of the questions that no trained question is near to: their answers are mostly prior."""
        support = self.head_for(questions).support
        return [q.name for q, s in zip(questions, support, strict=True) if s < _LEAST_SUPPORT]

    @cached_property
    def _options(self) -> OptionSet:
        return option_set(self.config.questions, self.question_vectors)

    def _predict(self, questions: Sequence[Question]) -> Head:
        options = option_set(questions, question_option_vectors(self.encoder, questions))
        return predict_head(self._options, self.head, options, self.config)

    def save(self, folder: Path) -> None:
        """Writes weights and configuration into ``folder``."""
        folder.mkdir(parents=True, exist_ok=True)
        arrays = (self.question_vectors, self.persons.vectors, self.head.log_prior, self.head.effects)
        named = zip(_TENSORS, arrays, strict=True)
        single = {name: np.ascontiguousarray(value, dtype=np.float32) for name, value in named}
        (folder / WEIGHTS).write_bytes(tensor_bytes(single))
        content = json.dumps(self.config.model_dump(mode="json"), indent=1, ensure_ascii=False)
        (folder / CONFIG).write_text(content + "\n", encoding="utf-8")


def option_blocks(questions: Sequence[Question]) -> list[slice]:
    """Rows of each question when options stand one after the other."""
    return row_blocks([len(q.options) for q in questions])


def predict_head(trained: OptionSet, head: Head, options: OptionSet, config: FactoredConfig) -> Head:
    """Prior and effects of new options by kernel regression from trained ones."""
    blocks = options.blocks
    log_shares = centred_blocks(head.log_prior[:, None], trained.blocks)
    regression = KernelRegression(trained, log_shares, config.share_kernel)
    shares = regression.predict(options)
    widen = damping(config.share_amplitude * shares.variance, blocks)
    centred_effects = centred_blocks(head.effects.T, trained.blocks)
    effects = KernelRegression(trained, centred_effects, config.effect_kernel).predict(options)
    log_prior = normalised(shares.mean[:, 0] * widen, blocks)
    return Head(log_prior, effects.mean.T * widen, regression.support(options))


def normalised(logits: FloatArray, blocks: Sequence[slice]) -> FloatArray:
    """Log-probabilities within each question, shape (n_rows,)."""
    return np.concatenate([np.log(softmax(logits[b])) for b in blocks])


def score(persons: FloatArray, head: Head, questions: Sequence[Question]) -> list[FloatArray]:
    """Answer distributions, one (n_persons, n_options) array for each question."""
    logits = head.log_prior + persons @ head.effects
    return [softmax(logits[:, b], axis=1) for b in option_blocks(questions)]


def load(folder: Path, load_encoder: Callable[[FactoredConfig], TextEncoder]) -> FactoredModel:
    """The model saved in ``folder``.

    Raises:
        DataError: the folder does not hold one, or one for texts that this program puts otherwise.
    """
    try:
        config = FactoredConfig.model_validate_json((folder / CONFIG).read_text(encoding="utf-8"))
        arrays = load_tensors((folder / WEIGHTS).read_bytes())
        tensors = {name: arrays[name].astype(np.float64) for name in _TENSORS}
    except KeyError as error:
        raise DataError(f"{folder} holds no persona model: {WEIGHTS} lacks {error}; train it again") from None
    except (OSError, ValueError, SafetensorError) as error:
        raise DataError(f"{folder} holds no persona model that can be read: {error}") from None
    if (config.format, config.prompt_version) != (FORMAT, PROMPT_VERSION):
        raise DataError(
            f"{folder} was trained for format {config.format} and prompts version {config.prompt_version}; "
            f"this program has format {FORMAT} and prompts version {PROMPT_VERSION}: train it again"
        )
    persons = PersonEncoder(config.attributes, tensors["attribute_vectors"], config.text)
    head = Head(tensors["log_prior"], tensors["effects"], np.ones(len(config.questions)))
    return FactoredModel(config, tensors["question_vectors"], persons, head, lambda: load_encoder(config))
