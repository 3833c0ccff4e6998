"""What becomes of answers where the options of a question are written in another order."""

import numpy as np

from benchmarks.held_out import Part
from personas.arrays import FloatArray
from personas.measures.orders import cyclic, order_sensitivity, restored
from personas.models.base import AnswerModel
from personas.question import Question

PEOPLE = 100


def nominal_order_tv(model: AnswerModel, part: Part) -> float | None:
    """Mean total variation between cyclic orders of unordered options; ``None`` without such questions."""
    questions = [q for q in part.answers.questions if q.scale == "nominal"]
    orders = [cyclic(len(q.options)) for q in questions]
    return _order_tv(model, part, questions, orders)


def reversed_order_tv(model: AnswerModel, part: Part) -> float | None:
    """Mean total variation where scales are written from the other end; ``None`` without scales."""
    questions = [q for q in part.answers.questions if q.scale == "ordinal"]
    orders = [[list(range(len(q.options))), list(range(len(q.options)))[::-1]] for q in questions]
    return _order_tv(model, part, questions, orders)


def _order_tv(
    model: AnswerModel, part: Part, questions: list[Question], orders: list[list[list[int]]]
) -> float | None:
    if not questions:
        return None
    some = part.take(np.arange(min(PEOPLE, len(part.people))))
    found: list[list[FloatArray]] = [[] for _ in questions]
    for number in range(max(len(o) for o in orders)):
        places = [i for i, o in enumerate(orders) if number < len(o)]
        shown = [_shown(questions[i], orders[i][number]) for i in places]
        for i, answers in zip(places, model.distributions(some.people, shown), strict=True):
            found[i].append(restored(answers, orders[i][number]))
    return float(np.mean([order_sensitivity(f, some.weights) for f in found]))


def _shown(question: Question, order: list[int]) -> Question:
    return question.model_copy(update={"options": tuple(question.options[i] for i in order)})
