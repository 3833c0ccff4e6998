"""Whether what lies on the disk is what was written: adapters, and the reference that ships.

A fingerprint kept in the workspace or in ``SHA256SUMS`` shows a file that was damaged or exchanged. It is no
signature: who can write both can make them agree.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from mirrorpanel.records import AdapterRecord
from mirrorpanel.store import Workspace
from personas.errors import DataError
from personas.models.factored import CONFIG, WEIGHTS, FactoredModel
from personas.models.wheel import sha256_of

SUMS = "SHA256SUMS"
"""A file of the form that ``sha256sum --check`` reads."""
_SUM = re.compile(r"(?P<sha256>[0-9a-f]{64})  (?P<name>[\w.-]+)", re.ASCII)
TUNED = ("adapter_config.json", "adapter_model.safetensors")


def tuned_files(folders: Iterable[Path]) -> dict[str, str]:
    """The sha256 of each file of some LoRA adapters, by ``folder/file``."""
    return {f"{folder.name}/{name}": sha256_of(folder / name) for folder in folders for name in TUNED}


def refuse_changed_model(record: AdapterRecord, found: FactoredModel) -> None:
    """Returns where the model loaded is the one recorded. Raises: DataError naming both fingerprints."""
    if found.fingerprint != record.fingerprint:
        raise DataError(
            f"adapter {record.spec.adapter}: the model in {record.folder} has fingerprint "
            f"{found.fingerprint}, but {record.fingerprint} was recorded when it was trained: its files were "
            "changed since, or another version of the program wrote them; restore the folder from a backup, "
            "or train it again"
        )


def refuse_changed_tuning(workspace: Workspace, record: AdapterRecord, folder: str) -> None:
    """Returns where the files of one LoRA adapter are those recorded.

    An adapter of which nothing was recorded, as it was kept before hashes were, cannot be told from another.

    Raises:
        DataError: a file is missing or another one, with both hashes.
    """
    for name, recorded in record.tuned_files.items():
        if name.startswith(f"{folder}/"):
            path = workspace.folder / record.folder / name
            _refuse_changed(path, recorded, "restore the file from a backup, or train the adapter again")


def sums(folder: Path, names: Sequence[str]) -> str:
    """What ``SHA256SUMS`` says of these files of a folder."""
    return "".join(f"{sha256_of(folder / name)}  {name}\n" for name in names)


def refuse_changed_reference(folder: Path, shipped: bool) -> None:
    """Returns where the files of a reference are those that its ``SHA256SUMS`` lists.

    A folder of one's own need not have that file.

    Raises:
        DataError: a file is missing or another one, with both hashes; or a reference that came with the
            program has no list.
    """
    path = folder / SUMS
    if not shipped and not path.is_file():
        return
    todo = "install the program again, or train without a reference (reference: none)"
    if not path.is_file():
        raise DataError(f"{path} is missing, so that nothing shows that the reference is whole; {todo}")
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    for number, line in enumerate(lines, 1):
        found = _SUM.fullmatch(line)
        if found is None:
            raise DataError(f"{path}:{number}: no sha256 with a file's name but {line[:100]!r}; {todo}")
        _refuse_changed(folder / found["name"], found["sha256"], todo)
    unlisted = [name for name in (CONFIG, WEIGHTS) if not any(line.endswith(f" {name}") for line in lines)]
    if unlisted:
        raise DataError(f"{path} does not list {unlisted[0]}, so that nothing shows that it is whole; {todo}")


def _refuse_changed(path: Path, recorded: str, todo: str) -> None:
    if not path.is_file():
        raise DataError(f"{path} is missing (sha256 {recorded} was recorded); {todo}")
    found = sha256_of(path)
    if found != recorded:
        raise DataError(f"{path} has sha256 {found}, but {recorded} was recorded: it was changed; {todo}")
