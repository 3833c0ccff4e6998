"""A loopback server that speaks OpenAI's protocol as vLLM, llama.cpp, llama-cpp-python and TGI do.

Written by hand from their documents and sources: vLLM's completions with ``echo`` (its reply is quoted in
ggml-org/llama.cpp, pull request 15189), tools/server/README.md of llama.cpp, llama_cpp/llama.py and
llama_cpp/server/app.py of llama-cpp-python 0.3.36 (a text's tokens beside the rows of the scores), and the
TextGenerationPrefillToken of TGI's documents.
"""

import json
import re
import string
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol

import numpy as np

from personas.arrays import FloatArray

Json = dict[str, Any]


class Speaker(Protocol):
    """What a server knows of its model."""

    def encode(self, text: str) -> list[int]: ...

    def piece(self, token: int) -> str: ...

    def rows(self, tokens: Sequence[int]) -> FloatArray:
        """After each token the log-probability of every token, (n_tokens, n_words)."""
        ...


class Words:
    """A speaker of given words, and of letters, with probabilities from a hash of what came before."""

    def __init__(self, *texts: str) -> None:
        words = [word for text in texts for word in _split(text)]
        self._words = list(dict.fromkeys([*words, *"".join(words), *string.printable]))
        self._places = {word: place for place, word in enumerate(self._words)}
        logits = np.random.default_rng(0).normal(size=(997, len(self._words))) * 2.0
        self._known = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))

    def encode(self, text: str) -> list[int]:
        return [
            self._places[part] for word in _split(text) for part in ([word] if word in self._places else word)
        ]

    def piece(self, token: int) -> str:
        return self._words[token]

    def rows(self, tokens: Sequence[int]) -> FloatArray:
        before, places = blake2b(digest_size=8), []
        for token in tokens:
            before.update(f"{self._words[token]}\n".encode())
            places.append(int.from_bytes(before.digest(), "little") % len(self._known))
        return self._known[places]


def _split(text: str) -> list[str]:
    return re.findall(r" ?\w+|\s|[^\w\s]", text)


@dataclass
class Fault:
    """What is sent instead of a good reply.

    ``cut`` ends the connection after so many bytes, ``wait`` comes before the first one.
    """

    status: int = 200
    body: str = "{}"
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int | None = None
    wait: float = 0.0


@dataclass
class Asked:
    """One request."""

    path: str
    body: Json
    key: str | None


Spoil = Callable[[Asked, Json], "Fault | Json | None"]


