"""What came of training by gradients: stored with an adapter, for its card and its gates."""

from typing import Literal

from personas.document import Document
from training.gradients.blend import Blend
from training.gradients.engine import Outcome
from training.gradients.memorised import Memorisation
from training.gradients.neutral import Forgetting
from training.gradients.writing import WritingResult

Stopped = Literal["done", "no gain", "time"]
_WHY: dict[Stopped, str] = {
    "done": "all episodes",
    "no gain": "no better score any more",
    "time": "time was up",
}


class Course(Document):
    """How a training went.

    Attributes:
        episodes: done.
        seconds: that they took.
        answers: learned from, repeats included.
        stopped: why it ended.
        start: held-out score before training; ``best`` the best one, whose tensors are kept. Mean
            log-probability in nats of an answer, or of a token of an open one.
        best: see ``start``; both ``None`` where nothing was held out.
    """

    episodes: int
    seconds: float
    answers: int
    stopped: Stopped
    start: float | None
    best: float | None

    @staticmethod
    def of(outcome: Outcome) -> "Course":
        """The course of a run that ended."""
        state, scores = outcome.state, dict(outcome.state.scores)
        return Course(
            episodes=state.episode,
            seconds=state.seconds,
            answers=state.answers,
            stopped=outcome.stopped,
            start=scores.get(0),
            best=scores.get(state.best_episode),
        )

    def describe(self) -> str:
        """One sentence for people."""
        told = f"{self.episodes:,} episodes in {self.seconds:,.0f} s ({_WHY[self.stopped]})"
        if self.start is not None and self.best is not None:
            told += f"; held-out score {self.start:.4f} before, {self.best:.4f} at its best"
        return told + "."


class Verdict(Document):
    """What was trained beside the statistics, on answers that neither it nor its stopping rule has seen.

    Attributes:
        floor: mean log score of the statistics, in nats for each answer.
        tuned: of what was trained.
        error: standard error of the difference, over batteries of questions or over people.
        answers: that it was read off.
        of: batteries or people that they come from.
    """

    floor: float
    tuned: float
    error: float
    answers: int
    of: int

    @property
    def gain(self) -> float:
        """What was trained less the statistics, in nats for each answer."""
        return self.tuned - self.floor

    @property
    def better(self) -> bool:
        """Whether the gain is more than its standard error."""
        return self.gain > self.error


class LoraResult(Document):
    """What LoRA under closed answers came to.

    Attributes:
        objective: what was trained.
        kept: whether the adapter holds it; the statistics alone are the adapter otherwise.
        course: how the training went.
        verdict: why it is kept or not.
        statistics_gain: ``joint`` only: what person effects of the statistics gain over the item shares on
            people left out; the joint model has to gain more.
        blend: ``joint`` only: how far it counts.
        forgetting: on neutral text.
    """

    objective: Literal["factored", "joint"]
    kept: bool
    course: Course
    verdict: Verdict
    statistics_gain: float | None = None
    blend: Blend | None = None
    forgetting: Forgetting | None = None

    @property
    def judged(self) -> str:
        """Whom figures, gates and comparisons speak of, in a sentence; empty where nobody would ask."""
        if self.objective == "factored":
            return ""
        if self.kept:
            return "What is judged is the joint model over the item shares, as it answers studies."
        return "The joint model was not kept: what is judged are the statistics, which answer studies."

    def sentences(self) -> tuple[str, ...]:
        """What happened, for people."""
        found, episodes = self.verdict, self.objective == "factored"
        what = "questions left out" if episodes else "people left out"
        floor = "the untrained model's" if episodes else "the item shares'"
        line = (
            f"On {found.answers:,} answers to {what} the log score is {found.tuned:.4f} against "
            f"{found.floor:.4f}, {floor} ({found.gain:+.4f} with standard error {found.error:.4f})"
        )
        if self.statistics_gain is not None:
            line += f"; person effects of the statistics gain {self.statistics_gain:+.4f}"
        end = "LoRA is kept." if self.kept else "LoRA did not beat the statistics and is not kept."
        return f"LoRA ({self.objective}): {self.course.describe()}", f"{line}.", end


class VoiceResult(Document):
    """What an adapter for tone and vocabulary came to.

    Attributes:
        kept: whether the adapter holds it: real answers of other people are less surprising to it than to
            the base. Whether it may be used is for the gates to say.
        answers: learned from, without canaries; ``people`` who wrote them.
        course: how the training went.
        writing: what it gained.
        forgetting: on neutral text.
        memorisation: what it gives away.
        texts: hash of the answers learned from, so that they are known again when written texts are held
            against them; empty where nobody noted it.
        remarks: what was left out or masked.
    """

    kept: bool
    answers: int
    people: int
    course: Course
    writing: WritingResult
    forgetting: Forgetting
    memorisation: Memorisation
    texts: str = ""
    remarks: tuple[str, ...] = ()

    def sentences(self) -> tuple[str, ...]:
        """What happened, for people."""
        found = self.writing
        end = "The voice is kept." if self.kept else "The voice did not come nearer and is not kept."
        return (
            f"Voice: {self.course.describe()}",
            f"Perplexity on {found.answers:,} answers of other people: {found.perplexity_tuned:.2f}, "
            f"{found.perplexity_base:.2f} without training.",
            *self.memorisation.describe(),
            self.forgetting.describe(),
            end,
        )
