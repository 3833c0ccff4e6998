"""A real PostgreSQL for tests: started from its package, on loopback, in a folder that goes again."""

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

USER = "panel"
PASSWORD = "s3cret-of-tests"
ACCOUNTS = ("postgres", "nobody")


@dataclass(frozen=True)
class Server:
    """A running server.

    Attributes:
        programs: folder of initdb and pg_ctl.
        folder: the data.
        port: on 127.0.0.1.
        account: who runs it, where the tests run as root, which the server refuses.
    """

    programs: Path
    folder: Path
    port: int
    account: str | None

    @property
    def url(self) -> str:
        """The server's database, without a password."""
        return f"postgresql://{USER}@127.0.0.1:{self.port}/postgres"

    def execute(self, *statements: str) -> list[tuple[Any, ...]]:
        """Runs statements as the owner of the database; the rows of the last."""
        with psycopg.connect(self.url, password=PASSWORD, autocommit=True) as connection:
            for statement in statements:
                cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def run(self, program: str, *arguments: str) -> None:
        """Runs one of the server's programs. Raises: subprocess.CalledProcessError."""
        command = [str(self.programs / program), "-D", str(self.folder / "data"), *arguments]
        subprocess.run(
            command,
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            user=self.account,
            cwd=self.folder,
        )

    def start(self) -> None:
        """Starts the server, and returns when it answers."""
        settings = f"-h 127.0.0.1 -p {self.port} -c unix_socket_directories= -c fsync=off"
        self.run("pg_ctl", "-w", "-l", str(self.folder / "log"), "-o", settings, "start")

    def stop(self) -> None:
        """Stops the server at once, as a power cut would."""
        self.run("pg_ctl", "-w", "-m", "immediate", "stop")


def programs() -> Path | None:
    """Folder of the newest server's programs, as Debian's package puts them or as the path has them."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: float(p.parts[-3]))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


def _account() -> str | None:
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next((name for name in ACCOUNTS if name in known), None) if os.geteuid() == 0 else None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running() -> Iterator[Server]:
    """A fresh server; the test is skipped where PostgreSQL is not installed."""
    found = programs()
    if found is None:
        pytest.skip("PostgreSQL's server programs are not installed (Debian: apt-get install postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="mirrorpanel-postgres-"))
    server = Server(found, folder, _free_port(), _account())
    word = folder / "password"
    word.write_text(PASSWORD)
    if server.account:
        for path in (folder, word):
            shutil.chown(path, server.account)
    try:
        server.run("initdb", "-U", USER, "-A", "scram-sha-256", f"--pwfile={word}", "-E", "UTF8", "--no-sync")
        server.start()
        try:
            yield server
        finally:
            with contextlib.suppress(subprocess.CalledProcessError):  # a test may have stopped it
                server.stop()
    finally:
        shutil.rmtree(folder)
