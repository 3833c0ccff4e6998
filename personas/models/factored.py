"""The factored persona model: persons and question-options are encoded apart and meet in one product.

``logit = log prior(question, option) + <person, effects(question, option)>``. A person vector starts
with the share of attributes known, so the first effect is the model's ``main`` term and an empty
persona gets exactly the prior. Questions that were trained on have prior and effects estimated from
real answers; for others both are predicted by kernel regression across question-options, and the
prediction's variance widens the distribution. Beside the panel's own questions the regression may know those
of a reference adapter, its ``context``. What a person has answered already conditions what is expected of
the rest (``residuals``).
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as tensor_bytes
from scipy.special import softmax

from personas.arrays import FloatArray
from personas.errors import DataError
from personas.models import residuals
from personas.models.factored_config import (
    FORMAT,
    ContextQuestion,
    FactoredConfig,
    format_of,
    refuse_no_numbers,
    unreadable,
)
from personas.models.head import Head, Regressions, Standing, concatenated, regressions
from personas.models.kernel import OptionSet, joined, option_set, row_blocks
from personas.models.persons import PersonEncoder
from personas.models.projection import Projection
from personas.models.remembered import VectorStore, predicted
from personas.models.residuals import Posterior, Residuals
from personas.models.texts import TextEncoder as TextEncoder
from personas.models.texts import attribute_vectors as attribute_vectors
from personas.models.texts import question_option_vectors as question_option_vectors
from personas.panel import Panel
from personas.prompt import PROMPT_VERSION
from personas.question import Question

WEIGHTS, CONFIG = "model.safetensors", "config.json"
_TENSORS = ("question_vectors", "centre", "projection", "attribute_vectors", "log_prior", "effects", "extra")


@dataclass(frozen=True)
class FactoredModel:
    """A trained persona model; the language model is loaded only for questions or values that are new.

    Attributes:
        config: see ``FactoredConfig``.
        options: the panel's own question-options and, behind them, those of the context, projected.
        projection: how vectors of the language model become those of ``options``.
        persons: the person encoder.
        head: prior and effects of all these questions.
        extra: sampling variance of each row's log share in nats squared, (n_rows,); large for few answers.
        load_encoder: called when something has to be encoded.
        residuals: what the answers of a person have in common beyond the attributes, where that is known.
        store: where predictions for new questions are looked up and kept, where there is one.
    """

    config: FactoredConfig
    options: OptionSet
    projection: Projection
    persons: PersonEncoder
    head: Head
    extra: FloatArray
    load_encoder: Callable[[], TextEncoder]
    residuals: Residuals | None = None
    store: VectorStore | None = None

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
        for tensor in self._tensors().values():
            digest.update(np.ascontiguousarray(tensor).tobytes())
        return digest.hexdigest()[:16]

    @cached_property
    def encoder(self) -> TextEncoder:
        """The language model as an encoder, loaded once."""
        return self.load_encoder()

    @property
    def relates(self) -> bool:
        """Whether an answer of a person tells something of the others, beyond the attributes."""
        return self.residuals is not None and self.residuals.rank > 0

    def distributions(self, panel: Panel, questions: Sequence[Question]) -> list[FloatArray]:
        """See ``AnswerModel``; answers that are known of the persons condition the others."""
        persons, head = self.person_vectors(panel), self.head_for(questions)
        posterior = self.posterior(panel, questions)
        if posterior is None:
            return score(persons, head, questions)
        logits = head.log_prior + persons @ head.effects
        found = np.exp(self.residuals_for(questions).given(logits, posterior))
        return [found[:, b] for b in option_blocks(questions)]

    def posterior(self, panel: Panel, questions: Sequence[Question]) -> Posterior | None:
        """What the persons' known answers say of them, those to ``questions`` left out; ``None``: nothing."""
        asked = {q.fingerprint for q in questions}
        told = () if panel.known is None else panel.known.questions
        others = [q for q in told if q.fingerprint not in asked]
        if panel.known is None or not others or not self.relates:
            return None
        head, known = self.head_for(others), panel.known.only([q.name for q in others])
        logits = head.log_prior + self.person_vectors(panel) @ head.effects
        return self.residuals_for(others).posterior(logits, known.chosen)

    def residuals_for(self, questions: Sequence[Question]) -> Residuals:
        """Residuals of any questions; those of questions not trained on here come through the kernel."""
        key = tuple(q.fingerprint for q in questions)
        if key not in self._related:
            self._related[key] = self._residuals_for(questions)
        return self._related[key]

    def _residuals_for(self, questions: Sequence[Question]) -> Residuals:
        if self.residuals is None:
            raise ValueError("this model has no residuals; train it with answers to several questions")
        own = len(self.config.questions)
        # A question whose options come in another order than trained on takes its loadings from the kernel.
        places = [self._places.get(q.fingerprint, own) for q in questions]
        others = [q for q, place in zip(questions, places, strict=True) if place >= own]
        whole = self.residuals
        if others:
            shares = np.exp(self.head_for(others).log_prior)
            trained = self.options.take(range(own))
            whole = residuals.joined(whole, whole.predict(trained, self.option_vectors(others), shares))
        fresh = iter(range(own, own + len(others)))
        return whole.take([place if place < own else next(fresh) for place in places])

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
    def _related(self) -> "dict[tuple[str, ...], Residuals]":
        return {}

    @cached_property
    def _values(self) -> dict[tuple[str, str], FloatArray]:
        return {}

    def _head_for(self, questions: Sequence[Question]) -> Head:
        new = [q for q in questions if self._place(q) is None]
        fresh = self._predict(new) if new else None
        new_options = iter(range(len(new)))
        parts: list[Head] = []
        for question in questions:
            if (place := self._place(question)) is not None:
                parts.append(self._ordered(self.head.of(self.options, [place]), place, question))
            elif fresh is not None:
                parts.append(fresh[1].of(fresh[0], [next(new_options)]))
        return concatenated(parts)

    @cached_property
    def _places(self) -> dict[str, int]:
        """Where each question known is in ``options``; the panel's own come before those of the context."""
        known = [
            *(q.fingerprint for q in self.config.questions),
            *(c.fingerprint for c in self.config.context),
        ]
        return {fingerprint: place for place, fingerprint in reversed(list(enumerate(known)))}

    def _place(self, question: Question) -> int | None:
        """Where a question is in ``options``, in whatever order its own options come."""
        place = self._places.get(question.fingerprint)
        return self._turned.get(_content(question)) if place is None else place

    @cached_property
    def _turned(self) -> dict[tuple[str, frozenset[str]], int]:
        return {_content(q): place for place, q in reversed(list(enumerate(self.config.questions)))}

    def _ordered(self, head: Head, place: int, question: Question) -> Head:
        """The head of one trained question with its options in the order of ``question``."""
        if place >= len(self.config.questions):
            return head
        trained = self.config.questions[place].options
        if trained == question.options:
            return head
        order = [trained.index(option) for option in question.options]
        return replace(head, log_prior=head.log_prior[order], effects=head.effects[:, order])

    def outside_support(self, questions: Sequence[Question]) -> list[str]:
        """Names of the questions that no trained question is near to: their answers are mostly prior."""
        standing = self.head_for(questions).standing
        return [q.name for q, s in zip(questions, standing, strict=True) if s == "kind"]

    def option_vectors(self, questions: Sequence[Question]) -> OptionSet:
        """The options of any questions as the kernel sees them; what is new is encoded, together and once."""
        new = [q for q in questions if q.fingerprint not in self._encoded]
        if new:
            vectors = self.projection.apply(question_option_vectors(self.encoder, new))
            for question, block in zip(new, option_blocks(new), strict=True):
                self._encoded[question.fingerprint] = vectors[:, block]
        return option_set(
            questions, np.concatenate([self._encoded[q.fingerprint] for q in questions], axis=1)
        )

    @cached_property
    def _encoded(self) -> dict[str, FloatArray]:
        return {}

    @cached_property
    def everything(self) -> Regressions:
        """Regressions across all questions known."""
        return regressions(self.config.kernels, self.options, self.head, self.extra)

    @cached_property
    def own(self) -> Regressions | None:
        """Regressions across the panel's own questions alone, where these are asked first."""
        if self.config.own_kernels is None:
            return None
        n = len(self.config.questions)
        options, head = self.options.take(range(n)), self.head.of(self.options, range(n))
        return regressions(self.config.own_kernels, options, head, self.extra[: len(options.positions)])

    def _predict(self, questions: Sequence[Question]) -> tuple[OptionSet, Head]:
        """Prior and effects of new questions by kernel regression from those known."""
        options = self.option_vectors(questions)
        if self.own is None:
            return options, self._across(options)
        near = self.own.predict(options)
        left = [place for place, standing in enumerate(near.standing) if standing != "near"]
        if not left:
            return options, near
        others = options.take(left)
        far = self._across(others)
        heads = [near.of(options, [place]) for place in range(len(questions))]
        for number, place in enumerate(left):
            heads[place] = far.of(others, [number])
        return options, concatenated(heads)

    def _across(self, options: OptionSet) -> Head:
        """What all questions known say of others; the regressions are worked out only for what is new."""
        return predicted(self.store, self.fingerprint, lambda: self.everything, options)

    def _tensors(self) -> dict[str, NDArray[Any]]:
        """What is saved and what the fingerprint is of: halves for option vectors, singles for the rest."""
        arrays = (
            self.options.vectors, self.projection.centre, self.projection.matrix, self.persons.vectors,
            self.head.log_prior, self.head.effects, self.extra,
        )  # fmt: skip
        kinds = (np.float16, *[np.float32] * 6)
        named = zip(_TENSORS, arrays, kinds, strict=True)
        found: dict[str, NDArray[Any]] = {name: np.ascontiguousarray(a, dtype=k) for name, a, k in named}
        return found | ({} if self.residuals is None else self.residuals.tensors())

    def __getstate__(self) -> dict[str, Any]:
        """What goes to another process: all that has been encoded so far, without the language model."""
        left = ("encoder", "everything", "own", "_fingerprint")
        kept = {k: v for k, v in vars(self).items() if k not in left}
        return kept | {"load_encoder": _left_behind, "store": None}

    def save(self, folder: Path) -> None:
        """Writes weights and configuration into ``folder``."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / WEIGHTS).write_bytes(tensor_bytes(self._tensors()))
        content = json.dumps(self.config.model_dump(mode="json"), indent=1, ensure_ascii=False)
        (folder / CONFIG).write_text(content + "\n", encoding="utf-8")


def _left_behind() -> TextEncoder:
    """Stands in for the language model where only what it encoded went to another process."""
    raise DataError(
        "a persona model that was sent to another process answers only what was encoded before, and has been "
        "asked for a new question or value"
    )


def _content(question: Question) -> tuple[str, frozenset[str]]:
    """What is asked, whatever the order of the options."""
    return question.text, frozenset(question.options)


def option_blocks(questions: Sequence[Question]) -> list[slice]:
    """Rows of each question when options stand one after the other."""
    return row_blocks([len(q.options) for q in questions])


def score(persons: FloatArray, head: Head, questions: Sequence[Question]) -> list[FloatArray]:
    """Answer distributions, one (n_persons, n_options) array for each question."""
    logits = head.log_prior + persons @ head.effects
    return [softmax(logits[:, b], axis=1) for b in option_blocks(questions)]


def load_config(folder: Path) -> FactoredConfig:
    """The configuration of the model saved in ``folder``. Raises: DataError, see ``load``."""
    try:
        text = (folder / CONFIG).read_text(encoding="utf-8")
        written = format_of(text)
        config = FactoredConfig.model_validate_json(text) if written == FORMAT else None
    except (OSError, ValueError) as error:
        raise unreadable(folder, error) from None
    if config is None or config.prompt_version != PROMPT_VERSION:
        prompts = "" if config is None else f" and prompts version {config.prompt_version}"
        raise DataError(
            f"{folder} was trained for format {written}{prompts}; this program has format {FORMAT} and "
            f"prompts version {PROMPT_VERSION}: train it again"
        )
    return config


def load(folder: Path, load_encoder: Callable[[FactoredConfig], TextEncoder]) -> FactoredModel:
    """The model saved in ``folder``.

    Raises:
        DataError: the folder does not hold one, one for texts that this program puts otherwise, or one with
            weights that are no numbers.
    """
    config = load_config(folder)
    try:
        arrays = load_tensors((folder / WEIGHTS).read_bytes())
        refuse_no_numbers(folder / WEIGHTS, arrays)
        tensors = {name: arrays[name].astype(np.float64) for name in _TENSORS}
    except KeyError as error:
        raise DataError(f"{folder} holds no persona model: {WEIGHTS} lacks {error}; train it again") from None
    except (OSError, ValueError, SafetensorError) as error:
        raise unreadable(folder, error) from None
    persons = PersonEncoder(config.attributes, tensors["attribute_vectors"], config.text)
    return FactoredModel(
        config=config,
        options=_known_options(config, tensors["question_vectors"]),
        projection=Projection(tensors["centre"], tensors["projection"]),
        persons=persons,
        head=known_head(config, tensors["log_prior"], tensors["effects"]),
        extra=tensors["extra"],
        load_encoder=lambda: load_encoder(config),
        residuals=_residuals(config, arrays),
    )


def _residuals(config: FactoredConfig, tensors: Mapping[str, NDArray[Any]]) -> Residuals | None:
    if residuals.LOADINGS not in tensors:
        return None
    return residuals.from_tensors(tensors, [len(q.options) for q in config.questions])


def known_head(config: FactoredConfig, log_prior: FloatArray, effects: FloatArray) -> Head:
    """The head of a model's own questions and its context."""
    standing: tuple[Standing, ...] = (
        *("answers" for _ in config.questions),
        *("reference" for _ in config.context),
    )
    return Head(log_prior, effects, np.ones(len(standing)), standing)


def _known_options(config: FactoredConfig, vectors: FloatArray) -> OptionSet:
    own = sum(len(q.options) for q in config.questions)
    return joined(
        option_set(config.questions, vectors[:, :own]), context_options(config.context, vectors[:, own:])
    )


def context_options(context: Sequence[ContextQuestion], vectors: FloatArray) -> OptionSet:
    """The options of a reference's questions from their projected vectors (n_layers, n_rows, width)."""
    places = [
        np.linspace(-1.0, 1.0, c.options) if c.scale == "ordinal" else np.zeros(c.options) for c in context
    ]
    sizes = [c.options for c in context]
    return OptionSet(vectors, np.concatenate([np.zeros(0), *places]), np.repeat(np.arange(len(sizes)), sizes))
