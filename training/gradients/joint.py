"""LoRA under the joint objective: options are scored by their own text, exactly as ``JointModel`` does.

Persons are read with a tree of questions behind them, and the loss is that of the options that real people
chose, among the options of the question. Neither the order of the options nor labels can be learned: an
option's branch holds person, question and its own text, never another option, a letter or a place, so the
score is the same function of these texts in training and in use. ``JointModel`` on the backbone's language
model, or on its adapter loaded again, is the trained model.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from personas.answer import NO_ANSWER
from personas.arrays import BoolArray, FloatArray
from personas.document import Document
from personas.errors import DataError
from personas.models.exams import Exam, exams
from personas.models.tree import stack
from personas.prompt import option_text, person_text, question_text
from training.dataset import TrainingData
from training.gradients import neutral, objectives
from training.gradients.backbone import Backbone
from training.gradients.distributed import WHOLE, Share
from training.gradients.engine import Group, Pass
from training.gradients.groups import GroupTargets
from training.gradients.memory import Load
from training.gradients.parts import Part, part_of

if TYPE_CHECKING:
    import torch

_SAMPLED = 200  # people whose texts are measured to estimate the memory


class JointSettings(Document):
    """What one step sees, and what it minimises.

    Attributes:
        rate: learning rate at the top of the schedule.
        decay: weight decay.
        tokens: of questions in one tree.
        people: real people read with a tree in one pass.
        parts: passes whose gradients make one step; with several processes they are shared out.
        ordinal: share of the cumulative loss in that of ordinal questions; the rest is the likelihood.
        groups: weight of the divergence from shrunken group shares, 0 for none.
        group_rows: groups read in one pass, where ``groups`` is above 0.
        neutral: weight of the divergence from the base on neutral text, 0 for none.
        drop: probability that an attribute of a person is forgotten in a pass.
        drop_all: probability that all of a person's are.
        score_passes: passes of held-out people that the held-out score is taken from.
    """

    rate: float = Field(default=3e-4, gt=0)
    decay: float = Field(default=0.0, ge=0)
    tokens: int = Field(default=384, ge=1)
    people: int = Field(default=4, ge=1)
    parts: int = Field(default=1, ge=1)
    ordinal: float = Field(default=0.0, ge=0, le=1)
    groups: float = Field(default=0.0, ge=0)
    group_rows: int = Field(default=2, ge=1)
    neutral: float = Field(default=0.0, ge=0)
    drop: float = Field(default=0.1, ge=0, le=1)
    drop_all: float = Field(default=0.1, ge=0, le=1)
    score_passes: int = Field(default=8, ge=1)


@dataclass
class JointObjective:
    """Trains a backbone's adapter on real answers; an ``Objective`` for the engine.

    Attributes:
        backbone: the language model with its adapter.
        data: people and questions to learn from.
        held_out: people to score on, who answered any of the same questions; ``None`` for no score.
        settings: see there.
        log_prior: log shares of each question where the adapter is to learn what they lack; it then starts
            exactly at them and is used through ``OffsetModel``. ``None`` for the language model alone.
        targets: the groups' shares, where ``settings.groups`` is above 0.
        share: which parts are this process's.
    """

    backbone: Backbone
    data: TrainingData
    held_out: TrainingData | None
    settings: JointSettings
    log_prior: Sequence[FloatArray] | None = None
    targets: GroupTargets | None = None
    share: Share = WHOLE
    _kept: "dict[int, torch.Tensor]" = field(default_factory=dict[int, "torch.Tensor"], init=False)

    def __post_init__(self) -> None:
        language = self.backbone.language
        questions, settings = self.data.answers.questions, self.settings
        if settings.groups > 0 and self.targets is None:
            raise ValueError("settings.groups needs the groups' shares as targets")
        self.share.check(settings.parts, "parts")
        self.share.check(settings.score_passes, "score_passes")
        self._lengths = np.array(
            [
                len(language.tokens(question_text(q)))
                + sum(len(language.tokens(option_text(o))) for o in q.options)
                for q in questions
            ]
        )
        self._answered = _answered(self.data)
        if not self._answered.any():
            raise DataError("joint training: nobody with a positive weight answered any of the questions")
        rng = np.random.default_rng(0)
        held = self.held_out
        self._scored = [] if held is None else [self._plain(held, rng) for _ in range(settings.score_passes)]

    @property
    def fingerprint(self) -> str:
        """See ``Objective``."""
        digest = hashlib.sha256(f"joint\n{self.backbone.fingerprint}\n{self.settings!r}".encode())
        for data in (self.data, self.held_out):
            if data is not None:
                people = [person_text(data.people.person(i).attributes) for i in range(len(data.people))]
                questions = [q.fingerprint for q in data.answers.questions]
                digest.update(repr((people, questions)).encode())
                digest.update(data.answers.chosen.tobytes())
                digest.update(data.weights.tobytes())
        for shares in self.log_prior or ():
            digest.update(shares.tobytes())
        return digest.hexdigest()[:16]

    def groups(self) -> Sequence[Group]:
        """See ``Objective``."""
        return [Group(self.backbone.tensors(), self.settings.rate, self.settings.decay)]

    def load(self) -> Load:
        """What the training takes from memory, for ``memory.check`` before it starts."""
        language, settings = self.backbone.language, self.settings
        people = self.data.people.take(np.arange(min(_SAMPLED, len(self.data.people))))
        texts = [person_text(people.person(i).attributes) for i in range(len(people))]
        # No tree holds more than all questions; one alone may be longer than is asked for.
        tree = min(int(self._lengths.sum()), max(settings.tokens, int(self._lengths.max())))
        longest = max(len(language.tokens(text)) for text in texts) + tree
        rows = min(settings.people, len(self.data.people)) + (settings.group_rows if settings.groups else 0)
        return self.backbone.load_of(rows * longest, longest, language.n_layers, vocabulary=True)

    def backward(self, episode: int, rng: np.random.Generator) -> Pass:
        """See ``Objective``: the parts of one step, of which this process takes its share."""
        parts = [self._draw(rng) for _ in range(self.settings.parts)]
        sentences = neutral.drawn(rng) if self.settings.neutral else ()
        whole = sum(self._weight(part) for part in parts)
        loss = 0.0
        with self.backbone.training():
            for part in self.share.of(parts):
                objectives.seed(part.seed)
                loss += objectives.descend(self._loss(part, whole))
            if sentences:
                objectives.seed(episode)
                term = neutral.divergence(self.backbone, sentences).mean()
                objectives.descend(self.settings.neutral / self.share.size * term)
        answers = sum(int(self._answered[np.ix_(p.people, p.questions)].sum()) for p in parts)
        return Pass(self.share.total([loss])[0], answers)

    def score(self) -> float | None:
        """Mean log-probability of the held-out answers, in nats; higher is better."""
        import torch

        if self.held_out is None:
            return None
        found: list[float] = [0.0, 0.0]
        with torch.no_grad():
            for number, part in self.share.of(list(enumerate(self._scored))):
                log_p, _ = self._log_probabilities(self.held_out, part, number)
                loss = objectives.likelihood(log_p, *self._answers(self.held_out, part))
                found[0] += float(loss.total)
                found[1] += loss.weight
        total, weight = self.share.total(found)
        return -total / weight

    def _draw(self, rng: np.random.Generator) -> Part:
        settings = self.settings
        part = self._plain(self.data, rng)
        codes = objectives.drop_attributes(part.codes, settings.drop, settings.drop_all, rng)
        groups = np.zeros(0, dtype=np.int64)
        if self.targets is not None and settings.groups > 0:
            groups = rng.integers(0, len(self.targets), settings.group_rows)
        return part._replace(codes=codes, groups=groups, seed=int(rng.integers(2**63)))

    def _plain(self, data: TrainingData, rng: np.random.Generator) -> Part:
        settings = self.settings
        return part_of(data, _answered(data), self._lengths, settings.tokens, settings.people, rng)

    def _weight(self, part: Part) -> float:
        """Sum of the weights of the answers that a part holds."""
        return float(
            self.data.weights[part.people] @ self._answered[np.ix_(part.people, part.questions)].sum(axis=1)
        )

    def _loss(self, part: Part, whole: float) -> "torch.Tensor":
        """The part's contribution to the mean loss of the step, whose answers weigh ``whole``."""
        import torch

        settings = self.settings
        log_p, found = self._log_probabilities(self.data, part, None)
        chosen, weights = self._answers(self.data, part)
        own = log_p[: len(part.people)]
        loss = (1 - settings.ordinal) * objectives.likelihood(own, chosen, weights).total
        if settings.ordinal:
            questions = self.data.answers.questions
            ordinal = np.array([questions[int(q)].scale == "ordinal" for q in part.questions])
            cuts = objectives.cumulative(own, chosen, weights, found, ordinal)
            loss = loss + settings.ordinal * cuts.total
        loss = loss / whole
        if len(part.groups) and self.targets is not None:
            shares, bases = self.targets.of(part.groups, part.questions)
            members = torch.eye(len(part.groups), device=log_p.device)
            told, counts = (torch.as_tensor(a, device=log_p.device).float() for a in (shares, bases))
            gap = objectives.group_divergence(log_p[len(part.people) :], members, told, counts)
            if gap.weight > 0:
                loss = loss + settings.groups * gap.mean() / settings.parts
        return loss

    def _answers(self, data: TrainingData, part: Part) -> "tuple[torch.Tensor, torch.Tensor]":
        import torch

        device = self.backbone.language.processor.device
        chosen = torch.as_tensor(data.answers.chosen[np.ix_(part.people, part.questions)], device=device)
        return chosen, torch.as_tensor(data.weights[part.people], device=device).float()

    def _log_probabilities(
        self, data: TrainingData, part: Part, kept: int | None
    ) -> "tuple[torch.Tensor, objectives.Rows]":
        """Log-probabilities (n_rows_read, n_questions, most_options), people first, then groups."""
        questions = [data.answers.questions[int(q)] for q in part.questions]
        exam = exams(self.backbone.language.tokens, questions, int(1e9))[0]
        people = replace(data.people.take(part.people), codes=part.codes)
        texts = [person_text(people.person(i).attributes) for i in range(len(people))]
        if self.targets is not None:
            texts += [person_text(self.targets.attributes[int(g)]) for g in part.groups]
        scores = option_scores(self.backbone, exam, texts)
        if self.log_prior is not None:
            scores = scores + self._offset(exam, texts, part, kept)
        found = objectives.rows(exam.n_options)
        return objectives.log_probabilities(scores, found), found

    def _offset(self, exam: Exam, texts: Sequence[str], part: Part, kept: int | None) -> "torch.Tensor":
        """Log prior less the base's own scores, so that an untrained adapter answers with the prior."""
        import torch

        assert self.log_prior is not None
        if kept is not None and kept in self._kept:
            return self._kept[kept]
        with torch.no_grad(), self.backbone.untouched():
            base = option_scores(self.backbone, exam, texts)
        told = np.concatenate([self.log_prior[int(q)] for q in part.questions])
        offset = torch.as_tensor(told, device=base.device).float() - base
        if kept is not None:
            self._kept[kept] = offset
        return offset


