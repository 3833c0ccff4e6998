"""Gates: what a trained model has to show on people it has never seen before it is registered.

``passed`` and ``failed`` are findings; ``not shown`` is the want of one, mostly for want of people, and
blocks nothing; ``not applicable`` says why there was nothing to look at.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from pydantic import Field

from personas.arrays import FloatArray
from personas.document import Document
from personas.errors import DataError
from personas.measures import bootstrap
from personas.measures.estimate import Estimate
from personas.measures.permutation import p_value
from personas.models.base import AnswerModel
from personas.wording import counted, listing
from training.leakage import Leakage, question_sentences
from training.registry import hard_cases
from training.registry.evidence import HeldOutAnswers, Seen, Untuned, drawn, log_scores, look, shuffled_scores
from training.registry.hard_cases import HardCase

if TYPE_CHECKING:
    from training.gradients.memorised import Memorisation
    from training.gradients.neutral import Forgetting

Outcome = Literal["passed", "not shown", "failed", "not applicable"]
GateName = Literal["base", "prior", "shuffled", "forgetting", "memorised", "leakage", "hard_cases"]
TITLES: dict[GateName, str] = {
    "base": "better than the untuned language model",
    "prior": "better than its prior, the shares alone",
    "shuffled": "better than itself with attributes dealt out at random",
    "forgetting": "neutral text not forgotten",
    "memorised": "no training answer memorised",
    "leakage": "nothing held out was trained on",
    "hard_cases": "hard cases end well",
}
STATISTICS_ONLY = "it equals its prior: no person effect was kept, so it is kept as statistics only"
_UNTOUCHED = "no weights of the language model were changed"


class GateSettings(Document):
    """What is asked of a model.

    Attributes:
        shuffled_p: largest p-value of the permutation test.
        permutations: deals of the attributes, at least 199.
        replicates: bootstrap samples behind an interval.
        people: most held-out people that are looked at, drawn at random.
        questions: most questions, drawn at random.
        fewest: answers below which nothing is concluded.
        seed: of people, questions, samples and deals.
    """

    shuffled_p: float = Field(default=0.01, gt=0, lt=1)
    permutations: int = Field(default=999, ge=199)
    replicates: int = Field(default=500, ge=50)
    people: int = Field(default=2000, ge=2)
    questions: int = Field(default=600, ge=1)
    fewest: int = Field(default=100, ge=2)
    seed: int = Field(default=1, ge=0)


class Gate(Document):
    """One gate and how it was met.

    Attributes:
        name: which one.
        outcome: ``failed`` blocks the registration, ``not shown`` does not.
        figure: what was found; ``None`` where there was nothing to measure.
        bound: what it is held against.
        sentence: both in words.
        interval: of the figure, where it has one.
    """

    name: GateName
    outcome: Outcome
    figure: float | None
    bound: float | None
    sentence: str
    interval: Estimate | None = None

    @property
    def passed(self) -> bool | None:
        """``None`` where it was not shown or does not apply."""
        return {"passed": True, "failed": False}.get(self.outcome)

    @property
    def title(self) -> str:
        """What the gate asks."""
        return TITLES[self.name]


class Gates(Document):
    """All gates of one model.

    Attributes:
        gates: in the order of ``TITLES``.
        people: held-out people that were looked at, of ``people_held_out``.
        questions: questions that were looked at, of ``questions_trained``.
        answers: of these people to these questions.
        statistics_only: the model has no person effects.
        settings: what was asked.
        of: which model was judged, in words, where there were several to choose from.
    """

    gates: tuple[Gate, ...]
    people: int
    people_held_out: int
    questions: int
    questions_trained: int
    answers: int
    statistics_only: bool
    settings: GateSettings
    of: str = ""

    @property
    def failed(self) -> tuple[Gate, ...]:
        """The gates that block the registration."""
        return tuple(g for g in self.gates if g.outcome == "failed")

    @property
    def not_shown(self) -> tuple[Gate, ...]:
        """The gates for which there is no evidence either way."""
        return tuple(g for g in self.gates if g.outcome == "not shown")

    def sentences(self) -> tuple[str, ...]:
        """One line for each gate and, where some were left out, on whom they were measured."""
        lines = [self.of] if self.of else []
        lines += [f"{g.title}: {g.outcome}: {g.sentence}" for g in self.gates]
        if self.people < self.people_held_out or self.questions < self.questions_trained:
            lines.append(
                f"Measured on {self.people:,} of {self.people_held_out:,} people held out and "
                f"{self.questions:,} of {counted(self.questions_trained, 'question')}, drawn at random."
            )
        return tuple(lines)


class Tuned(NamedTuple):
    """What was found of a language model whose weights were changed."""

    forgetting: "Forgetting | None" = None
    memorised: "Memorisation | None" = None


def judge(
    model: AnswerModel,
    held_out: HeldOutAnswers,
    *,
    leakage: Leakage,
    accepted: bool = False,
    hard: Sequence[HardCase] = (),
    untuned: Untuned | None = None,
    tuned: Tuned | None = None,
    settings: GateSettings | None = None,
    of: str = "",
) -> Gates:
    """All gates of a model.

    The model's prior is what it says of a person of whom nothing is known. "Better" is decided by the mean
    log score of single answers, with a paired interval over people and questions: an interval above zero
    passes, one below zero fails, and one that holds zero shows nothing.

    Args:
        model: the trained model.
        held_out: people never trained on, with their answers to questions trained on.
        leakage: what the leakage suite found.
        accepted: the split holds out single questions on purpose, so that questions like them were trained
            on; such overlaps of questions are then said but do not block.
        hard: how the hard cases ended; none where they were not run.
        untuned: the untuned language model on some of the same people; ``None`` where nobody measured it.
        tuned: what was found of changed weights; ``None`` where the adapter changed none.
        settings: what is asked; the usual where left out.
        of: which model this is, in words, where there were several to choose from.
    """
    asked = settings or GateSettings()
    rng = np.random.default_rng([asked.seed, 11])
    rows, names = drawn(held_out, asked.people, asked.questions, rng)
    answers = held_out.answers.take(rows).only(names) if names else None
    seen: Seen | None = None
    if answers is not None:
        seen = look(model, held_out.people.take(rows), answers)
    alike = seen is not None and seen.alike
    found = [
        _base(model, held_out, untuned, asked, rng),
        _prior(seen, asked, rng),
        _shuffled(seen, asked, rng),
        _forgetting(tuned),
        _memorised(tuned),
        _leakage(leakage, accepted),
        _hard_cases(hard),
    ]
    return Gates(
        gates=tuple(found),
        people=len(rows),
        people_held_out=len(held_out.people),
        questions=len(names),
        questions_trained=len(held_out.answers.questions),
        answers=0 if seen is None else seen.n_answers,
        statistics_only=alike,
        settings=asked,
        of=of,
    )


def refuse(found: Gates, forced: bool) -> None:
    """Returns where no gate failed, or where that is accepted. Raises: DataError naming those that failed."""
    if found.failed and not forced:
        reasons = "; ".join(f"{g.title}: {g.sentence}" for g in found.failed)
        raise DataError(
            f"the adapter is not registered, as {counted(len(found.failed), 'gate')} failed: {reasons}. "
            "Mend what is named and train again; with --force it is registered all the same, and its card "
            "says so"
        )


def _better(
    name: GateName,
    own: FloatArray,
    other: FloatArray,
    weights: FloatArray,
    settings: GateSettings,
    rng: np.random.Generator,
) -> Gate:
    """Whether scores of the same answers are better than others, by the paired two-way bootstrap."""
    given = ~np.isnan(own) & (weights > 0)[:, None]
    number, people = int(given.sum()), int(given.any(axis=1).sum())
    if number < settings.fewest or people < 2:
        sentence = f"only {number:,} answers of {people:,} people held out; {settings.fewest} are needed"
        return Gate(name=name, outcome="not shown", figure=None, bound=0.0, sentence=sentence)
    kept = given.any(axis=0)
    drawn = bootstrap.counts(len(weights), settings.replicates, rng)
    found = bootstrap.paired_difference(own[:, kept], other[:, kept], weights, drawn, rng)
    outcome: Outcome = "passed" if found.low > 0 else "failed" if found.high < 0 else "not shown"
    word = {"passed": "better", "failed": "worse", "not shown": "not to be told apart"}[outcome]
    sentence = (
        f"{word}, {found.value:+.4f} nats for each of {number:,} answers of {people:,} people held out "
        f"({found.low:+.4f} to {found.high:+.4f})"
    )
    return Gate(name=name, outcome=outcome, figure=found.value, bound=0.0, sentence=sentence, interval=found)


def _absent(name: GateName, reason: str) -> Gate:
    return Gate(name=name, outcome="not applicable", figure=None, bound=None, sentence=reason)


def _base(
    model: AnswerModel,
    held_out: HeldOutAnswers,
    untuned: Untuned | None,
    settings: GateSettings,
    rng: np.random.Generator,
) -> Gate:
    if untuned is None:
        return _absent("base", "the untuned language model was not measured")
    answers = held_out.answers.take(untuned.rows).only(untuned.names)
    people = held_out.people.take(untuned.rows)
    own = log_scores(model.distributions(people, answers.questions), answers)
    return _better("base", own, log_scores(untuned.distributions, answers), people.weights, settings, rng)


def _prior(seen: Seen | None, settings: GateSettings, rng: np.random.Generator) -> Gate:
    if seen is None:
        return _absent("prior", "nobody held out answered a question that was trained on")
    if seen.alike:
        return _absent("prior", STATISTICS_ONLY)
    return _better("prior", seen.own, seen.prior, seen.weights, settings, rng)


def _shuffled(seen: Seen | None, settings: GateSettings, rng: np.random.Generator) -> Gate:
    if seen is None:
        return _absent("shuffled", "nobody held out answered a question that was trained on")
    if seen.alike:
        return _absent("shuffled", STATISTICS_ONLY)
    permuted, observed = shuffled_scores(seen, settings.permutations, rng)
    p = p_value(observed, permuted)
    low = p_value(-observed, -permuted)
    outcome: Outcome = "passed" if p <= settings.shuffled_p else "not shown"
    word = "the attributes help"
    if outcome == "not shown":
        outcome = "failed" if low <= settings.shuffled_p else "not shown"
        word = "the attributes mislead" if outcome == "failed" else "not shown that the attributes help"
    sentence = (
        f"{word}: p = {p:.4f} over {len(permuted):,} deals (log score {observed:.4f} against "
        f"{float(permuted.mean()):.4f} on average)"
    )
    return Gate(name="shuffled", outcome=outcome, figure=p, bound=settings.shuffled_p, sentence=sentence)


def _forgetting(tuned: Tuned | None) -> Gate:
    if tuned is None or tuned.forgetting is None:
        return _absent("forgetting", _UNTOUCHED if tuned is None else "it was not measured")
    found = tuned.forgetting
    return Gate(
        name="forgetting",
        outcome="passed" if found.passed else "failed",
        figure=found.tuned - found.base,
        bound=found.bound,
        sentence=found.describe().rstrip("."),
    )


def _memorised(tuned: Tuned | None) -> Gate:
    if tuned is None or tuned.memorised is None:
        return _absent(
            "memorised", _UNTOUCHED if tuned is None else "it was trained on no text that people wrote"
        )
    found = tuned.memorised
    sentence = " ".join(found.describe()).rstrip(".")
    outcome: Outcome = "passed" if found.passed else "failed"
    return Gate(
        name="memorised", outcome=outcome, figure=float(found.runs.found), bound=0.0, sentence=sentence
    )


def _leakage(found: Leakage, accepted: bool) -> Gate:
    """People on both sides block; so do questions, unless the split wants them there or vectors alone say so.

    Small language models call questions alike that ask for different things in the same way, so that near
    vectors are a reason to look and no finding.
    """
    certain = [q for q in found.questions if q.kind != "embedding"]
    near = len(found.questions) - len(certain)
    number = len(found.people) + (0 if accepted else len(certain))
    sentence = (
        f"{counted(found.checked_people[0], 'person', 'people')} and "
        f"{counted(found.checked_questions[0], 'question')} held out were held "
        f"against {found.checked_people[1]:,} and {found.checked_questions[1]:,} trained on"
        f"{_compared(found)}"
    )
    if number:
        sentence = f"{sentence}. {' '.join(found.sentences())}"
    elif certain and accepted:
        sentence += (
            f"; {counted(len(certain), 'pair')} of questions of one battery stand on both sides, as "
            "the split asks for"
        )
    unclear = bool(near) and not accepted
    if unclear and not number:
        shown = question_sentences(found.questions)
        sentence = f"{sentence}. By vectors alone, which may be wrong: {' '.join(shown)}"
    outcome: Outcome = "failed" if number else "not shown" if unclear else "passed"
    return Gate(
        name="leakage", outcome=outcome, figure=float(number), bound=0.0, sentence=sentence.rstrip(".")
    )


def _compared(found: Leakage) -> str:
    """Whether vectors of the questions were compared as well as their words."""
    if not found.checked_questions[0]:
        return ""
    if not found.embedding:
        return ", questions by their words alone"
    return f", questions by their words and by vectors (near from a cosine of {found.near:.2f})"


def _hard_cases(hard: Sequence[HardCase]) -> Gate:
    """Crashes, and refusals without a reason or with a secret, block; an answer too sure does not."""
    if not hard:
        return _absent("hard_cases", "they were not run")
    wrong = [c for c in hard if not c.passed]
    severe = [c.name for c in wrong if c.outcome in ("crashed", "refused")]
    outcome: Outcome = "failed" if severe else "not shown" if wrong else "passed"
    sentence = hard_cases.verdict(hard).rstrip(".")
    if severe:
        sentence += f"; crashed, or gave away what it may not: {listing(severe)}"
    return Gate(name="hard_cases", outcome=outcome, figure=float(len(wrong)), bound=0.0, sentence=sentence)