@dataclass
class Serving:
    """A running server.

    Attributes:
        url: up to and with /v1.
        speaker: its model.
        kind: whose manners it has.
        spoil: changes a good reply, or replaces it; called with the request and that reply.
        asked: what it was asked.
        busy: requests under way, and the most at once.
    """

    url: str
    speaker: Speaker
    kind: str = "vllm"
    model: str = "tiny"
    spoil: Spoil = lambda _request, _reply: None
    asked: list[Asked] = field(default_factory=list)
    busy: int = 0
    most: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def paths(self) -> list[str]:
        return [request.path for request in self.asked]

    def reply(self, request: Asked) -> Json | Fault:
        wanted = request.body.get("model", self.model)
        if wanted != self.model:
            return Fault(404, json.dumps({"error": {"message": f"The model `{wanted}` does not exist."}}))
        known: dict[str, dict[str, Callable[[Json], Json | Fault]]] = {
            "vllm": {"/v1/completions": self._completions},
            "llama.cpp": {"/v1/completions": self._llama, "/tokenize": self._tokenize},
            "llama-cpp-python": {
                "/v1/completions": self._python,
                "/extras/tokenize": self._tokenize,
                "/extras/detokenize": self._detokenize,
            },
            "tgi": {"/v1/completions": self._plain, "/generate": self._generate},
            "chat only": {},
        }
        if request.path == "/v1/models":
            return {"object": "list", "data": [{"id": self.model, "object": "model"}]}
        if request.path == "/v1/chat/completions":
            return self._chat(request.body)
        found = known[self.kind].get(request.path)
        return Fault(404, '{"detail":"Not Found"}') if found is None else found(request.body)

    def _next(self, tokens: Sequence[int], body: Json) -> int:
        row = self.speaker.rows(tokens)[-1].copy()
        for token, more in body.get("logit_bias", {}).items():
            row[int(token)] += more
        if body.get("temperature", 1.0) > 0:
            return int(np.random.default_rng(body.get("seed")).choice(len(row), p=np.exp(row)))
        return int(row.argmax())

    def _completions(self, body: Json) -> Json | Fault:
        prompts = body["prompt"] if isinstance(body["prompt"], list) else [body["prompt"]]
        choices, read = [], 0
        for index, prompt in enumerate(prompts):
            tokens = self.speaker.encode(prompt)
            new = self._next(tokens, body)
            read += len(tokens)
            whole = [*tokens, new]
            rows = self.speaker.rows(whole)
            listed = range(len(whole)) if body.get("echo") else range(len(tokens), len(whole))
            choices.append(
                {
                    "index": index,
                    "text": (prompt if body.get("echo") else "") + self.speaker.piece(new),
                    "logprobs": {
                        "tokens": [self.speaker.piece(whole[i]) for i in listed],
                        "token_logprobs": [float(rows[i - 1, whole[i]]) if i else None for i in listed],
                    },
                    "finish_reason": "length",
                }
            )
        usage = {"prompt_tokens": read, "completion_tokens": len(prompts)}
        return {"model": self.model, "choices": choices[::-1], "usage": usage}

    def _written(self, tokens: list[int], body: Json) -> list[int]:
        """As many tokens as asked for; under a grammar those of its text, in the likeliest spelling."""
        if "grammar" not in body:
            return [self._next(tokens, body)]
        text = json.loads(body["grammar"].removeprefix("root ::= "))
        return self.speaker.encode(text)[: body["max_tokens"]]

    def _llama(self, body: Json) -> Json:
        tokens = self._mixed(body["prompt"])
        content = []
        for token in self._written(tokens, body):
            row = self.speaker.rows(tokens)[-1]
            likely = np.argsort(-row)[: body["logprobs"]].tolist()
            tops = [{"id": t, "token": self.speaker.piece(t), "logprob": float(row[t])} for t in likely]
            shown = {"id": token, "token": self.speaker.piece(token), "logprob": float(row[token])}
            content.append({**shown, "top_logprobs": tops})
            tokens = [*tokens, token]
        text = "".join(c["token"] for c in content)  # llama.cpp passes echo over
        usage = {"prompt_tokens": len(tokens) - len(content), "completion_tokens": len(content)}
        choice = {"index": 0, "text": text, "logprobs": {"content": content}}
        return {"model": self.model, "choices": [choice], "usage": usage}

    def _mixed(self, prompt: Any) -> list[int]:
        parts = prompt if isinstance(prompt, list) else [prompt]
        return [t for part in parts for t in (self.speaker.encode(part) if isinstance(part, str) else [part])]

    def _python(self, body: Json) -> Json | Fault:
        if isinstance(body["prompt"], list):
            return Fault(500, '{"error": {"message": ""}}')
        prompt = self.speaker.encode(body["prompt"])
        new = self._written(prompt, body)
        whole = [*prompt, *new]
        rows = self.speaker.rows(whole)
        listed = whole if body.get("echo") else new
        offset = 0 if body.get("echo") else len(prompt) - 1
        numbers: list[float | None] = [float(rows[offset + i, t]) for i, t in enumerate(listed)]
        if body.get("echo"):
            numbers[0] = None
        text = (body["prompt"] if body.get("echo") else "") + "".join(self.speaker.piece(t) for t in new)
        logprobs = {"tokens": [self.speaker.piece(t) for t in listed], "token_logprobs": numbers}
        usage = {"prompt_tokens": len(prompt), "completion_tokens": len(new)}
        return {
            "model": self.model,
            "choices": [{"index": 0, "text": text, "logprobs": logprobs}],
            "usage": usage,
        }

    def _plain(self, body: Json) -> Json:
        new = self._next(self.speaker.encode(body["prompt"]), body)
        choice = {"index": 0, "text": self.speaker.piece(new), "logprobs": None}
        return {
            "model": self.model,
            "choices": [choice],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1},
        }

    def _generate(self, body: Json) -> Json:
        tokens = self.speaker.encode(body["inputs"])
        rows = self.speaker.rows(tokens)
        new = int(rows[-1].argmax())
        numbers = [None, *(float(rows[i, t]) for i, t in enumerate(tokens[1:]))]
        prefill = [
            {"id": t, "text": self.speaker.piece(t), "logprob": n}
            for t, n in zip(tokens, numbers, strict=True)
        ]
        wanted = body["parameters"].get("decoder_input_details")
        written = [
            {"id": new, "text": self.speaker.piece(new), "logprob": float(rows[-1, new]), "special": False}
        ]
        return {"generated_text": "", "details": {"prefill": prefill if wanted else [], "tokens": written}}

    def _tokenize(self, body: Json) -> Json:
        return {"tokens": self.speaker.encode(body["content" if self.kind == "llama.cpp" else "input"])}

    def _detokenize(self, body: Json) -> Json:
        return {"text": "".join(self.speaker.piece(t) for t in body["tokens"])}

    def _chat(self, body: Json) -> Json:
        said = f" I say {body['seed']} at {body['temperature']}.\nAnd more."
        message = {"role": "assistant", "content": said}
        return {"model": self.model, "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}


@contextmanager
def serving(speaker: Speaker, kind: str = "vllm", spoil: Spoil | None = None) -> Iterator[Serving]:
    """A server on a free port of this machine."""
    state = Serving("", speaker, kind)
    if spoil is not None:
        state.spoil = spoil
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(state))
    server.daemon_threads = True
    state.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(state: Serving) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer({})

        def do_POST(self) -> None:
            self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def _answer(self, body: Json) -> None:
            request = Asked(self.path, body, self.headers["Authorization"])
            with state.lock:
                state.asked.append(request)
                state.busy += 1
                state.most = max(state.most, state.busy)
            good = state.reply(request)
            found = (state.spoil(request, good) if isinstance(good, dict) else None) or good
            with state.lock:
                state.busy -= 1
            self._send(found if isinstance(found, Fault) else Fault(body=json.dumps(found)))

        def _send(self, fault: Fault) -> None:
            time.sleep(fault.wait)
            content = fault.body.encode()
            try:
                self.send_response(fault.status)
                for name, value in {"Content-Length": str(len(content)), **fault.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content[: fault.cut])
            except OSError:  # who asked has gone
                self.close_connection = True
            if fault.cut is not None:
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler
