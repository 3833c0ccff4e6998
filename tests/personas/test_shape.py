import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from personas.models.encoder import Encoder
from personas.models.joint import JointModel
from personas.models.language import LanguageModel
from personas.models.shape import Shape, shape_of, stored_parameters
from personas.models.tree import Segment, pack, stack

SMALL = Shape(
    layers=3, layer_parameters=100, attention=4, heads=2, hidden=5, inner=6, vocabulary=7, parameters=340,
    number_bytes=4, weight_bytes=1360,
)  # fmt: skip


def test_the_worked_pass_costs_what_its_docstring_says():
    found = SMALL.reading(2, 10)
    assert (found.tokens, found.flops) == (20, 21_600)


def test_places_read_off_cost_the_output_matrix_and_fewer_layers_cost_less():
    whole, less = SMALL.reading(2, 10, places=3), SMALL.reading(2, 10, layers=1)
    assert whole.flops - SMALL.reading(2, 10).flops == 2 * (2 * 3) * 5 * 7
    assert less.flops == 7_200
    assert whole.bytes - SMALL.reading(2, 10).bytes == 3 * 4 * (2 * 3) * 7


@given(st.integers(1, 40), st.integers(1, 400))
def test_longer_texts_cost_more_than_their_tokens(rows, length):
    one, two = SMALL.reading(rows, length), SMALL.reading(rows, 2 * length)
    assert two.flops > 2 * one.flops
    assert two.bytes > 2 * one.bytes


def test_operations_are_those_that_pytorch_counts(tiny_language: LanguageModel):
    # Origin of the other figure: torch.utils.flop_counter, which sees every product of the pass.
    tree = pack([Segment(-1, tuple(range(1, 41)))])
    batch = stack([tree, tree], "left")
    at, tokens = np.array([10, 20, 30]), np.array([1, 2, 3])
    with FlopCounterMode(display=False) as counter:
        tiny_language.log_probabilities(batch, at, tokens)
    found = shape_of(tiny_language).reading(2, 40, places=3).flops
    # Norms are weights that multiply nothing in a matrix, and PyTorch counts what turns positions.
    assert found == pytest.approx(counter.get_total_flops(), rel=0.1)


def test_operations_of_persons_who_share_words_are_those_that_pytorch_counts(
    tiny_language: LanguageModel, small_panel, few_questions
):
    model = JointModel(tiny_language)
    ordered = small_panel.take(model.order(small_panel))
    with FlopCounterMode(display=False) as counter:
        model.distributions(small_panel, few_questions)
    found = sum(p.flops for _, made in model.passes(ordered, few_questions) for p in made)
    assert found == pytest.approx(counter.get_total_flops(), rel=0.1)


def test_weights_are_counted_from_files_that_nobody_loads(
    tiny_folder, tiny_language: LanguageModel, tmp_path
):
    shape = shape_of(tiny_language)
    assert stored_parameters(tiny_folder) == shape.parameters
    assert shape.weight_bytes == 4 * shape.parameters
    assert stored_parameters(tmp_path) == 0


@pytest.fixture
def passes_made(monkeypatch):
    """Tokens of every forward pass, padding included, as the model got them."""
    made: list[int] = []
    original = LanguageModel._inputs

    def counted(self, ids, *rest):
        made.append(ids.size)
        return original(self, ids, *rest)

    monkeypatch.setattr(LanguageModel, "_inputs", counted)
    return made


def test_the_joint_model_makes_the_passes_that_it_said(
    tiny_language, small_panel, few_questions, passes_made
):
    model = JointModel(tiny_language)
    ordered = small_panel.take(model.order(small_panel))
    said = [p.tokens for _, made in model.passes(ordered, few_questions) for p in made]
    assert passes_made == []
    model.distributions(small_panel, few_questions)
    assert said == passes_made


def test_the_encoder_makes_the_passes_that_it_said(tiny_language, passes_made):
    texts = [f"Question {i // 2} of an agreeable survey:" * (1 + i % 5) for i in range(40)]
    tails = [f" yes indeed {i}" for i in range(40)]
    encoder = Encoder(tiny_language, (1, 2))
    said = [p.tokens for p in encoder.passes(texts, tails)]
    assert passes_made == []
    encoder.encode(texts, tails)
    assert said == passes_made
    assert len(said) > 1