def option_scores(backbone: Backbone, exam: Exam, texts: Sequence[str]) -> "torch.Tensor":
    """Sum of the log-probabilities of each option's tokens behind each text, (n_texts, n_all_options).

    The same numbers as ``JointModel`` computes, with their graph.

    Raises:
        DataError: person and question together are longer than the model reads.
    """
    import torch

    language = backbone.language
    prefixes = [(*language.start, *language.tokens(text)) for text in texts]
    depth = int(exam.tree.positions.max()) + 1
    longest = max(len(prefix) for prefix in prefixes)
    if longest + depth > language.max_tokens:
        raise DataError(
            f"a person of {longest:,} tokens with a question of {depth:,} is too long for {language.name}, "
            f"which reads {language.max_tokens:,}; shorten the question {exam.longest.name!r} or the "
            "attributes, or train on fewer of them"
        )
    batch = stack([exam.tree.behind(prefix) for prefix in prefixes], "left")
    before = batch.ids.shape[1] - len(exam.tree)
    each = backbone.likelihoods(batch, exam.at + before, exam.tokens)  # (n_texts, n_tokens)
    option = torch.as_tensor(exam.options, device=each.device)
    zeros = torch.zeros((len(texts), len(exam.starts)), device=each.device)
    return zeros.index_add(1, option, each)


def _answered(data: TrainingData) -> BoolArray:
    return (data.answers.chosen != NO_ANSWER) & (data.weights > 0)[:, None]
