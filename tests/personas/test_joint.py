from pathlib import Path

import numpy as np
import pytest
from tiny_model import FLOAT32, OneByOne, save_tiny_model

from personas.errors import DataError
from personas.models import joint
from personas.models.joint import JointModel
from personas.models.language import LanguageModel
from personas.models.processor import Processor
from personas.models.work import work
from personas.panel import Panel, from_columns
from personas.question import Question

Questions = tuple[Question, ...]


@pytest.fixture(scope="module")
def model(tiny_language: LanguageModel) -> JointModel:
    return JointModel(tiny_language)


def test_joint_scores_equal_scoring_each_option_on_its_own(
    model: JointModel, small_panel: Panel, few_questions: Questions, one_by_one: OneByOne
) -> None:
    answers = model.distributions(small_panel, few_questions)
    for question, rows in zip(few_questions, answers, strict=True):
        expected = one_by_one(model.language, small_panel, question)
        assert rows.shape == (len(small_panel), len(question.options))
        np.testing.assert_allclose(rows, expected, atol=1e-5)
    assert np.ptp(answers[0]) > 0.05


@pytest.mark.parametrize(
    ("architecture", "changes"),
    [
        ("Qwen2", {}),
        ("Gemma3Text", {"sliding_window": 16, "layer_types": ["sliding_attention", "full_attention"] * 2}),
        ("Mistral", {"sliding_window": 16}),
    ],
)
def test_other_architectures_score_alike_also_behind_a_sliding_window(
    tmp_path: Path,
    architecture: str,
    changes: dict[str, object],
    small_panel: Panel,
    few_questions: Questions,
    one_by_one: OneByOne,
) -> None:
    layers = len(changes["layer_types"]) if "layer_types" in changes else 3
    folder = save_tiny_model(tmp_path, architecture, num_hidden_layers=layers, **changes)
    language = LanguageModel.load(folder, FLOAT32)
    answers = JointModel(language).distributions(small_panel, few_questions)
    for question, rows in zip(few_questions, answers, strict=True):
        np.testing.assert_allclose(rows, one_by_one(language, small_panel, question), atol=1e-5)


def test_the_order_of_the_options_does_not_matter(
    model: JointModel, small_panel: Panel, few_questions: Questions
) -> None:
    for question in few_questions:
        order = list(range(len(question.options)))[::-1]
        turned = question.model_copy(update={"options": tuple(question.options[i] for i in order)})
        rows, again = (model.distributions(small_panel, [q])[0] for q in (question, turned))
        np.testing.assert_allclose(again, rows[:, order], atol=1e-5)


def test_questions_do_not_see_each_other(
    model: JointModel, small_panel: Panel, few_questions: Questions
) -> None:
    together = model.distributions(small_panel, few_questions)
    for question, rows in zip(few_questions, together, strict=True):
        np.testing.assert_allclose(model.distributions(small_panel, [question])[0], rows, atol=1e-5)


