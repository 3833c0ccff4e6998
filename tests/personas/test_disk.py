"""Files that are written whole or not at all."""

from pathlib import Path

import pytest

from personas import disk


def test_a_file_is_replaced_whole_and_its_folder_made(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.txt"
    disk.replace(path, "one\r\ntwo \u2028")
    disk.replace(path, "ä\n")
    assert path.read_bytes() == "ä\n".encode()
    assert [p.name for p in path.parent.iterdir()] == ["a.txt"]


def test_what_stood_there_is_left_where_writing_fails(tmp_path: Path) -> None:
    there = tmp_path / "a"
    there.mkdir()
    (there / "b").write_text("kept", encoding="utf-8")
    with pytest.raises(OSError, match="a"):
        disk.replace(there, "new")
    assert (there / "b").read_text(encoding="utf-8") == "kept"
    assert [p.name for p in tmp_path.iterdir()] == ["a"]
