"""The one place where the benchmarks meet the trainer: fits, combinations and cached vectors."""

import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.special import softmax

from benchmarks import sentences
from benchmarks.held_out import Part
from benchmarks.open_data.survey import OpenSurvey, pooled
from grounding.splits import Split
from mirrorpanel import lineup
from mirrorpanel.lineup import Machine
from personas.answer import NO_ANSWER, Answers
from personas.arrays import FloatArray
from personas.models.factored import FactoredModel, TextEncoder, option_blocks
from personas.models.persons import person_encoder
from personas.models.wheel import cache_folder
from personas.panel import Panel
from training.dataset import TrainingData
from training.hierarchy import loop, reference
from training.hierarchy.base import BaseModel
from training.hierarchy.statistics import fit_statistics

VECTORS = "MIRRORPANEL_VECTORS"
FOLDS, FEWEST = 4, 30


class Fit(NamedTuple):
    """A model fitted for a benchmark, and how long that took."""

    model: FactoredModel
    seconds: float


@dataclass
class CachedEncoder:
    """A text encoder that looks vectors up by text and tail in a file, and encodes what is new.

    Attributes:
        file: numpy archive with ``keys`` and ``vectors`` (n_layers, n_texts, dim) in single precision.
        load: makes the encoder; called only when something is new.
    """

    file: Path
    load: Callable[[], TextEncoder]
    encoded: int = field(default=0, init=False)

    def encode(self, texts: Sequence[str], tails: Sequence[str]) -> FloatArray:
        """See ``TextEncoder``."""
        keys = [_key(text, tail) for text, tail in zip(texts, tails, strict=True)]
        new = {k: i for i, k in enumerate(keys) if k not in self._places}
        if new:
            rows = list(new.values())
            fresh = self._encoder.encode([texts[i] for i in rows], [tails[i] for i in rows])
            self._add(list(new), fresh)
            self.encoded += len(rows)
        return self._vectors[:, [self._places[k] for k in keys]].astype(np.float64)

    @cached_property
    def _encoder(self) -> TextEncoder:
        return self.load()

    @cached_property
    def _places(self) -> dict[str, int]:
        if not self.file.is_file():
            return {}
        with np.load(self.file) as stored:
            self._vectors = np.asarray(stored["vectors"], dtype=np.float32)
            return {str(key): i for i, key in enumerate(stored["keys"])}

    def _add(self, keys: Sequence[str], vectors: FloatArray) -> None:
        single = vectors.astype(np.float32)
        known = len(self._places)
        self._vectors = np.concatenate([self._vectors, single], axis=1) if known else single
        self._places.update({key: known + i for i, key in enumerate(keys)})
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self.file.parent, suffix=".npz", delete=False) as part:
            np.savez(part, keys=np.array(list(self._places)), vectors=self._vectors)
        Path(part.name).replace(self.file)


def base(name: str, layers: tuple[int, ...] | None = None) -> BaseModel:
    """A base model whose vectors are kept between runs, in the folder that MIRRORPANEL_VECTORS names."""
    machine = Machine()
    language = lineup.language(name, machine)
    chosen = layers or lineup.middle_layers(language.n_layers)
    digest = hashlib.sha256(f"{language.fingerprint}:{chosen}".encode()).hexdigest()[:12]
    encoder = CachedEncoder(_folder() / f"{name}-{digest}.npz", lambda: lineup.encoder(name, machine, chosen))
    return BaseModel(name, language.fingerprint, chosen, encoder, language.weights)


def base_of(name: str) -> BaseModel:
    """A base by name: a language model, the sentence encoder, or both with `` + `` between."""
    first, _, second = name.partition(" + ")
    if first == sentences.NAME:
        return _sentences()
    return base(first) if not second else _beside(base(first), _sentences())


def _sentences() -> BaseModel:
    file = _folder() / f"{sentences.NAME}.npz"
    return BaseModel(sentences.NAME, sentences.NAME, (0,), CachedEncoder(file, sentences.SentenceEncoder))


def _beside(first: BaseModel, second: BaseModel) -> BaseModel:
    both = sentences.Beside(first.encoder, second.encoder)
    name = f"{first.name} + {second.name}"
    return BaseModel(name, f"{first.fingerprint}+{second.fingerprint}", first.layers, both)


def _folder() -> Path:
    return Path(os.environ.get(VECTORS, cache_folder() / "vectors"))


def fitted(data: TrainingData, model: BaseModel, split: Split, seed: int = 1) -> Fit:
    """The factored model as ``mirrorpanel train`` fits it."""
    start = time.perf_counter()
    found = loop.fit("benchmark", data, model, split, FOLDS, seed, _silent)
    return Fit(found.model, time.perf_counter() - start)


def fitted_on_surveys(surveys: Sequence[OpenSurvey], model: BaseModel) -> Fit:
    """The reference model of several surveys; questions with fewer than ``FEWEST`` answers are left out."""
    start = time.perf_counter()
    whole = pooled(surveys)
    parts: list[tuple[str, TrainingData]] = []
    first = 0
    for survey in surveys:
        people = whole.people.take(np.arange(first, first + len(survey.people)))
        first += len(survey.people)
        given = (survey.answers.chosen != NO_ANSWER).sum(axis=0)
        names = [q.name for q, n in zip(survey.answers.questions, given, strict=True) if n >= FEWEST]
        if names:
            parts.append((survey.name, Part(people, survey.answers).only(names).data()))
    found, _ = reference.combine("benchmark", parts, model, FOLDS, 1, _silent)
    return Fit(found, time.perf_counter() - start)


def known_reference(model: BaseModel, data: Part, behind: Fit, split: Split) -> Fit:
    """The model of some real answers to new questions, with a reference model behind it."""
    start = time.perf_counter()
    found = loop.fit("benchmark", data.data(), model, split, FOLDS, 1, _silent, reference=behind.model)
    return Fit(found.model, time.perf_counter() - start)


def statistics_alone(data: Part, people: Panel) -> list[FloatArray]:
    """What shares and person effects of these answers by themselves expect of people."""
    encoder = person_encoder(data.people, data.people.attributes, 0.0, _no_vectors)
    found = fit_statistics(data.data(), [encoder], FOLDS, np.random.default_rng(1))
    logits = found.prior.log_shares + encoder.encode(people) @ found.effects
    return [np.asarray(softmax(logits[:, b], axis=1)) for b in option_blocks(data.answers.questions)]


def with_known_answers(fit: Fit, people: Panel, known: Answers) -> list[FloatArray]:
    """Expected answers of people once some of their answers are known; ``known`` holds all the questions.

    Which answers are known differs from person to person, so what is asked of one is known of another.
    """
    model, questions = fit.model, known.questions
    if model.residuals is None or model.residuals.rank == 0:
        return model.distributions(people, questions)
    head = model.head_for(questions)
    logits = head.log_prior + model.person_vectors(people) @ head.effects
    logs = model.residuals_for(questions).condition(logits, known.chosen)
    return [np.exp(logs[:, block]) for block in option_blocks(questions)]


def _no_vectors(pairs: Sequence[tuple[str, str]]) -> FloatArray:
    return np.zeros((1, len(pairs), 1))


def _key(text: str, tail: str) -> str:
    return hashlib.sha256(f"{text}\0{tail}".encode()).hexdigest()[:24]


def _silent(line: str) -> None:
    """Nobody watches the steps."""