def test_answers_do_not_depend_on_how_questions_and_persons_are_packed(
    model: JointModel, small_panel: Panel, few_questions: Questions, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = model.distributions(small_panel, few_questions)
    monkeypatch.setattr(joint, "TREE_TOKENS", 1)
    monkeypatch.setattr(joint, "_PASS_TOKENS", {"cpu": 1})
    apart = model.distributions(small_panel, few_questions)
    for a, b in zip(together, apart, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_iterate_covers_every_row_once_and_in_order_and_can_be_stopped(
    model: JointModel, small_panel: Panel, few_questions: Questions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joint, "_PASS_TOKENS", {"cpu": 1})
    whole = model.distributions(small_panel, few_questions)
    parts = list(model.iterate(small_panel, few_questions))
    # The fourth person equals the first, so it comes along with the third and is not read again.
    assert [(rows.start, rows.stop) for rows, _ in parts] == [(0, 1), (1, 2), (2, 4), (4, 5)]
    for rows, answers in parts:
        for question, answer in zip(whole, answers, strict=True):
            np.testing.assert_allclose(answer, question[rows], atol=1e-5)
    rows, answers = next(iter(model.iterate(small_panel, few_questions)))
    assert rows == slice(0, 1)
    assert [a.shape for a in answers] == [(1, 3), (1, 3), (1, 4)]


def test_a_person_of_many_words_is_read_apart_from_the_others(
    model: JointModel, few_questions: Questions, monkeypatch: pytest.MonkeyPatch
) -> None:
    diaries = ["short", "brief", "very long " * 20, "curt"]
    panel = from_columns(["p1", "p2", "p3", "p4"], {"diary": diaries}, np.ones(4))
    whole = model.distributions(panel, few_questions)
    monkeypatch.setattr(joint, "_PASS_TOKENS", {"cpu": 150})
    parts = [rows for rows, _ in model.iterate(panel, few_questions)]
    assert slice(2, 3) in parts
    for a, b in zip(whole, model.distributions(panel, few_questions), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_an_empty_panel_is_read_in_one_pass(
    model: JointModel, small_panel: Panel, few_questions: Questions
) -> None:
    ((rows, answers),) = model.iterate(small_panel.empty(), few_questions)
    assert rows == slice(0, 5)
    assert np.array_equal(answers[0], np.repeat(answers[0][:1], 5, axis=0))


def test_no_persons_or_no_questions_give_no_answers(
    model: JointModel, small_panel: Panel, few_questions: Questions
) -> None:
    nobody = small_panel.take(np.array([], dtype=np.int64))
    assert [a.shape for a in model.distributions(nobody, few_questions)] == [(0, 3), (0, 3), (0, 4)]
    assert model.distributions(small_panel, []) == []


def test_a_text_longer_than_the_model_reads_is_refused(model: JointModel, few_questions: Questions) -> None:
    panel = from_columns(["p1"], {"diary": ["very long " * 200]}, np.ones(1))
    with pytest.raises(DataError, match=r"reads 512; shorten the question .* or the attributes") as refused:
        model.distributions(panel, few_questions)
    assert "very long" not in str(refused.value)  # what is known of a person stays out of messages
    assert "(here 'diary')" in str(refused.value)


def test_a_question_longer_than_the_model_reads_is_named_before_its_tree_is_made(
    model: JointModel, small_panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("personas.models.joint.exams", lambda *_: pytest.fail("a tree was made"))
    options = ("no", "yes " * 600)
    question = Question(name="wordy", text="Really?", options=options)
    with pytest.raises(
        DataError, match=r"with its longest option .* reads 512; shorten the question 'wordy'"
    ):
        list(model.passes(small_panel, [question]))


def test_a_person_too_long_is_found_in_any_batch_before_one_is_read(model: JointModel) -> None:
    texts = ["short"] * 400
    texts[123] = "very long " * 200
    panel = from_columns([f"p{i}" for i in range(400)], {"diary": texts}, np.ones(400))
    question = Question(name="tea", text="Tea?", options=("no", "yes"))
    with pytest.raises(DataError, match="is too long"):
        work(model, panel, [question], batch=1)


def test_the_fingerprint_changes_with_the_weights_and_the_number_format(
    model: JointModel, tiny_folder: Path, tmp_path: Path
) -> None:
    assert JointModel(LanguageModel.load(tiny_folder, FLOAT32)).fingerprint == model.fingerprint
    other = LanguageModel.load(save_tiny_model(tmp_path, seed=1), FLOAT32)
    assert JointModel(other).fingerprint != model.fingerprint
    coarse = LanguageModel.load(tiny_folder, Processor("cpu", "bfloat16", "asked for"))
    assert JointModel(coarse).fingerprint != model.fingerprint
    assert model.name == f"{tiny_folder.name} (joint, zero-shot)"


def test_bfloat16_is_near_float32(
    model: JointModel, tiny_folder: Path, small_panel: Panel, few_questions: Questions
) -> None:
    coarse = JointModel(LanguageModel.load(tiny_folder, Processor("cpu", "bfloat16", "asked for")))
    pairs = zip(
        coarse.distributions(small_panel, few_questions),
        model.distributions(small_panel, few_questions),
        strict=True,
    )
    for rough, fine in pairs:
        np.testing.assert_allclose(rough, fine, atol=0.1)
