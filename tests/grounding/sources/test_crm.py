import math
from datetime import date

import duckdb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grounding.sources import crm, crm_sql
from grounding.sources.crm_spec import CrmSource
from grounding.sources.crm_sql import Schema, Timed
from grounding.sources.measures import CustomerAttribute, Measure
from grounding.sources.place import Place
from personas import document
from personas.errors import DataError, UnknownName

SPEC = """
name: shop
files: {people: people.csv, sales: sales.csv, goods: goods.csv}
people: people
key: customer
attributes:
  spend: {table: sales, measure: sum, of: price, quantiles: [low, high]}
  visits: {table: sales, measure: distinct, of: visit, up_to: {none: 0, one: 1, several: null}}
  organic:
    {table: sales, lookup: {table: goods, by: item}, measure: share, of: price,
     where: {kind: {contains: organic}}, up_to: {none: 0, some: null}}
  own_brand:
    {table: sales, lookup: {table: goods, by: item}, measure: count,
     where: {brand: [own, house], kind: Organic milk}, up_to: {none: 0, some: null}}
  price: {table: sales, measure: mean, of: price, up_to: {cheap: 3, dear: null}}
match:
  age:
    people: {column: age, values: {young: y, old: o}}
    customers: {column: age, values: {young: Y, old: O}}
"""
PEOPLE = "customer,age\n1,Y\n2,O\n3,Y\n"
SALES = "customer,visit,item,price\n1,a,7,2\n1,a,8,6\n1,b,8,0\n2,c,8,1\n9,d,7,100\n"
GOODS = "item,kind,brand\n7,Organic milk,own\n8,Bread,\n"


def spec(text: str = SPEC) -> CrmSource:
    return document.parse(text, CrmSource, "grounding.yaml")


@pytest.fixture
def shop(tmp_path):
    def write(**changed: str):
        content = {"people": PEOPLE, "sales": SALES, "goods": GOODS} | changed
        for name, text in content.items():
            (tmp_path / f"{name}.csv").write_text(text)
        return {name: Place(path=tmp_path / f"{name}.csv") for name in content}

    return write


def values(found: crm.Customers, attribute: str) -> list[str | None]:
    groups, codes = found.attributes[attribute]
    return [None if c < 0 else groups[c] for c in codes]


def test_rows_become_named_groups_for_each_customer(shop):
    found = crm.read(spec(), shop())
    assert found.ids == ("1", "2", "3")
    assert values(found, "spend") == ["high", "low", "low"]
    assert values(found, "visits") == ["several", "one", "none"]
    assert values(found, "organic") == ["some", "none", None]
    assert values(found, "own_brand") == ["some", "none", "none"]
    assert values(found, "price") == ["cheap", "cheap", None]


def test_parquet_and_csv_give_the_same_attributes(shop, tmp_path):
    files = shop()
    folder = tmp_path / "it's [2018]"
    folder.mkdir()
    with duckdb.connect() as connection:
        for name, place in files.items():
            target = str(folder / f"{name}.parquet").replace("'", "''")
            connection.execute(
                f"COPY (SELECT * FROM read_csv(?)) TO '{target}' (FORMAT parquet)", [str(place.path)]
            )
    other = crm.read(spec(), {name: Place(path=folder / f"{name}.parquet") for name in files})
    for name, (groups, codes) in crm.read(spec(), files).attributes.items():
        assert other.attributes[name][0] == groups
        assert np.array_equal(other.attributes[name][1], codes)


EVIL = 'x"; DROP TABLE people; --'


def test_names_and_values_from_the_grounding_file_never_become_sql(tmp_path):
    condition = {"contains": EVIL, "not_contains": EVIL, "not_in": [EVIL], "above": 1}
    measure = {
        "table": EVIL,
        "lookup": {"table": EVIL + "2", "by": EVIL},
        "where": {EVIL: condition, EVIL + "2": ["1' OR '1'='1"]},
        "window": {"column": EVIL, "last_days": 3},
        "date_format": EVIL,
    }
    types = {name: {EVIL: "VARCHAR", EVIL + "2": "VARCHAR"} for name in (EVIL, EVIL + "2")}
    schema = Schema(EVIL, EVIL, types, types)
    for kind in ("sum", "distinct", "recency", "share"):
        found = crm_sql.numbers([Timed(Measure(measure=kind, of=EVIL, **measure), date(2026, 1, 1))], schema)
        bare = found.sql.replace(EVIL.replace('"', '""'), "").replace('"', "")
        assert "DROP" not in bare
        assert "OR '1'" not in bare
        assert found.sql.count("?") == len(found.values)
        assert {EVIL, "1' OR '1'='1", 1.0} <= set(found.values)


