import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import noisy_line
import numpy as np
import pytest
from noisy_line import NoisyLine, settings

from training.gradients import checkpoint
from training.gradients.checkpoint import CheckpointError
from training.gradients.engine import NoNumber, Progress, train
from training.gradients.memory import OutOfMemory
from training.gradients.schedule import EngineSettings, episode_rng, rate_factor


def quiet(progress: Progress) -> None:
    pass


def test_training_finds_the_line_and_reports_the_way() -> None:
    line, told = NoisyLine(), list[Progress]()
    outcome = train(line, settings(200, patience=None), None, told.append)
    assert outcome.stopped == "done"
    assert outcome.gain is not None
    assert outcome.gain > 3.0  # the squared length of the truth is 3.43
    assert [p.episode for p in told] == list(range(1, 201))
    assert told[-1].seconds_left == 0.0
    assert outcome.state.answers == 3200
    text = told[99].describe()
    assert text.startswith("episode 100 of 200, loss ")
    assert "held out" in text
    assert "answers/s" in text
    assert "left" in text


def test_the_tensors_at_the_end_are_those_of_the_best_score() -> None:
    line = NoisyLine()
    outcome = train(line, settings(40, schedule="constant"), None, quiet)
    assert line.score() == dict(outcome.state.scores)[outcome.state.best_episode]


def test_a_training_that_does_not_help_ends_where_it_began() -> None:
    line = NoisyLine()
    line.score = lambda: -float(line.slope.detach().square().sum())
    outcome = train(line, settings(100, patience=2), None, quiet)
    assert outcome.stopped == "no gain"
    assert outcome.state.episode == 10
    assert outcome.gain == 0.0
    np.testing.assert_array_equal(line.weights()[:8], np.zeros(8))


def test_a_run_cut_anywhere_and_resumed_equals_one_that_was_not(tmp_path: Path) -> None:
    whole = NoisyLine()
    reference = train(whole, settings(30), None, quiet)
    first = NoisyLine(fails_at=13)
    with pytest.raises(OutOfMemory, match=r"in episode 14; episode 13 is kept in .*smaller batch"):
        train(first, settings(30, checkpoint_minutes=1000.0), tmp_path, quiet)
    second = NoisyLine()
    resumed = train(second, settings(30), tmp_path, quiet)
    np.testing.assert_array_equal(second.weights(), whole.weights())
    assert resumed.state.losses == reference.state.losses
    assert resumed.state.scores == reference.state.scores
    assert second.scored == reference.state.episode // 5 - 2  # no scoring again of what was scored


def test_a_process_killed_at_any_moment_and_resumed_ends_in_the_same_weights(tmp_path: Path) -> None:
    whole = NoisyLine()
    train(whole, settings(60), None, quiet)
    command = [sys.executable, noisy_line.__file__, str(tmp_path), "60"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    for after in (3, 20):
        process = subprocess.Popen(command, env=environment)
        _wait_for_episode(tmp_path, after)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    assert 20 <= checkpoint.read(tmp_path)[0].episode < 60
    subprocess.run(command, env=environment, check=True)
    np.testing.assert_array_equal(np.load(tmp_path / "weights.npy"), whole.weights())


def _wait_for_episode(folder: Path, episode: int) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        found = checkpoint.read(folder)
        if found is not None and found[0].episode >= episode:
            return
        time.sleep(0.01)
    raise AssertionError("no checkpoint was written")


def test_a_finished_run_started_again_does_nothing_more(tmp_path: Path) -> None:
    train(NoisyLine(), settings(20), tmp_path, quiet)
    again, told = NoisyLine(), list[Progress]()
    outcome = train(again, settings(20), tmp_path, told.append)
    assert outcome.state.episode == 20
    assert told == []
    assert again.weights().any()


@pytest.mark.parametrize("other", [{"data": "circle"}, {}])
def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path, other: dict[str, str]) -> None:
    train(NoisyLine(), settings(10), tmp_path, quiet)
    changed = settings(10) if other else settings(10, clip=2.0)
    with pytest.raises(CheckpointError, match="belongs to another run"):
        train(NoisyLine(**other), changed, tmp_path, quiet)


def test_how_often_a_run_saves_may_change_between_its_parts(tmp_path: Path) -> None:
    whole = NoisyLine()
    train(whole, settings(20), None, quiet)
    with pytest.raises(OutOfMemory):
        train(NoisyLine(fails_at=7), settings(20), tmp_path, quiet)
    line = NoisyLine()
    train(line, settings(20, checkpoint_minutes=9.0, minutes=60.0), tmp_path, quiet)
    np.testing.assert_array_equal(line.weights(), whole.weights())


def test_time_ends_a_run() -> None:
    assert train(NoisyLine(pause=0.01), settings(500, minutes=0.001), None, quiet).stopped == "time"


def test_a_loss_that_is_no_number_ends_the_run() -> None:
    line = NoisyLine()
    line.truth[0] = float("nan")
    with pytest.raises(NoNumber, match="loss of episode 0 is nan; use a lower learning rate"):
        train(line, settings(5), None, quiet)


def test_other_errors_are_not_taken_for_a_lack_of_memory() -> None:
    line = NoisyLine()
    line.truth = line.truth[:3]
    with pytest.raises(RuntimeError, match="size of tensor"):
        train(line, settings(5), None, quiet)


def test_gradients_go_through_whatever_shares_the_work() -> None:
    alone, shared = NoisyLine(), NoisyLine()
    train(alone, settings(10), None, quiet)

    def halve(tensors: list) -> None:
        for tensor in tensors:
            tensor.grad *= 0.5

    train(shared, settings(10, clip=1e9), None, quiet, reduce=halve)
    assert not np.array_equal(alone.weights(), shared.weights())
    assert np.isfinite(shared.weights()).all()


def test_a_process_that_does_not_write_leaves_no_file(tmp_path: Path) -> None:
    train(NoisyLine(), settings(5), tmp_path, quiet, writes=False)
    assert list(tmp_path.iterdir()) == []


def test_learning_rates_rise_and_fall_as_said() -> None:
    cosine = EngineSettings(episodes=110, warm_up=10)
    assert rate_factor(cosine, 0) == pytest.approx(0.1)
    assert rate_factor(cosine, 9) == 1.0
    assert rate_factor(cosine, 60) == pytest.approx(0.5)
    assert rate_factor(cosine, 109) == pytest.approx(0.5 * (1 + np.cos(np.pi * 0.99)))
    assert rate_factor(EngineSettings(episodes=110, warm_up=0, schedule="constant"), 109) == 1.0


def test_each_episode_draws_its_own_numbers_whatever_came_before() -> None:
    first = [episode_rng(1, e).random() for e in range(50)]
    assert len(set(first)) == 50
    assert episode_rng(1, 17).random() == first[17]
    assert episode_rng(2, 17).random() != first[17]
