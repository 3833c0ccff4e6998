import pytest

from training.gradients.progress import Progress


@pytest.mark.parametrize(
    ("speed", "said"), [(0.3, "0.3 answers/s"), (9.96, "10.0 answers/s"), (252.4, "252 answers/s")]
)
def test_a_slow_training_is_not_said_to_learn_from_nothing(speed: float, said: str) -> None:
    told = Progress(1, 24, 4.1272, None, None, None, 30.0, 90.0, speed).describe()
    assert told == f"episode 1 of 24, loss 4.1272, {said}, at most 1 min 30 s left"
