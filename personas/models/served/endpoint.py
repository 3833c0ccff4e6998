"""Where a served model answers, and how it may be asked."""

import ipaddress
import os
import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field

from personas.document import Document
from personas.errors import ServerError

# Names of variables as people give them. Keys have small letters in them, and so are never taken for one.
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")


class Endpoint(Document):
    """A model on a server.

    Attributes:
        url: the server's address up to and with ``/v1``.
        model: the model's name, as the server lists it.
        key_env: name of the environment variable that holds the key; the key itself stands nowhere.
        concurrency: requests under way at once.
        timeout: seconds for one reply, from the first byte sent to the last one received.
        requests_per_minute: at most; ``None`` where the server sets no limit.
        attempts: how often one request is sent before its answer counts as failed.
        chat: open ends are asked as a chat message; otherwise as text to go on with, for base models.
    """

    url: str
    model: Annotated[str, Field(min_length=1)]
    key_env: Annotated[str | None, Field(repr=False)] = None
    concurrency: Annotated[int, Field(ge=1, le=1024)] = 8
    timeout: Annotated[float, Field(gt=0)] = 120.0
    requests_per_minute: Annotated[float | None, Field(gt=0)] = None
    attempts: Annotated[int, Field(ge=1, le=100)] = 6
    chat: bool = True

    @property
    def base(self) -> str:
        """The address without a slash at its end.

        Raises:
            ServerError: no address, or one with a password or parameters in it.
        """
        try:
            parts = urlsplit(self.url)
            usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            usable = False
            parts = urlsplit("")
        if "@" in self.url or parts.query or parts.fragment:  # what follows may be secret: it is not shown
            raise ServerError(
                "the address of a model server must have no user, password or parameters in it; put the key "
                "into an environment variable and name that under key_env"
            )
        if not usable:
            raise ServerError(
                f"{self.url!r} is no address of a model server; write one like http://localhost:8000/v1"
            )
        return self.url.rstrip("/")

    @property
    def root(self) -> str:
        """The address without ``/v1``, where servers keep what OpenAI's protocol does not have."""
        return self.base.removesuffix("/v1")

    @property
    def host(self) -> str:
        """Host and port, for people."""
        return urlsplit(self.base).netloc

    @property
    def local(self) -> bool:
        """Whether the server is on this machine, so that no proxy lies between."""
        host = urlsplit(self.base).hostname or ""
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return host == "localhost"

    def key(self) -> str | None:
        """The key, from the environment; ``None`` where the server wants none.

        Raises:
            ServerError: the environment has no such variable; the message never shows a key.
        """
        if self.key_env is None:
            return None
        if not _VARIABLE.fullmatch(self.key_env):  # it may be the key itself: it is not shown
            raise ServerError(
                "key_env must be the name of an environment variable, in capital letters, such as MY_KEY; "
                "the key itself must stand in no file"
            )
        key = os.environ.get(self.key_env, "").strip()
        if not key:
            raise ServerError(
                f"the environment has no variable {self.key_env}; set it to the key of {self.host}"
            )
        if not key.isascii() or not key.isprintable():
            raise ServerError(
                f"the key in variable {self.key_env} has characters that no header can carry; set it anew"
            )
        return key
