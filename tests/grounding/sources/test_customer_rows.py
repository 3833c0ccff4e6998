"""Rows as customer systems write them: returns, decimal commas, time zones, rows of nobody."""

import math
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from grounding.sources import crm
from grounding.sources.aggregates import Aggregates
from grounding.sources.crm_spec import CrmSource
from grounding.sources.crm_tables import opened
from grounding.sources.place import Place, ReadOptions
from personas import document
from personas.errors import DataError, DocumentError

NAN = math.nan
NUMBERS = {
    "orders": "measure: count",
    "orders_of_march": "measure: count, window: {column: day, since: 2026-03-01, until: 2026-03-31}",
    "baskets": "measure: distinct, of: basket",
    "months": "measure: distinct, of: day, rounded_to: month",
    "spent": "measure: sum, of: amount",
    "bought": "measure: sum, of: amount, where: {amount: {above: 0}}",
    "mean": "measure: mean, of: amount",
    "least": "measure: min, of: amount",
    "most": "measure: max, of: amount",
    "online": "measure: share, of: amount, where: {channel: web}",
    "online_orders": "measure: share, where: {channel: web}",
    "recency": "measure: recency, of: day, as_of: 2026-06-30",
    "tenure": "measure: tenure, of: day, as_of: 2026-06-30",
    "weekly": "measure: count, per: week, window: {column: day, last_days: 60}, as_of: 2026-05-31",
    "basket_size": "measure: sum, of: amount, out_of: {table: rows, measure: distinct, of: basket}",
}


def source(attributes: dict[str, str], read: str = "") -> CrmSource:
    lines = "\n".join(f"  {n}: {{table: rows, up_to: {{a: 0, b: null}}, {t}}}" for n, t in attributes.items())
    head = "name: shop\nfiles: {people: p.csv, rows: r.csv}\npeople: people\nkey: customer\njoin: card\n"
    return document.parse(f"{head}{read}attributes:\n{lines}\n", CrmSource, "grounding.yaml")


def places(folder: Path, rows: Path, people: str, read: ReadOptions | None = None) -> dict[str, Place]:
    (folder / "people.csv").write_text(people, encoding="utf-8")
    options = read or ReadOptions()
    return {"people": Place(path=folder / "people.csv"), "rows": Place(path=rows, options=options)}


def measured(found: dict[str, Place], attributes: dict[str, str]) -> dict[str, list[float]]:
    """Attribute -> its number for each customer, before it is cut."""
    spec = source(attributes)
    with duckdb.connect() as connection:
        open_ = opened(connection, spec, found, None)
        numbers = Aggregates(connection, spec, open_.schema, len(open_.ids)).numbers()
    return {name: values.tolist() for name, values in numbers.items()}


def random_rows(seed: int) -> pd.DataFrame:
    """Rows of 40 customers: returns among them, some amounts unknown, customers 30 and over without any."""
    rng = np.random.default_rng(seed)
    n = 400
    days = pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 181, n), unit="D")
    amount = np.round(rng.gamma(2.0, 8.0, n) * np.where(rng.random(n) < 0.15, -1, 1), 2)
    amount[rng.random(n) < 0.05] = np.nan
    channel = rng.choice(["web", "shop"], n)
    customer, basket = rng.integers(0, 30, n), rng.integers(0, 90, n)
    columns = {"customer": customer, "day": days, "basket": basket, "amount": amount, "channel": channel}
    return pd.DataFrame(columns)


