import json
import re
import shlex
import subprocess
import tomllib
from typing import Any

import pytest
import typer
from own_study import PROGRAM, ROOT, done, environment, mirrorpanel

from mirrorpanel.cli.app import app
from personas.models import catalogue


def commands(group: Any, before: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Every command and group as the words that call it."""
    found: list[tuple[str, ...]] = []
    for name, command in group.commands.items():
        found.append((*before, name))
        if hasattr(command, "commands"):
            found += commands(command, (*before, name))
    return found


PROGRAM_GROUP: Any = typer.main.get_command(app)
COMMANDS = commands(PROGRAM_GROUP)
GROUPS = [("models",), ("data",), ("panel",), ("review",), ("key",), ("audit",)]
VERBS = [words for words in COMMANDS if words not in GROUPS]


def test_the_commands_are_those_of_the_issue():
    assert set(COMMANDS) == {
        ("demo",),
        ("init",),
        ("ground",),
        ("train",),
        ("field",),
        ("write",),
        ("validate",),
        ("report",),
        ("models",),
        ("models", "list"),
        ("models", "show"),
        ("models", "pull"),
        ("models", "approve"),
        ("models", "retire"),
        ("review",),
        ("review", "export"),
        ("review", "read"),
        ("data",),
        ("data", "list"),
        ("data", "pull"),
        ("data", "inspect"),
        ("data", "margins"),
        ("data", "refresh"),
        ("panel",),
        ("panel", "list"),
        ("panel", "show"),
        ("panel", "explain"),
        ("panel", "export"),
        ("panel", "delete"),
        ("erase",),
        ("key",),
        ("key", "show"),
        ("key", "use"),
        ("key", "rotate"),
        ("key", "destroy"),
        ("audit",),
        ("audit", "verify"),
        ("audit", "show"),
        ("audit", "export"),
    }


@pytest.mark.parametrize("words", VERBS, ids=" ".join)
def test_every_command_has_help_with_an_example(words):
    text = done(*words, "--help").out
    assert f"Example: mirrorpanel {' '.join(words)}" in text
    assert "--json" in text


@pytest.mark.parametrize("words", GROUPS, ids=" ".join)
def test_every_group_has_help_that_lists_its_commands(words):
    text = done(*words, "--help").out
    for command in [c for c in COMMANDS if c[:1] == words and len(c) == 2]:
        assert re.search(rf"^  {command[1]} ", text, re.MULTILINE)


@pytest.mark.parametrize("words", VERBS, ids=" ".join)
def test_every_command_stands_in_the_docs(words):
    pages = [*(ROOT / "docs").glob("*.md"), ROOT / "README.md"]
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages if page.exists())
    assert re.search(rf"mirrorpanel {' '.join(words)}\b", text), f"{' '.join(words)} is named on no page"


@pytest.mark.parametrize("words", VERBS, ids=" ".join)
def test_the_examples_of_the_help_name_options_that_there_are(words):
    example = re.search(r"Example: mirrorpanel (.+)", done(*words, "--help").out)
    assert example is not None
    command = PROGRAM_GROUP
    for word in words:
        command = command.commands[word]
    # Reads the options without running the command; one that there is not raises.
    command.make_context(words[-1], shlex.split(example[1])[len(words) :])


def test_without_a_command_the_help_is_shown():
    outcome = mirrorpanel()
    assert outcome.code == 2
    assert "ground" in outcome.out + outcome.err


def test_models_are_listed_and_shown_for_people_and_for_machines():
    listed = done("models", "list").out
    found = done("models", "list", "--json").json["models"]
    assert [entry["name"] for entry in found] == catalogue.names()
    for entry in found:
        assert entry["name"] in listed
        assert entry["licence"] in listed
        assert len(entry["sha256"]) == 64
        assert done("models", "show", entry["name"], "--json").json == entry
        assert entry["sha256"] in done("models", "show", entry["name"]).out


def test_data_sets_are_listed_for_people_and_for_machines():
    listed = done("data", "list").out
    found = done("data", "list", "--json").json["data"]
    assert {"stevedata/gss_spending", "completejourney"} <= {entry["name"] for entry in found}
    for entry in found:
        assert entry["name"] in listed
        assert entry["source"]
        assert len(entry["sha256"]) == 64


def test_init_says_what_comes_next(tmp_path):
    assert "mirrorpanel ground grounding.yaml" in done("init", tmp_path / "a").out
    assert done("init", tmp_path / "b", "--json").json == {"workspace": str(tmp_path / "b")}
    assert (tmp_path / "b" / "mirrorpanel.duckdb").is_file()


def test_inspect_takes_commas_between_thousands_and_drafts_a_file_that_does_too(tmp_path):
    rows = "".join(f'p{i}x,"{1 + i % 9},{100 + i}"\n' for i in range(120))
    (tmp_path / "s.csv").write_text(f"id,Einkommen\n{rows}", encoding="utf-8")
    options = ("--grounding", tmp_path / "g.yaml", "--json")
    found = done("data", "inspect", tmp_path / "s.csv", "--thousands", ",", *options).json
    assert [c["type"] for c in found["columns"]] == ["id", "number"]
    assert "thousands: ','" in (tmp_path / "g.yaml").read_text()
    for wrong in (("--thousands", "."), ("--thousands", ",", "--decimal", ",")):
        outcome = mirrorpanel("data", "inspect", tmp_path / "s.csv", *wrong)
        assert outcome.code == 2
        assert "--thousands" in outcome.err


def test_the_installed_program_is_the_one_that_is_tested():
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert scripts == {"mirrorpanel": "mirrorpanel.cli.app:main"}


def test_a_process_of_its_own_prints_json_on_standard_output_and_nothing_on_standard_error(tmp_path):
    ended = subprocess.run(
        [*PROGRAM, "data", "list", "--json"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment(),
        check=True,
    )
    assert ended.stderr == ""
    assert json.loads(ended.stdout)["data"]


def test_the_command_line_starts_without_a_language_model():
    code = (
        "import sys, mirrorpanel.cli.app; sys.exit(any(m in sys.modules for m in ('torch', 'transformers')))"
    )
    assert subprocess.run([PROGRAM[0], "-c", code], check=False, cwd=ROOT, env=environment()).returncode == 0
