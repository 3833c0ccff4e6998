import importlib.util
import math
from pathlib import Path
from typing import Any

import pytest
from tiny_model import FLOAT32

from benchmarks import large_shapes
from benchmarks.large_shapes import SHAPES, Shape
from personas.models.processor import choose

torch: Any = pytest.importorskip("torch")


def test_the_benchmarks_steps_run_on_a_small_shape(tmp_path: Path) -> None:
    small = Shape(hidden=32, inner=48, layers=2, heads=4, key_heads=2, vocabulary=500)
    step = large_shapes.steps(large_shapes.save(small, FLOAT32, tmp_path), FLOAT32, four_bit=False, number=2)
    assert math.isfinite(step.loss)
    assert step.seconds > 0
    assert step.estimate > 0


def test_the_shapes_have_seven_and_eight_billion_parameters() -> None:
    def parameters(s: Shape) -> int:
        attention = 2 * s.hidden * s.hidden + 2 * s.hidden * (s.hidden // s.heads) * s.key_heads
        layer = attention + 3 * s.hidden * s.inner + 2 * s.hidden
        return s.layers * layer + 2 * s.vocabulary * s.hidden + s.hidden

    # As the makers of Llama 2 7B and Llama 3 8B count them.
    assert parameters(SHAPES["llama_7b"]) == 6_738_415_616
    assert parameters(SHAPES["llama_8b"]) == 8_030_261_248


@pytest.mark.skipif(not torch.cuda.is_available(), reason="a 7B model needs a CUDA GPU; there is none here")
@pytest.mark.parametrize("four_bit", [False, True])
def test_a_step_of_seven_billion_parameters_fits_and_runs(tmp_path: Path, four_bit: bool) -> None:
    if four_bit and importlib.util.find_spec("bitsandbytes") is None:
        pytest.skip("bitsandbytes is not installed")
    processor = choose("cuda")
    folder = large_shapes.save(SHAPES["llama_7b"], processor, tmp_path)
    torch.cuda.empty_cache()
    step = large_shapes.steps(folder, processor, four_bit, number=2)
    assert math.isfinite(step.loss)
    assert step.bytes < 1.2 * step.estimate
