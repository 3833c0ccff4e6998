"""Each measure against figures worked out by hand from a dozen rows, and all of them against pandas."""

import math
from pathlib import Path

import duckdb
import numpy as np
import pytest

from grounding.privacy.spec import Protection
from grounding.sources import crm
from grounding.sources.aggregates import Aggregates
from grounding.sources.crm_spec import CrmSource
from grounding.sources.crm_tables import opened
from grounding.sources.measures import CustomerAttribute
from grounding.sources.place import Place
from personas import document
from personas.errors import DataError, DocumentError
from personas.models.wheel import cache_folder

CUSTOMERS = """customer,tier,points,joined,agreed
1,gold,10,2024-01-31,yes
2,silver,20,2025-12-31,yes
3,,30,2026-02-01,no
4,gold,40,2025-01-31,yes
"""
# Customer 3 does not consent; customer 4 has no visit; customer 9 is nobody.
VISITS = """customer,day,till,item,price,channel
1,2025-12-31,a,7,2,shop
1,2026-01-01,b,8,6,web
1,2026-01-31,c,8,12,web
2,2026-01-10,d,7,1,shop
2,2026-01-10,d,8,3,shop
3,2026-01-20,e,7,500,web
9,2026-01-05,f,7,7,shop
"""
GOODS = "item,kind\n7,Organic milk\n8,Bread\n"
SENT = "customer,campaign\n1,A\n1,B\n1,C\n2,A\n3,A\n"
ANSWERED = "customer,campaign,when\n1,A,1\n1,A,2\n1,Z,3\n2,B,1\n"
AGREED = Protection.model_validate(
    {"controller": "shop", "legal_basis": "consent", "consent": {"column": "agreed", "values": "yes"}}
)
NAN = math.nan


def source(**attributes: str) -> CrmSource:
    lines = "\n".join(f"  {name}: {{{text}}}" for name, text in attributes.items())
    files = "{customers: c.csv, visits: v.csv, goods: g.csv, sent: s.csv, answered: a.csv}"
    head = f"name: shop\nfiles: {files}\npeople: customers\nkey: customer\njoin: card\n"
    return document.parse(f"{head}attributes:\n{lines}\n", CrmSource, "grounding.yaml")


@pytest.fixture
def shop(tmp_path: Path) -> dict[str, Place]:
    content = {
        "customers": CUSTOMERS,
        "visits": VISITS,
        "goods": GOODS,
        "sent": SENT,
        "answered": ANSWERED,
    }
    for name, text in content.items():
        (tmp_path / f"{name}.csv").write_text(text)
    return {name: Place(path=tmp_path / f"{name}.csv") for name in content}


def number(shop: dict[str, Place], text: str, protection: Protection | None = None) -> list[float]:
    """The attribute's number for each customer, before it is cut."""
    table = "" if "table: " in text.split("out_of")[0].split("lookup")[0] else "table: visits, "
    spec = source(a=f"{table}up_to: {{x: 0, y: null}}, {text}")
    with duckdb.connect() as connection:
        found = opened(connection, spec, shop, protection)
        return Aggregates(connection, spec, found.schema, len(found.ids)).numbers()["a"].tolist()


def values(found: crm.Customers, attribute: str = "a") -> list[str | None]:
    groups, codes = found.attributes[attribute]
    return [None if c < 0 else groups[c] for c in codes]


