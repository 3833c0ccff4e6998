"""Log-probabilities of given texts from llama.cpp's servers, which give them only for what they write.

The model is made to write each option: a grammar that allows nothing else. The figures are those before the
grammar, so they are the model's own. One request for each option at most: what stood beside a token that was
written (other tokens in its place) is remembered, so that a scale of one-token options mostly takes one.
"""

from collections.abc import Sequence

from personas.arrays import FloatArray
from personas.models.served.client import Client, NoReply, Unusable
from personas.models.served.replies import Completion, Step, Text, Tokens, in_order, shown, sound, steps
from personas.models.served.scoring import Spelling, settled, summed, written

_BESIDE = 100  # other tokens that are listed for each one written
_FORCE = 100.0  # added to a token's logit, it outweighs every other
_Path = tuple[int, ...]


class Forced:
    """Options written under a grammar, on llama.cpp's own server or llama-cpp-python's.

    Args:
        client: of the server.
        python: whether it is llama-cpp-python's, which shows tokens without their numbers.
    """

    def __init__(self, client: Client, *, python: bool, probe: bool = False) -> None:
        self._client, self._python, self._probe = client, python, probe
        self._pieces: dict[int, str] = {}

    def spell(self, before: str, options: Sequence[str]) -> Spelling:
        """See ``Scoring``."""
        start = self._tokens(before)
        ids: list[_Path] = []
        for option in options:
            whole = self._tokens(before + option)
            if whole[: len(start)] != start or len(whole) == len(start):
                raise Unusable(f"the server's tokenizer does not begin the option {shown(option)} afresh")
            ids.append(whole[len(start) :])
        pieces = [tuple(self._piece(token) for token in own) if self._python else () for own in ids]
        for option, own in zip(options, pieces, strict=True):
            if self._python and "".join(own) != option:
                raise Unusable(f"the server spells the option {shown(option)} {shown(''.join(own))}")
        return Spelling(
            tuple(options), tuple(p or ("",) * len(i) for p, i in zip(pieces, ids, strict=True)), tuple(ids)
        )

    def scores(self, before: str, spelling: Spelling) -> FloatArray:
        """See ``Scoring``."""
        known: dict[_Path, float] = {}
        order = sorted(range(len(spelling.ids)), key=lambda i: -len(spelling.ids[i]))
        for i in order:
            own = spelling.ids[i]
            if _next(own, known) is not None:
                self._write(before, spelling, i, known)
            while (at := _next(own, known)) is not None:
                self._push(before, spelling, i, at, known)
        return settled([summed([known[own[: n + 1]] for n in range(len(own))]) for own in spelling.ids])

    def sample(self, prompt: str, seed: int) -> Step:
        """See ``Scoring``."""
        return written(self._client, prompt, seed)

    def _write(self, before: str, spelling: Spelling, option: int, known: dict[_Path, float]) -> None:
        """Has the option written whole; it may be spelt in other tokens from some place on."""
        own = spelling.ids[option]
        grammar = f"root ::= {_quoted(spelling.options[option])}"
        found = self._complete(before, len(own), {"grammar": grammar})
        for n, step in enumerate(found[: len(own)]):
            if not self._note(step, spelling, option, n, known):
                break

    def _push(self, before: str, spelling: Spelling, option: int, at: int, known: dict[_Path, float]) -> None:
        """Has one token of the option written, by adding to its logit.

        Raises:
            Unusable: another token came, or the text so far is spelt in other tokens.
        """
        own, text = spelling.ids[option], spelling.options[option]
        prompt: str | list[object] = [before, *own[:at]] if at else before
        if self._python and at:
            so_far = "".join(spelling.pieces[option][:at])
            start = self._tokens(before)
            if self._tokens(before + so_far) != (*start, *own[:at]):
                raise Unusable(f"the option {shown(text)} cannot be written token by token")
            prompt = before + so_far
        found = self._complete(prompt, 1, {"logit_bias": {str(own[at]): _FORCE}})
        if not found or not self._note(found[0], spelling, option, at, known):
            raise Unusable(f"the server cannot be made to write the option {shown(text)}")

    def _note(self, step: Step, spelling: Spelling, option: int, at: int, known: dict[_Path, float]) -> bool:
        """Keeps what a token written at a place says; whether it is the option's own."""
        own = spelling.ids[option]
        for token, logprob in step.others.items():
            known[(*own[:at], token)] = sound(logprob)
        pieces = spelling.pieces[option]
        same = step.text == pieces[at] if self._python else step.id == own[at]
        if same:
            known[own[: at + 1]] = sound(step.logprob)
        return same

    def _complete(self, prompt: str | list[object], most: int, more: dict[str, object]) -> list[Step]:
        body = {
            "model": self._client.endpoint.model,
            "prompt": prompt,
            "max_tokens": most,
            "temperature": 0.0,
            "logprobs": 1 if self._python else _BESIDE,
            "cache_prompt": True,
            **more,
        }
        reply = self._client.post("/completions", body, Completion, probe=self._probe)
        return steps(in_order(reply, 1)[0])

    def _tokens(self, text: str) -> _Path:
        path = "/extras/tokenize" if self._python else "/tokenize"
        own = {"input": text} if self._python else {"content": text, "add_special": True}
        body = {"model": self._client.endpoint.model, **own}
        return self._client.post(path, body, Tokens, root=True, probe=self._probe).tokens

    def _piece(self, token: int) -> str:
        """A token's text. Raises: Unusable where it is part of a character only."""
        if token not in self._pieces:
            body = {"model": self._client.endpoint.model, "tokens": [token]}
            try:
                found = self._client.post("/extras/detokenize", body, Text, root=True, probe=True).text
            except NoReply as error:
                raise Unusable(
                    f"the server cannot show token {token}, perhaps part of a character ({error})"
                ) from None
            self._pieces[token] = found
        return self._pieces[token]


def _next(own: _Path, known: dict[_Path, float]) -> int | None:
    """The first token of an option whose log-probability is not known."""
    return next((n for n in range(len(own)) if own[: n + 1] not in known), None)


def _quoted(text: str) -> str:
    """A text as a literal of a GBNF grammar."""
    escapes = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    return '"' + "".join(escapes.get(c, c) for c in text) + '"'
