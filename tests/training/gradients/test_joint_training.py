from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_model import FLOAT32

from personas.answer import NO_ANSWER, Answers
from personas.errors import DataError
from personas.models.exams import exams
from personas.models.joint import JointModel
from personas.models.language import LanguageModel
from personas.models.offset import OffsetModel
from personas.panel import UNKNOWN, Panel, from_columns
from personas.prompt import option_text, person_text, question_text
from personas.question import Question
from training.dataset import TrainingData
from training.gradients import engine, parts
from training.gradients.backbone import Backbone, LoraSettings
from training.gradients.distributed import ClusterError, Share
from training.gradients.engine import EngineSettings
from training.gradients.groups import group_targets
from training.gradients.joint import JointObjective, JointSettings, option_scores

torch: Any = pytest.importorskip("torch")

Questions = tuple[Question, ...]
LORA = LoraSettings(rank=4, alpha=4.0)
PLAIN = JointSettings(tokens=120, people=6, score_passes=4, drop=0.0, drop_all=0.0, rate=1e-2)
MakeData = Callable[[int], TrainingData]


@pytest.fixture
def backbone(tiny_folder: Path) -> Backbone:
    return Backbone.load(tiny_folder, FLOAT32, LORA)


@pytest.fixture(scope="module")
def people_like_their_sex(few_questions: Questions) -> MakeData:
    """Women mostly take the first option and men the last; a third of the answers is missing."""

    def make(n: int) -> TrainingData:
        rng = np.random.default_rng(n)
        sex = rng.choice(["female", "male"], n)
        people = from_columns([f"p{i}" for i in range(n)], {"sex": list(sex)}, np.ones(n))
        chosen = np.zeros((n, len(few_questions)), dtype=np.int64)
        for q, question in enumerate(few_questions):
            last = len(question.options) - 1
            own = np.where(sex == "female", 0, last)
            chosen[:, q] = np.where(rng.random(n) < 0.85, own, rng.integers(0, last + 1, n))
        chosen[rng.random(chosen.shape) < 0.3] = NO_ANSWER
        return TrainingData(people, Answers(few_questions, chosen), np.ones(n))

    return make


def run(objective: JointObjective, episodes: int) -> engine.Outcome:
    settings = EngineSettings(episodes=episodes, warm_up=2, score_every=episodes, patience=None)
    return engine.train(objective, settings, None, lambda _: None)


def test_the_scores_trained_on_are_those_of_the_joint_model(
    backbone: Backbone, small_panel: Panel, few_questions: Questions
) -> None:
    for tensor in backbone.tensors().values():
        torch.nn.init.normal_(tensor, std=0.2)
    language = backbone.language
    exam = exams(language.tokens, few_questions)[0]
    texts = [person_text(small_panel.person(i).attributes) for i in range(len(small_panel))]
    scores = option_scores(backbone, exam, texts).detach().double()
    answers = JointModel(language).distributions(small_panel, few_questions)
    start = 0
    for rows in answers:
        own = scores[:, start : start + rows.shape[1]].softmax(-1).numpy()
        np.testing.assert_allclose(own, rows, atol=1e-5)
        start += rows.shape[1]


def test_the_trained_adapter_loaded_again_answers_as_in_training(
    backbone: Backbone, people_like_their_sex: MakeData, tiny_folder: Path, tmp_path: Path
) -> None:
    data = people_like_their_sex(40)
    run(JointObjective(backbone, data, None, PLAIN), 3)
    backbone.save(tmp_path, str(tiny_folder))
    again = LanguageModel.load(tiny_folder, FLOAT32, adapter=tmp_path)
    few = data.people.take(np.arange(4))
    trained = JointModel(backbone.language).distributions(few, data.answers.questions)
    loaded = JointModel(again).distributions(few, data.answers.questions)
    for left, right in zip(trained, loaded, strict=True):
        np.testing.assert_allclose(left, right, atol=1e-5)


def test_training_raises_the_held_out_score_and_learns_who_answers_what(
    backbone: Backbone, people_like_their_sex: MakeData
) -> None:
    data, held_out = people_like_their_sex(120), people_like_their_sex(50)
    outcome = run(JointObjective(backbone, data, held_out, PLAIN), 25)
    first, last = outcome.state.scores[0][1], outcome.state.scores[-1][1]
    assert last > first + 0.3
    both = from_columns(["f", "m"], {"sex": ["female", "male"]}, np.ones(2))
    rows = JointModel(backbone.language).distributions(both, data.answers.questions)
    assert all(r[0, 0] > 0.5 > r[1, 0] for r in rows)


