"""Requests to a model server: sent again where that may help, and never a key in what is said of them.

The one module around httpx2, which is imported when a server is first asked.
"""

import json
import re
import threading
import time
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from pydantic import BaseModel, ValidationError

from personas.errors import ServerError
from personas.models.served.endpoint import Endpoint
from personas.models.served.pace import LONGEST_PAUSE, Pace, retry_after

if TYPE_CHECKING:
    import httpx2

R = TypeVar("R", bound=BaseModel)
_AGAIN = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
UNKNOWN = frozenset({404, 405, 501})
"""What a server says of a request that it does not know."""
_FINAL = frozenset({401, 402, 403, 404, 405, 501})
_SHOWN = 300  # characters of a reply in a message
_PROBES = 3  # attempts of a request that the server may not know
_LARGEST = 256 * 2**20  # bytes of a reply
_HINTS = {
    401: "the key is missing or wrong: name its variable under key_env",
    403: "the key may not use this model",
    404: "no such address or model: the url of a server mostly ends in /v1",
}


class NoReply(ServerError):
    """No usable reply came; asking again later may help.

    Attributes:
        final: every other request would fare alike, so that none need be sent.
        status: that the server sent instead of a reply; 0 where it sent none.
    """

    def __init__(self, message: str, *, final: bool = False, status: int = 0) -> None:
        super().__init__(message)
        self.final, self.status = final, status


class Unusable(ServerError):
    """A reply came, and it is no answer; asking again brings the same."""