JANUARY = "window: {column: day, since: 2026-01-01, until: 2026-01-31}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("measure: count", [3, 2, 1, 0]),
        ("measure: distinct, of: till", [3, 1, 1, 0]),
        ("measure: distinct, of: day, rounded_to: month", [2, 1, 1, 0]),
        ("measure: sum, of: price", [20, 4, 500, 0]),
        ("measure: mean, of: price", [20 / 3, 2, 500, NAN]),
        ("measure: min, of: price", [2, 1, 500, NAN]),
        ("measure: max, of: price", [12, 3, 500, NAN]),
        ("measure: share, of: price, where: {channel: web}", [0.9, 0, 1, NAN]),
        ("measure: share, where: {channel: web}", [2 / 3, 0, 1, NAN]),
        ("measure: recency, of: day", [0, 21, 11, NAN]),
        ("measure: recency, of: day, as_of: 2026-01-15", [14, 5, NAN, NAN]),
        ("measure: recency, of: day, where: {channel: shop}", [31, 21, NAN, NAN]),
        ("measure: tenure, of: day", [31, 21, 11, NAN]),
        ("measure: tenure, of: joined, table: customers, as_of: 2026-01-31", [731, 31, NAN, 365]),
        (f"measure: count, {JANUARY}", [2, 2, 1, 0]),
        (f"measure: sum, of: price, {JANUARY}, where: {{channel: web}}", [18, 0, 500, 0]),
        ("measure: count, window: {column: day, last_days: 1}", [1, 0, 0, 0]),
        ("measure: count, window: {column: day, last_days: 22}", [1, 2, 1, 0]),
        ("measure: count, window: {column: day, last_days: 16}, as_of: 2026-01-15", [2, 2, 0, 0]),
        (f"measure: count, {JANUARY}, per: week", [2 / 31 * 7, 2 / 31 * 7, 7 / 31, 0]),
        ("measure: count, window: {column: day}, per: day", [3 / 32, 2 / 32, 1 / 32, 0]),
        ("measure: sum, of: price, window: {column: day, last_days: 14}, per: week", [6, 0, 250, 0]),
        ("measure: count, where: {price: {above: 2, at_most: 6}}", [1, 1, 0, 0]),
        ("measure: count, where: {price: {at_least: 2, below: 6}}", [1, 1, 0, 0]),
        ("measure: count, where: {channel: {not_in: [web]}}", [1, 2, 0, 0]),
        ("measure: count, where: {item: [07.0, 99]}", [1, 1, 1, 0]),
        (
            "measure: count, lookup: {table: goods, by: item}, where: {kind: {not_contains: ORGANIC}}",
            [2, 1, 0, 0],
        ),
        (
            "measure: sum, of: price, lookup: {table: goods, by: item}, where: {kind: Bread}, "
            "out_of: {table: visits, measure: sum, of: price}",
            [0.9, 0.75, 0, NAN],
        ),
        (
            "measure: rate, table: answered, of: campaign, "
            "out_of: {table: sent, measure: distinct, of: campaign}",
            [1 / 3, 0, 0, NAN],
        ),
        (
            "measure: count, table: answered, out_of: {table: sent, measure: distinct, of: campaign}",
            [1, 1, 0, NAN],
        ),
    ],
)
def test_the_number_is_that_worked_out_by_hand(
    shop: dict[str, Place], text: str, expected: list[float]
) -> None:
    np.testing.assert_allclose(number(shop, text), expected, rtol=1e-11)


def test_dates_are_read_as_the_file_writes_them(shop: dict[str, Place], tmp_path: Path) -> None:
    rows = [line.split(",") for line in VISITS.splitlines()]
    german = [[r[0], ".".join(reversed(r[1].split("-"))), *r[2:]] for r in rows[1:]]
    (tmp_path / "visits.csv").write_text("\n".join(",".join(r) for r in [rows[0], *german]) + "\n")
    text = "measure: recency, of: day, date_format: '%d.%m.%Y', window: {column: day, until: 2026-01-15}"
    assert number(shop, text)[:2] == [30, 21]
    (tmp_path / "visits.csv").write_text(VISITS.replace("2026-01-20", "soon"))
    with pytest.raises(DataError) as caught:
        number(shop, "measure: recency, of: day")
    assert (
        "CRM 'shop', attribute 'a': column 'day' of visits: 'soon' is no date of the form YYYY-MM-DD"
        in str(caught.value)
    )


def test_dates_with_a_time_of_day_count_as_days(shop: dict[str, Place], tmp_path: Path) -> None:
    (tmp_path / "visits.csv").write_text(VISITS.replace(",2026-01-10,", ",2026-01-10 23:59:00,"))
    assert number(shop, "measure: recency, of: day, as_of: 2026-01-10")[1] == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("of: channel", ["web", "shop", "web", None]),
        ("of: channel, weighted_by: price, where: {price: {below: 10}}", ["web", "shop", None, None]),
        ("of: item", ["8", "7", "7", None]),  # customer 2 has one row of each: the first in the alphabet
        ("of: till, top: 1, others: another till", ["a", "another till", "another till", None]),
        (
            "of: kind, lookup: {table: goods, by: item}",
            ["Bread", "Bread", "Organic milk", None],
        ),
        ("of: channel, window: {column: day, until: 2026-01-01}", ["shop", None, None, None]),
    ],
)
def test_the_most_common_value_becomes_the_attribute(
    shop: dict[str, Place], text: str, expected: list[str | None]
) -> None:
    found = crm.read(source(a=f"table: visits, measure: most_common, {text}"), shop)
    assert values(found) == expected
    groups, codes = found.attributes["a"]
    sizes = np.bincount(codes[codes >= 0], minlength=len(groups)).tolist()
    named = sizes[:-1] if "others" in text else sizes
    assert named == sorted(named, reverse=True)


