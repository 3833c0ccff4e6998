"""The documents: what they show runs, what they list is complete, and what they name exists."""

import contextlib
import importlib.util
import io
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer

import reference_data
from grounding.sources import datasets
from mirrorpanel.cli.app import app, main
from personas.models import catalogue

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(DOCS.glob("*.md"))]


def _refresh() -> Any:
    spec = importlib.util.spec_from_file_location("refresh", DOCS / "refresh.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["refresh"] = module
    spec.loader.exec_module(module)
    return module


refresh = _refresh()


@dataclass(frozen=True)
class Ended:
    """How a command ended: exit code, standard output, standard error."""

    code: object
    out: str
    err: str


def mirrorpanel(words: Sequence[str], folder: Path) -> Ended:
    """Runs the real command line in ``folder``, in this process."""
    out, err, before = io.StringIO(), io.StringIO(), sys.argv
    sys.argv = ["mirrorpanel", *words]
    try:
        with contextlib.chdir(folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main()
    except SystemExit as ended:
        return Ended(ended.code, out.getvalue(), err.getvalue())
    finally:
        sys.argv = before
    raise AssertionError("the command line must end with an exit code")


def run(words: Sequence[str], folder: Path) -> str:
    """Standard output of a command of a page, which must end well."""
    if words[0] == "python":
        return refresh.command_line(words, folder)
    ended = mirrorpanel(words[1:], folder)
    assert ended.code == 0, f"{' '.join(words)}: {ended.err}"
    return ended.out


def skeleton(output: str, model: str) -> str:
    """Output without what depends on model and machine: numbers, ids, the verdicts' words."""
    text = re.sub(r"^On (people|questions) never .*?(?=^$)", "", output, flags=re.MULTILINE | re.DOTALL)
    # Which question is unlike those trained on depends on the model.
    text = re.sub(r"^Outside support, .*?\)\n", "", text, flags=re.MULTILINE | re.DOTALL)
    text = " ".join(text.replace(model, "smollm2-135m").split())
    text = re.sub(r"-[0-9a-f]{8}\b", "-ID", text)
    text = re.sub(r"[−-]?(\d[\d,]*)?\.?\d+", "#", text)
    return re.sub(r"# (min # s|ms|s)\b", "# s", text)


# --- docs/first-study.md ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Walk:
    """The first study as it was walked here: its folder, its steps, the model that stood in."""

    folder: Path
    steps: list[Any]
    model: str


@pytest.fixture(scope="module")
def study(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Walk:
    folder = tmp_path_factory.mktemp("first-study")
    text = (DOCS / "first-study.md").read_text(encoding="utf-8")
    with_tiny_model = text.replace("model: smollm2-135m", f"model: {tiny_folder}")
    assert with_tiny_model != text
    return Walk(folder / "coffee-study", refresh.walk(with_tiny_model, folder, run), str(tiny_folder))


def test_first_study_runs_from_its_csv_to_an_agreement_report(study: Walk) -> None:
    verbs = [step.command.split()[1] for step in study.steps if step.command.startswith("mirrorpanel")]
    assert verbs == ["init", "ground", "train", "field", "validate", "report"]
    report = study.folder / study.steps[-1].given.strip()
    assert "Segment by segment" in report.read_text(encoding="utf-8")
    names = {path.name for path in report.parent.iterdir()}
    assert {"report.json", "answers.csv", "answers.parquet"} <= names


def test_first_study_shows_the_outputs_that_its_commands_give(study: Walk) -> None:
    for step in study.steps:
        assert skeleton(step.shown, study.model) == skeleton(step.given, study.model), step.command


def test_first_study_shows_the_first_rows_of_its_csv(study: Walk) -> None:
    text = (DOCS / "first-study.md").read_text(encoding="utf-8")
    shown = next(content for language, content in refresh.fences(text) if language == "csv")
    assert (study.folder / "coffee.csv").read_text(encoding="utf-8").startswith(shown)


@dataclass(frozen=True)
class Fault:
    """Something wrong in a file of the study (nothing where it is empty), and the commands that meet it.

    ``edit`` may put single bytes into the text, as "surrogateescape" writes them.
    """

    commands: tuple[str, ...] = ("ground grounding.yaml",)
    file: str = ""
    edit: Callable[[str], str] = str


def replaced(old: str, new: str, count: int = 1) -> Callable[[str], str]:
    def edit(text: str) -> str:
        assert old in text
        return text.replace(old, new, count)

    return edit


def rows_kept(keep: Callable[[list[str]], bool]) -> Callable[[str], str]:
    def edit(text: str) -> str:
        head, *rows = text.splitlines()
        return "\n".join([head, *(row for row in rows if keep(row.split(",")))]) + "\n"

    return edit


def organic_only_for(people: int) -> Callable[[str], str]:
    def edit(text: str) -> str:
        head, *rows = text.splitlines()
        place = head.split(",").index("organic")
        fields = [row.split(",") for row in rows]
        emptied = [
            [*f[:place], "" if i >= people else f[place], *f[place + 1 :]] for i, f in enumerate(fields)
        ]
        return "\n".join([head, *(",".join(f) for f in emptied)]) + "\n"

    return edit


GROUND, CSV = "grounding.yaml", "coffee.csv"
FAULTS = {
    "a misspelt key": Fault(file=GROUND, edit=replaced("persons:", "person:")),
    "a wrong type": Fault(file=GROUND, edit=replaced("persons: 1000", "persons: many")),
    "a missing file": Fault(file=GROUND, edit=replaced("coffee.csv", "cofee.csv")),
    "a row that does not fit": Fault(file=CSV, edit=replaced("suburb", "suburb, south")),
    "several encodings": Fault(
        file=CSV, edit=lambda text: text.replace("suburb", "Köln", 1).replace("suburb", "M\udcfcnchen", 1)
    ),
    "a repeated id": Fault(file=CSV, edit=replaced("c002", "c001")),
    "an unknown code": Fault(file=CSV, edit=replaced(",4,2,2,1,1\n", ",4,2,2,1,7\n")),
    "a missing column": Fault(file=GROUND, edit=replaced("column: area", "column: region")),
    "an empty column": Fault(file=CSV, edit=organic_only_for(0)),
    "a value in no group": Fault(file=GROUND, edit=replaced("18-34: [18, 34], ", "")),
    "a margin without people": Fault(
        file=CSV, edit=rows_kept(lambda row: not (int(row[1]) >= 55 and row[2] == "male"))
    ),
    "an unknown margin": Fault(file=GROUND, edit=replaced("us_age_sex_2022", "de_age_sex")),
    "an unknown panel": Fault(("field study.yaml",), "study.yaml", replaced("panel: coffee", "panel: tea")),
    "an unknown model": Fault(
        ("train train.yaml",), "train.yaml", lambda text: re.sub("model: .*", "model: smolm2-135m", text)
    ),
    "too few answers": Fault(("ground grounding.yaml", "train train.yaml"), CSV, organic_only_for(5)),
    "no workspace": Fault(("ground coffee-study/grounding.yaml",)),
    "no validation": Fault(
        ("field study.yaml", "report coffee"), "study.yaml", replaced("seed: 1", "seed: 2")
    ),
}


@pytest.fixture(scope="module")
def documented() -> set[str]:
    text = (DOCS / "first-study.md").read_text(encoding="utf-8")
    return {content.strip() for language, content in refresh.fences(text) if language == "text"}


@pytest.fixture
def copy(study: Walk, tmp_path: Path) -> Path:
    return shutil.copytree(study.folder, tmp_path / "coffee-study", ignore=shutil.ignore_patterns("reports"))


@pytest.mark.parametrize("name", FAULTS)
def test_first_study_documents_the_message_of(name: str, copy: Path, documented: set[str]) -> None:
    fault = FAULTS[name]
    if fault.file:
        path = copy / fault.file
        path.write_bytes(fault.edit(path.read_text(encoding="utf-8")).encode("utf-8", "surrogateescape"))
    folder = copy.parent if name == "no workspace" else copy
    *before, last = (mirrorpanel(command.split(), folder) for command in fault.commands)
    assert all(ended.code == 0 for ended in before)
    assert last.code == 1
    message = last.err[last.err.index("mirrorpanel: ") :].strip()
    message = re.sub(r"\bcoffee-[0-9a-f]{8}\b", "RUN", message.replace(str(copy), "FOLDER"))
    # Who is held out depends on the pseudonyms, and so on the workspace's key.
    assert re.sub(r"has \d answers", "has 3 answers", message) in documented


def test_first_study_also_runs_on_the_csv_that_a_german_excel_writes(copy: Path) -> None:
    text = (copy / CSV).read_text(encoding="utf-8").replace(",", ";").replace("suburb", "Überlingen")
    (copy / CSV).write_bytes(text.replace("\n", "\r\n").encode("cp1252"))
    assert "800 people" in mirrorpanel(["ground", "grounding.yaml"], copy).out


def test_first_study_documents_no_message_that_nothing_gives(documented: set[str]) -> None:
    assert len(documented) == len(FAULTS)


# --- docs/command-line.md -----------------------------------------------------------------------------------


def _commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, (*path, name))
        else:
            yield (*path, name), command


COMMANDS = {" ".join(path): command for path, command in _commands(typer.main.get_command(app))}


@pytest.fixture(scope="module")
def sections() -> dict[str, str]:
    text = (DOCS / "command-line.md").read_text(encoding="utf-8")
    return dict(re.findall(r"^## mirrorpanel (.+?)\n(.*?)(?=^## |\Z)", text, flags=re.MULTILINE | re.DOTALL))


def test_command_line_page_has_a_section_for_each_command_and_no_other(sections: dict[str, str]) -> None:
    assert set(sections) == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_command_line_page_lists_the_options_of(name: str, sections: dict[str, str]) -> None:
    options = [p for p in COMMANDS[name].params if p.param_type_name == "option"]
    names = {opt for option in options for opt in option.opts} - {"--help"}
    assert set(re.findall(r"`(--?[a-z][a-z-]*)", sections[name])) == names


@pytest.mark.parametrize("name", COMMANDS)
def test_command_line_page_has_the_example_of(name: str, sections: dict[str, str]) -> None:
    example = re.search(r"Example: (mirrorpanel .+)", COMMANDS[name].help or "")
    assert example is not None
    assert f"```sh\n{example[1]}\n```" in sections[name]


@pytest.mark.parametrize(
    ("words", "code"),
    [("models list", 0), ("models show smol", 1), ("data pull nothing", 1), ("bogus", 2), ("ground", 2)],
)
def test_exit_codes_are_those_of_the_command_line_page(words: str, code: int, tmp_path: Path) -> None:
    assert mirrorpanel(words.split(), tmp_path).code == code


# --- the other pages ----------------------------------------------------------------------------------------


def test_models_page_names_every_model_of_the_catalogue_with_its_licence() -> None:
    text = (DOCS / "models.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(.+?)` \| (.+?) \| .+? \| .+? \| (.+?) \|$", text, flags=re.MULTILINE)
    entries = [catalogue.get(name) for name in catalogue.names()]
    assert rows == [(e.name, e.title, e.licence) for e in entries]


def test_data_page_names_every_data_set_and_every_margin_with_source_and_vintage() -> None:
    text = (DOCS / "data.md").read_text(encoding="utf-8")
    assert all(f"| `{name}` |" in text for name in datasets.names())
    for name in reference_data.margin_names():
        table = reference_data.margin(name)
        assert re.search(
            rf"\| `{name}` \| .+ \| {re.escape(table.source)} \| {table.vintage} \| {table.licence} \|", text
        )


def test_methods_page_names_only_files_that_exist() -> None:
    text = (DOCS / "methods.md").read_text(encoding="utf-8")
    named = re.findall(r"[a-z_/]+\.py\b", text)
    assert named
    assert [path for path in named if not (ROOT / path).is_file()] == []


def test_glossary_is_sorted_and_explains_each_word_once() -> None:
    text = (DOCS / "glossary.md").read_text(encoding="utf-8")
    words = [w.lower() for w in re.findall(r"^\| (.+?) \|", text, flags=re.MULTILINE)][2:]
    assert words == sorted(set(words))


def test_readme_has_a_line_for_each_folder() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^\| `([a-z_]+)/` \|", text, flags=re.MULTILINE))
    there = {p.name for p in ROOT.iterdir() if p.is_dir() and re.fullmatch(r"[a-z_]+", p.name)}
    assert named == there - {"build", "dist"} - {p.name for p in ROOT.glob("*.egg-info")}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere_in(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_simulated_persons_are_not_called_by_the_words_for_people_in(page: Path) -> None:
    assert not re.search(r"\b(respondents?|polls?|polled)\b", page.read_text(encoding="utf-8"), re.IGNORECASE)


# --- docs/refresh.py ----------------------------------------------------------------------------------------

OUTPUT = """.venv/bin/mirrorpanel demo
$ mirrorpanel init out
$ mirrorpanel ground out/grounding.yaml -w out
  answers ━━━━━━━━ 60/60 35,225/s 0:00:00
18,000 simulated answers in 1 s; on cpu, float32.
/home/somebody/out/reports/spending-0a1b2c3d/report.html
"""
REPORT = {
    "answers": 18000,
    "created": "2026-11-21T10:15:48+00:00",
    "version": "0.1.0",
    "model": {"base": "smollm2-135m", "processor": "cpu, float32"},
}


def test_the_demo_block_shows_the_output_without_bars_and_paths_of_the_machine() -> None:
    block = refresh.demo_block(OUTPUT, REPORT)
    assert "$ make demo\n$ mirrorpanel init demo-out\n$ mirrorpanel ground demo-out/grounding.yaml" in block
    assert "-w demo-out\n18,000 simulated answers" in block
    assert "demo-out/reports/spending-0a1b2c3d/report.html" in block
    assert "somebody" not in block
    assert "━" not in block


def test_a_report_of_another_run_is_refused() -> None:
    with pytest.raises(ValueError, match="another run"):
        refresh.demo_block(OUTPUT, REPORT | {"answers": 17})


def test_output_that_ends_early_is_refused() -> None:
    with pytest.raises(ValueError, match="whole demo"):
        refresh.demo_block(OUTPUT.partition("18,000")[0], REPORT)


def test_failed_tests_are_not_written_into_the_readme() -> None:
    assert "12 passed in 3.00s" in refresh.tests_block("....\n12 passed in 3.00s\n")
    with pytest.raises(ValueError, match="did not pass"):
        refresh.tests_block("....\n1 failed, 11 passed in 3.00s\n")


def test_only_what_stands_between_the_marks_is_replaced() -> None:
    text = "a\n<!-- demo -->\nold\n<!-- /demo -->\nb\n"
    assert refresh.fill(text, "demo", "new") == "a\n<!-- demo -->\nnew\n<!-- /demo -->\nb\n"
    with pytest.raises(ValueError, match="tests"):
        refresh.fill(text, "tests", "new")


def test_the_readme_has_places_for_the_outputs() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in ("demo", "tests"):
        assert refresh.fill(text, name, "new") != text
