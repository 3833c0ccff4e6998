"""What a language model has to read of persons and questions at the least, and the operations for it.

Counted from the texts alone, whatever the engine does: every token once for each history that it has. Two
persons who begin alike share that beginning; questions that begin alike share it behind each person; an
option's last token is predicted and never read. Nothing is padded, and no mask costs anything.

``FLOP = sum over tokens of layers * (2 * weights of a layer + 4 * attention width * tokens seen)
+ places * 2 * hidden width * vocabulary``

with a multiplication and an addition as two operations, the tokens seen including the token itself, and a
place for every prediction that an option's score is read from. Norms, softmax and rotations are left out.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from personas.models.shape import Shape, shape_of
from personas.panel import Panel
from personas.prompt import option_text, person_text, question_text
from personas.question import Question

if TYPE_CHECKING:
    from personas.models.language import LanguageModel

Tokens = tuple[int, ...]


class Reading(NamedTuple):
    """What has to be read.

    Attributes:
        tokens: each once for each history.
        seen: tokens that these see, summed over them, each itself included.
        places: predictions that are read off.
    """

    tokens: int
    seen: int
    places: int

    def flops(self, shape: Shape) -> float:
        """Operations; see the module. Worked: one token, one layer of 10 weights -> 20 + 4 * width."""
        dense = 2.0 * shape.layer_parameters * self.tokens + 4.0 * shape.attention * self.seen
        return shape.layers * dense + 2.0 * self.places * shape.hidden * shape.vocabulary


def flops(language: "LanguageModel", panel: Panel, questions: Sequence[Question]) -> float:
    """Operations that a language model needs at the least to answer all questions for all persons."""
    return reading(language.tokens, language.start, panel, questions).flops(shape_of(language))


def reading(
    tokens: Callable[[str], Tokens], start: Tokens, panel: Panel, questions: Sequence[Question]
) -> Reading:
    """What has to be read of persons and questions.

    Args:
        tokens: of a text, without special ones.
        start: tokens that every text begins with.
        panel: the persons; those who are alike are read once.
        questions: asked of everybody.
    """
    texts = dict.fromkeys(person_text(panel.person(i).attributes) for i in range(len(panel)))
    persons = [(*start, *tokens(text)) for text in texts]
    before = _beginnings(persons)
    inside = _beginnings(path for q in questions for path in _read(tokens, q))
    places = {path for q in questions for path in _predicting(tokens, q)}
    seen_before = sum(len(path) for path in before)
    below = sum(len(path) for path in inside)
    seen = seen_before + sum(len(person) * len(inside) + below for person in persons)
    return Reading(len(before) + len(persons) * len(inside), seen, len(persons) * len(places))


def _beginnings(paths: Iterable[Tokens]) -> set[Tokens]:
    return {path[:n] for path in paths for n in range(1, len(path) + 1)}


def _read(tokens: Callable[[str], Tokens], question: Question) -> list[Tokens]:
    text = tokens(question_text(question))
    return [(*text, *tokens(option_text(option))[:-1]) for option in question.options]


def _predicting(tokens: Callable[[str], Tokens], question: Question) -> list[Tokens]:
    """What has been read, the person left out, where a token of an option is predicted."""
    text = tokens(question_text(question))
    options = [tokens(option_text(option)) for option in question.options]
    return [(*text, *option[:n]) for option in options for n in range(len(option))]