def by_pandas(rows: pd.DataFrame) -> dict[str, pd.Series]:
    """The same numbers as ``NUMBERS``, written once more in pandas."""
    everybody = pd.Index(range(40))
    by = rows.groupby("customer")
    counted = by.size().reindex(everybody, fill_value=0)
    whole = by.amount.sum(min_count=1).reindex(everybody)
    web = rows[rows.channel == "web"].groupby("customer").amount.sum().reindex(everybody, fill_value=0)
    end = pd.Timestamp("2026-06-30")
    march = rows[rows.day.between("2026-03-01", "2026-03-31")].groupby("customer").size()
    late = rows[(rows.day > pd.Timestamp("2026-05-31") - pd.Timedelta(60, "D")) & (rows.day <= "2026-05-31")]
    baskets = by.basket.nunique().reindex(everybody, fill_value=0)
    return {
        "orders": counted,
        "orders_of_march": march.reindex(everybody, fill_value=0),
        "baskets": baskets,
        "months": by.day.agg(lambda d: d.dt.to_period("M").nunique()).reindex(everybody, fill_value=0),
        "spent": whole.fillna(0),
        "bought": rows[rows.amount > 0].groupby("customer").amount.sum().reindex(everybody, fill_value=0),
        "mean": by.amount.mean().reindex(everybody),
        "least": by.amount.min().reindex(everybody),
        "most": by.amount.max().reindex(everybody),
        "online": (web / whole).where(whole > 0),
        "online_orders": by.channel.agg(lambda c: (c == "web").mean()).reindex(everybody),
        "recency": (end - by.day.max()).dt.days.reindex(everybody),
        "tenure": (end - by.day.min()).dt.days.reindex(everybody),
        "weekly": late.groupby("customer").size().reindex(everybody, fill_value=0) / 60 * 7,
        "basket_size": whole.fillna(0) / baskets.replace(0, np.nan),
    }


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("form", ["parquet", "csv", "german"])
def test_every_measure_is_what_pandas_makes_of_the_same_rows(tmp_path: Path, seed: int, form: str) -> None:
    rows = random_rows(seed)
    file, options, attributes = tmp_path / "rows.csv", ReadOptions(), NUMBERS
    if form == "parquet":
        file = tmp_path / "rows.parquet"
        rows.to_parquet(file)
    elif form == "csv":
        rows.to_csv(file, index=False)
    else:  # as German programs write it: semicolons, decimal commas, thousands with points, days first
        written = rows.assign(
            day=rows.day.dt.strftime("%d.%m.%Y"),
            amount=[
                "" if np.isnan(a) else f"{a:,.2f}".translate(str.maketrans(",.", ".,")) for a in rows.amount
            ],
        )
        written.to_csv(file, index=False, sep=";", encoding="cp1252")
        options = ReadOptions(decimal=",", separator=";", encoding="cp1252")
        dated = [name for name, text in NUMBERS.items() if " day" in text]
        attributes = NUMBERS | {n: f"{NUMBERS[n]}, date_format: '%d.%m.%Y'" for n in dated}
    people = "customer\n" + "\n".join(map(str, range(40))) + "\n"
    found = measured(places(tmp_path, file, people, options), attributes)
    for name, expected in by_pandas(rows).items():
        np.testing.assert_allclose(found[name], expected.to_numpy(dtype=float), rtol=1e-9, err_msg=name)


def test_returns_are_netted_and_a_share_of_nothing_is_undefined(tmp_path: Path) -> None:
    rows = "customer,amount,channel\n1,10,web\n1,-4,web\n1,4,shop\n2,5,web\n2,-5,shop\n3,2,web\n3,-8,shop\n"
    (tmp_path / "rows.csv").write_text(rows)
    found = measured(
        places(tmp_path, tmp_path / "rows.csv", "customer\n1\n2\n3\n4\n"),
        {
            "net": "measure: sum, of: amount",
            "gross": "measure: sum, of: amount, where: {amount: {above: 0}}",
            "returned": "measure: count, where: {amount: {below: 0}}",
            "web": "measure: share, of: amount, where: {channel: web}",
        },
    )
    assert found["net"] == [10, 0, -6, 0]
    assert found["gross"] == [14, 5, 2, 0]
    assert found["returned"] == [1, 1, 1, 0]
    # Customer 2 took everything back, customer 3 more than that, customer 4 never bought.
    np.testing.assert_array_equal(found["web"], [0.6, NAN, NAN, NAN])


