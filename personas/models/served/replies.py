"""What model servers reply, checked: their JSON in, log-probabilities and texts out."""

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from personas.models.served.client import Unusable

_ROUNDING = 1e-3  # a log-probability may be so far above zero
_SHOWN = 200  # characters of a reply in a message


class Reply(BaseModel):
    """Base of every reply: servers add keys of their own, which are passed over."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Alternative(Reply):
    """A token that might have come, as llama.cpp's server lists it; chat's form is the same without an id."""

    id: int | None = None
    token: str = ""
    logprob: float


class Written(Alternative):
    """A token that came."""

    top_logprobs: tuple[Alternative, ...] = ()


class Logprobs(Reply):
    """Log-probabilities in the form of OpenAI's completions, or in that of llama.cpp's server (content)."""

    tokens: tuple[str, ...] = ()
    token_logprobs: tuple[float | None, ...] = ()
    content: tuple[Written, ...] | None = None


class Choice(Reply):
    """One of the texts of a completion."""

    text: str = ""
    index: int = 0
    logprobs: Logprobs | None = None
    finish_reason: str | None = None


class Usage(Reply):
    """Tokens read and written, over all choices."""

    prompt_tokens: int = 0
    completion_tokens: int = 0


class Completion(Reply):
    """The reply of ``/completions``."""

    choices: tuple[Choice, ...]
    model: str | None = None
    usage: Usage | None = None


class Message(Reply):
    """What a chat model said."""

    content: str | None = None
    refusal: str | None = None


class Turn(Reply):
    """One of the replies of a chat."""

    message: Message
    finish_reason: str | None = None


class Chat(Reply):
    """The reply of ``/chat/completions``."""

    choices: tuple[Turn, ...]
    model: str | None = None


class Listed(Reply):
    """A model that a server lists; ``root`` is what vLLM loaded under that name."""

    id: str
    root: str | None = None


class Models(Reply):
    """The reply of ``/models``."""

    data: tuple[Listed, ...]


class Tokens(Reply):
    """The reply of llama.cpp's ``/tokenize`` and of llama-cpp-python's ``/extras/tokenize``."""

    tokens: tuple[int, ...]


class Text(Reply):
    """The reply of llama-cpp-python's ``/extras/detokenize``."""

    text: str


class Read(Reply):
    """A token of a prompt, as TGI lists it."""

    text: str
    logprob: float | None = None


class Details(Reply):
    """What TGI says of prompt and text."""

    prefill: tuple[Read, ...] = ()
    tokens: tuple[Read, ...] = ()


class Generated(Reply):
    """The reply of TGI's ``/generate``."""

    details: Details | None = None


class Step(NamedTuple):
    """One token and how likely it was.

    Attributes:
        text: as the server writes it.
        logprob: natural logarithm of its probability; ``None`` for the first of a text.
        id: where the server says it.
        others: log-probabilities of other tokens in its place, by id.
    """

    text: str
    logprob: float | None
    id: int | None = None
    others: Mapping[int, float] = MappingProxyType({})


def sound(logprob: float | None) -> float:
    """A log-probability that can be one. Raises: Unusable."""
    if logprob is None:
        raise Unusable("the reply has no log-probability for a token")
    if not math.isfinite(logprob) or logprob > _ROUNDING:
        raise Unusable(f"the reply has the log-probability {logprob}, which is none")
    return min(logprob, 0.0)


def steps(choice: Choice) -> list[Step]:
    """The tokens of a choice. Raises: Unusable where there are none, or not as many numbers as tokens."""
    found = choice.logprobs
    if found is None:
        raise Unusable("the reply has no log-probabilities")
    if found.content is not None:
        return [_step(written) for written in found.content]
    if not found.tokens or len(found.tokens) != len(found.token_logprobs):
        raise Unusable(
            f"the reply has {len(found.tokens)} tokens and {len(found.token_logprobs)} log-probabilities"
        )
    return [Step(text, logprob) for text, logprob in zip(found.tokens, found.token_logprobs, strict=True)]


def _step(written: Written) -> Step:
    others = {other.id: other.logprob for other in written.top_logprobs if other.id is not None}
    return Step(written.token, written.logprob, written.id, others)


def in_order(completion: Completion, n: int) -> Sequence[Choice]:
    """The choices in the order of their prompts. Raises: Unusable where there are not ``n``."""
    ordered = sorted(completion.choices, key=lambda choice: choice.index)
    if len(ordered) != n or len({choice.index for choice in ordered}) != n:
        raise Unusable(f"the reply has {len(ordered)} texts for {n} prompts")
    return ordered


def shown(text: str) -> str:
    """A text as a message shows it."""
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]} and so on")
