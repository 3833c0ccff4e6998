"""Open ends from a server: a reply for each prompt, kept in a form where the server can do that."""

import threading
from collections.abc import Callable, Sequence

from personas.models.asked import Missing
from personas.models.served.client import Client, NoReply, Unusable
from personas.models.served.outcomes import Lost, Texts, declined, line, spoken, together
from personas.models.served.replies import Chat, Completion
from personas.models.written import forms
from personas.models.written.forms import Form

_Body = dict[str, object]
_Ask = Callable[[dict[str, object]], _Body]
_IN_JSON = 24  # tokens that the JSON around an answer may take


def _named(schema: dict[str, object]) -> _Body:
    return {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": schema}}


def _bare(schema: dict[str, object]) -> _Body:
    return {"type": "json_object", "schema": schema}


_FORMATS: tuple[_Ask | None, ...] = (_named, _bare, None)
"""How a chat server is asked for JSON: as vLLM, SGLang and llama.cpp take it; as llama-cpp-python; not."""


class Writing:
    """Asks a server for open ends.

    Args:
        client: of the server.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._format: int | None = None  # the first of ``_FORMATS`` that the server takes

    def write(self, prompts: Sequence[str], bodies: Sequence[_Body], form: Form | None) -> Texts:
        """The reply to each prompt, with its own settings in ``bodies``; see ``ServedModel.write``."""
        found = together(
            self._client,
            [lambda p=p, b=b: self._one(p, b, form) for p, b in zip(prompts, bodies, strict=True)],
        )
        lost = [Missing(i, 0, f.outcome, f.text) for i, f in enumerate(found) if isinstance(f, Lost)]
        return Texts([None if isinstance(f, Lost) else f for f in found], tuple(lost))

    def _one(self, prompt: str, body: _Body, form: Form | None) -> str | Lost:
        if form is None:
            text = self._said(prompt, body)
            return text if isinstance(text, Lost) else line(*text)
        text = self._in_form(prompt, body, form) if self._client.endpoint.chat else self._said(prompt, body)
        if isinstance(text, Lost):
            return text
        reply = spoken(*text)
        if isinstance(reply, Lost) or forms.replied(form, reply) is not None:
            return reply
        return declined(reply) or Lost("unparsable", reply)

    def _in_form(self, prompt: str, body: _Body, form: Form) -> tuple[str, str | None] | Lost:
        """The reply to a prompt, in the first way of asking for a form that the server takes."""
        most = body["max_tokens"]
        assert isinstance(most, int)
        schema = forms.schema(form)
        while (way := self._format) is None:
            with self._lock:  # the others wait for what the first one finds out
                if self._format is None:
                    return self._tried(prompt, {**body, "max_tokens": most + _IN_JSON}, schema)
        return self._said(prompt, _with({**body, "max_tokens": most + _IN_JSON}, _FORMATS[way], schema))

    def _tried(self, prompt: str, body: _Body, schema: dict[str, object]) -> tuple[str, str | None] | Lost:
        for number, way in enumerate(_FORMATS):
            try:
                found = self._said(prompt, _with(body, way, schema), probe=way is not None)
            except (NoReply, Unusable):
                if way is None:
                    raise
                continue
            self._format = number
            return found
        raise AssertionError("the last way returns or raises")

    def _said(self, prompt: str, body: _Body, probe: bool = False) -> tuple[str, str | None] | Lost:
        """A reply's text, and why it ended."""
        if not self._client.endpoint.chat:
            found = self._client.post("/completions", {**body, "prompt": prompt}, Completion, probe=probe)
            if not found.choices:
                raise Unusable("the reply has no text")
            return found.choices[0].text, found.choices[0].finish_reason
        messages = [{"role": "user", "content": prompt}]
        reply = self._client.post("/chat/completions", {**body, "messages": messages}, Chat, probe=probe)
        if not reply.choices:
            raise Unusable("the reply has no text")
        turn = reply.choices[0]
        if turn.message.refusal:
            return Lost("refused", turn.message.refusal)
        return turn.message.content or "", turn.finish_reason


def _with(body: _Body, way: _Ask | None, schema: dict[str, object]) -> _Body:
    return body if way is None else {**body, "response_format": way(schema)}
