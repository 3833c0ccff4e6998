"""Fills the figures in README.md and the pages of docs/ from real runs; none is typed by hand.

make demo 2>&1 | tee demo-output.txt;  python docs/refresh.py demo demo-output.txt
make test 2>&1 | tee test-output.txt;  python docs/refresh.py tests test-output.txt
python docs/refresh.py study            # runs docs/first-study.md with the model that it names
mirrorpanel train demo-out/train.yaml --ladder -w demo-out
python docs/refresh.py ladder demo-out/reports/ADAPTER/ladder.json
"""

import argparse
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mirrorpanel.render.numbers import count, decimal, difference, duration, moment, proportion

DOCS = Path(__file__).parent
README, STUDY = DOCS.parent / "README.md", DOCS / "first-study.md"
LADDER, WHEN_NOT = DOCS / "ladder.md", DOCS / "when-not-to-fine-tune.md"
_WIDTH = 110
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NAME = re.compile(r"# ([\w-]+\.\w+)\n")

Run = Callable[[Sequence[str], Path], str]
"""Runs a command in a folder and returns its standard output."""


@dataclass(frozen=True)
class Step:
    """A command of a page, the output that the page shows for it, and the output that it gave."""

    command: str
    shown: str
    given: str


def fences(text: str) -> Iterator[tuple[str, str]]:
    """Language and content of each fenced block of a page, in order."""
    for found in _FENCE.finditer(text):
        yield found[1], found[2]


def walk(text: str, folder: Path, run: Run) -> list[Step]:
    """What the commands of a page give when a reader does, from top to bottom, what it says.

    YAML and Python blocks whose first line is ``# name.ending`` are written as files into the folder that the
    reader is in; ``$`` lines of console blocks are run there, and ``$ cd`` changes it.
    """
    steps: list[Step] = []
    for language, content in fences(text):
        if (name := _NAME.match(content)) is not None:
            (folder / name[1]).write_text(content, encoding="utf-8")
        if language != "console":
            continue
        for part in re.split(r"^\$ ", content, flags=re.MULTILINE)[1:]:
            command, _, shown = part.partition("\n")
            words = shlex.split(command)
            if words[0] == "cd":
                folder = folder / words[1]
                given = ""
            else:
                given = run(words, folder)
            steps.append(Step(command, shown, given))
    return steps


def shown(output: str) -> str:
    """Output as a page shows it: without blanks at line ends, long lines wrapped."""
    return "\n".join(
        line.rstrip() if len(line) <= _WIDTH else textwrap.fill(line, _WIDTH, break_on_hyphens=False)
        for line in output.strip("\n").splitlines()
    )


def study_page(text: str, steps: Sequence[Step]) -> str:
    """The page with the outputs of its commands replaced by those that they gave."""
    left = iter(steps)

    def again(found: re.Match[str]) -> str:
        if found[1] != "console":
            return found[0]
        lines: list[str] = []
        for _ in re.findall(r"^\$ ", found[2], flags=re.MULTILINE):
            step = next(left)
            lines += [f"$ {step.command}", *shown(step.given).splitlines()]
        return "```console\n" + "\n".join(lines) + "\n```"

    return _FENCE.sub(again, text)


def demo_block(output: str, report: dict[str, Any]) -> str:
    """What ``make demo`` printed, and a line on the run; paths of this machine become ``demo-out`` and ``~``.

    Args:
        output: of ``make demo``, standard output and standard error together.
        report: the run's report.json.

    Raises:
        ValueError: the output holds no demo from its beginning to the path of the report, or the report is of
            another run.
    """
    lines = output.replace("\r", "\n").rstrip().splitlines()
    start = next((i for i, line in enumerate(lines) if line.startswith("$ mirrorpanel init ")), None)
    if start is None or not lines[-1].endswith("report.html"):
        raise ValueError("this is no output of a whole demo: it must begin with init and end with the report")
    model = report["model"]
    if f"{count(report['answers'])} simulated answers" not in output or model["processor"] not in output:
        raise ValueError("the report is of another run than this output")
    named, absolute = shlex.split(lines[start])[-1], str(Path(lines[-1]).parents[2])
    kept = [line for line in lines[start:] if "━" not in line]
    text = "\n".join(kept).replace(absolute, "demo-out").replace(str(Path.home()), "~")
    text = re.sub(rf"(?<=[ /]){re.escape(named)}(?=[/\s]|$)", "demo-out", text, flags=re.MULTILINE)
    return (
        f"One run, {moment(report['created'])}, mirrorpanel {report['version']}. Progress bars are left out; "
        "figures differ a little from machine to machine.\n\n"
        f"```console\n$ make demo\n{shown(text)}\n```"
    )


def tests_block(output: str) -> str:
    """The last line of what ``make test`` printed. Raises: ValueError where the tests did not pass."""
    last = output.strip().splitlines()[-1].strip("= ")
    if not re.match(r"\d+ passed", last):
        raise ValueError(f"the tests did not pass, or this is no output of `make test`: {last!r}")
    return f"```console\n$ make test\n{last}\n```"


