from pathlib import Path

import pytest

from personas import document
from personas.errors import DocumentError
from training.spec import TrainSpec
from training.split_spec import SplitSpec


def read(tmp_path: Path, text: str) -> TrainSpec:
    path = tmp_path / "train.yaml"
    path.write_text(text)
    return document.read(path, TrainSpec)


def test_two_lines_are_enough(tmp_path: Path) -> None:
    spec = read(tmp_path, "adapter: mine\npanel: spending\n")
    assert (spec.model, spec.attributes, spec.folds, spec.seed) == ("smollm2-135m", None, 4, 1)
    assert spec.split == SplitSpec(people=0.4, questions=0, seed=1)


def test_everything_can_be_said(tmp_path: Path) -> None:
    text = (
        "adapter: mine.v-2\npanel: spending\nmodel: ./folder\nattributes: [age, sex]\nfolds: 8\nseed: 3\n"
        "split: {people: 0.25, questions: [natpark, natroad], seed: 9}\n"
    )
    spec = read(tmp_path, text)
    assert spec.attributes == ("age", "sex")
    assert spec.split == SplitSpec(people=0.25, questions=("natpark", "natroad"), seed=9)
    assert read(tmp_path, text.replace("[natpark, natroad]", "3")).split.questions == 3


def test_all_groups_of_the_split_can_be_said(tmp_path: Path) -> None:
    split = read(
        tmp_path,
        "adapter: a\npanel: p\nsplit:\n  rectification: 0.2\n  by: question\n"
        "  segment: {age: [old, very old], sex: [f]}\n  wave: {year: ['2018']}\n",
    ).split
    assert split.segment == {"age": ("old", "very old"), "sex": ("f",)}
    assert (split.wave, split.rectification, split.by) == ({"year": ("2018",)}, 0.2, "question")
    plain = SplitSpec()
    assert (plain.segment, plain.wave, plain.rectification, plain.by) == ({}, {}, 0.0, "battery")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("adaptor: x", r"train.yaml:3: adaptor: unknown key 'adaptor' \(did you mean 'adapter'\?\)"),
        ("folds: 1", "train.yaml:3: folds: .*greater than or equal to 2, found 1"),
        ("folds: many", "train.yaml:3: folds: .*valid integer.*found 'many'"),
        ("split: {people: 1.0}", "train.yaml:3: split.people: .*less than 1, found 1.0"),
        (
            "split: {people: 0.7, rectification: 0.3}",
            r"split.rectification: people \(0.7\) and .* less than 1",
        ),
        ("split: {by: set}", "train.yaml:3: split.by: .*'battery' or 'question', found 'set'"),
        ("split: {segment: {age: []}}", "train.yaml:3: split.segment.age: .*at least 1 item"),
        ("split: {share: 0.3}", "train.yaml:3: split.share: unknown key 'share'"),
        ("attributes: []", "train.yaml:3: attributes: .*at least 1 item"),
        ("attributes: [age, age]", "train.yaml:3: attributes: attributes must differ"),
        ("card: {author: me}", "train.yaml:3: card.author: unknown key 'author'"),
        ('card: {developer: ""}', "train.yaml:3: card.developer: .*pattern.*found ''"),
        ('card: {contact: "a\\nb"}', "train.yaml:3: card.contact: .*pattern"),
        ("panel: again", "train.yaml:3: key 'panel' is given twice"),
    ],
)
def test_errors_name_line_key_value_and_what_is_allowed(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(DocumentError, match=message):
        read(tmp_path, f"adapter: mine\npanel: spending\n{line}\n")


def test_a_name_that_is_no_folder_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match=r"adapter: .*found '\.\./mine'"):
        read(tmp_path, "adapter: ../mine\npanel: spending\n")


def test_the_card_says_who_stands_behind_an_adapter(tmp_path: Path) -> None:
    said = "card: {developer: Panel team, contact: 'panel@firm.example', licence: internal use}\n"
    spec = read(tmp_path, f"adapter: mine\npanel: spending\n{said}")
    assert (spec.card.developer, spec.card.contact) == ("Panel team", "panel@firm.example")
    assert spec.card.licence == "internal use"
    assert read(tmp_path, "adapter: mine\npanel: spending\n").card.developer is None
