from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import Field, field_validator

from personas.document import Document, parse, read
from personas.errors import DocumentError


class Table(Document):
    kind: Literal["table"]
    file: str
    columns: dict[str, int] | None = None


class Named(Document):
    kind: Literal["named"]
    data: str


Source = Annotated[Table | Named, Field(discriminator="kind")]


class Loose(Document):
    weight: float


class Share(Document):
    share: float = Field(gt=0, lt=1)


class Study(Document):
    name: str
    persons: int = 100
    source: Source | None = None
    sources: tuple[Source, ...] = ()
    either: Loose | str = ""
    parts: tuple[Loose, ...] = ()
    words: tuple[str, ...] = ()

    @field_validator("persons")
    @classmethod
    def _positive(cls, persons: int) -> int:
        if persons < 1:
            raise ValueError("persons must be >= 1")
        return persons


def refusal(text: str) -> str:
    with pytest.raises(DocumentError) as caught:
        parse(text, Study, "study.yaml")
    return str(caught.value)


def test_a_good_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(
        "name: Größe\nsource: {kind: table, file: a.csv, columns: {x: 1}}\nparts: [{weight: 2}]\n",
        encoding="utf-8",
    )
    study = read(path, Study)
    assert study.name == "Größe"
    assert study.source == Table(kind="table", file="a.csv", columns={"x": 1})
    assert study.parts == (Loose(weight=2.0),)


def test_an_unknown_key_is_named_with_line_and_what_is_allowed() -> None:
    message = refusal("name: a\n\nperson: 5\n")
    assert message == (
        "study.yaml:3: person: unknown key 'person' (did you mean 'persons'?); "
        "allowed: name, persons, source, sources, either, parts, words"
    )


@pytest.mark.parametrize("word", ["yes", "No", "on", "OFF", "true"])
def test_a_word_that_yaml_reads_as_a_truth_value_is_asked_for_in_quotes(word: str) -> None:
    read_as = word.lower() in ("yes", "on", "true")
    assert refusal(f"name: a\nwords:\n- maybe\n- {word}\n") == (
        "study.yaml:4: words.1: a text is expected; "
        "YAML reads yes, no, on, off, true and false as truth values; "
        f'put it in quotes: "{word}", found {read_as}'
    )
    assert parse(f'name: a\nwords: ["{word}"]\n', Study, "study.yaml").words == (word,)


def test_a_number_where_a_text_is_expected_is_asked_for_in_quotes_as_it_is_written() -> None:
    said = refusal("name: 007\n")
    assert said == 'study.yaml:1: name: a text is expected; put it in quotes: "007", found 7'


def test_an_unknown_key_inside_a_list_is_answered_with_the_keys_of_that_place() -> None:
    message = refusal("name: a\nparts:\n- weight: 1\n- weight: 2\n  colour: red\n")
    assert message == "study.yaml:5: parts.1.colour: unknown key 'colour'; allowed: weight"


def test_an_unknown_key_inside_a_union_is_found_at_its_line() -> None:
    message = refusal("name: a\nsource:\n  kind: table\n  file: a.csv\n  colums: {}\n")
    assert message.startswith(
        "study.yaml:5: source.colums: unknown key 'colums' (did you mean 'columns'?); allowed:"
    )
    assert "kind, file, columns, data" in message


def test_an_unknown_key_inside_a_list_of_unions_is_found_at_its_line() -> None:
    message = refusal(
        "name: a\nsources:\n- {kind: named, data: x}\n- kind: table\n  file: a.csv\n  data: x\n"
    )
    assert message.startswith("study.yaml:6: sources.1.data: unknown key 'data'")


def test_a_wrong_tag_of_a_union_is_answered_with_those_there_are() -> None:
    message = refusal("name: a\nsource: {kind: hub, file: a.csv}\n")
    assert message.startswith("study.yaml:2: source:")
    assert "'table'" in message
    assert "'named'" in message
    assert "'hub'" in message


def test_a_wrong_type_is_named_with_key_and_value() -> None:
    assert refusal("name: a\npersons: many\n") == (
        "study.yaml:2: persons: Input should be a valid integer, unable to parse string as an integer, "
        "found 'many'"
    )
    message = refusal("name: a\nsource:\n  kind: table\n  file: a.csv\n  columns:\n    x: one\n")
    assert message.startswith("study.yaml:6: source.columns.x: Input should be a valid integer")


def test_a_value_that_its_own_rule_refuses_is_named() -> None:
    assert refusal("name: a\npersons: 0\n") == "study.yaml:2: persons: persons must be >= 1, found 0"


def test_a_missing_key_is_named_at_the_place_where_it_should_stand() -> None:
    assert refusal("persons: 5\n") == "study.yaml:1: name: required key is missing"
    assert refusal("name: a\nparts:\n- {}\n") == "study.yaml:3: parts.0.weight: required key is missing"
    message = refusal("name: a\nsource:\n  kind: table\n")
    assert message == "study.yaml:2: source.file: required key is missing"


def test_a_repeated_key_is_refused_wherever_it_stands() -> None:
    assert refusal("name: a\npersons: 1\nname: b\n") == "study.yaml:3: key 'name' is given twice"
    message = refusal("name: a\nparts:\n- weight: 1\n  weight: 2\n")
    assert message == "study.yaml:4: key 'weight' is given twice"


def test_every_problem_is_listed() -> None:
    message = refusal("persons: many\ncolour: red\n")
    assert len(message.splitlines()) == 3


def test_an_alternative_without_a_tag_names_each_way_in_which_it_fails() -> None:
    message = refusal("name: a\neither: {weight: heavy}\n")
    assert "study.yaml:2: either.weight: Input should be a valid number" in message
    assert "Input should be a valid string, found {'weight': 'heavy'}" in message


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match=r"nowhere\.yaml: no such file"):
        read(tmp_path / "nowhere.yaml", Study)


def test_bytes_that_are_not_utf8_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_bytes("name: Größe".encode("latin-1"))
    with pytest.raises(DocumentError, match=r"study\.yaml: cannot be read as UTF-8 text"):
        read(path, Study)


def test_a_folder_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="cannot be read"):
        read(tmp_path, Study)


@pytest.mark.parametrize("text", ["", "# nothing\n", "- a\n- b\n", "just words\n", "42\n"])
def test_what_is_not_a_mapping_is_refused(text: str) -> None:
    assert refusal(text).startswith("study.yaml: expected a mapping of keys to values, found ")


def test_broken_yaml_is_refused_with_its_line() -> None:
    message = refusal("name: a\nparts: [1, 2\nother: b\n")
    assert message.startswith("study.yaml:3: not valid YAML:")
    assert refusal("name: a\x00").startswith("study.yaml")


def test_values_written_in_another_way_are_told_what_to_write() -> None:
    assert "a list is expected; write a list: [Westen], found 'Westen'" in refusal("name: a\nparts: Westen\n")
    assert "use a decimal point: 0.35" in refusal("name: a\neither: {weight: '0,35'}\n")
    with pytest.raises(
        DocumentError, match=r"split.yaml:1: share: .*; write a fraction such as 0\.35, found 35"
    ):
        parse("share: 35", Share, "split.yaml")


def test_broken_indentation_says_where_to_look() -> None:
    message = refusal("name: a\n  persons: 3\n")
    assert message.startswith(
        "study.yaml:2: not valid YAML: mapping values are not allowed here; look at the inden"
    )