def test_an_attribute_with_names_full_of_quotes_is_read_like_any_other(tmp_path):
    (tmp_path / "p.csv").write_text("key\n1\n2\n")
    header = '"key","' + EVIL.replace('"', '""') + '"\n'
    (tmp_path / "s.csv").write_text(header + "1,5\n1,7\n2,6\n")
    attribute = CustomerAttribute(table=EVIL, measure="sum", of=EVIL, up_to={"little": 6, "much": None})
    source = CrmSource(name="shop", files={}, people="p", key="key", attributes={"a": attribute}, join="k")
    places = {"p": Place(path=tmp_path / "p.csv"), EVIL: Place(path=tmp_path / "s.csv")}
    assert values(crm.read(source, places), "a") == ["much", "little"]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (
            {"people": "customer,age\n1,Y\n1,O\n"},
            "column 'customer' must be distinct, 1 ids are not: '1' 2 times (rows 1, 2)",
        ),
        ({"people": "kunde,age\n1,Y\n"}, "no column 'customer'; there are kunde, age"),
        (
            {"sales": SALES.replace("customer", "kunde")},
            "table 'sales' has no column 'customer'; it has kunde, visit",
        ),
        (
            {"sales": SALES.replace("price", "cost")},
            "no column 'price' in sales: sales has customer, visit, item, cost",
        ),
        ({"sales": "customer,visit,item,price\n8,a,7,2\n"}, "none of the 3 customers stands in 'sales'"),
        ({"sales": SALES.replace(",2\n", ",two\n")}, "CRM 'shop', attribute 'spend'"),
        ({"goods": GOODS + "8,Cake,own\n"}, "lookup table 'goods' has 2 rows with item '8'"),
        ({"goods": GOODS.replace("kind", "sort")}, "no column 'kind' in sales or goods"),
        (
            {"sales": "customer,visit,item,price\n1,a,7,2\n2,a,7,2\n3,a,7,2\n"},
            "quantiles leave group 'high' empty, because 3 of 3 customers have the value 2; set limits",
        ),
    ],
)
def test_customers_that_cannot_be_used_are_refused(shop, changed, expected):
    with pytest.raises(DataError) as caught:
        crm.read(spec(), shop(**changed))
    assert expected in str(caught.value)


def test_missing_tables_and_files_are_named(shop, tmp_path):
    files = shop()
    with pytest.raises(
        UnknownName, match="Unknown table of CRM 'shop' 'goods'; choose from 'people', 'sales'"
    ):
        crm.read(spec(), {k: v for k, v in files.items() if k != "goods"})
    with pytest.raises(DataError, match=r"nowhere\.csv: no such file"):
        crm.read(spec(), files | {"goods": Place(path=tmp_path / "nowhere.csv")})
    (tmp_path / "goods.pdf").write_text("")
    with pytest.raises(DataError, match=r"goods\.pdf: cannot read \.pdf; use \.csv"):
        crm.read(spec(), files | {"goods": Place(path=tmp_path / "goods.pdf")})


def test_old_encodings_are_read_and_unused_columns_never_are(shop):
    files = shop()
    files["people"].path.write_bytes("customer,age,name\n1,Y,Kölsch\n2,O,Müller\n".encode("latin-1"))
    found = crm.read(spec(), files)
    assert found.ids == ("1", "2")
    assert list(found.table.columns) == ["customer", "age"]


@given(st.lists(st.floats(0, 100), min_size=30, max_size=60, unique=True), st.integers(2, 5))
def test_quantile_groups_are_equally_large_and_in_order(measured, n):
    attribute = CustomerAttribute(table="t", measure="count", quantiles=[f"g{i}" for i in range(n)])
    groups = crm.cut(np.array([*measured, math.nan]), attribute, "a")
    sizes = np.bincount(groups[:-1], minlength=n)
    assert sizes.max() - sizes.min() <= 1
    assert np.all(np.diff(groups[:-1][np.argsort(measured)]) >= 0)
    assert groups[-1] == -1


def test_limits_belong_to_the_group_that_they_close():
    attribute = CustomerAttribute(table="t", measure="count", up_to={"none": 0, "some": 4, "many": None})
    assert crm.cut(np.array([0, 0.5, 4, 5, math.nan]), attribute, "a").tolist() == [0, 1, 1, 2, -1]
    with pytest.raises(DataError, match="undefined for all 2 customers"):
        crm.cut(np.array([math.nan, math.nan]), attribute, "a")
