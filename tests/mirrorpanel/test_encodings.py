import hashlib

import numpy as np
import pytest

from mirrorpanel import choosing, encodings
from mirrorpanel.choosing import Chosen
from mirrorpanel.encodings import FOLDER, FileStore
from personas.models.processor import Processor


def keys(n, start=0):
    return [hashlib.sha256(str(i).encode()).digest() for i in range(start, start + n)]


def rows(n, numbers=7, single=True):
    found = np.random.default_rng(n).normal(size=(n, numbers))
    return found.astype(np.float32).astype(np.float64) if single else found


@pytest.fixture
def folder(tmp_path):
    return tmp_path / FOLDER


@pytest.mark.parametrize("single", [True, False])
def test_what_was_kept_comes_back_bit_for_bit_in_another_process(folder, single):
    kept = rows(4, single=single)
    FileStore(folder).keep(keys(4), kept)
    found = FileStore(folder).find([*keys(4)[::-1], *keys(1, start=9)])
    assert found[-1] is None
    np.testing.assert_array_equal(np.stack(found[:-1]), kept[::-1])
    (file,) = folder.iterdir()
    assert file.stat().st_size == 24 + 4 * 48 + 16 + 4 * 7 * (4 if single else 8)


def test_several_files_with_rows_of_several_lengths_are_one_store(folder):
    store = FileStore(folder)
    store.keep(keys(3), rows(3))
    store.keep(keys(2, start=3), rows(2, numbers=11))
    for found in (store, FileStore(folder)):
        np.testing.assert_array_equal([len(v) for v in found.find(keys(5))], [7, 7, 7, 11, 11])


def test_two_writers_do_each_other_no_harm(folder):
    one, two = FileStore(folder), FileStore(folder)
    one.keep(keys(3), rows(3))
    two.keep(keys(3), rows(3))
    two.keep(keys(1, start=3), rows(1))
    assert [v is None for v in one.find(keys(4))] == [False, False, False, True]
    assert None not in [v if v is None else 0 for v in FileStore(folder).find(keys(4))]


@pytest.mark.parametrize("place", [0, 9, 30, 100, 180, 220, 250, -1])
def test_a_damaged_file_is_never_believed_and_is_written_again(folder, place):
    FileStore(folder).keep(keys(3), rows(3))
    (file,) = folder.iterdir()
    content = bytearray(file.read_bytes())
    content[place] ^= 1
    file.write_bytes(content)
    store = FileStore(folder)
    found = store.find(keys(3))
    for vector, kept in zip(found, rows(3), strict=True):
        assert vector is None or np.array_equal(vector, kept)
    assert any(vector is None for vector in found)
    store.keep(keys(3), rows(3))
    np.testing.assert_array_equal(np.stack(FileStore(folder).find(keys(3))), rows(3))


@pytest.mark.parametrize("left", [0, 10, 24, 200, -1])
def test_a_file_that_was_cut_off_holds_nothing(folder, left):
    FileStore(folder).keep(keys(3), rows(3))
    (file,) = folder.iterdir()
    file.write_bytes(file.read_bytes()[:left])
    assert FileStore(folder, read_only=True).find(keys(3)) == [None] * 3
    assert file.exists()
    assert FileStore(folder).find(keys(3)) == [None] * 3
    assert not file.exists()


def test_a_workspace_that_is_only_read_stays_as_it_is(folder):
    FileStore(folder, read_only=True).keep(keys(2), rows(2))
    assert not folder.exists()


def test_where_nothing_can_be_written_nothing_is_kept(folder):
    folder.write_text("a file where the folder should be")
    store = FileStore(folder)
    store.keep(keys(2), rows(2))
    assert store.find(keys(2)) == [None, None]


def test_all_files_of_the_folder_are_listed_also_unfinished_ones(folder):
    FileStore(folder).keep(keys(2), rows(2))
    (folder / "killed.part").write_bytes(b"half")
    assert len(list(encodings.files(folder.parent))) == 2


def test_an_identity_holds_everything_but_the_text(tmp_path, tiny_folder):
    cpu = Chosen("cpu", "float32")
    first = encodings.identity(tiny_folder, None, cpu, (1, 2))
    others = [
        encodings.identity(tiny_folder, None, Chosen("cpu", "bfloat16"), (1, 2)),
        encodings.identity(tiny_folder, None, Chosen("cuda", "float32"), (1, 2)),
        encodings.identity(tiny_folder, None, cpu, (1, 3)),
        encodings.identity(tiny_folder, tiny_folder, cpu, (1, 2)),
    ]
    assert first is not None
    assert len({first, *others}) == 5
    assert encodings.identity(tiny_folder, None, None, (1, 2)) is None
    assert encodings.identity("owner/name", None, cpu, (1, 2)) is None


def test_what_was_chosen_is_known_for_what_was_asked_for_alone(tmp_path, monkeypatch):
    choosing.remember(tmp_path, None, None, Processor("cuda:1", "bfloat16", "a card"))
    choosing.remember(tmp_path, "cpu", "float32", Processor("cpu", "float32", "asked for"))
    assert choosing.remembered(tmp_path, None, None) == Chosen("cuda", "bfloat16")
    assert choosing.remembered(tmp_path, "cpu", "float32") == Chosen("cpu", "float32")
    assert choosing.remembered(tmp_path, "cpu", None) is None
    monkeypatch.setattr(choosing, "versions", lambda: ["another"])
    assert choosing.remembered(tmp_path, None, None) is None


@pytest.mark.parametrize("content", ["", "[]", '{"a": 1}', '{"a": ["cpu"]}', "\x00"])
def test_a_note_that_cannot_be_read_is_no_note(tmp_path, content):
    (tmp_path / choosing.FILE).write_text(content)
    assert choosing.remembered(tmp_path, None, None) is None
    choosing.remember(tmp_path, None, None, Processor("cpu", "float32", "why"))
    assert choosing.remembered(tmp_path, None, None) == Chosen("cpu", "float32")