def test_who_never_bought_counts_as_nothing_and_has_no_recency(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("customer,day,amount\n1,2026-01-31,3\n")
    spec = source({"n": "measure: count", "last": "measure: recency, of: day"})
    found = crm.read(spec, places(tmp_path, tmp_path / "rows.csv", "customer\n1\n2\n"))
    assert found.attributes["n"][1].tolist() == [1, 0]  # b: more than 0; a: 0
    assert found.attributes["last"][1].tolist() == [0, -1]


def test_rows_of_nobody_are_counted_and_said(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("customer,amount\n1,3\n,4\n  ,5\n9,6\n9,7\nx,8\n1,9\n")
    found = crm.read(
        source({"n": "measure: sum, of: amount"}),
        places(tmp_path, tmp_path / "rows.csv", "customer\n1\n2\n"),
    )
    assert found.strays == (
        "Of 7 rows in rows 2 have no customer and 3 belong to nobody in people who may be used: they count "
        "for nobody.",
    )
    clean = tmp_path / "clean.csv"
    clean.write_text("customer,amount\n1,3\n2,4\n")
    assert (
        crm.read(
            source({"n": "measure: sum, of: amount"}), places(tmp_path, clean, "customer\n1\n2\n")
        ).strays
        == ()
    )


def test_broken_rows_that_were_set_aside_are_counted_by_table_and_line(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("customer,amount\nA,1\nA,2,3\nB,4\nB\n")
    set_aside = ReadOptions(broken_rows="quarantine")
    found = places(tmp_path, tmp_path / "r.csv", "customer,card\nA,x\nB\n", set_aside)
    found["people"] = Place(path=tmp_path / "people.csv", options=set_aside)
    customers = crm.read(source({"spent": "measure: sum, of: amount"}), found)
    assert (customers.ids, customers.broken) == (("A",), 1)
    assert customers.strays == (
        "1 row that does not fit was set aside of people (line 3: 1 fields, but the header names 2 columns).",
        "2 rows that do not fit were set aside of rows (line 3: 3 fields, but the header names 2 columns; "
        "line 5: 1 fields, but the header names 2 columns).",
        "Of 2 rows in rows 1 belong to nobody in people who may be used: they count for nobody.",
    )


@pytest.mark.parametrize(
    ("people", "expected"),
    [("customer\n1\n2\n1\n", "column 'customer' must be distinct"), ("customer,x\n1,a\n,b\n", "is empty")],
)
def test_customers_who_stand_twice_or_have_no_key_are_refused(
    tmp_path: Path, people: str, expected: str
) -> None:
    (tmp_path / "rows.csv").write_text("customer,amount\n1,3\n")
    with pytest.raises(DataError, match=expected):
        crm.read(source({"n": "measure: count"}), places(tmp_path, tmp_path / "rows.csv", people))


DAYS = {
    "days": "measure: distinct, of: moment, rounded_to: day",
    "last": "measure: recency, of: moment, as_of: 2026-01-02",
}
BERLIN = {name: f"{text}, time_zone: Europe/Berlin" for name, text in DAYS.items()}


def moments(folder: Path, kind: str) -> Path:
    """Customer 1 at 22:30 and 23:30 UTC on New Year's Day: in Berlin the second is of the next day."""
    times = ["2026-01-01 22:30:00", "2026-01-01 23:30:00"]
    file = folder / f"{kind}.parquet"
    if kind == "csv":
        file = folder / "moments.csv"
        file.write_text("customer,moment\n1,2026-01-01T22:30:00Z\n1,2026-01-01T18:30:00-05:00\n")
        return file
    column: object = pd.to_datetime(times)
    if kind == "instant":
        column = pd.to_datetime(times, utc=True).tz_convert("America/New_York")
    elif kind == "text":
        column = ["2026-01-01T22:30:00Z", "2026-01-01T18:30:00-05:00"]
    pd.DataFrame({"customer": [1, 1], "moment": column}).to_parquet(file)
    return file


@pytest.mark.parametrize("kind", ["written", "instant", "text", "csv"])
def test_days_are_those_of_the_time_zone(tmp_path: Path, kind: str) -> None:
    found = measured(places(tmp_path, moments(tmp_path, kind), "customer\n1\n"), BERLIN)
    assert (found["days"], found["last"]) == ([2], [0])


@pytest.mark.parametrize("kind", ["written", "instant", "text", "csv"])
def test_without_a_time_zone_the_day_is_the_one_written_or_that_of_utc(tmp_path: Path, kind: str) -> None:
    found = measured(places(tmp_path, moments(tmp_path, kind), "customer\n1\n"), DAYS)
    assert (found["days"], found["last"]) == ([1], [1])


def test_a_date_without_a_time_is_no_other_day_in_another_zone(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("customer,moment\n1,2026-01-01\n1,2026-01-02\n")
    new_york = {name: f"{text}, time_zone: America/New_York" for name, text in DAYS.items()}
    found = measured(places(tmp_path, tmp_path / "rows.csv", "customer\n1\n"), new_york)
    assert (found["days"], found["last"]) == ([2], [0])
    formatted = {n: f"{t}, date_format: '%d/%m/%y'" for n, t in new_york.items()}
    (tmp_path / "rows.csv").write_text("customer,moment\n1,01/01/26\n1,02/01/26\n")
    found = measured(places(tmp_path, tmp_path / "rows.csv", "customer\n1\n"), formatted)
    assert (found["days"], found["last"]) == ([2], [0])


def test_a_format_with_a_time_is_read_in_utc_and_counted_in_the_zone(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("customer,moment\n1,01.01.2026 22:30\n1,01.01.2026 23:30\n")
    formatted = {n: f"{t}, date_format: '%d.%m.%Y %H:%M'" for n, t in BERLIN.items()}
    found = measured(places(tmp_path, tmp_path / "rows.csv", "customer\n1\n"), formatted)
    assert (found["days"], found["last"]) == ([2], [0])


def test_a_time_zone_that_there_is_not_is_refused_with_its_line() -> None:
    with pytest.raises(DocumentError, match=r"unknown time zone 'Berlin'.*such as 'Europe/Berlin'"):
        source({"a": "measure: recency, of: day, time_zone: Berlin"})


def test_a_date_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("customer,moment\n1,2026-01-01 10:00:00\n1,soon after\n")
    with pytest.raises(DataError, match="'soon after' is no date of the form YYYY-MM-DD"):
        measured(places(tmp_path, tmp_path / "rows.csv", "customer\n1\n"), BERLIN)


@pytest.mark.parametrize("broken", ["refuse", "quarantine"], ids=["by duckdb", "row by row"])
def test_decimal_points_are_refused_where_a_comma_was_announced(tmp_path, broken):
    (tmp_path / "r.csv").write_text("customer;amount\n1;1.599\n1;0.886\n2;12.5\n", encoding="utf-8")
    options = ReadOptions(decimal=",", broken_rows=broken)
    found = places(tmp_path, tmp_path / "r.csv", "customer\n1\n2\n", options)
    wrong = r"r\.csv: column 'amount': '0\.886' has a decimal point.* makes '1\.599' a thousand times"
    with pytest.raises(DataError, match=wrong):
        measured(found, {"spent": "measure: sum, of: amount"})


@pytest.mark.parametrize("broken", ["refuse", "quarantine"], ids=["by duckdb", "row by row"])
def test_german_numbers_have_points_for_thousands_and_a_decimal_comma(tmp_path, broken):
    (tmp_path / "r.csv").write_text("customer;amount\n1;1.234,56\n1;-0,56\n2;1.500\n2;7\n", encoding="utf-8")
    options = ReadOptions(decimal=",", broken_rows=broken)
    found = places(tmp_path, tmp_path / "r.csv", "customer\n1\n2\n", options)
    assert measured(found, {"spent": "measure: sum, of: amount"})["spent"] == [1234.0, 1507.0]
