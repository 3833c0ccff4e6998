"""The factored objective in episodes: what nobody was asked, predicted from what everybody was.

In each episode whole batteries of questions are held out. Their shares and person effects are predicted from
those of other questions by the kernel (``training.gradients.kernel``), and the loss is the negative
log-likelihood of the real answers to them. So vectors and kernel learn the very thing that they are used for.
The person vectors and the shares and effects predicted from are those of the statistics and stand still;
every person answers every question of an episode, so its gradient costs one reading of each question.

With vectors that stand still (``FrozenVectors``) only the kernel is trained, in a minute or so: the warm
start of a training with LoRA (``LoraVectors``).

Source: episodes as in Vinyals et al. (2016), "Matching networks for one shot learning"; the closed-form
learner inside as in Bertinetto et al. (2019), "Meta-learning with differentiable closed-form solvers", and
Patacchiola et al. (2020), "Bayesian meta-learning for the few-shot setting via deep kernels".
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from pydantic import Field

from personas.answer import NO_ANSWER
from personas.arrays import FloatArray, IntArray
from personas.document import Document
from personas.errors import DataError
from personas.models.factored import option_blocks
from personas.models.kernel import centred_blocks
from personas.question import Question
from training.gradients import objectives
from training.gradients.distributed import WHOLE, Share
from training.gradients.engine import Group, Pass
from training.gradients.kernel import Options, damping, options
from training.gradients.metric import Metric
from training.gradients.objectives import Loss, descend
from training.gradients.vectors import VectorSource, block_rows

if TYPE_CHECKING:
    import torch

_LAYER = re.compile(r"\.layers\.(\d+)\.")


class EpisodeSettings(Document):
    """What an episode sees.

    Attributes:
        held_out: questions that an episode predicts, at least; whole batteries.
        context: questions that it predicts them from, drawn anew each time; ``None`` for all others.
        people: people whose answers count in an episode, drawn anew each time; ``None`` for all.
        parts: episodes whose gradients make one step; with several processes they are shared out.
        validation: share of the questions, in whole batteries, that is never learned from and gives the
            held-out score; 0 for no score.
        rate: learning rate of the language model's adapter.
        kernel_rate: that of the kernels' settings.
        spread_rate: that of what each direction of the space counts; 0 leaves the space as it is.
        layer_decay: what a layer's rate is multiplied with for each layer above it; 1 for equal rates.
        weight_decay: of the adapter.
        seed: of the batteries kept for validation.
    """

    held_out: int = Field(default=40, ge=1)
    context: int | None = Field(default=160, ge=2)
    people: int | None = Field(default=None, ge=1)
    parts: int = Field(default=1, ge=1)
    validation: float = Field(default=0.15, ge=0, lt=1)
    rate: float = Field(default=2e-4, gt=0)
    kernel_rate: float = Field(default=0.02, ge=0)
    spread_rate: float = Field(default=0.02, ge=0)
    layer_decay: float = Field(default=1.0, gt=0, le=1)
    weight_decay: float = Field(default=0.0, ge=0)
    seed: int = Field(default=0, ge=0)


@dataclass(frozen=True)
class Lessons:
    """What is learned from: real answers, and what the statistics made of them.

    Attributes:
        questions: all questions.
        batteries: number of each question's battery, shape (n_questions,).
        log_shares: log of the shrunken shares, shape (n_rows,).
        effects: person effects, shape (width, n_rows).
        persons: person vectors, shape (n_people, width).
        chosen: answers, shape (n_people, n_questions).
        weights: of the people, shape (n_people,).
        extra: sampling variance of the log shares, shape (n_rows,); see ``KernelRegression.extra``.
    """

    questions: tuple[Question, ...]
    batteries: IntArray
    log_shares: FloatArray
    effects: FloatArray
    persons: FloatArray
    chosen: IntArray
    weights: FloatArray
    extra: FloatArray

    @property
    def fingerprint(self) -> str:
        """Hash of all of it."""
        digest = hashlib.sha256("\n".join(q.fingerprint for q in self.questions).encode())
        arrays = (
            self.batteries,
            self.log_shares,
            self.effects,
            self.persons,
            self.chosen,
            self.weights,
            self.extra,
        )
        for array in arrays:
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:16]


class _Episode(NamedTuple):
    """Questions to predict from and questions to predict, the people who count, and PyTorch's own seed."""

    context: IntArray
    wanted: IntArray
    people: IntArray
    seed: int


