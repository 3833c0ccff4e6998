"""Against a loopback server that answers in the form of Eurostat's service, which itself is never asked."""

import builtins
import csv
import hashlib
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from estat_service import (
    LATER,
    NOT_FOUND,
    STRUCTURE_TYPE,
    TOO_BIG,
    Figure,
    Recorded,
    Reply,
    data,
    generic,
    serving,
    structure,
)

from grounding.population import margins, tables
from grounding.population.eurostat import Service
from grounding.population.refresh import Fetched, refresh
from grounding.population.spec import OwnTable
from personas.errors import DataError, UnknownName

pytest.importorskip("sdmx", reason="sdmx1 is not installed")

TODAY = date(2026, 11, 21)
ISCED = ("ED0-2", "ED3_4", "ED5-8")
GEO = {
    "EU27_2020": "European Union - 27 countries (from 2020)",
    "DE": "Germany",
    "EL": "Greece",
    "FR": "France",
    "UK": "United Kingdom",
}
CODES = {
    "freq": {"A": "Annual"},
    "sex": {"T": "Total", "M": "Males", "F": "Females"},
    "age": {"Y15-64": "From 15 to 64 years", "Y25-64": "From 25 to 64 years"},
    "unit": {"PC": "Percentage"},
    "isced11": dict.fromkeys(ISCED, "a level"),
    "geo": GEO,
}
TITLE = "Population by educational attainment level, sex and age (%) - main indicators"
UPDATED = "2026-09-10T23:00:00+0200"
EDUCATION = structure("edat_lfse_03", TITLE, UPDATED, CODES)
Levels = tuple[Figure, Figure, Figure]


def levels(period: str, *values: str | None, flags: str = "") -> Levels:
    first, second, third = ((period, value, flags) for value in values)
    return first, second, third


def education(form: Callable[..., Reply] = data, **countries: Levels) -> Reply:
    key = {"freq": "A", "sex": "T", "age": "Y15-64", "unit": "PC"}
    series = [
        (key | {"isced11": isced, "geo": geo}, [figure])
        for geo, figures in countries.items()
        for isced, figure in zip(ISCED, figures, strict=True)
    ]
    return form("edat_lfse_03", series)


GERMANY = levels("2025", "20.4", "49.6", "30.0")
FRANCE = levels("2025", "20.0", "40.3", "39.7", flags="b")
KINGDOM = levels("2019", "19.1", "40.2", "40.6")


def fetch(
    recorded: Recorded, out: Path, *only: str, year: int | None = None, timeout: float = 5.0
) -> Fetched:
    return refresh("edat_lfse_03", out, TODAY, only, year, Service(recorded.url, timeout))


def rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_a_newer_edition_becomes_a_margin_table_with_its_provenance_beside_it(tmp_path: Path) -> None:
    out = tmp_path / "education.csv"
    with serving(EDUCATION, education(DE=GERMANY, FR=FRANCE, UK=KINGDOM)) as recorded:
        fetched = fetch(recorded, out)
    assert rows(out) == [
        ["country", "education", "count"],
        ["France", "lower secondary or less", "20"],
        ["France", "upper secondary or post-secondary", "40.3"],
        ["France", "tertiary", "39.7"],
        ["Germany", "lower secondary or less", "20.4"],
        ["Germany", "upper secondary or post-secondary", "49.6"],
        ["Germany", "tertiary", "30"],
    ]
    beside = Fetched.model_validate(yaml.safe_load((tmp_path / "education.yaml").read_text(encoding="utf-8")))
    assert beside == fetched
    assert (beside.dataset, beside.title, beside.vintage, beside.unit) == (
        "edat_lfse_03",
        TITLE,
        "2025",
        "percent",
    )
    assert (beside.updated, beside.retrieved) == (UPDATED, "2026-11-21")
    assert beside.sha256 == hashlib.sha256(out.read_bytes()).hexdigest()
    assert beside.flags == {"b: break in the series": 3}
    assert beside.left_out == {
        "Greece": "no figure for 2025",
        "United Kingdom": "no figure for 2025, the last one is for 2019",
    }
    assert beside.query == recorded.url + recorded.questions("data")[0]


