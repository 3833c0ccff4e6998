"""Writes docs/performance.md from benchmarks/results, which benchmarks fill when run with ``--record``."""

import argparse
import ast
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from benchmarks import plots
from benchmarks.output import RESULTS, Result
from benchmarks.plots import Point

DOCS = Path(__file__).parent.parent / "docs"
PAGE, PICTURE = "performance.md", "performance.svg"
_HEAD = """\
# Performance

What was measured, on what, and how to measure it again. This page is written by
`python -m benchmarks.performance` from the files in `benchmarks/results/`, which benchmarks keep with
`--record`; nothing on it is typed by hand. A figure holds for the machine that stands above its table:
compare ratios, and seconds only on one machine.
"""


class Goal(NamedTuple):
    """What a figure is to be."""

    sign: Literal["<=", ">=", "="]
    value: float | str

    def met(self, figure: float | str) -> bool:
        """Whether a figure is as it is to be; words only where they are the same."""
        if isinstance(figure, str) or isinstance(self.value, str):
            return figure == self.value
        if self.sign == "=":
            return figure == self.value
        return figure <= self.value if self.sign == "<=" else figure >= self.value

    def __str__(self) -> str:
        sign = {"<=": "at most ", ">=": "at least ", "=": ""}[self.sign]
        return f"{sign}{shown(self.value)}"


def _most(value: float) -> Goal:
    return Goal("<=", value)


def _least(value: float) -> Goal:
    return Goal(">=", value)


NONE, TRUE = Goal("=", 0.0), Goal("=", "true")
# ``None`` has no goal, and stands beside those that have one.
GOALS: Mapping[str, Mapping[str, Goal | None]] = {
    "fielding": {
        "factored_cold_seconds": _most(5.0),
        "factored_warm_seconds": _most(1.0),
        "joint_seconds_x_tflops": _most(250.0),
        "joint_share_of_matmul": _least(0.6),
    },
    "fielding_cuda": {"joint_share_of_matmul": _least(0.4)},
    "fielding_135m_cuda": {"joint_share_of_matmul": _least(0.4)},
    "fielding_8b_cuda": {"joint_share_of_matmul": _least(0.4)},
    "peers": {
        "factored_vs_one_by_one": _least(100.0),
        "joint_vs_one_by_one": _least(10.0),
        "joint_vs_llama_cpp": _least(3.0),
        "factored_vs_edsl": _least(100.0),
        "largest_difference_float32": _most(1e-3),
    },
    "million": {
        "seconds": _most(60.0), "peak_memory_gb": _most(4.0), "microseconds_per_answer": _most(30.0),
    },
    "crash": {"kills": _least(100.0), "lost": NONE, "doubled": NONE, "torn": NONE, "different": NONE},
    "startup": {"import_seconds": _most(0.3), "help_seconds": _most(0.5)},
    "forecast": {"median_error": _most(0.3), "worst_error": None, "inside": None, "studies": None},
    "cluster": {
        "same_draws_1": TRUE, "same_draws_2": TRUE, "same_draws_killed": TRUE, "lost": NONE, "doubled": NONE,
    },
}  # fmt: skip
ORDER = ("fielding", "peers", "million", "crash", "startup", "forecast", "cluster")
"""Benchmarks of this page; one run otherwise (``fielding_8b_cuda``) comes behind the one it is of."""

# Ways of answering whose cost is the same for every answer: their names on the picture.
_WAYS = {
    "joint": "joint",
    "one_by_one": "one by one",
    "batched": "batched",
    "llama_cpp": "llama.cpp",
    "rated": "rated free answers",
    "edsl": "EDSL",
}
_COLD, _WARM = "factored, cold", "factored, warm"
_SIZES = {"_10k": 10_000, "": 1_000_000, "_10m": 10_000_000}
# Figures of ``million`` for each of these sizes, in columns.
_COLUMNS = {
    "seconds": "seconds",
    "encode_seconds": "of them encoding",
    "microseconds_per_answer": "µs an answer, without encoding",
    "stored_bytes": "bytes an answer",
    "peak_memory_gb": "peak, GB",
    "batch": "persons in a batch",
}
_NO_GPU = """\
No figures of a GPU were recorded. On a machine with one,
`python -m benchmarks.fielding --device cuda --record` measures the example study; with `--random-shape 135m`
or `--random-shape 8b` it measures random weights of such a shape and needs neither data nor weights.
"""
_SCALED = (10.0, 1_000_000.0)


