from pathlib import Path

import numpy as np
import pytest
from simulated_survey import Survey, survey
from word_encoder import WordEncoder

from grounding.splits import Split
from personas.answer import NO_ANSWER
from personas.errors import DataError, DocumentError
from personas.models.factored import FactoredModel
from training.dataset import TrainingData
from training.gradients import factored, joint_lora, task, verdicts
from training.gradients.checkpoint import CheckpointError
from training.gradients.progress import Progress
from training.gradients.spec import LoraSpec
from training.gradients.tuned import Verdict
from training.hierarchy import loop
from training.hierarchy import reference as references
from training.hierarchy.base import BaseModel


class Deaf(WordEncoder):
    """Vectors that have nothing to do with the words."""

    def encode(self, texts, tails):
        content = [f"{len(text)} {k}" for k, text in enumerate(texts)]
        return super().encode(content, content)


def fitted(found: Survey, encoder: WordEncoder, judged_by: set[str] | None = None) -> loop.Fitted:
    data = data_of(found)
    base = BaseModel("words", "0", (0, 1), encoder)
    split = Split(seed=1, people=0.1, questions=())
    return loop.fit("m", data, base, split, 2, 1, lambda line: None, judged_by=judged_by)


def data_of(found: Survey) -> TrainingData:
    return TrainingData(found.people, found.answers, found.people.weights / found.people.weights.mean())


@pytest.fixture(scope="module")
def found() -> Survey:
    return survey(200, 1)


@pytest.fixture(scope="module")
def words(found: Survey) -> FactoredModel:
    return fitted(found, WordEncoder()).model


@pytest.fixture(scope="module")
def deaf(found: Survey) -> FactoredModel:
    return fitted(found, Deaf()).model


JUDGED = ("rivers", "forests", "tanks", "ships")


def test_an_encoder_that_reads_beats_one_that_does_not_on_questions_left_out(
    found: Survey, words: FactoredModel, deaf: FactoredModel
) -> None:
    numbers = np.array([0, 0, 1, 2])
    verdict = verdicts.compare([deaf], words, data_of(found), JUDGED, numbers)
    assert verdict.better
    assert verdict.of == 3
    assert verdict.answers == int((found.answers.only(JUDGED).chosen != NO_ANSWER).sum())
    again = verdicts.compare([deaf, words], deaf, data_of(found), JUDGED, numbers)
    assert not again.better
    assert again.gain == pytest.approx(-verdict.gain)
    assert again.error == pytest.approx(verdict.error)


def test_the_verdict_is_read_off_a_model_that_never_saw_the_questions(
    found: Survey, words: FactoredModel
) -> None:
    data = data_of(found)
    verdict = verdicts.compare([words], words, data, JUDGED, np.arange(4))
    assert verdict.gain == 0
    assert not verdict.better
    less = references.without(words, {q.fingerprint for q in data.answers.only(JUDGED).questions})
    total = weight = 0.0
    for name, p in zip(
        JUDGED, less.distributions(data.people, data.answers.only(JUDGED).questions), strict=True
    ):
        chosen = data.answers.column(name)
        for i in np.flatnonzero(chosen != NO_ANSWER):
            total += data.weights[i] * np.log(p[i, chosen[i]])
            weight += data.weights[i]
    assert verdict.tuned == pytest.approx(total / weight)


def test_kernels_are_chosen_on_the_questions_named_alone(found: Survey) -> None:
    some = fitted(found, WordEncoder(), {"whales", "radar"})
    every = fitted(found, WordEncoder())
    assert some.log_scores["left_out_shares"] != every.log_scores["left_out_shares"]
    assert some.log_scores["prior"] == every.log_scores["prior"]


def test_the_error_of_a_ratio_is_that_of_simulated_groups() -> None:
    rng = np.random.default_rng(4)
    sizes = rng.uniform(50, 150, (4000, 12))
    gains = sizes * rng.normal(0.01, 0.02, sizes.shape)
    ratios = gains.sum(axis=1) / sizes.sum(axis=1)
    errors = [verdicts.ratio_error(g, s) for g, s in zip(gains, sizes, strict=True)]
    assert np.mean(np.square(errors)) == pytest.approx(ratios.var(), rel=0.06)
    with pytest.raises(ValueError, match="at least two"):
        verdicts.ratio_error(np.ones(1), np.ones(1))


def test_questions_fall_into_whole_batteries_and_two_at_least_are_for_the_verdict() -> None:
    numbers = np.repeat(np.arange(10), 3)
    found = factored.parts(numbers, 0.2, 1)
    assert not set(numbers[found.learned]) & set(numbers[found.judged])
    assert len(found.judged) == 6
    assert len(factored.parts(np.arange(5), 0.1, 1).judged) == 2
    with pytest.raises(DataError, match=r"at least 5 batteries .* the 8 here are 4; .*write `by: question`"):
        factored.parts(np.arange(8) // 2, 0.2, 1)


def test_people_fall_into_three_groups_of_which_two_are_for_stopping_and_judging(found: Survey) -> None:
    parts = joint_lora.parts(LoraSpec(held_out=0.2), data_of(found))
    assert [len(p.people) for p in parts] == [120, 40, 40]
    assert len({i for p in parts for i in p.people.ids}) == 200
    with pytest.raises(DataError, match="that is 8, and 10 are needed: raise held_out"):
        joint_lora.parts(LoraSpec(held_out=0.04), data_of(found))


def test_layers_that_are_not_there_or_not_read_are_refused_with_those_that_are() -> None:
    LoraSpec(layers=(3, 20)).check_layers(30, 12, 21)
    LoraSpec().check_layers(30, 12, 21)
    for wrong in ((0, 21), (13, 20), (5, 4), (-1, 3)):
        with pytest.raises(DocumentError, match=r"the first must lie between 0 and 12 .* the first and 20"):
            LoraSpec(layers=wrong).check_layers(30, 12, 21)
    assert LoraSpec().matrices(21).last == 20


def test_a_training_starts_from_what_it_first_started_from(tmp_path: Path) -> None:
    first = task.start_of(tmp_path, lambda: {"a": np.arange(3.0)})
    again = task.start_of(tmp_path, lambda: {"a": np.zeros(3)})
    assert (again["a"] == first["a"]).all()
    assert not (tmp_path / f"{task.START}.part").exists()
    (tmp_path / task.START).write_bytes((tmp_path / task.START).read_bytes()[:40])
    with pytest.raises(CheckpointError, match="remove the folder"):
        task.start_of(tmp_path, lambda: {})


def test_progress_is_told_at_the_start_at_new_scores_and_at_the_end() -> None:
    lines: list[str] = []
    tell = task.spoken(lines.append, 1000.0)
    for episode in range(1, 11):
        tell(Progress(episode, 10, 1.0, -1.0 - (episode >= 5), -1.0, -1.0, 1.0, 1.0, 1.0))
    assert [line.split(",")[0] for line in lines] == [f"episode {k} of 10" for k in (1, 5, 10)]


def test_a_gain_counts_from_its_standard_error_on() -> None:
    assert Verdict(floor=-1.0, tuned=-0.9, error=0.05, answers=9, of=3).better
    assert not Verdict(floor=-1.0, tuned=-0.98, error=0.05, answers=9, of=3).better
