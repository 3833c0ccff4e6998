from dataclasses import replace

import numpy as np
import pytest
import yaml
from simulated_survey import survey
from word_encoder import WordEncoder

from grounding.splits import Split
from personas.answer import NO_ANSWER
from personas.errors import MirrorpanelError
from personas.measures import scores
from training.dataset import TrainingData, training_data
from training.hierarchy.loop import BaseModel, Fitted, fit
from training.leakage import Leakage
from training.registry import card, evaluation, gates, registry
from training.registry.card import Facts
from training.registry.evidence import HeldOutAnswers
from training.registry.front_matter import Base
from training.registry.gates import GateSettings
from training.registry.guidance import Origin
from training.registry.hard_cases import HardCase
from training.registry.registry import Event, Lineage, Registration

FACTS = Facts(
    panel="spending-1", base=Base("Apache-2.0", "https://example.org/terms", "who/words", ("English",)),
    people_trained=1234, people_held_out=823,
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
        "base model f1ngerpr1nt, licence: Apache-2.0; on the hub: who/words; languages: English",
        "layers: 3, 5",
        "panel spending-1, 1,234 people, 14 questions; fitting took 4.2 s",
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
    found = registry.figures(model.model, "unseen_people", held_out, 1, ("age", "sex"))
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
    assert content["license_name"] == "language-model-and-data-terms"
    assert content["license_link"] == "https://example.org/terms"
    assert content["base_model"] == "who/words"
    assert content["language"] == ["en"]
    assert content["pipeline_tag"] == "tabular-classification"
    assert "- data: CC BY 4.0; own" in body
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
        "How to get started",
        "Bias and recommendations",
        "Licence",
        "Citation",
        "Procedure",
        "Evaluation",
        "Limits",
        "Environmental cost",
    ):
        assert f"## {heading}" in body


def test_what_nobody_recorded_is_said_and_left_out_of_the_head(model: Fitted) -> None:
    _, head, body = card.text(model, FACTS._replace(base=Base("as there"))).split("---\n", 2)
    assert not {"language", "license_link", "base_model", "base_model_relation"} & set(yaml.safe_load(head))
    assert "- developed by: not stated; contact: not stated (add them" in body
    assert "- this adapter: licence not stated; it is derived from both" in body
    assert "- controller of the data: not recorded" in body
    assert "on the hub: not recorded; languages: not recorded" in body
    origin = Origin(("Institute of Opinions",), "adults", "mirrorpanel 9.9", "2026-11-21")
    told = card.text(model, FACTS._replace(origin=origin))
    assert "- controller of the data: Institute of Opinions" in told
    assert "- It stands for: adults." in told
    assert "year = {2026}," in told
    assert f"note = {{trained with mirrorpanel 9.9; fingerprint {model.model.fingerprint}" in told


def test_developer_contact_and_licence_stand_as_stated_and_can_be_stated_later(model: Fitted) -> None:
    said = Origin(developer="Panel team", contact="panel@firm.example", licence="internal use")
    plain, told = card.text(model, FACTS), card.text(model, FACTS._replace(origin=said))
    assert "- developed by: Panel team; contact: panel@firm.example\n" in told
    assert "- this adapter: internal use; it is derived from both" in told
    assert card.with_origin(plain, said) == told
    assert card.with_origin(told, Origin()) == plain


def test_an_interval_that_leaves_all_open_is_not_printed(model: Fitted) -> None:
    found = registration(model).figures[0]
    assert found.measured.signal is not None
    wide = found.measured.signal.model_copy(update={"low": -1.0, "high": 1.0})
    measured = found.measured.model_copy(update={"signal": wide})
    rows = evaluation.held_out([found.model_copy(update={"measured": measured})])
    row = next(line for line in rows if line.startswith("| signal"))
    assert (
        row == f"| signal (who says what) | {wide.value:.4f} (too few questions or people for an interval) |"
    )
    plain = next(line for line in evaluation.held_out([found]) if line.startswith("| signal"))
    assert f"({found.measured.signal.low:.4f} to {found.measured.signal.high:.4f})" in plain


def test_the_study_of_the_card_can_be_read_and_names_panel_and_adapter(model: Fitted) -> None:
    text = card.text(model, FACTS._replace(panel_name="spending"))
    written = text.split("```yaml\n")[1].split("```")[0]
    read = yaml.safe_load(written)
    assert (read["panel"], read["adapter"], read["questions"]) == ("spending", "spending", "all")
    assert read["segments"] == ["age", "sex"]
    assert "mirrorpanel field study.yaml" in text


def test_the_hub_reads_the_card(model: Fitted) -> None:
    hub = pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")
    facts = FACTS._replace(registration=registration(model), data_licences=("CC BY 4.0",))
    data = hub.ModelCard(card.text(model, facts)).data
    assert (data.license, data.base_model, data.pipeline_tag) == (
        "other", "who/words", "tabular-classification",
    )  # fmt: skip
    assert data.model_name == "spending"
    assert {r.metric_type for r in data.eval_results} >= {"log_loss", "agreement"}


def test_segments_with_a_base_have_the_figures_of_their_people(model: Fitted) -> None:
    found = registration(model).figures[0]
    world = survey(120, seed=9, strength=1.5, prefix="fresh")
    age = world.people.codes[:, world.people.attributes.index("age")]
    assert {(s.attribute, s.value) for s in found.segments} >= {("sex", "female"), ("sex", "male")}
    for segment in found.segments:
        assert segment.people >= 30
        column = world.people.attributes.index(segment.attribute)
        code = world.people.levels[column].index(segment.value)
        rows = np.flatnonzero(world.people.codes[:, column] == code)
        asked = [q.name for q in model.model.config.questions]
        people, answers = world.people.take(rows), world.answers.take(rows).only(asked)
        said = model.model.distributions(people, answers.questions)
        assert segment.log_loss == pytest.approx(scores.log_loss(said, answers, people.weights))
        assert segment.people == np.any(answers.chosen != NO_ANSWER, axis=1).sum()
    small = [v for c, v in enumerate(world.people.levels[world.people.attributes.index("age")])
             if (age == c).sum() < 30]  # fmt: skip
    assert not {s.value for s in found.segments} & set(small)


def test_the_largest_and_the_worst_segments_stand_on_the_card(model: Fitted) -> None:
    kept = registration(model)
    text = card.text(model, FACTS._replace(registration=kept))
    for s in kept.figures[0].segments:
        assert f"| {s.attribute}: {s.value} | {s.people:,} | {s.answers:,} | {s.log_loss:.4f} |" in text
    one = kept.figures[0].segments[0]
    many = tuple(
        one.model_copy(update={"value": f"v{i}", "people": 100 - i, "log_loss": 0.5 + i / 100})
        for i in range(10)
    )
    figures = (kept.figures[0].model_copy(update={"segments": many}),)
    text = card.text(model, FACTS._replace(registration=kept.model_copy(update={"figures": figures})))
    first, second = text.split("| largest segments |")[1].split("| segments with the highest loss |")
    assert [f"v{i}" for i in range(10) if f": v{i} |" in first] == ["v0", "v1", "v2"]
    assert [f"v{i}" for i in range(10) if f": v{i} |" in second] == ["v7", "v8", "v9"]
    assert "picked among 10" in text


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