def ladder_block(found: dict[str, Any]) -> str:
    """Tables of a ladder, one for each part, and its verdict; ``found`` is ladder.json."""
    lines = [f"One run, {moment(found['created'])}, mirrorpanel {found['mirrorpanel']}."]
    for part in found["parts"]:
        base = (
            f"{count(part['people'])} people, {part['questions']} questions, {count(part['answers'])} answers"
        )
        lines += ["", f"**{part['title']}** ({base})", "", *rung_rows(part)]
    return "\n".join([*lines, "", "What the page says:", "", *(f"> {line}\n>" for line in found["verdict"])])[
        :-2
    ]


def rung_rows(part: dict[str, Any], names: Sequence[str] = ()) -> list[str]:
    """Rows of a Markdown table for the rungs of a part, or for some of them."""
    rows = [
        "| rung | answers | gap closed | agreement | signal | log loss | better than baseline | fitting |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for rung in part["rungs"]:
        if names and rung["rung"] not in names:
            continue
        agreement, signal = ((rung[name] or {"value": None})["value"] for name in ("agreement", "signal"))
        gain = "the baseline"
        if rung["comparison"] is not None:
            g = rung["comparison"]["log_loss"]
            gain = f"{difference(g['value'])} ({difference(g['low'])} to {difference(g['high'])})"
        figures = [
            proportion(rung["gap_closed"], 2), proportion(agreement), proportion(signal, 2),
            decimal(rung["log_loss"], 3), gain, duration(rung["cost"]["fit_seconds"]),
        ]  # fmt: skip
        rows.append("| " + " | ".join([rung["title"], count(rung["answers"]), *figures]) + " |")
    return rows


def fill(text: str, name: str, block: str) -> str:
    """``text`` with what stands between ``<!-- name -->`` and ``<!-- /name -->`` replaced.

    Raises:
        ValueError: the marks are missing.
    """
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    if not pattern.search(text):
        raise ValueError(f"no place for it: <!-- {name} --> and <!-- /{name} --> are missing")
    return pattern.sub(lambda found: f"{found[1]}{block}\n{found[2]}", text)


def command_line(words: Sequence[str], folder: Path) -> str:
    """Standard output of a command of a page, run by this Python. Raises: CalledProcessError."""
    program = {
        "python": [sys.executable],
        "mirrorpanel": [sys.executable, "-c", "from mirrorpanel.cli.app import main; main()"],
    }[words[0]]
    # Found from the folder of the study too, where nothing is installed.
    paths = os.pathsep.join(p for p in (str(DOCS.parent.resolve()), os.environ.get("PYTHONPATH", "")) if p)
    done = subprocess.run(
        [*program, *words[1:]], cwd=folder, env=os.environ | {"PYTHONPATH": paths}, check=True, text=True,
        encoding="utf-8", stdout=subprocess.PIPE,
    )  # fmt: skip
    return done.stdout


def main() -> int:
    """Exit code: 0 where the page was written, 1 where it was not."""
    parser = argparse.ArgumentParser(description="Fill the figures in README.md and docs/first-study.md.")
    parser.add_argument("what", choices=("demo", "tests", "study", "ladder"))
    parser.add_argument("output", type=Path, nargs="?", help="what the command printed, or ladder.json")
    options = parser.parse_args()
    if (options.output is None) != (options.what == "study"):
        parser.error("demo, tests and ladder need the file with the output, study takes none")
    try:
        pages = _refreshed(options.what, options.output)
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        print(error, file=sys.stderr)
        return 1
    for page, text in pages.items():
        page.write_text(text, encoding="utf-8")
        print(page)
    return 0


def _refreshed(what: str, file: Path) -> dict[Path, str]:
    if what == "study":
        text = STUDY.read_text(encoding="utf-8")
        with tempfile.TemporaryDirectory() as folder:
            return {STUDY: study_page(text, walk(text, Path(folder), command_line))}
    if what == "ladder":
        return _ladder_pages(json.loads(file.read_text(encoding="utf-8")))
    output, readme = file.read_text(encoding="utf-8"), README.read_text(encoding="utf-8")
    if what == "tests":
        return {README: fill(readme, "tests", tests_block(output))}
    report = Path(output.rstrip().splitlines()[-1]).with_suffix(".json")
    block = demo_block(output, json.loads(report.read_text(encoding="utf-8")))
    return {README: fill(readme, "demo", block)}


def _ladder_pages(found: dict[str, Any]) -> dict[Path, str]:
    seen = next(part for part in found["parts"] if not part["new_questions"])
    few = ("item_share", "multilevel", "logit", "ordered_logit", "persona_model")
    whole, some = LADDER.read_text(encoding="utf-8"), WHEN_NOT.read_text(encoding="utf-8")
    return {
        LADDER: fill(whole, "ladder", ladder_block(found)),
        WHEN_NOT: fill(some, "seen", "\n".join(rung_rows(seen, few))),
    }


if __name__ == "__main__":
    sys.exit(main())
