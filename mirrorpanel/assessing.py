"""A fitted adapter before it is registered: hard cases, leakage, gates, and figures on held-out people."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from mirrorpanel import registry
from mirrorpanel.store import Workspace, now
from mirrorpanel.verbs.training_data import Prepared
from personas.models.factored import FactoredModel
from training import leakage
from training.registry import gates, hard_cases
from training.registry import registry as registrations
from training.registry.evidence import HeldOutAnswers, Untuned
from training.registry.gates import Tuned
from training.registry.hard_cases import HardCase
from training.registry.registry import Event, Lineage, Registration


class Assessed(NamedTuple):
    """What is registered of an adapter, and how its hard cases ended."""

    registration: Registration
    hard: tuple[HardCase, ...]


def held_out(ready: Prepared) -> HeldOutAnswers:
    """People held out, with their answers to the questions trained on."""
    rows = np.flatnonzero(ready.groups.held_out)
    names = [q.name for q in ready.data.answers.questions]
    return HeldOutAnswers(ready.people.take(rows), ready.answers.take(rows).only(names))


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
) -> Assessed:
    """The registration of an adapter that was just fitted; it is a candidate.

    Args:
        workspace: where it will be kept.
        adapter: its identifier.
        ready: what it was fitted on, and what was held out.
        model: the fitted model.
        report: called with a line for each gate.
        forced: register it although a gate failed.
        untuned: what the untuned language model says of some held-out people, where that was measured.
        tuned: what was found of changed weights of the language model, where there are any.

    Raises:
        DataError: a gate failed, and that is not forced.
    """
    split, seed = ready.decided.split, ready.spec.seed
    held = held_out(ready)
    report("hard cases, leakage and gates on people held out")
    hard = hard_cases.run(model, model.outside_support)
    leaks = leakage.suite(
        ready.answers.questions, split.questions, (ready.data.people, ready.data.answers), held
    )
    judged = gates.judge(
        model, held, leakage=leaks, accepted=ready.spec.split.by == "question", hard=hard,
        untuned=untuned, tuned=tuned,
    )  # fmt: skip
    for line in judged.sentences():
        report(line)
    gates.refuse(judged, forced)
    found = [registrations.figures(model, "unseen_people", held, seed)]
    if split.questions:
        rows = np.flatnonzero(ready.groups.held_out)
        unseen = ready.answers.take(rows).only(split.questions)
        both = HeldOutAnswers(held.people, unseen)
        found.append(registrations.figures(model, "unseen_questions", both, seed))
    earlier = [r.adapter for r in registry.listing(workspace) if r.name == ready.spec.adapter]
    earlier = [a for a in earlier if a != adapter]
    return Assessed(
        Registration(
            version=registry.version_of(workspace, adapter, ready.spec.adapter),
            data=registrations.data_fingerprint(ready.data),
            base=model.config.base_weights or model.config.base_fingerprint,
            split=split.fingerprint,
            figures=tuple(f for f in found if f is not None),
            gates=judged,
            forced=bool(judged.failed),
            lineage=Lineage(
                panel=ready.panel,
                parent=earlier[-1] if earlier else "",
                reference=model.config.reference,
                change="trained anew" if earlier else "",
            ),
            events=(Event(moment=now().isoformat(timespec="seconds"), status="candidate"),),
        ),
        hard,
    )
