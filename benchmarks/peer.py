"""Other people's programs, each in a virtual environment that the benchmark makes for itself."""

import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path

from personas.models.wheel import cache_folder

SCRIPTS = Path(__file__).parent / "peers"


class PeerError(Exception):
    """A peer that is not there or did not do what it was asked; says why."""


def python_with(*requirements: str, note: str = "") -> Path:
    """The interpreter of an environment that has these packages, made on first use below the cache folder.

    Args:
        requirements: as pip takes them.
        note: said with the line that announces the installation, such as how long it takes.

    Raises:
        SystemExit: they cannot be installed.
    """
    try:
        return environment(*requirements, note=note)
    except PeerError as error:
        raise SystemExit(f"{error}; this benchmark needs a package index") from None


def environment(*requirements: str, note: str = "") -> Path:
    """What ``python_with`` returns, for a benchmark that can do without. Raises: PeerError."""
    found = installed(*requirements)
    if found is not None:
        return found
    folder = _folder(requirements)
    print(f"installing {', '.join(requirements)} into {folder}{note and f' ({note})'}", file=sys.stderr)
    python = folder / "bin" / "python"
    venv.create(folder, with_pip=True, clear=True)
    done = subprocess.run([python, "-m", "pip", "install", "--quiet", *requirements], check=False)
    if done.returncode:
        raise PeerError(f"{', '.join(requirements)} cannot be installed")
    (folder / "complete").touch()
    return python


def installed(*requirements: str) -> Path | None:
    """The interpreter that ``environment`` made for these packages; ``None`` before it did."""
    folder = _folder(requirements)
    return folder / "bin" / "python" if (folder / "complete").exists() else None


def _folder(requirements: Sequence[str]) -> Path:
    return cache_folder() / "peers" / "-".join(r.replace("=", "") for r in requirements)


def rscript_with(package: str) -> str | None:
    """Path of Rscript where it is installed with a package."""
    found = shutil.which("Rscript")
    if found is None:
        return None
    has = f'quit(status = as.integer(!requireNamespace("{package}", quietly = TRUE)))'
    return (
        found
        if subprocess.run([found, "-e", has], capture_output=True, check=False).returncode == 0
        else None
    )


def run(program: str | Path, script: str, *arguments: str | Path) -> Sequence[float]:
    """The numbers that a script of ``peers`` prints on its last line.

    Raises:
        SystemExit: it failed; says what it printed.
    """
    try:
        return [float(part) for part in last_line(program, script, *arguments).split()]
    except PeerError as error:
        raise SystemExit(str(error)) from None


def last_line(
    program: str | Path, script: str, *arguments: str | Path, variables: Mapping[str, str] | None = None
) -> str:
    """The last line that a script of ``peers`` prints, with more variables in its environment.

    Raises:
        PeerError: it failed; says what it printed.
    """
    command = [program, SCRIPTS / script, *arguments]
    environ = {**os.environ, **(variables or {})}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environ)
    if done.returncode:
        raise PeerError(f"{script} failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return done.stdout.strip().splitlines()[-1]
