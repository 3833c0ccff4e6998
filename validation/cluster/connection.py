"""Ray itself: the one module that knows it, and imports it when a cluster is joined and not before."""

import contextlib
import importlib
import logging
import os
import re
import signal
import socket
import sys
from collections.abc import Generator
from importlib.util import find_spec
from typing import Any

from personas.errors import MirrorpanelError

LOCAL, RUNNING = "local", "auto"
LOCAL_WORKERS = 2
_STORE = 512 * 2**20  # bytes of shared memory that a Ray started here may take before it uses the disk
_KNOCK = 5.0  # seconds until an address that is silent is given up


class ClusterError(MirrorpanelError):
    """Ray is not installed, the cluster does not answer, or its workers cannot do what they were asked."""


def check(address: str) -> None:
    """Returns where Ray is installed and somebody listens at the address. Raises: ClusterError."""
    if find_spec("ray") is None:
        raise ClusterError("a cluster needs the package ray; run: pip install 'mirrorpanel[cluster]'")
    if address in (LOCAL, RUNNING):
        return
    scheme, _, rest = address.rpartition("://")
    host, _, port = rest.rpartition(":")
    if scheme not in ("", "ray") or not host or not port.isdecimal():
        raise ClusterError(
            f"Unknown cluster {address!r}; choose from 'local', 'auto', 'ray://HOST:PORT' and 'HOST:PORT', "
            "such as ray://head.example.org:10001"
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_KNOCK).close()
    except (OSError, OverflowError) as error:
        raise ClusterError(
            f"the cluster {address} does not answer ({error}); see with 'ray status' on its head whether it "
            "runs, and whether the port can be reached from here"
        ) from None


@contextlib.contextmanager
def joined(address: str) -> Generator[None]:
    """Inside, Ray is connected to the cluster, and what it prints goes to standard error.

    A program that is connected already stays as it is.

    Raises:
        ClusterError: the cluster cannot be joined.
    """
    found = ray()
    if found.is_initialized():
        yield
        return
    local = {"num_cpus": LOCAL_WORKERS, "include_dashboard": False, "object_store_memory": _STORE}
    before = signal.getsignal(signal.SIGTERM)
    with contextlib.redirect_stdout(sys.stderr):
        try:
            found.init(
                address=address, log_to_driver=False, logging_level=logging.ERROR,
                **(local if address == LOCAL else {}),
            )  # fmt: skip
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            raise ClusterError(
                f"the cluster {address} cannot be joined: {first_line(error)}. It must have the same "
                "versions of Ray and Python; where it asks for a token, set RAY_AUTH_MODE=token here too"
            ) from None
        finally:
            with contextlib.suppress(ValueError):  # signals belong to the main thread
                signal.signal(signal.SIGTERM, before)
        try:
            yield
        finally:
            found.shutdown()


def ray() -> Any:
    """Ray, told first to tell nobody about its use, and nobody what became of answers no longer wanted."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_IGNORE_UNHANDLED_ERRORS", "1")
    return importlib.import_module("ray")


def cause(error: Any) -> Exception:
    """What went wrong in a worker, as it would be raised here."""
    found: Exception = error.cause if isinstance(error.cause, Exception) else error
    lacking = re.search(r"No module named '[^']*'", str(found))
    if lacking is not None:
        return ClusterError(
            f"a worker lacks a package ({lacking[0]}); install the same version of mirrorpanel on every "
            "machine"
        )
    return found


def first_line(error: Exception) -> str:
    """The first line of a message that says anything; Ray's go on for long."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