def test_over_a_prior_the_untrained_adapter_answers_with_the_prior(
    tiny_folder: Path, backbone: Backbone, people_like_their_sex: MakeData
) -> None:
    data = people_like_their_sex(30)
    rng = np.random.default_rng(1)
    shares = [rng.dirichlet(np.ones(len(q.options))) for q in data.answers.questions]
    logs = [np.log(s) for s in shares]
    objective = JointObjective(backbone, data, None, PLAIN, log_prior=logs)
    scored = [objective._plain(data, np.random.default_rng(0)) for _ in range(1)]
    log_p, _ = objective._log_probabilities(data, scored[0], None)
    for k, q in enumerate(scored[0].questions):
        own = log_p[:, k, : len(shares[int(q)])].detach().exp().numpy()
        np.testing.assert_allclose(own, np.tile(shares[int(q)], (len(own), 1)), atol=1e-5)
    base = JointModel(LanguageModel.load(tiny_folder, FLOAT32))
    by_name = dict(zip([q.name for q in data.answers.questions], logs, strict=True))
    model = OffsetModel(JointModel(backbone.language), base, lambda q: by_name[q.name], "item shares")
    few = data.people.take(np.arange(3))
    for rows, share in zip(model.distributions(few, data.answers.questions), shares, strict=True):
        np.testing.assert_allclose(rows, np.tile(share, (3, 1)), atol=1e-5)
    run(objective, 4)
    trained = model.distributions(few, data.answers.questions)
    assert max(np.abs(t - s).max() for t, s in zip(trained, shares, strict=True)) > 0.01
    part = scored[0]
    log_p, _ = objective._log_probabilities(data, part, None)
    own = model.distributions(
        data.people.take(part.people), [data.answers.questions[int(q)] for q in part.questions]
    )
    for k, rows in enumerate(own):
        np.testing.assert_allclose(log_p[:, k, : rows.shape[1]].detach().exp().numpy(), rows, atol=1e-4)


def test_all_terms_of_the_loss_together_train_and_are_reproducible(
    tiny_folder: Path, people_like_their_sex: MakeData
) -> None:
    data = people_like_their_sex(40)
    centres = [np.full(len(q.options), 1 / len(q.options)) for q in data.answers.questions]
    targets = group_targets(data, centres)
    settings = PLAIN.model_copy(
        update={"ordinal": 0.5, "groups": 0.5, "neutral": 0.2, "drop": 0.2, "drop_all": 0.2, "parts": 2}
    )
    ends = []
    for _ in range(2):
        backbone = Backbone.load(tiny_folder, FLOAT32, LORA.model_copy(update={"dropout": 0.1}))
        run(JointObjective(backbone, data, None, settings, targets=targets), 3)
        ends.append([t.detach().clone() for t in backbone.tensors().values()])
    assert all(torch.equal(a, b) for a, b in zip(*ends, strict=True))
    assert any(t.abs().max() > 0 for t in ends[0])


def test_a_run_that_was_cut_off_ends_as_one_that_was_not(
    tiny_folder: Path, people_like_their_sex: MakeData, tmp_path: Path
) -> None:
    data = people_like_their_sex(30)
    how = EngineSettings(episodes=4, warm_up=1, score_every=2, patience=None, checkpoint_minutes=0)
    settings = PLAIN.model_copy(update={"drop": 0.3, "neutral": 0.1})
    lora = LORA.model_copy(update={"dropout": 0.1})

    def cut(progress: engine.Progress) -> None:
        if progress.episode == 2:
            raise KeyboardInterrupt

    def begun() -> JointObjective:
        return JointObjective(Backbone.load(tiny_folder, FLOAT32, lora), data, data, settings)

    whole, parted = begun(), begun()
    engine.train(whole, how, None, lambda _: None)
    with pytest.raises(KeyboardInterrupt):
        engine.train(parted, how, tmp_path, cut)
    again = begun()
    engine.train(again, how, tmp_path, lambda _: None)
    ends = [objective.backbone.tensors().values() for objective in (whole, again)]
    assert all(torch.equal(a, b) for a, b in zip(*ends, strict=True))


