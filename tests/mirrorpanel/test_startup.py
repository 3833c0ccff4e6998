import subprocess
import sys
from types import ModuleType

import pytest
from own_study import ROOT, environment
from test_cli import COMMANDS

import grounding
import personas
import validation

HEAVY = {
    "torch", "transformers", "peft", "accelerate", "sklearn", "statsmodels", "pandas", "duckdb", "pyarrow",
    "altair", "vl_convert", "psycopg", "openpyxl", "scipy.stats", "scipy.optimize",
}  # fmt: skip
"""What nobody should wait for who does not use it; modules and packages."""

ALL_HELP = f"""
import contextlib, io, sys
from mirrorpanel.cli import app
for words in {[(), *COMMANDS]!r}:
    sys.argv = ["mirrorpanel", *words, "--help"]
    told = io.StringIO()
    with contextlib.redirect_stdout(told), contextlib.suppress(SystemExit):
        app.main()
    assert told.getvalue().startswith(" ".join(["Usage: mirrorpanel", *words]))
"""


def loaded(code: str) -> set[str]:
    """The modules that a process of its own has after the code."""
    ended = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env=environment(),
    )
    return set(ended.stdout.split())


def test_importing_the_rooms_alone_loads_nothing_that_takes_time():
    modules = loaded("import personas, grounding, validation")
    assert {"personas", "grounding", "validation"} <= modules
    assert modules & (HEAVY | {"numpy", "scipy", "pydantic", "yaml", "rich"}) == set()


def test_every_name_of_the_rooms_comes_without_the_heavy_libraries():
    modules = loaded("from personas import *\nfrom grounding import *\nfrom validation import *")
    assert {"personas.panel", "grounding.build", "validation.results"} <= modules
    assert modules & HEAVY == set()


def test_help_of_every_command_is_shown_before_anything_is_loaded_that_does_the_work():
    modules = loaded(ALL_HELP)
    assert modules & (HEAVY | {"numpy", "scipy", "grounding", "validation", "mirrorpanel.verbs"}) == set()


def test_verbs_that_neither_fit_nor_draw_a_picture_are_loaded_without_what_that_takes():
    modules = loaded(
        "from mirrorpanel.verbs import auditing, composition, fielding, registry, replaying, review"
    )
    kept = {"duckdb", "pyarrow"}  # the workspace's file, and what is read from it
    assert modules & (HEAVY - kept) == set()


@pytest.mark.parametrize("package", [personas, grounding, validation], ids=lambda p: p.__name__)
def test_a_package_lists_and_gives_every_name_and_no_other(package: ModuleType):
    assert set(package.__all__) <= set(dir(package))
    assert all(getattr(package, name) is not None for name in package.__all__)
    with pytest.raises(AttributeError, match=rf"module '{package.__name__}' has no attribute 'respond'"):
        package.respond  # noqa: B018
    with pytest.raises(ImportError, match="cannot import name 'respond'"):
        exec(f"from {package.__name__} import respond")
