from dataclasses import replace

import numpy as np
import pytest
import yaml
from simulated_survey import survey
from word_encoder import WordEncoder

from grounding.splits import Split
from personas.errors import MirrorpanelError
from training.dataset import TrainingData, training_data
from training.hierarchy.loop import BaseModel, Fitted, fit
from training.leakage import Leakage
from training.registry import card, gates, registry
from training.registry.card import Facts
from training.registry.evidence import HeldOutAnswers
from training.registry.gates import GateSettings
from training.registry.hard_cases import HardCase
from training.registry.registry import Event, Lineage, Registration

FACTS = Facts(
    panel="spending-1", licence="Apache-2.0", people_trained=1234, people_held_out=823,
    questions_held_out=("rivers", "tanks"), seconds=4.25,
)  # fmt: skip


def fitted(strength: float) -> Fitted:
    world = survey(150, seed=2, strength=strength)
    rule = Split(1, 0.3, ("rivers", "tanks"))
    data = training_data(world.people, world.answers, rule, ["age", "sex"])
    base = BaseModel("words", "f1ngerpr1nt", (3, 5), WordEncoder())
    return fit("spending", data, base, rule, 2, 1, lambda line: None)


@pytest.fixture(scope="module")
def model() -> Fitted:
    return fitted(1.5)


def test_the_card_says_what_the_model_is_and_was_fitted_on(model: Fitted) -> None:
    text = card.text(model, FACTS)
    for part in (
        "# Persona model spending",
        "Its answers are not answers of people.",
        model.model.fingerprint,
        "base model f1ngerpr1nt, licence: Apache-2.0",
        "layers: 3, 5",
        "panel spending-1, 1,234 people, 14 questions, in 4.2 s",
        "823 people and the questions rivers, tanks",
        "attributes: age, sex",
    ):
        assert part in text


def test_the_card_gives_every_score_that_was_measured(model: Fitted) -> None:
    text = card.text(model, FACTS)
    for value in model.log_scores.values():
        assert f"| {value:.4f} |" in text


def test_choices_are_given_for_people(model: Fitted) -> None:
    found = card.choices(model)
    assert found["ridge of person effects"] == f"{model.effects.ridge:g}"
    assert found["kernel of shares"].startswith("text 1 (length ")
    assert found["prior strength (people)"] == f"{model.prior.strengths[0]:.1f}"


def test_a_model_without_effects_says_so() -> None:
    found = card.choices(fitted(0.0))
    assert found["ridge of person effects"] == "none kept: no effects beat the prior"
    assert found["kernel of effects"] == "none: nothing carries from question to question"


def test_questions_of_several_kinds_have_a_range_of_strengths(model: Fitted) -> None:
    assert card._range((12.34, 40.0, 12.34)) == "12.3 to 40.0, by kind of question"
    assert np.ptp(model.prior.strengths) == 0


def registration(model: Fitted, **changes: object) -> Registration:
    world = survey(120, seed=9, strength=1.5, prefix="fresh")
    seen = [q.name for q in model.model.config.questions]
    held_out = HeldOutAnswers(world.people, world.answers.only(seen))
    found = registry.figures(model.model, "unseen_people", held_out, 1)
    assert found is not None
    quick = GateSettings(permutations=199, replicates=100)
    known = {
        "version": 2,
        "data": "d" * 64,
        "base": "b" * 64,
        "split": model.model.config.split,
        "figures": (found,),
        "gates": gates.judge(model.model, held_out, leakage=Leakage(), settings=quick),
        "lineage": Lineage(panel="spending-1", parent="spending-0", change="trained anew"),
        "events": (Event(moment="2026-11-21T10:00:00", status="candidate"),),
    }
    return Registration.model_validate(known | changes)


def test_the_head_has_the_fields_of_the_hub_with_the_figures_that_were_measured(model: Fitted) -> None:
    kept = registration(model)
    facts = FACTS._replace(registration=kept, data_licences=("CC BY 4.0", "own"))
    _, head, body = card.text(model, facts).split("---\n", 2)
    content = yaml.safe_load(head)
    assert content["license"] == "other"
    assert content["license_name"] == "language model: Apache-2.0; data: CC BY 4.0, own"
    assert content["base_model"] == "words"
    assert content["library_name"] == "mirrorpanel"
    assert "synthetic-panel" in content["tags"]
    result = content["model-index"][0]["results"][0]
    figures = {m["type"]: m["value"] for m in result["metrics"]}
    measured = kept.figures[0].measured
    assert figures["log_loss"] == pytest.approx(measured.log_loss, abs=1e-6)
    assert f"| log loss, nats for each answer | {measured.log_loss:.4f} |" in body
    assert f"| the same of its prior | {kept.figures[0].prior:.4f} |" in body
    for heading in (
        "Intended use",
        "Not intended",
        "Procedure",
        "Evaluation",
        "Limits",
        "Environmental cost",
    ):
        assert f"## {heading}" in body


def test_gates_hard_cases_and_ladder_stand_on_the_card(model: Fitted) -> None:
    case = HardCase(
        name="vague_1", kind="vague", expected="unsure", outcome="answered narrowly", passed=False,
        spread=0.4, moved=None, reason="too sure",
    )  # fmt: skip
    kept = registration(model)
    text = card.text(model, FACTS._replace(registration=kept, hard=(case,), ladder=("Use it.",)))
    assert kept.gates is not None
    for gate in kept.gates.gates:
        assert f"| {gate.title} | {gate.outcome} |" in text
    assert "- vague_1 (vague): too sure" in text
    assert "- Use it." in text


def test_the_status_can_be_renewed_without_the_rest(model: Fitted) -> None:
    kept = registration(model)
    text = card.text(model, FACTS._replace(registration=kept))
    assert "version 2, status: **candidate**" in text
    assert "follows spending-0: trained anew" in text
    later = registry.approved(kept, "2026-11-22T10:00:00", "fine", forced=False, flagged=False)
    renewed = card.with_status(text, later)
    assert "status: **approved**" in renewed
    assert "2026-11-22 10:00 UTC: approved: fine" in renewed
    assert card.with_status(renewed, kept) == text
    assert card.with_status("no marks", later) == "no marks"


def test_statistics_only_is_said() -> None:
    without = fitted(0.0)
    text = card.text(without, FACTS._replace(registration=registration(without)))
    assert "this adapter is statistics only" in text


def test_a_retired_adapter_can_be_approved_again_and_is_retired_once(model: Fitted) -> None:
    kept = registry.retired(registration(model), "2026-11-22T10:00:00", "old")
    with pytest.raises(MirrorpanelError, match="retired already"):
        registry.retired(kept, "2026-11-22T11:00:00", "")
    again = registry.approved(kept, "2026-11-23T10:00:00", "back", forced=True, flagged=True)
    assert [e.status for e in again.events] == ["candidate", "retired", "approved"]
    assert again.events[-1].forced


def test_the_hash_of_the_data_knows_every_answer_and_no_order() -> None:
    world = survey(40, seed=3)
    data = TrainingData(world.people, world.answers, world.people.weights)
    turned = np.arange(40)[::-1].copy()
    again = TrainingData(world.people.take(turned), world.answers.take(turned), data.weights[turned])
    assert registry.data_fingerprint(again) == registry.data_fingerprint(data)
    changed = world.answers.chosen.copy()
    changed[7, 3] = (changed[7, 3] + 1) % 3
    other = TrainingData(world.people, replace(world.answers, chosen=changed), data.weights)
    assert registry.data_fingerprint(other) != registry.data_fingerprint(data)