def test_the_service_is_asked_twice_for_the_countries_and_codes_that_are_wanted_in_its_own_order(
    tmp_path: Path,
) -> None:
    with serving(EDUCATION, education(DE=GERMANY)) as recorded:
        fetch(recorded, tmp_path / "a.csv", "Deutschland", year=2025)
    assert recorded.asked == [
        "/dataflow/ESTAT/EDAT_LFSE_03/latest?references=descendants",
        "/data/EDAT_LFSE_03/A.T.Y15-64.PC.ED0-2+ED3_4+ED5-8.DE?startPeriod=2025&endPeriod=2025",
    ]


def test_the_order_of_dimensions_is_taken_from_the_service(tmp_path: Path) -> None:
    turned = {d: CODES[d] for d in ("geo", "isced11", "freq", "unit", "age", "sex")}
    with serving(structure("edat_lfse_03", TITLE, UPDATED, turned), education(DE=GERMANY)) as recorded:
        fetch(recorded, tmp_path / "a.csv", "DE")
    assert recorded.questions("data")[0].startswith("/data/EDAT_LFSE_03/DE.ED0-2+ED3_4+ED5-8.A.PC.Y15-64.T?")


def test_a_fetched_table_is_used_by_the_lines_that_stand_beside_it(tmp_path: Path) -> None:
    with serving(EDUCATION, education(DE=GERMANY, FR=FRANCE)) as recorded:
        fetched = fetch(recorded, tmp_path / "education.csv")
    lines = yaml.safe_load(fetched.use)
    (name, about), (use,) = next(iter(lines["tables"].items())), lines["margins"]
    own = {name: OwnTable.model_validate(about)}
    table = tables.filtered(tables.table(use["table"], own, tmp_path), use["where"])
    assert (table.country, table.unit, table.vintage) == ("France", "percent", "2025")
    target = margins.target(table, use["attributes"], {}, {})
    assert target.shares.tolist() == pytest.approx([0.200, 0.403, 0.397])


@pytest.mark.parametrize(
    ("figures", "reason"),
    [
        (levels("2025", "20.4", None, "30.0", flags="c"), "1 of 3 figures are missing (confidential)"),
        (levels("2025", "20.4", "NaN", ":"), "2 of 3 figures are missing"),
        (levels("2025", None, None, None), "no figure for 2025"),
        (levels("2025", "20.4", "20.0", "30.0"), "its figures add up to 70.4 per cent"),
    ],
)
def test_a_country_with_missing_figures_is_left_out_and_one_that_was_asked_for_is_refused(
    tmp_path: Path, figures: Levels, reason: str
) -> None:
    with serving(EDUCATION, education(DE=figures, FR=FRANCE)) as recorded:
        assert fetch(recorded, tmp_path / "a.csv").left_out["Germany"] == reason
        with pytest.raises(DataError) as caught:
            fetch(recorded, tmp_path / "b.csv", "FR", "DE")
    assert f"Germany: {reason}" in str(caught.value)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.csv", "a.yaml"]


def test_flags_that_leave_a_figure_usable_are_counted(tmp_path: Path) -> None:
    with serving(EDUCATION, education(DE=levels("2025", "20.4", "49.6", "30.0", flags="bu"))) as recorded:
        fetched = fetch(recorded, tmp_path / "a.csv", "DE")
        assert fetched.flags == {"b: break in the series": 3, "u: low reliability": 3}
        recorded.data = education(
            DE=levels("2025", "20.4", "49.6", "30.0", flags="x")
        )  # not in its code list
        assert fetch(recorded, tmp_path / "a.csv", "DE").flags == {"x: not known here": 3}


def test_generic_sdmx_is_read_alike(tmp_path: Path) -> None:
    missing = levels("2025", "20.4", None, "30.0", flags="c")
    with serving(EDUCATION, education(DE=missing, FR=FRANCE)) as recorded:
        specific = fetch(recorded, tmp_path / "a.csv")
        recorded.data = education(generic, DE=missing, FR=FRANCE)
        general = fetch(recorded, tmp_path / "b.csv")
    assert general.sha256 == specific.sha256
    assert (general.flags, general.left_out) == (specific.flags, specific.left_out)


