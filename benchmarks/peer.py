"""Other people's programs, each in a virtual environment that the benchmark makes for itself."""

import shutil
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path

from personas.models.wheel import cache_folder

SCRIPTS = Path(__file__).parent / "peers"


def python_with(*requirements: str) -> Path:
    """The interpreter of an environment that has these packages, made on first use below the cache folder.

    Raises:
        SystemExit: they cannot be installed.
    """
    folder = cache_folder() / "peers" / "-".join(r.replace("=", "") for r in requirements)
    python = folder / "bin" / "python"
    if (folder / "complete").exists():
        return python
    print(f"installing {', '.join(requirements)} into {folder}", file=sys.stderr)
    venv.create(folder, with_pip=True, clear=True)
    done = subprocess.run([python, "-m", "pip", "install", "--quiet", *requirements], check=False)
    if done.returncode:
        raise SystemExit(
            f"{', '.join(requirements)} cannot be installed; this benchmark needs a package index"
        )
    (folder / "complete").touch()
    return python


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
    command = [program, SCRIPTS / script, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{script} failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return [float(part) for part in done.stdout.strip().splitlines()[-1].split()]