def test_too_many_labels_need_top_and_others(shop: dict[str, Place], tmp_path: Path) -> None:
    people = "customer\n" + "\n".join(map(str, range(150)))
    rows = "customer,till\n" + "\n".join(f"{i},t{i}" for i in range(150))
    (tmp_path / "customers.csv").write_text(people)
    (tmp_path / "visits.csv").write_text(rows)
    with pytest.raises(
        DataError, match=r"attribute 'a': column 'till' has 150 values .* 'top' and .* 'others'"
    ):
        crm.read(source(a="table: visits, measure: most_common, of: till"), shop)
    found = crm.read(source(a="table: visits, measure: most_common, of: till, top: 2, others: other"), shop)
    assert found.attributes["a"][0] == ("t0", "t1", "other")
    with pytest.raises(DataError, match="others 't0' is itself a value of 'till'"):
        crm.read(source(a="table: visits, measure: most_common, of: till, top: 2, others: t0"), shop)


def test_a_column_of_the_customer_table_is_taken_as_it_stands_or_recoded(shop: dict[str, Place]) -> None:
    found = crm.read(
        source(
            tier="table: customers, measure: value, of: tier",
            loyal="table: customers, measure: value, of: tier, values: {loyal: [gold], other: [silver]}",
            points="table: customers, measure: value, of: points, bins: {few: [0, 20], many: [21, 99]}",
        ),
        shop,
    )
    assert values(found, "tier") == ["gold", "silver", None, "gold"]
    assert values(found, "loyal") == ["loyal", "other", None, "loyal"]
    assert values(found, "points") == ["few", "few", "many", "many"]
    with pytest.raises(DataError, match="'silver' stands for no value of attribute 'a'; allowed: gold"):
        crm.read(source(a="table: customers, measure: value, of: tier, values: {loyal: gold}"), shop)


def test_customers_without_consent_and_their_rows_never_come_in(shop: dict[str, Place]) -> None:
    found = crm.read(
        source(
            a="table: visits, measure: most_common, of: item",
            b="table: visits, measure: max, of: price, quantiles: [low, high]",
        ),
        shop,
        AGREED,
    )
    assert found.ids == ("1", "2", "4")
    assert found.without_consent == 1
    assert list(found.table.columns) == ["customer"]
    assert list(found.table.lines) == [1, 2, 4]
    assert values(found, "b") == ["high", "low", None]
    assert number(shop, "measure: sum, of: price", AGREED) == [20, 4, 0]


def test_where_nobody_consents_the_source_is_refused(shop: dict[str, Place], tmp_path: Path) -> None:
    (tmp_path / "customers.csv").write_text(CUSTOMERS.replace("yes", "no"))
    with pytest.raises(DataError, match="none of the 4 customers has yes in the consent column 'agreed'"):
        crm.read(source(a="table: visits, measure: count, up_to: {none: 0, some: null}"), shop, AGREED)
    (tmp_path / "customers.csv").write_text(CUSTOMERS.replace("agreed", "consent"))
    with pytest.raises(
        DataError, match=r"no column 'agreed'; there are customer, tier, points.*'protection' of its own"
    ):
        crm.read(source(a="table: visits, measure: count, up_to: {none: 0, some: null}"), shop, AGREED)


@pytest.mark.parametrize(
    ("allow", "expected"),
    [
        (
            {"customers": ["customer"], "visits": ["customer", "price"]},
            "column 'channel' of 'visits' is used by attribute 'a' but not listed; listed are customer",
        ),
        ({"customers": ["customer"]}, "table 'visits' is used but not listed; listed are customers"),
        (
            {"customers": ["customer", "name"], "visits": ["customer", "price", "channel"]},
            "table 'customers' has no column 'name'; it has customer, tier, points, joined, agreed",
        ),
        (
            {"customers": ["tier"], "visits": ["customer", "price", "channel"]},
            "column 'customer' of 'customers' is used by the key or the consent but not listed",
        ),
    ],
)
def test_what_the_allow_list_lacks_is_refused(
    shop: dict[str, Place], allow: dict[str, list[str]], expected: str
) -> None:
    text = "table: visits, measure: share, of: price, where: {channel: web}, up_to: {none: 0, some: null}"
    spec = source(a=text)
    with pytest.raises(DataError) as caught:
        crm.read(spec.model_copy(update={"allow": allow}), shop)
    assert expected in str(caught.value)
    full = {"customers": ["customer"], "visits": ["customer", "price", "channel"]}
    assert values(crm.read(spec.model_copy(update={"allow": full}), shop)) == ["some", "none", "some", None]


