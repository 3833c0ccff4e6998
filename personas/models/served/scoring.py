"""Log-probabilities of given texts from a server that repeats a prompt with its own.

Two ways: ``echo`` of OpenAI's completions (vLLM, SGLang), and TGI's details of what it read. A server that
has neither is asked by ``forcing``. A server may take the request and answer something else: llama.cpp's
passes ``echo`` over (ggml-org/llama.cpp, issue 27174), llama-cpp-python puts each number beside the token
before its own where a model has no start token (abetlen/llama-cpp-python, issue 1983). So no way is used
before its figures agree with those that the same server gives for tokens that it wrote itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from personas.arrays import FloatArray
from personas.models.served.client import Client, Unusable
from personas.models.served.replies import (
    Completion,
    Generated,
    Step,
    in_order,
    shown,
    sound,
    steps,
)

AGREED = 0.25
"""How far a token's log-probability, read and written, may lie apart: kernels and number formats differ."""
_NEVER = -9000.0  # what servers say for a probability of zero (vLLM: -9999)
_PROBES = (
    "The person is asked questions in a survey and answers each one truthfully.\n\n"
    "Question: Which animal do you like best?\nAnswer:",
    "Three friends went to the market on a cold morning. The first one bought",
    "Once upon a time there lived in a small house near the sea",
)


@dataclass(frozen=True)
class Spelling:
    """The options of a question as the server's tokenizer writes them.

    Attributes:
        options: texts that go on from the question.
        pieces: the tokens of each, as the server shows them.
        ids: their numbers, where the server says them.
    """

    options: tuple[str, ...]
    pieces: tuple[tuple[str, ...], ...]
    ids: tuple[tuple[int, ...], ...] = ()


class Scoring(Protocol):
    """A way to learn how likely a server's model finds given texts."""

    def spell(self, before: str, options: Sequence[str]) -> Spelling:
        """The tokens of each option behind ``before``. Raises: NoReply, Unusable."""
        ...

    def scores(self, before: str, spelling: Spelling) -> FloatArray:
        """Log-probability of each option behind ``before``, (n_options,). Raises: NoReply, Unusable."""
        ...

    def sample(self, prompt: str, seed: int) -> Step:
        """One token that the model writes behind a prompt. Raises: NoReply, Unusable."""
        ...


def checked(scoring: Scoring) -> None:
    """Returns if given texts are scored as the server scores what it writes itself.

    Raises:
        NoReply: the server does not take the requests.
        Unusable: it takes them, and its figures disagree or cannot be compared.
    """
    agreed, why = 0, "no token that the server wrote could be compared with the same token read"
    for seed, prompt in enumerate(_PROBES):
        try:
            written = scoring.sample(prompt, seed)
        except Unusable as error:  # as where the model ends its text at once
            why = str(error)
            continue
        if not written.text.strip():
            continue
        spelling = scoring.spell(prompt, [written.text])
        if len(spelling.pieces[0]) != 1:
            continue
        read = float(scoring.scores(prompt, spelling)[0])
        if abs(read - sound(written.logprob)) > AGREED:
            raise Unusable(
                f"the token {shown(written.text)} has the log-probability {written.logprob:.3f} where the "
                f"server writes it, and {read:.3f} where it reads it"
            )
        agreed += 1
    if not agreed:
        raise Unusable(why)


def summed(found: Sequence[float]) -> float:
    """Log-probability of an option from those of its tokens."""
    return float(np.sum([sound(logprob) for logprob in found]))


def settled(scores: Sequence[float]) -> FloatArray:
    """Scores of a question's options. Raises: Unusable where the server gives every one the probability 0."""
    found = np.array(scores, dtype=np.float64)
    if found.max() < _NEVER:
        raise Unusable("the server gives every option the probability zero")
    return found


class _Reading:
    """What the two ways have in common: from the tokens of whole prompts to scores of options."""

    def read(self, prompts: Sequence[str]) -> list[list[Step]]:
        """The tokens of each prompt. Raises: NoReply, Unusable."""
        raise NotImplementedError

    def spell(self, before: str, options: Sequence[str]) -> Spelling:
        bare, *whole = self.read([before, *(before + option for option in options)])
        start = [step.text for step in bare]
        pieces: list[tuple[str, ...]] = []
        for option, tokens in zip(options, whole, strict=True):
            texts = [step.text for step in tokens]
            if texts[: len(start)] != start or len(texts) == len(start):
                raise Unusable(f"the server's tokenizer does not begin the option {shown(option)} afresh")
            pieces.append(tuple(texts[len(start) :]))
        return Spelling(tuple(options), tuple(pieces))

    def scores(self, before: str, spelling: Spelling) -> FloatArray:
        scores: list[float] = []
        read = self.read([before + option for option in spelling.options])
        for tokens, own in zip(read, spelling.pieces, strict=True):
            last = tokens[-len(own) :]
            if tuple(step.text for step in last) != own or len(tokens) == len(own):
                raise Unusable(f"the reply ends in {shown(''.join(s.text for s in last))}, not in the option")
            scores.append(summed([sound(step.logprob) for step in last]))
        return settled(scores)