def main() -> None:
    """Writes the page and its picture."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--results", type=Path, default=RESULTS, help="folder of the figures")
    options.add_argument("--docs", type=Path, default=DOCS, help="folder that the page goes to")
    given = options.parse_args()
    results = read(given.results)
    (given.docs / PAGE).write_text(page(results), encoding="utf-8")
    if picture(results, given.docs / PICTURE):
        print(given.docs / PICTURE)
    print(given.docs / PAGE)


def read(folder: Path) -> list[Result]:
    """The figures that were kept, in the order of the page."""
    found = [Result.model_validate_json(p.read_text(encoding="utf-8")) for p in folder.glob("*.json")]
    known = [r for r in found if _of(r) in ORDER]
    return sorted(known, key=lambda r: (ORDER.index(_of(r)), r.benchmark))


def page(results: Sequence[Result]) -> str:
    """The page as Markdown."""
    parts = [_HEAD]
    if costs(results):
        parts.append(f"![Cost against answers for each way of answering]({PICTURE})\n")
    parts += [_section(result) for result in results]
    left = [f"`{name}`" for name in ORDER if name not in {_of(r) for r in results}]
    if not any(r.benchmark.endswith("_cuda") for r in results):
        parts.append(_NO_GPU)
    if left:
        parts.append(f"Not recorded yet: {', '.join(left)}.\n")
    return "\n".join(parts)


def _of(result: Result) -> str:
    return result.benchmark.partition("_")[0]


def _section(result: Result) -> str:
    goals = GOALS.get(result.benchmark, {})
    figures = sorted(
        result.figures, key=lambda name: list(goals).index(name) if name in goals else len(goals)
    )
    grown = _grown(result)
    beside = {f"{name}{tail}" for name in _COLUMNS for tail in _SIZES} if grown else set[str]()
    rows = [
        _row(name, result.figures[name], goals.get(name))
        for name in figures
        if name in goals or name not in beside
    ]
    lines = [
        f"## {result.benchmark}\n", f"{_about(_of(result))}\n", f"`{result.command}`  ",
        f"{result.machine}; {result.date}\n", "| figure | found | goal |", "|---|---|---|", *rows, *grown,
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _grown(result: Result) -> list[str]:
    """A table of ``million`` with a line for each size; empty for other benchmarks."""
    sizes = {tail: n for tail, n in _SIZES.items() if f"seconds{tail}" in result.figures}
    if _of(result) != "million" or not sizes:
        return []
    lines = ["", f"| answers | {' | '.join(_COLUMNS.values())} |", "|---" * (len(_COLUMNS) + 1) + "|"]
    for tail, n in sizes.items():
        found = [result.figures.get(f"{name}{tail}", "") for name in _COLUMNS]
        lines.append(f"| {n:,} | {' | '.join(shown(figure) for figure in found)} |")
    return lines


def _row(name: str, figure: float | str, goal: Goal | None) -> str:
    against = "" if goal is None else f"{goal}{'' if goal.met(figure) else ' (missed)'}"
    return f"| `{name}` | {shown(figure)} | {against} |"


def _about(benchmark: str) -> str:
    """The first paragraph of a benchmark's own description."""
    source = (Path(__file__).parent / f"{benchmark}.py").read_text(encoding="utf-8")
    text = ast.get_docstring(ast.parse(source)) or ""
    return " ".join(text.split("\n\n")[0].replace("``", "`").split())


def shown(figure: float | str) -> str:
    """A figure for people, with three digits, or all of a whole number."""
    if isinstance(figure, str):
        return figure.replace("|", "/").replace("\n", " ")
    if figure == round(figure) or abs(figure) >= 1000:
        return f"{figure:,.0f}"
    return f"{float(f'{figure:.3g}'):g}"


def costs(results: Sequence[Result]) -> list[Point]:
    """Seconds for so many answers, as measured, for each way of answering."""
    by_name = {r.benchmark: r.figures for r in results}
    fielding, million = by_name.get("fielding", {}), by_name.get("million", {})
    peers = by_name.get("peers", {})
    points: list[Point] = []
    if fielding:
        n = _number(fielding, "persons") * _number(fielding, "questions")
        for name, series in (("factored_cold", _COLD), ("factored_warm", _WARM), ("joint", "joint")):
            points.append(Point(n, _number(fielding, f"{name}_seconds"), series))
    points += _growing(million)
    for way, series in _WAYS.items():
        answers = peers.get(f"{way}_answers")
        if isinstance(answers, float) and not (way == "joint" and fielding):
            points.append(Point(answers, answers / _number(peers, f"{way}_answers_per_second"), series))
    return points


def _growing(million: Mapping[str, float | str]) -> list[Point]:
    """What a factored model takes for more and more persons and a hundred questions."""
    points: list[Point] = []
    for tail, n in _SIZES.items():
        if f"seconds{tail}" in million:
            seconds = _number(million, f"seconds{tail}")
            points.append(Point(n, seconds, _COLD))
            points.append(Point(n, seconds - _number(million, f"encode_seconds{tail}"), _WARM))
    return points


def picture(results: Sequence[Result], file: Path) -> bool:
    """Draws cost against answers where there is something to draw, and says whether there was."""
    points = costs(results)
    if not points:
        return False
    lines = _growing({r.benchmark: r.figures for r in results}.get("million", {}))
    for point in points:
        if point.series not in (_COLD, _WARM):
            rate = point.y / float(point.x)
            lines += [Point(n, n * rate, point.series) for n in _SCALED]
    machines = sorted({r.machine for r in results if r.benchmark in ("fielding", "million", "peers")})
    plots.log_log(points, lines, "answers", "seconds", "Cost of answers", [*_notes(results), *machines], file)
    return True


def _notes(results: Sequence[Result]) -> list[str]:
    """What the points of the picture are, and how many persons stand behind them."""
    by_name = {r.benchmark: r.figures for r in results}
    notes = ["Points were measured. Straight lines are scaled by the answers a second of their one point."]
    if "fielding" in by_name:
        persons, questions = (shown(by_name["fielding"].get(name, "")) for name in ("persons", "questions"))
        notes.append(
            f"joint, and a point of factored: {persons} persons with {questions} questions (fielding)."
        )
    if "million" in by_name:
        notes.append("Other points of factored: panels of other sizes with 100 questions (million).")
    if "peers" in by_name:
        notes.append(
            "Other ways: the same questions, for as many persons as each reached in its time (peers);"
        )
        notes.append("a way that shares work among persons would take less for each of more persons.")
    return notes


def _number(figures: Mapping[str, float | str], name: str) -> float:
    """A figure that must be there and be a number. Raises: ValueError with what is there instead."""
    found = figures.get(name)
    if not isinstance(found, float):
        raise ValueError(f"figure {name!r} must be a number, got {found!r}; record the benchmark again")
    return found


if __name__ == "__main__":
    main()