def test_keys_join_whatever_number_type_they_are_stored_as(tmp_path: Path) -> None:
    with duckdb.connect() as connection:
        for name, rows in {
            "customers": "SELECT * FROM (VALUES (1.0::DOUBLE), (2.0), (12345678901.0)) AS t(customer)",
            "visits": "SELECT * FROM (VALUES ('1'), ('1 '), ('12345678901')) AS t(customer)",
        }.items():
            connection.execute(f"COPY ({rows}) TO '{tmp_path}/{name}.parquet' (FORMAT parquet)")
    places = {n: Place(path=tmp_path / f"{n}.parquet") for n in ("customers", "visits")}
    found = crm.read(source(a="table: visits, measure: count, up_to: {none: 0, one: 1, more: null}"), places)
    assert found.ids == ("1", "2", "12345678901")
    assert values(found) == ["more", "none", "one"]


def test_people_are_joined_to_their_own_customer_by_key(shop: dict[str, Place]) -> None:
    found = crm.read(source(a="table: visits, measure: count, up_to: {none: 0, some: null}"), shop)
    joined = crm.join(found, ["2", None, " 4 ", "77", "2", ""], "shop")
    assert joined.rows.tolist() == [1, -1, 3, -1, 1, -1]
    counts = (joined.matched, joined.without_key, joined.unknown_key)
    assert counts == (3, 2, 1)
    assert (joined.unreferenced, joined.shared, joined.sharing) == (2, 1, 2)
    assert crm.taken(found.attributes["a"][1], joined).tolist() == [1, -1, 0, -1, 1, -1]


def test_keys_that_fit_no_customer_are_refused_without_showing_one(shop: dict[str, Place]) -> None:
    found = crm.read(source(a="table: visits, measure: count, up_to: {none: 0, some: null}"), shop)
    with pytest.raises(DataError) as caught:
        crm.join(found, ["C-0815", "C-4711", None], "shop")
    assert "none of the 2 keys of 3 people is that of one of 4 customers" in str(caught.value)
    assert "0815" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("measure: median, of: price", "Input should be 'count', 'distinct', 'sum'"),
        ("measure: count, where: {price: {}}", "a condition needs one of contains, not_contains"),
        ("measure: count, per: month", "'per' needs 'window' with at least 'column'"),
        ("measure: mean, of: price, per: month, window: {column: day}", "'per' serves count, distinct, sum"),
        ("measure: sum, of: price, top: 3, others: x", "'top' serves most_common, not sum"),
        ("measure: most_common, of: channel, quantiles: [a, b]", "'quantiles' serves count, distinct"),
        ("measure: most_common, of: channel, top: 3", "top (how many values are kept) and others"),
        ("measure: value, of: channel", "measure value takes a column of the customer table 'customers'"),
        ("measure: rate, of: campaign, quantiles: [a, b]", "measure rate needs 'out_of'"),
        (
            "measure: rate, of: x, quantiles: [a, b], out_of: {table: sent, measure: count}",
            "out_of takes measure distinct, not count",
        ),
        ("measure: recency, quantiles: [a, b]", "measure recency needs 'of'"),
        (
            "measure: count, window: {column: day, last_days: 3, since: 2026-01-01}",
            "give either last_days (counted back from as_of) or since and until",
        ),
        (
            "measure: count, window: {column: day, since: 2026-02-01, until: 2026-01-01}",
            "since 2026-02-01 lies after until 2026-01-01",
        ),
        ("measure: count, as_of: yesterday", "as_of"),
    ],
)
def test_an_attribute_that_makes_no_sense_is_refused_with_its_line(text: str, expected: str) -> None:
    with pytest.raises(DocumentError) as caught:
        source(a=f"table: visits, {text}")
    assert expected in str(caught.value)
    assert "grounding.yaml:" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "measure: recency, of: day, as_of: 2026-01-15, up_to: {new: 30, old: null}",
            "days from the last 'day' in visits, to 2026-01-15, cut into new (up to 30), old",
        ),
        (
            "measure: distinct, of: day, rounded_to: month, quantiles: [few, many]",
            "number of distinct months of 'day' in visits, cut into equal groups few, many",
        ),
        (
            "measure: count, window: {column: day, last_days: 90}, per: month, quantiles: [few, many]",
            "number of rows in visits in the 90 days up to the last date in the table by 'day', per month, "
            "cut into equal groups few, many",
        ),
        (
            "measure: share, where: {price: {above: 2}, kind: {contains: milk}}, quantiles: [few, many]",
            "share of rows in visits where price is above 2 and kind contains 'milk', cut into equal groups "
            "few, many",
        ),
        (
            "measure: most_common, of: channel, weighted_by: price, top: 3, others: other",
            "most common 'channel' in visits, by the sum of 'price'; beyond the 3 most common: other",
        ),
        (
            "measure: rate, of: c, out_of: {table: sent, measure: distinct, of: c}, quantiles: [few, many]",
            "part of the values of 'c' in visits out of number of distinct 'c' in sent, cut into equal "
            "groups few, many",
        ),
    ],
)
def test_an_attribute_says_in_words_how_it_is_made(text: str, expected: str) -> None:
    assert source(a=f"table: visits, {text}").attributes["a"].sentence == expected


