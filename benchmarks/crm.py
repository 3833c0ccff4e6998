"""Ten million rows of purchases become customer attributes through DuckDB, from Parquet and from CSV.

Rows are made up, of 200,000 customers and 50,000 products: a tenth without a customer, a twentieth returns.
Seven attributes are measured, two with a lookup, one the most common value. Peak memory is that of the
process that aggregates, which makes no rows itself. ``seconds`` and ``peak_memory_gb`` are of the slower and
the larger of both.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.output import finish, peak_memory_gb

ROWS, CUSTOMERS, PRODUCTS = 10_000_000, 200_000, 50_000
FORMS = ("parquet", "csv")
MADE = f"""
SELECT CASE WHEN random() < 0.1 THEN NULL
            ELSE CAST(floor(pow(random(), 2) * {CUSTOMERS}) AS INTEGER) END AS customer,
       TIMESTAMP '2025-01-01' + to_seconds(CAST(floor(random() * 31536000) AS INTEGER)) AS moment,
       CAST(floor(random() * {ROWS} / 8) AS INTEGER) AS basket,
       CAST(floor(random() * {PRODUCTS}) AS INTEGER) AS product,
       round(random() * 40 * CASE WHEN random() < 0.05 THEN -1 ELSE 1 END, 2) AS amount,
       CASE WHEN random() < 0.3 THEN 'web' ELSE 'shop' END AS channel
FROM range({ROWS})
"""
SOURCE = """
name: shop
files: {customers: customers.parquet, sales: sales.FORM, products: products.parquet}
people: customers
key: customer
join: card
attributes:
  recency:
    {table: sales, measure: recency, of: moment, time_zone: Europe/Berlin, quantiles: [recent, middling, old]}
  frequency: {table: sales, measure: distinct, of: basket, quantiles: [rare, middling, frequent]}
  value: {table: sales, measure: sum, of: amount, quantiles: [low, middling, high]}
  online: {table: sales, measure: share, of: amount, where: {channel: web}, quantiles: [low, middling, high]}
  organic:
    {table: sales, lookup: {table: products, by: product}, measure: share, of: amount, where: {kind: organic},
     quantiles: [low, middling, high]}
  tenure: {table: sales, measure: tenure, of: moment, quantiles: [new, middling, old]}
  favourite:
    {table: sales, lookup: {table: products, by: product}, measure: most_common, of: kind,
     weighted_by: amount}
"""


def make(folder: Path) -> None:
    """Writes customers, products and sales into ``folder``."""
    import duckdb

    kinds = "['organic', 'bakery', 'drinks', 'household', 'frozen']"
    with duckdb.connect() as connection:
        connection.execute("SET memory_limit = '2GB'")
        connection.execute("SELECT setseed(0.4)")
        for name, query in (
            ("customers", f"SELECT range AS customer FROM range({CUSTOMERS})"),
            ("products", f"SELECT range AS product, {kinds}[1 + range % 5] AS kind FROM range({PRODUCTS})"),
            ("sales", MADE),
        ):
            connection.execute(f"COPY ({query}) TO '{folder / name}.parquet' (FORMAT parquet)")
        connection.execute(f"COPY (FROM '{folder}/sales.parquet') TO '{folder}/sales.csv' (HEADER)")


def aggregate(folder: Path, form: str) -> None:
    """Aggregates the sales in one form and prints what it cost, for the process that asked."""
    from grounding.sources import crm
    from grounding.sources.crm_spec import CrmSource
    from personas import document

    spec = document.parse(SOURCE.replace("FORM", form), CrmSource, "benchmark")
    started = time.perf_counter()
    found = crm.read(spec, spec.places(folder))
    seconds = time.perf_counter() - started
    counts = [len(set(codes.tolist())) for _, codes in found.attributes.values()]
    print(
        json.dumps(
            {"seconds": seconds, "memory": peak_memory_gb(), "customers": len(found.ids), "groups": counts}
        )
    )


def main() -> None:
    """Runs the benchmark."""
    with tempfile.TemporaryDirectory() as name:
        make(Path(name))
        cost: dict[str, dict[str, float]] = {}
        for form in FORMS:
            words = [sys.executable, "-m", "benchmarks.crm", name, form]
            done = subprocess.run(words, check=True, capture_output=True, text=True)
            cost[form] = json.loads(done.stdout)
    finish(
        "crm",
        {
            "rows": ROWS,
            "customers": CUSTOMERS,
            "attributes": SOURCE.count("measure:"),
            "seconds": max(c["seconds"] for c in cost.values()),
            "peak_memory_gb": max(c["memory"] for c in cost.values()),
            **{f"seconds_{form}": c["seconds"] for form, c in cost.items()},
            **{f"peak_memory_gb_{form}": c["memory"] for form, c in cost.items()},
        },
    )


if __name__ == "__main__":
    if len(sys.argv) > 2:
        aggregate(Path(sys.argv[1]), sys.argv[2])
    else:
        main()
