"""The rungs by name, from the plainest to the dearest."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from personas.errors import MirrorpanelError, UnknownName
from personas.models.base import AnswerModel
from personas.models.factored import TextEncoder
from personas.models.joint import JointModel
from training.dataset import TrainingData
from training.ladder.rungs import boosting, cells, logit, multilevel, prompting, retrieval, shares

if TYPE_CHECKING:
    from personas.models.language import LanguageModel

Family = Literal["statistics", "language model", "trained"]
"""What a rung needs: the answers alone, a language model as it is, or one fitted to the answers."""


@dataclass(frozen=True)
class Tools:
    """What rungs are fitted with beside the data.

    Attributes:
        language: the untuned language model; ``None`` leaves the prompting rungs out.
        encoder: vectors of texts, for retrieval of questions.
        seconds: longest time that one statistical rung may fit; questions after it have their item share.
    """

    language: "LanguageModel | None" = None
    encoder: TextEncoder | None = None
    seconds: float = 300.0


@dataclass(frozen=True)
class Rung:
    """A rung.

    Attributes:
        title: what readers see.
        family: see ``Family``.
        new_questions: whether it can say anything of a question that it has no answers to.
        make: fits it.
    """

    title: str
    family: Family
    new_questions: bool
    make: Callable[[TrainingData, Tools], AnswerModel]


def _language(tools: Tools) -> "LanguageModel":
    if tools.language is None:
        raise MirrorpanelError(
            "A prompting rung needs a language model; name one, or leave plain_prompt, instructions and "
            "few_shot out of the ladder"
        )
    return tools.language


def _few_shot(data: TrainingData, tools: Tools) -> AnswerModel:
    if tools.encoder is None:
        raise MirrorpanelError("The rung few_shot needs an encoder to find questions alike; give one")
    return prompting.few_shot(_language(tools), data, tools.encoder)


RUNGS: dict[str, Rung] = {
    "uniform": Rung("Uniform guess", "statistics", True, lambda data, _: shares.uniform(data)),
    "item_share": Rung("Item share", "statistics", True, lambda data, _: shares.item_share(data)),
    "cells": Rung("Demographic cells", "statistics", False, lambda data, _: cells.fit(data)),
    "multilevel": Rung(
        "Multilevel regression", "statistics", False, lambda d, t: multilevel.fit(d, t.seconds)
    ),
    "logit": Rung("Multinomial logit", "statistics", False, lambda d, t: logit.multinomial(d, t.seconds)),
    "ordered_logit": Rung("Ordered logit", "statistics", False, lambda d, t: logit.ordinal(d, t.seconds)),
    "boosting": Rung("Gradient boosting", "statistics", False, lambda d, t: boosting.fit(d, t.seconds)),
    "plain_prompt": Rung(
        "Language model, plain prompt", "language model", True, lambda _, tools: JointModel(_language(tools))
    ),
    "instructions": Rung(
        "Language model, prompt with instructions",
        "language model",
        True,
        lambda _, tools: prompting.instructed(_language(tools)),
    ),
    "few_shot": Rung("Language model, answers of similar people", "language model", True, _few_shot),
    "retrieval": Rung(
        "Retrieval of similar people and questions",
        "statistics",
        True,
        lambda data, tools: retrieval.fit(data, tools.encoder),
    ),
}
"""Rungs that are fitted here; trained models are handed to the ladder."""

NEED_LANGUAGE = ("plain_prompt", "instructions", "few_shot")


def get(name: str) -> Rung:
    """The rung with this name. Raises: UnknownName."""
    if name not in RUNGS:
        raise UnknownName("rung", name, list(RUNGS))
    return RUNGS[name]