def test_the_memory_is_estimated_from_what_one_pass_reads(
    backbone: Backbone, people_like_their_sex: MakeData
) -> None:
    data = people_like_their_sex(20)
    small = JointObjective(backbone, data, None, PLAIN).load()
    prefix = max(len(backbone.language.tokens(person_text({"sex": s}))) for s in ("female", "male"))
    language, questions = backbone.language, data.answers.questions
    texts = [text for q in questions for text in (question_text(q), *map(option_text, q.options))]
    every = sum(len(language.tokens(text)) for text in texts)
    assert small.longest == prefix + min(PLAIN.tokens, every)
    assert small.tokens == min(PLAIN.people, 20) * small.longest
    fewer = JointObjective(backbone, data, None, PLAIN.model_copy(update={"people": 2})).load()
    assert fewer.bytes() < small.bytes()
    # No pass reads more than there is, whatever is asked for.
    endless = PLAIN.model_copy(update={"people": 60, "tokens": 20_000_000})
    assert JointObjective(backbone, data, None, endless).load().tokens == 20 * (prefix + every)


def test_groups_are_everybody_and_each_value_with_shares_between_theirs_and_the_centre(
    people_like_their_sex: MakeData,
) -> None:
    data = people_like_their_sex(200)
    centres = [np.full(len(q.options), 1 / len(q.options)) for q in data.answers.questions]
    targets = group_targets(data, centres, strength=30.0)
    assert targets.attributes == ({}, {"sex": "female"}, {"sex": "male"})
    shares, reliability = targets.of(np.array([1, 2]), np.array([0, 1]))
    assert shares.shape == (2, 2, 3)
    np.testing.assert_allclose(shares.sum(-1), 1.0)
    assert np.all(shares[0, :, 0] > 0.5)
    assert np.all(shares[1, :, 2] > 0.5)
    women = data.people.codes[:, 0] == 0
    n = int(np.sum(women & (data.answers.chosen[:, 0] != NO_ANSWER)))
    assert reliability[0, 0] == pytest.approx(n / (n + 30))


def test_a_part_holds_people_who_answered_most_of_its_questions(people_like_their_sex: MakeData) -> None:
    data = people_like_their_sex(100)
    answered = data.answers.chosen != NO_ANSWER
    rng = np.random.default_rng(0)
    for _ in range(20):
        part = parts.part_of(data, answered, np.array([40, 40, 40]), 80, 5, rng)
        assert 1 <= len(part.questions) <= 2
        assert len(set(part.people)) == len(part.people) <= 5
        assert np.all(answered[np.ix_(part.people, part.questions)].mean(axis=1) >= 0.5)


def test_people_to_stop_by_are_not_people_to_learn_from(people_like_their_sex: MakeData) -> None:
    data = people_like_their_sex(50)
    fit, stop = parts.split_people(data, 0.2, np.random.default_rng(0))
    assert len(fit.people) == 40
    assert set(fit.people.ids) | set(stop.people.ids) == set(data.people.ids)
    assert not set(fit.people.ids) & set(stop.people.ids)


def test_what_cannot_be_trained_is_refused_by_name(
    backbone: Backbone, people_like_their_sex: MakeData
) -> None:
    data = people_like_their_sex(20)
    silent = replace(data, weights=np.zeros(20))
    with pytest.raises(DataError, match="nobody with a positive weight"):
        JointObjective(backbone, silent, None, PLAIN)
    with pytest.raises(ClusterError, match="parts is 1, which 2 processes"):
        JointObjective(backbone, data, None, PLAIN, share=Share(0, 2))
    with pytest.raises(ValueError, match="as targets"):
        JointObjective(backbone, data, None, PLAIN.model_copy(update={"groups": 1.0}))
    wordy = replace(data.people, levels=(("very " * 600, "male"),))
    long = JointObjective(backbone, replace(data, people=wordy), None, PLAIN)
    with pytest.raises(DataError, match="too long"):
        run(long, 4)


def test_another_objective_has_another_fingerprint(
    backbone: Backbone, people_like_their_sex: MakeData
) -> None:
    data = people_like_their_sex(20)
    known = JointObjective(backbone, data, None, PLAIN).fingerprint
    assert JointObjective(backbone, data, None, PLAIN).fingerprint == known
    others = [
        JointObjective(backbone, people_like_their_sex(21), None, PLAIN),
        JointObjective(backbone, data, data, PLAIN),
        JointObjective(backbone, data, None, PLAIN.model_copy(update={"ordinal": 0.5})),
        JointObjective(backbone, replace(data, people=data.people.empty()), None, PLAIN),
    ]
    assert len({known, *(o.fingerprint for o in others)}) == 5
    assert np.all(data.people.empty().codes == UNKNOWN)