def test_without_a_year_the_newest_that_most_countries_have_is_taken(tmp_path: Path) -> None:
    early = levels("2026", "20.4", "49.6", "30.0")
    greece = levels("2025", "23.0", "46.0", "31.0")
    with serving(EDUCATION, education(DE=early, FR=FRANCE, EL=greece)) as recorded:
        fetched = fetch(recorded, tmp_path / "a.csv")
    assert fetched.vintage == "2025"
    assert "lastNObservations=1" in recorded.questions("data")[0]
    assert fetched.left_out["Germany"] == "no figure for 2025, the last one is for 2026"


def test_single_years_of_age_are_written_as_numbers_with_an_open_top(tmp_path: Path) -> None:
    ages = ["Y_LT1", *(f"Y{a}" for a in range(1, 100)), "Y_OPEN"]
    known = {**dict.fromkeys(ages, "an age"), "TOTAL": "Total", "UNK": "Unknown"}
    codes: Mapping[str, Mapping[str, str]] = {
        "freq": {"A": "Annual"},
        "unit": {"NR": "Number"},
        "age": known,
        "sex": {"T": "Total", "M": "Males", "F": "Females"},
        "geo": {"DE": "Germany", "DE_TOT": "Germany including former GDR"},
    }
    series = [
        ({"freq": "A", "unit": "NR", "age": age, "sex": sex, "geo": "DE"}, [("2026", str(1000 + i), "")])
        for i, age in enumerate(ages)
        for sex in "MF"
    ]
    out = tmp_path / "ages.csv"
    with serving(structure("demo_pjan", "Population", UPDATED, codes), data("demo_pjan", series)) as recorded:
        fetched = refresh("demo_pjan", out, TODAY, ["DE"], None, Service(recorded.url, 5.0))
    own = OwnTable(file="ages.csv", source=fetched.source, unit=fetched.unit, basis=fetched.basis)
    table = tables.read("ages", own, out)
    assert table.categories("age") == tuple(map(str, range(101)))
    assert table.total == 2 * sum(range(1000, 1101))
    target = margins.target(
        table, {"age": "age"}, {}, {"age": {"under 18": (0, 17), "18 and over": (18, 120)}}
    )
    assert target.shares[0] == pytest.approx(sum(range(1000, 1018)) / sum(range(1000, 1101)))


# --- what can go wrong --------------------------------------------------------------------------------------

