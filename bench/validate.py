"""Validation with quarantine and Data Docs, beside plain DuckDB SQL of the same rules."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import Options, Row, in_turn
from bench._stack import stack
from ml.adapters import quality
from ml.adapters.lake import Lake
from ml.adapters.quality.relations import Parent, rows_with_facts
from ml.adapters.quality.suite import Rule, Suite
from ml.adapters.shop import extract
from ml.contract.tables import TABLES
from ml.pipeline.context import SUITES
from ml.shop.load import load

REF = "2100-01-01/001"
AS_OF = datetime(2100, 1, 1, tzinfo=UTC)


def _broken(rule: Rule) -> str:
    """The rule as SQL that is true of a broken row."""
    column, given = f'"{rule.column}"', rule.kwargs
    if rule.type == "expect_column_values_to_not_be_null":
        return f"{column} IS NULL"
    if rule.type == "expect_column_values_to_be_in_set":
        values = ", ".join(repr(value) if isinstance(value, str) else str(value) for value in given["value_set"])
        return f"coalesce({column} NOT IN ({values}), false)"
    if rule.type == "expect_column_values_to_not_be_in_set":
        return f"coalesce({column} IN ({', '.join(map(repr, given['value_set']))}), false)"
    if rule.type == "expect_column_values_to_be_null":
        return f"{column} IS NOT NULL"
    bounds = []
    if "min_value" in given:
        bounds.append(f"{column} {'<=' if given.get('strict_min') else '<'} {given['min_value']}")
    if "max_value" in given:
        bounds.append(f"{column} {'>=' if given.get('strict_max') else '>'} {given['max_value']}")
    return f"coalesce({' OR '.join(bounds)}, false)"


def _plain(lake: Lake, manifest: dict[str, Any], out: Path, threads: int) -> None:
    connection = lake.duckdb(threads, 4)

    def clean(name: str) -> str:
        return f"read_parquet('{out / name}.parquet')"

    def parents(column: str, parent: str, key: str) -> Parent:  # noqa: ARG001 - what a reference is asked by
        return Parent(clean(parent), [])

    for name in manifest["tables"]:
        table, suite = TABLES[name], Suite.load(SUITES / "shop" / f"{name}.json")
        query = rows_with_facts(connection, table, lake.sql("snapshot", REF, "raw", name), parents, AS_OF)
        judged = [rule for rule in suite.rows if rule.column != "_cut"]  # what the validation itself has mended
        rules = {f"rule_{i}": _broken(rule) for i, rule in enumerate(judged)}
        counts = ", ".join(f"count_if({sql}) AS {column}" for column, sql in rules.items())
        connection.sql(f"SELECT {counts} FROM ({query})").fetchall()  # noqa: S608
        whole = f"SELECT * FROM ({query}) WHERE NOT ({' OR '.join(_broken(r) for r in judged if r.severity != 'kept')})"  # noqa: S608
        connection.execute(f"COPY ({whole}) TO '{out / name}.parquet' (FORMAT parquet, COMPRESSION zstd)")


def run(options: Options) -> Iterator[Row]:
    """Rows per second of both over all tables of a demo shop of 100,000 customers (quick: 2,000)."""
    customers = 2_000 if options.quick else 100_000
    out = options.scratch / "plain"
    out.mkdir(parents=True, exist_ok=True)
    with stack(options) as running:
        settings = running.settings()
        load(settings, "demo", customers=customers, replace=True)
        lake = Lake(str(options.scratch / "validate-lake"))
        manifest = extract.extract(settings.shop_url, lake, REF, AS_OF, settings.hash_key)
    rows = sum(table["rows"] for table in manifest["tables"].values())

    def ours() -> None:
        quality.validate_snapshot(
            lake, REF, SUITES / "shop", None, accept_growth=False, threads=settings.threads, memory_gb=4
        )

    taken = in_turn({"ours": ours, "plain": lambda: _plain(lake, manifest, out, settings.threads)})
    yield Row(
        f"validation of {rows:,} rows",
        "rows/s",
        rows / taken["ours"],
        "plain DuckDB SQL of the same rules",
        rows / taken["plain"],
        taken["plain"] / taken["ours"],
        note="ours also names every broken row's key and rule, and writes Data Docs",
    )
