"""Customers that lie in a database: aggregated and hashed there, by the columns that are named."""

from pathlib import Path

import duckdb
import pytest
from plain_guard import plain_guard

from grounding import GroundSpec, ground
from grounding.sources import reading
from personas import document

SPEC = """
panel: shop
persons: 4
survey:
  file: people.csv
  id: id
  attributes: {sex: {column: sex}}
crm:
  - name: shop
    databases:
      customers: {url: 'duckdb:shop.duckdb', table: customers}
      sales: {url: 'duckdb:shop.duckdb', table: sales}
    people: customers
    key: customer
    join: card
    attributes:
      spend: {table: sales, measure: sum, of: price, up_to: {little: 5, much: null}}
"""


def hashes(folder: Path, sales: str) -> tuple[dict[str, str], list[str | None]]:
    """Inputs of the panel and what each of the people spends, with these rows of sales."""
    (folder / "people.csv").write_text("id,sex,card\n1,f,a\n2,m,b\n3,f,\n4,m,a\n")
    (folder / "shop.duckdb").unlink(missing_ok=True)
    with duckdb.connect(str(folder / "shop.duckdb")) as connection:
        connection.execute("CREATE TABLE customers AS FROM (VALUES ('a'), ('b')) t(customer)")
        connection.execute(f"CREATE TABLE sales AS FROM (VALUES {sales}) t(customer, price, note)")
    spec = document.parse(SPEC, GroundSpec, "grounding.yaml")
    found = ground(spec, folder, folder, plain_guard(), lambda line: None)
    return found.inputs, found.people.values("spend")


def test_the_hash_of_a_database_table_covers_the_columns_that_are_named_and_no_order(tmp_path: Path) -> None:
    inputs, spend = hashes(tmp_path, "('a', 2, 'x'), ('b', 9, 'y')")
    assert spend == ["little", "much", None, "little"]
    assert len(inputs["shop/sales"]) == len(inputs["shop/customers"]) == 64
    other_note, _ = hashes(tmp_path, "('b', 9, 'Anna Schmidt'), ('a', 2, 'z')")
    assert other_note["shop/sales"] == inputs["shop/sales"]
    other_price, _ = hashes(tmp_path, "('a', 3, 'x'), ('b', 9, 'y')")
    assert other_price["shop/sales"] != inputs["shop/sales"]
    assert other_price["shop/customers"] == inputs["shop/customers"]


def test_customers_of_a_database_are_never_all_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(place: object, table: object = None) -> str:
        raise AssertionError("the rows of a database table are hashed where they lie")

    monkeypatch.setattr(
        reading, "fingerprint", lambda place, table=None: refuse(place) if place.path is None else "0"
    )
    inputs, _ = hashes(tmp_path, "('a', 2, 'x'), ('b', 9, 'y')")
    assert len(inputs["shop/sales"]) == 64
