"""A fitted adapter before it is registered: hard cases, leakage, gates, and figures on held-out people."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from mirrorpanel import registry
from mirrorpanel.store import Workspace, now
from mirrorpanel.verbs.training_data import Prepared
from personas.arrays import FloatArray
from personas.models.base import AnswerModel
from personas.models.factored import FactoredModel
from personas.panel import Panel
from personas.question import Question
from training import leakage
from training.leakage import Leakage
from training.registry import gates, hard_cases
from training.registry import registry as registrations
from training.registry.evidence import HeldOutAnswers, Slow, Untuned, drawn
from training.registry.gates import GateSettings, Tuned
from training.registry.hard_cases import HardCase
from training.registry.registry import Event, Figures, Lineage, Part, Registration


class Assessed(NamedTuple):
    """What is registered of an adapter, and how its hard cases ended."""

    registration: Registration
    hard: tuple[HardCase, ...]


@dataclass(frozen=True)
class _Once:
    """The model with a memory: gates and figures ask the same people the same questions."""

    model: AnswerModel
    _said: dict[tuple[object, ...], list[FloatArray]] = field(
        default_factory=dict[tuple[object, ...], list[FloatArray]]
    )

    @property
    def name(self) -> str:
        return self.model.name

    @property
    def fingerprint(self) -> str:
        return self.model.fingerprint

    def distributions(self, panel: Panel, questions: Sequence[Question]) -> list[FloatArray]:
        """See ``AnswerModel``."""
        asked = tuple(q.fingerprint for q in questions)
        key = (panel.ids, panel.attributes, panel.levels, panel.codes.tobytes(), asked)
        if key not in self._said:
            self._said[key] = self.model.distributions(panel, questions)
        return self._said[key]


def sampled(held: HeldOutAnswers, people: int, questions: int, seed: int) -> HeldOutAnswers:
    """So many of the people and of the questions, drawn as the gates draw theirs."""
    rows, names = drawn(held, people, questions, np.random.default_rng([seed, 11]))
    return HeldOutAnswers(held.people.take(rows), held.answers.take(rows).only(names))


def held_out(ready: Prepared) -> HeldOutAnswers:
    """People held out, with their answers to the questions trained on.

    Nobody of a segment or wave that is held out is among them.
    """
    return _answers(ready, "unseen_people")


def _answers(ready: Prepared, part: Part) -> HeldOutAnswers:
    cell = ready.cell(part)
    rows = np.flatnonzero(cell.people)
    names = [ready.answers.questions[i].name for i in np.flatnonzero(cell.questions)]
    return HeldOutAnswers(ready.people.take(rows), ready.answers.take(rows).only(names))


def vectors(model: FactoredModel, questions: Sequence[Question]) -> FloatArray:
    """The questions as the kernel sees them, layers side by side, shape (n_questions, n_layers x width).

    Those trained on have their vectors in the model; the others are encoded.
    """
    number = len(model.config.questions)  # two of them may have the same words
    places = {q.fingerprint: place for place, q in enumerate(model.config.questions)}
    trained = model.options.take(range(number)).means
    new = [q for q in questions if q.fingerprint not in places]
    places |= {q.fingerprint: number + place for place, q in enumerate(new)}
    found = np.concatenate([trained, model.option_vectors(new).means], axis=1) if new else trained
    return np.concatenate(list(found[:, [places[q.fingerprint] for q in questions]]), axis=1)


def _supported(found: Figures, model: FactoredModel, ready: Prepared) -> Figures:
    """The figures with the new questions that are outside the support of the statistics."""
    if found.part == "unseen_people":
        return found
    new = [q for q in ready.answers.questions if q.name in ready.decided.split.questions]
    return found.model_copy(update={"outside_support": tuple(sorted(model.outside_support(new)))})


def assess(
    workspace: Workspace,
    adapter: str,
    ready: Prepared,
    model: FactoredModel,
    report: Callable[[str], None],
    *,
    forced: bool = False,
    untuned: Untuned | None = None,
    tuned: Tuned | None = None,
    slow: Slow | None = None,
    of: str = "",
    earlier: Collection[str] = (),
) -> Assessed:
    """The registration of an adapter that was just fitted; it is a candidate.

    Args:
        workspace: where it will be kept.
        adapter: its identifier.
        ready: what it was fitted on, and what was held out.
        model: the fitted model, or the statistics below it.
        report: called with a line for each gate.
        forced: register it although a gate failed.
        untuned: what the untuned language model says of some held-out people, where that was measured.
        tuned: what was found of changed weights of the language model, where there are any.
        slow: what answers studies in place of ``model``, the statistics below it.
        of: which of the two is judged, in words.
        earlier: ids of people whom its parent learned from in an earlier wave.

    Raises:
        DataError: a gate failed, and that is not forced.
    """
    held = held_out(ready)
    report("hard cases, leakage and gates on people held out")
    answering: AnswerModel = model if slow is None else _Once(slow.model)
    settings = None if slow is None else GateSettings(people=slow.people, questions=slow.questions)
    hard = hard_cases.run(answering, model.outside_support, model.config.attributes)
    judged = gates.judge(
        answering, held, leakage=_leaks(ready, model, held, earlier),
        accepted=ready.spec.split.by == "question", hard=hard, untuned=untuned, tuned=tuned,
        settings=settings, of=of,
    )  # fmt: skip
    for line in judged.sentences():
        report(line)
    gates.refuse(judged, forced)
    registration = Registration(
        version=registry.version_of(workspace, adapter, ready.spec.adapter),
        data=registrations.data_fingerprint(ready.data),
        base=model.config.base_weights or model.config.base_fingerprint,
        split=ready.decided.split.fingerprint,
        figures=_figures(ready, model, answering, held, slow, judged.settings.seed),
        gates=judged,
        forced=bool(judged.failed),
        lineage=_lineage(workspace, adapter, ready, model),
        events=(Event(moment=now().isoformat(timespec="seconds"), status="candidate"),),
    )
    return Assessed(registration, hard)


def _leaks(ready: Prepared, model: FactoredModel, held: HeldOutAnswers, earlier: Collection[str]) -> Leakage:
    """What people and questions held out have in common with those trained on, now or in earlier waves."""
    asked, new = ready.answers.questions, ready.decided.split.questions
    return leakage.suite(
        asked, new, (ready.data.people, ready.data.answers), held,
        vectors=vectors(model, asked) if new else None, near=leakage.NEAR, earlier=earlier,
    )  # fmt: skip


def _figures(
    ready: Prepared,
    model: FactoredModel,
    answering: AnswerModel,
    held: HeldOutAnswers,
    slow: Slow | None,
    seed: int,
) -> tuple[Figures, ...]:
    """The figures on each kind of held-out answers; of a sample, drawn as the gates', where it is slow."""
    parts: list[tuple[Part, HeldOutAnswers]] = [("unseen_people", held)]
    if ready.decided.split.questions:
        parts.append(("unseen_both", _answers(ready, "unseen_both")))
    if slow is not None:
        parts = [(part, sampled(some, slow.people, slow.questions, seed)) for part, some in parts]
    segments = ready.data.people.attributes
    found = [registrations.figures(answering, part, some, ready.spec.seed, segments) for part, some in parts]
    return tuple(_supported(f, model, ready) for f in found if f is not None)


def _lineage(workspace: Workspace, adapter: str, ready: Prepared, model: FactoredModel) -> Lineage:
    """Where it comes from: the last adapter of its name is its parent."""
    earlier = [r.adapter for r in registry.listing(workspace) if r.name == ready.spec.adapter]
    earlier = [a for a in earlier if a != adapter]
    return Lineage(
        panel=ready.panel,
        parent=earlier[-1] if earlier else "",
        reference=model.config.reference,
        change="trained anew" if earlier else "",
    )