def test_a_value_says_in_words_which_codes_it_is_made_of() -> None:
    attribute = CustomerAttribute(table="c", measure="value", of="tier", values={"loyal": ["gold"]})
    assert attribute.sentence == "customer table c, column 'tier': loyal = gold"


def test_the_real_households_are_measured_as_pandas_measures_them() -> None:
    folder = cache_folder() / "data" / "completejourney"
    if not folder.is_dir():
        pytest.skip("completejourney is not in the cache; `mirrorpanel data pull completejourney` fetches it")
    import pandas as pd

    tables = ("demographics", "transactions", "products", "campaigns", "coupon_redemptions")
    places = {n: Place(path=folder / f"{n}.parquet") for n in tables}
    spec = document.parse(
        """
name: shopping
data: completejourney
people: demographics
key: household_id
join: household
attributes:
  recency: {table: transactions, measure: recency, of: transaction_timestamp, up_to: {a: 0, b: null}}
  trips: {table: transactions, measure: distinct, of: basket_id, up_to: {a: 0, b: null}}
  spend: {table: transactions, measure: sum, of: sales_value, up_to: {a: 0, b: null}}
  private:
    {table: transactions, lookup: {table: products, by: product_id}, measure: share, of: sales_value,
     where: {brand: Private}, up_to: {a: 0, b: null}}
  response:
    {table: coupon_redemptions, measure: rate, of: campaign_id, up_to: {a: 0, b: null},
     out_of: {table: campaigns, measure: distinct, of: campaign_id}}
  department:
    {table: transactions, lookup: {table: products, by: product_id}, measure: most_common, of: department,
     weighted_by: sales_value}
""",
        CrmSource,
        "grounding.yaml",
    )
    with duckdb.connect() as connection:
        found = opened(connection, spec, places, None)
        rows = Aggregates(connection, spec, found.schema, len(found.ids))
        numbers, (labels, codes) = rows.numbers(), rows.most_common("department")
    ids = pd.Index([int(i) for i in found.ids])
    columns = ["household_id", "basket_id", "product_id", "sales_value", "transaction_timestamp"]
    bought = pd.read_parquet(folder / "transactions.parquet", columns=columns)
    latest = bought.transaction_timestamp.max().normalize()
    bought = bought[bought.household_id.isin(ids)].merge(
        pd.read_parquet(folder / "products.parquet")[["product_id", "brand", "department"]], how="left"
    )
    days = bought.transaction_timestamp.dt.normalize()
    by = bought.groupby("household_id")
    private = bought[bought.brand == "Private"].groupby("household_id").sales_value.sum()
    spend = by.sales_value.sum().reindex(ids, fill_value=0)
    sent = pd.read_parquet(folder / "campaigns.parquet").drop_duplicates()
    used = pd.read_parquet(folder / "coupon_redemptions.parquet")[["household_id", "campaign_id"]]
    both = sent.merge(used.drop_duplicates()).groupby("household_id").size()
    received = sent.groupby("household_id").size().reindex(ids)
    expected = {
        "recency": (latest - days.groupby(bought.household_id).max()).dt.days.reindex(ids),
        "trips": by.basket_id.nunique().reindex(ids, fill_value=0),
        "spend": spend,
        "private": private.reindex(ids).fillna(0) / spend,
        "response": both.reindex(ids).fillna(0) / received,
    }
    for name, column in expected.items():
        np.testing.assert_allclose(numbers[name], column.to_numpy(dtype=float), rtol=1e-9, err_msg=name)
    total = bought.groupby(["household_id", "department"]).sales_value.sum().round(6).reset_index()
    total = total.sort_values(["household_id", "sales_value", "department"], ascending=[True, False, True])
    most = total.drop_duplicates("household_id").set_index("household_id").department.reindex(ids)
    assert [labels[c] for c in codes] == most.tolist()