class Echo(_Reading):
    """Completions that repeat their prompt (``echo``) with log-probabilities.

    Args:
        client: of the server.
        together: a list of prompts in one request, where the server takes that.
    """

    def __init__(self, client: Client, *, together: bool, probe: bool = False) -> None:
        self._client, self._together, self._probe = client, together, probe

    def read(self, prompts: Sequence[str]) -> list[list[Step]]:
        """See ``_Reading``."""
        if self._together and len(prompts) > 1:
            found = self._several(prompts)
            if found is not None:
                return found
        return [self._single(prompt) for prompt in prompts]

    def sample(self, prompt: str, seed: int) -> Step:
        """See ``Scoring``."""
        return written(self._client, prompt, seed)

    def _single(self, prompt: str) -> list[Step]:
        found = self._listed([prompt], self._request(prompt))
        if found is None:
            raise Unusable("the number of tokens in the reply is not that of prompt and text")
        return found[0]

    def _several(self, prompts: Sequence[str]) -> list[list[Step]] | None:
        return self._listed(prompts, self._request(list(prompts)))

    def _request(self, prompt: str | list[str]) -> Completion:
        body = {
            "model": self._client.endpoint.model,
            "prompt": prompt,
            "max_tokens": 1,
            "temperature": 1.0,
            "top_p": 1.0,
            "echo": True,
            "logprobs": 1,
        }
        return self._client.post("/completions", body, Completion, probe=self._probe)

    def _listed(self, prompts: Sequence[str], reply: Completion) -> list[list[Step]] | None:
        """Tokens of the prompts, without the one written behind each.

        ``None`` where the reply's counts leave open which are which.
        """
        choices = in_order(reply, len(prompts))
        for prompt, choice in zip(prompts, choices, strict=True):
            if not choice.text.startswith(prompt):
                raise Unusable("the server does not repeat the prompt (echo)")
        if reply.usage is None:
            raise Unusable("the reply does not say how many tokens were read and written (usage)")
        found = [steps(choice) for choice in choices]
        n, new = len(prompts), reply.usage.completion_tokens
        # A start token may be counted and not listed.
        unlisted = reply.usage.prompt_tokens + new - sum(len(tokens) for tokens in found)
        if unlisted not in (0, n) or new not in (0, n):
            return None
        return [tokens[:-1] for tokens in found] if new else found


class Prefill(_Reading):
    """TGI's ``/generate``, which lists the tokens that it read where it was started to do so."""

    def __init__(self, client: Client, *, probe: bool = False) -> None:
        self._client, self._probe = client, probe

    def read(self, prompts: Sequence[str]) -> list[list[Step]]:
        """See ``_Reading``."""
        found: list[list[Step]] = []
        for prompt in prompts:
            details = self._generate(prompt, {"decoder_input_details": True}).details
            if details is None or not details.prefill:
                raise Unusable(
                    "the server lists no tokens that it read (TGI: start it with --enable-prefill-logprobs)"
                )
            found.append([Step(token.text, token.logprob) for token in details.prefill])
        return found

    def sample(self, prompt: str, seed: int) -> Step:
        """See ``Scoring``; the likeliest token, since TGI changes the figures where it draws."""
        details = self._generate(prompt, {}).details
        if details is None or not details.tokens:
            raise Unusable("the server lists no tokens that it wrote")
        return Step(details.tokens[0].text, details.tokens[0].logprob)

    def _generate(self, prompt: str, parameters: dict[str, object]) -> Generated:
        body = {"inputs": prompt, "parameters": {"max_new_tokens": 1, "details": True, **parameters}}
        return self._client.post("/generate", body, Generated, root=True, probe=self._probe)


def written(client: Client, prompt: str, seed: int) -> Step:
    """One token drawn from the model behind a prompt. Raises: NoReply, Unusable."""
    body = {
        "model": client.endpoint.model,
        "prompt": prompt,
        "max_tokens": 1,
        "temperature": 1.0,
        "top_p": 1.0,
        "seed": seed,
        "logprobs": 1,
    }
    reply = client.post("/completions", body, Completion, probe=True)
    found = steps(in_order(reply, 1)[0])
    if len(found) != 1:
        raise Unusable(f"the server wrote {len(found)} tokens where one was asked for")
    return found[0]