class _Again(Exception):
    """An attempt that failed and may be repeated, after ``wait`` seconds where the server said so."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.reason, self.wait = reason, wait


class Client:
    """Sends requests to one endpoint, from many threads at once.

    Args:
        endpoint: the server and its limits.
        rng: of the random share of the waits between attempts; of no answer.

    Raises:
        ServerError: an address that is none, or a key that the environment does not have.
    """

    def __init__(self, endpoint: Endpoint, rng: np.random.Generator | None = None) -> None:
        import httpx2

        self.endpoint = endpoint
        self.pace = Pace(endpoint.requests_per_minute, np.random.default_rng() if rng is None else rng)
        self._base, self._root = endpoint.base, endpoint.root
        self._key = endpoint.key()
        self._own = re.compile(re.escape(endpoint.model) + r"([-:@]v?[0-9][0-9.-]*)?")
        self._lock = threading.Lock()
        self._broken: NoReply | None = None
        self._failures = 0
        self._http = httpx2.Client(
            headers={} if self._key is None else {"Authorization": f"Bearer {self._key}"},
            timeout=httpx2.Timeout(endpoint.timeout, pool=None),
            limits=httpx2.Limits(max_connections=endpoint.concurrency),
            trust_env=not endpoint.local,
        )

    def __repr__(self) -> str:
        return f"Client({self.endpoint!r})"

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    @property
    def given_up(self) -> bool:
        """Whether nothing more is sent until ``reopen``, since the server does not answer or refuses all."""
        return self._broken is not None

    def reopen(self) -> None:
        """Forgets that the server was given up, so that it is asked again."""
        with self._lock:
            self._broken, self._failures = None, 0
        self.pace.resume()

    def get(self, path: str, kind: type[R]) -> R:
        """The reply to a GET below ``/v1``. Raises: NoReply, Unusable."""
        return self._ask("GET", f"{self._base}{path}", None, kind, probe=True)

    def post(self, path: str, body: object, kind: type[R], *, root: bool = False, probe: bool = False) -> R:
        """The reply to a POST of JSON.

        Args:
            path: below ``/v1``, or below the server's root.
            body: what is sent.
            kind: the reply's form.
            root: whether ``path`` is below the root.
            probe: whether the server knows this request is what shall be found out: a failure is no sign that
                it is down, and few attempts are made.

        Raises:
            NoReply: none came, or none in JSON, after all attempts; or the server refused the request.
            Unusable: JSON of another form.
            Stopped: ``pace`` was stopped meanwhile.
        """
        url = f"{self._root if root else self._base}{path}"
        content = json.dumps(body).encode()
        return self._ask("POST", url, content, kind, probe)

    def _ask(self, method: str, url: str, content: bytes | None, kind: type[R], probe: bool) -> R:
        attempts = min(_PROBES, self.endpoint.attempts) if probe else self.endpoint.attempts
        for attempt in range(attempts):
            self._check_open()
            self.pace.turn()
            try:
                reply = self._checked(*self._send(method, url, content))
            except NoReply as refused:
                if refused.final and not probe:
                    self._give_up(refused)
                raise
            except _Again as failed:
                if attempt + 1 == attempts or (failed.wait or 0.0) > LONGEST_PAUSE:
                    raise self._failure(failed.reason, attempt + 1, probe) from None
                if failed.wait is None:
                    self.pace.wait(self.pace.back_off(attempt))
                else:
                    self.pace.pause(failed.wait)
                continue
            with self._lock:
                self._failures = 0
            return self._named(self._parsed(reply, kind))
        raise AssertionError("the last attempt returns or raises")

    def _check_open(self) -> None:
        broken = self._broken
        if broken is not None:
            raise NoReply(f"not asked, since another request failed for good: {broken}", final=True)

    def _give_up(self, error: NoReply) -> None:
        with self._lock:
            self._broken = error

    def _failure(self, reason: str, attempts: int, probe: bool) -> NoReply:
        """The error of a request out of attempts.

        Where as many in a row failed as are under way at once, the server is given up.
        """
        error = NoReply(f"{self.endpoint.host}: {reason} ({attempts} attempts)")
        if not probe:
            with self._lock:
                self._failures += 1
                if self._failures >= max(3, self.endpoint.concurrency):
                    self._broken = error
        return error

    def _named(self, reply: R) -> R:
        """The reply, if the model asked for gave it; a server may add a date or a version to its name."""
        said: object = getattr(reply, "model", None)
        if isinstance(said, str) and said and not self._own.fullmatch(said):
            raise NoReply(
                f"{self.endpoint.host} answered as model {self._clean(said)!r}, asked was "
                f"{self.endpoint.model!r}",
                final=True,
            )
        return reply

    def _send(self, method: str, url: str, content: bytes | None) -> "tuple[httpx2.Response, bytes]":
        """One attempt. Raises: _Again."""
        import httpx2

        until = time.monotonic() + self.endpoint.timeout
        headers = {} if content is None else {"Content-Type": "application/json"}
        parts: list[bytes] = []
        size = 0
        try:
            with self._http.stream(method, url, content=content, headers=headers) as reply:
                for part in reply.iter_bytes():
                    parts.append(part)
                    size += len(part)
                    if time.monotonic() > until:
                        raise _Again(f"the reply took longer than {self.endpoint.timeout:g} s")
                    if size > _LARGEST:
                        raise _Again(f"the reply is longer than {_LARGEST} bytes")
        except httpx2.TimeoutException:
            raise _Again(f"no reply within {self.endpoint.timeout:g} s") from None
        except (httpx2.RequestError, httpx2.InvalidURL, httpx2.StreamError) as error:
            reason = self._clean(str(error)) or type(error).__name__
            raise _Again(f"the connection failed ({reason})") from None
        return reply, b"".join(parts)

    def _checked(self, reply: "httpx2.Response", content: bytes) -> bytes:
        """The content of a good reply, in JSON. Raises: _Again, NoReply."""
        status = reply.status_code
        if status in _AGAIN:
            raise _Again(f"status {status}: {self._said(content)}", retry_after(reply.headers))
        if not 200 <= status < 300:
            hint = f" ({_HINTS[status]})" if status in _HINTS else ""
            raise NoReply(
                f"{self.endpoint.host}: status {status}{hint}: {self._said(content)}",
                final=status in _FINAL,
                status=status,
            )
        try:
            json.loads(content)
        except (ValueError, RecursionError):
            raise _Again(
                f"the reply is not JSON: {self._clean(content.decode('utf-8', 'replace'))}"
            ) from None
        return content

    def _parsed(self, content: bytes, kind: type[R]) -> R:
        try:
            return kind.model_validate_json(content)
        except ValidationError as error:
            problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
            where = ".".join(str(part) for part in problem["loc"])
            text = self._clean(content.decode("utf-8", "replace"))
            raise Unusable(f"unexpected reply ({where}: {problem['msg']}): {text}") from None

    def _said(self, content: bytes) -> str:
        """What a server says of an error, as OpenAI's protocol and FastAPI put it, or the reply as it is."""
        text = content.decode("utf-8", "replace")
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            return self._clean(text)
        for key in ("error", "message", "detail"):
            if isinstance(found, dict) and key in found:
                found = found[key]  # pyright: ignore[reportUnknownVariableType]
        return self._clean(str(found))  # pyright: ignore[reportUnknownArgumentType]

    def _clean(self, text: str) -> str:
        """One line of a text that came from outside, without the key, should the server say it."""
        if self._key is not None:
            text = text.replace(self._key, "***")
        line = " ".join(text.split())
        return line if len(line) <= _SHOWN else f"{line[:_SHOWN]} and so on"