@dataclass
class FactoredEpisodes:
    """Trains vectors and kernel; an ``Objective`` for the engine.

    Attributes:
        source: of the vectors.
        metric: the two kernels.
        lessons: what is learned from.
        settings: what an episode sees.
        share: which parts are this process's.
        validation: numbers of the questions that only the held-out score is taken from.
        training: numbers of all others.

    Raises:
        DataError: too few batteries to hold some out and keep some for validation.
        ClusterError: the processes cannot share the parts evenly.
    """

    source: VectorSource
    metric: Metric
    lessons: Lessons
    settings: EpisodeSettings
    share: Share = WHOLE
    validation: IntArray = field(init=False)
    training: IntArray = field(init=False)

    def __post_init__(self) -> None:
        lessons = self.lessons
        self.share.check(self.settings.parts, "lora.factored.parts")
        self._blocks = option_blocks(lessons.questions)
        self._shares = centred_blocks(lessons.log_shares[:, None], self._blocks)
        self._effects = centred_blocks(lessons.effects.T, self._blocks)
        every = np.unique(lessons.batteries)
        if len(every) < 3:
            raise DataError(
                f"training in episodes needs questions of at least 3 batteries, found {len(every)}; "
                "keep the language model as it is"
            )
        wanted = round(self.settings.validation * len(lessons.questions))
        dealt = np.random.default_rng(self.settings.seed).permutation(every)
        self.validation = self._batteries(dealt, wanted, len(every) - 2)
        kept = np.isin(np.arange(len(lessons.questions)), self.validation)
        self.training = np.flatnonzero(~kept)

    @property
    def fingerprint(self) -> str:
        """See ``Objective``."""
        parts = [self.source.fingerprint, self.metric.fingerprint, self.lessons.fingerprint]
        content = "\n".join(["episodes", *parts, self.settings.model_dump_json()])
        return hashlib.sha256(content.encode()).hexdigest()[:16]

    def groups(self) -> Sequence[Group]:
        """The kernels' settings, and the adapter's matrices with one group for each layer's rate."""
        kernels = self.metric.tensors()
        spread = {"metric.spread": kernels.pop("metric.spread")}
        found = [Group(kernels, self.settings.kernel_rate), Group(spread, self.settings.spread_rate)]
        layers: dict[int, dict[str, torch.Tensor]] = {}
        for name, tensor in self.source.tensors().items():
            place = _LAYER.search(name)
            layers.setdefault(int(place[1]) if place else 0, {})[name] = tensor
        top = max(layers, default=0)
        for layer, tensors in sorted(layers.items()):
            rate = self.settings.rate * self.settings.layer_decay ** (top - layer)
            found.append(Group(tensors, rate, self.settings.weight_decay))
        return found

    def backward(self, episode: int, rng: np.random.Generator) -> Pass:
        """See ``Objective``: the parts of one step, of which this process takes its share."""
        parts = [self._draw(rng) for _ in range(self.settings.parts)]
        loss = 0.0
        for part in self.share.of(parts):
            objectives.seed(part.seed)
            found = self._loss(part.context, part.wanted, part.people, gradients=True)
            loss += descend(found.mean() / len(parts))
        answers = sum(
            int(np.sum(self.lessons.chosen[np.ix_(p.people, p.wanted)] != NO_ANSWER)) for p in parts
        )
        return Pass(self.share.total([loss])[0], answers)

    def score(self) -> float | None:
        """Mean log-likelihood of the answers to the validation batteries, from all other questions."""
        if not len(self.validation):
            return None
        import torch

        with torch.no_grad():
            people = np.arange(len(self.lessons.weights))
            loss = self._loss(self.training, self.validation, people, gradients=False)
        # All processes compute it, and all must go by the same number.
        return -self.share.total([float(loss.mean()) / self.share.size])[0]

    def _draw(self, rng: np.random.Generator) -> _Episode:
        """One episode's batteries, context and people."""
        dealt = rng.permutation(np.unique(self.lessons.batteries[self.training]))
        wanted = self._batteries(dealt, self.settings.held_out, len(dealt) - 1)
        rest = rng.permutation(np.setdiff1d(self.training, wanted))
        people = rng.permutation(len(self.lessons.weights))[: self.settings.people]
        return _Episode(rest[: self.settings.context], wanted, people, int(rng.integers(2**63)))

    def _batteries(self, dealt: IntArray, wanted: int, most: int) -> IntArray:
        """Questions of the first batteries dealt, until there are enough; at most so many batteries."""
        found: list[IntArray] = []
        while len(found) < most and sum(map(len, found)) < wanted:
            found.append(np.flatnonzero(self.lessons.batteries == dealt[len(found)]))
        return np.concatenate(found) if found else np.zeros(0, dtype=np.int64)

    def _loss(self, context: IntArray, wanted: IntArray, people: IntArray, *, gradients: bool) -> Loss:
        import torch

        near, far = self._read(context, wanted, gradients)
        rows = block_rows([self._blocks[i] for i in map(int, context)])

        def tensor(values: FloatArray) -> "torch.Tensor":
            return torch.tensor(values, dtype=near.vectors.dtype, device=near.vectors.device)

        extra = tensor(self.lessons.extra[rows]) / self.metric.amplitude.exp()
        shares = self.metric.shares.predict(near, far, tensor(self._shares[rows]), extra)
        effects = self.metric.effects.predict(near, far, tensor(self._effects[rows]), extra)
        widen = damping(self.metric.amplitude.exp() * shares.variance, far)
        persons = tensor(self.lessons.persons[people])
        scores = shares.mean[:, 0] * widen + persons @ (effects.mean * widen[:, None]).T
        found = objectives.rows([len(self.lessons.questions[i].options) for i in map(int, wanted)])
        chosen = torch.as_tensor(self.lessons.chosen[np.ix_(people, wanted)], device=scores.device)
        log_p = objectives.log_probabilities(scores, found)
        return objectives.likelihood(log_p, chosen, tensor(self.lessons.weights[people]))

    def _read(self, context: IntArray, wanted: IntArray, gradients: bool) -> tuple[Options, Options]:
        read = self.source.vectors(np.concatenate([context, wanted]), gradients=gradients)
        vectors = self.metric.project(read)
        n = sum(len(self.lessons.questions[i].options) for i in map(int, context))
        return self._options(vectors[:, :n], context), self._options(vectors[:, n:], wanted)

    def _options(self, vectors: "torch.Tensor", numbers: IntArray) -> Options:
        some = [self.lessons.questions[i] for i in map(int, numbers)]
        positions = np.concatenate([q.positions() for q in some])
        return options(vectors, positions, [len(q.options) for q in some])
