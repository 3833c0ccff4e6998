import numpy as np
import pytest

from validation.inference import wilson


def test_wilson_matches_the_published_worked_example():
    # Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17
    # (1998), table I, method 3 (score interval).
    for count, base, low, high in [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
    ]:
        found = wilson(np.array([count / base]), base)
        assert [float(found[0][0]), float(found[1][0])] == pytest.approx([low, high], abs=5e-5)


def test_a_smaller_effective_base_widens_the_interval():
    wide, narrow = wilson(np.array([0.3, 0.7]), 50.5), wilson(np.array([0.3, 0.7]), 400)
    assert np.all(wide[1] - wide[0] > narrow[1] - narrow[0])


@pytest.mark.parametrize(("shares", "base"), [([0.5], 0), ([0.5], -1), ([1.2], 10), ([np.nan], 10)])
def test_undefined_intervals_are_refused(shares, base):
    with pytest.raises(ValueError, match="must"):
        wilson(np.array(shares), base)