EMPTY = data("edat_lfse_03", [])
TRUNCATED = Reply(education(DE=GERMANY).body[:900])
PORTAL = Reply("<!DOCTYPE html><html><body>Please accept the terms</body></html>", kind="text/html")
FAULTS = {
    "too large": (
        EDUCATION,
        Reply(TOO_BIG, status=413),
        r"HTTP 413: EXTRACTION_TOO_BIG.*420709314.*fewer countries",
    ),
    "prepared for later": (
        EDUCATION,
        Reply(LATER),
        r"prepares data of edat_lfse_03 for later.*fewer countries",
    ),
    "fault with code 200": (EDUCATION, Reply(TOO_BIG), r"refused data of edat_lfse_03: EXTRACTION_TOO_BIG"),
    "no such data set": (
        Reply(NOT_FOUND, status=404),
        EMPTY,
        r"HTTP 404: ERR_NOT_FOUND_4.*may have been renamed",
    ),
    "server error": (EDUCATION, Reply("busy", status=503), r"HTTP 503: busy\); try again later"),
    "empty result": (EDUCATION, EMPTY, r"has no figure in edat_lfse_03 for .*nothing was written"),
    "cut off": (EDUCATION, TRUNCATED, r"no SDMX that can be read"),
    "a portal of the network": (PORTAL, EMPTY, r"no SDMX that can be read.*Please accept the terms"),
    "not even text": (Reply("", kind=STRUCTURE_TYPE), EMPTY, r"no SDMX that can be read"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_service_that_fails_is_reported_in_its_own_words_and_nothing_is_written(
    fault: str, tmp_path: Path
) -> None:
    dataflow, answer, expected = FAULTS[fault]
    with serving(dataflow, answer) as recorded, pytest.raises(DataError, match=expected):
        fetch(recorded, tmp_path / "a.csv")
    assert list(tmp_path.iterdir()) == []


def test_a_service_that_does_not_answer_in_time_is_given_up(tmp_path: Path) -> None:
    slow = Reply(EDUCATION.body, kind=EDUCATION.kind, wait=0.4)
    with serving(slow, EMPTY) as recorded, pytest.raises(DataError, match=r"did not answer.*0\.1 seconds"):
        fetch(recorded, tmp_path / "a.csv", timeout=0.1)


def test_a_service_that_is_not_there_is_reported_with_its_address(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(DataError, match=rf"Eurostat did not answer.*{url}.*need no network"):
        refresh("edat_lfse_03", tmp_path / "a.csv", TODAY, service=Service(url, 2.0))


def test_a_fetched_table_is_replaced_by_a_newer_one_and_nothing_else_is(tmp_path: Path) -> None:
    out = tmp_path / "a.csv"
    with serving(EDUCATION, education(DE=GERMANY)) as recorded:
        fetch(recorded, out, "DE")
        recorded.data = education(DE=levels("2026", "20.0", "49.0", "31.0"))
        assert fetch(recorded, out, "DE").vintage == "2026"
        before = out.read_bytes()
        recorded.data = Reply(TOO_BIG, status=413)
        with pytest.raises(DataError):
            fetch(recorded, out, "DE")
        assert out.read_bytes() == before
        (tmp_path / "mine.csv").write_text("my figures\n", encoding="utf-8")
        asked = len(recorded.asked)
        with pytest.raises(DataError, match="is there already and is no fetched edat_lfse_03"):
            fetch(recorded, tmp_path / "mine.csv", "DE")
        assert len(recorded.asked) == asked


@pytest.mark.parametrize(
    ("name", "out", "only", "error", "expected"),
    [
        (
            "nama_10_gdp",
            "a.csv",
            (),
            UnknownName,
            "choose from 'edat_lfse_03', 'demo_pjan', 'demo_pjangroup'",
        ),
        ("edat_lfse_03", "a.xlsx", (), DataError, "name a file that ends in .csv"),
        ("edat_lfse_03", "none/a.csv", (), DataError, "there is no folder"),
        ("edat_lfse_03", "a.csv", ("Mars",), DataError, "no figures for 'Mars'"),
        (
            "edat_lfse_03",
            "a.csv",
            ("Spain",),
            DataError,
            "edat_lfse_03 has no figures for Spain; it has France",
        ),
    ],
)
def test_a_wish_that_cannot_be_met_is_refused_before_data_are_fetched(
    name: str, out: str, only: tuple[str, ...], error: type[Exception], expected: str, tmp_path: Path
) -> None:
    with serving(EDUCATION, education(DE=GERMANY)) as recorded, pytest.raises(error) as caught:
        refresh(name, tmp_path / out, TODAY, only, None, Service(recorded.url, 5.0))
    assert expected in str(caught.value)
    assert recorded.questions("data") == []


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"citizen": {"TOTAL": "Total"}}, "it has a new dimension 'citizen'"),
        ({"isced11": {"ED0-2": "a", "ED3-4": "b", "ED5-8": "c"}}, "isced11 has no code 'ED3_4' any more"),
    ],
)
def test_a_data_set_that_eurostat_has_changed_is_refused_with_the_change(
    changed: Mapping[str, Mapping[str, str]], expected: str, tmp_path: Path
) -> None:
    codes = {**CODES, **changed}
    reply = structure("edat_lfse_03", TITLE, UPDATED, codes)
    with serving(reply, EMPTY) as recorded, pytest.raises(DataError, match=expected):
        fetch(recorded, tmp_path / "a.csv")


@contextmanager
def without(package: str) -> Iterator[None]:
    kept = {name: module for name, module in sys.modules.items() if name.split(".")[0] == package}
    original = builtins.__import__

    def refuse(name: str, *rest: Any, **more: Any) -> Any:
        if name.split(".")[0] == package:
            raise ImportError(name)
        return original(name, *rest, **more)

    for name in kept:
        del sys.modules[name]
    builtins.__import__ = refuse
    try:
        yield
    finally:
        builtins.__import__ = original
        sys.modules.update(kept)


def test_a_missing_package_is_answered_with_the_command_that_installs_it(tmp_path: Path) -> None:
    with without("sdmx"), pytest.raises(DataError, match="pip install sdmx1"):
        refresh("edat_lfse_03", tmp_path / "a.csv", TODAY)
