"""Tables that say how the shop is now (products, customers): their whole content, beside the night before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import asin, sqrt
from typing import Any

import ibis
import numpy as np
from scipy import stats

from ml.contract.table import Table
from ml.contract.tables import TABLES
from ml.learn.drift import FLOORS, Finding

STATES = tuple(name for name, t in TABLES.items() if t.required and not t.known_time and not t.known_with)
"""Tables whose rows the shop changes in place."""
VALUES = 60
GONE = 10
"""A value that so many rows had and none has any more is told, however small its share."""

Profile = Mapping[str, Any]


def profile(table: Table, rows: ibis.Table) -> dict[str, Any]:
    """Rows, and by column: filled rows, sums of numbers, counts of categories and of the forms of ids. Plain JSON values."""
    profiled = [c for c in table.columns if c.name in rows.columns and c.kind != "timestamp" and not c.personal]
    sums = {"_n": rows.count()} | {f"n {c.name}": rows[c.name].count() for c in profiled}
    for column in profiled:
        if column.kind in ("number", "integer"):
            x = rows[column.name].cast("float64")
            level = x.sign() * (x.abs() + 1).ln()
            sums |= {f"s {column.name}": level.sum(), f"q {column.name}": (level * level).sum()}
    row = rows.aggregate(**sums).to_pyarrow().to_pylist()[0]
    result: dict[str, Any] = {"rows": row["_n"], "columns": {}}
    for column in profiled:
        figures: dict[str, Any] = {"n": row[f"n {column.name}"]}
        if column.kind in ("number", "integer"):
            figures |= {"sum": row[f"s {column.name}"] or 0.0, "squares": row[f"q {column.name}"] or 0.0}
        else:
            value = rows[column.name].cast("string")
            if column.name in table.key:
                value = value.re_replace("[0-9]+", "9").re_replace("[A-Za-z]+", "a")
            counts = (
                rows.select(value=value).filter(ibis._.value.notnull()).group_by("value").aggregate(n=ibis._.count())
            )
            ranked = counts.order_by(ibis.desc("n"), "value").limit(VALUES + 1).to_pyarrow().to_pylist()
            if len(ranked) <= VALUES:
                figures["values"] = {one["value"]: one["n"] for one in ranked}
        result["columns"][column.name] = figures
    return result


def compared(name: str, before: Profile, now: Profile) -> Iterator[Finding]:
    """Test each figure of a table against the night before, as if its rows were other ones: that is on the safe side."""
    n0, n1 = before["rows"], now["rows"]
    z = (2 * sqrt(n1 + 0.375) - 2 * sqrt(n0 + 0.375)) / sqrt(2)
    matters = abs(np.log((n1 + 1) / (n0 + 1))) > np.log(1.2) and abs(n1 - n0) > 20
    yield _finding(name, "rows, beside the night before", n1, n0, z, n1, matters=bool(matters))
    for column, a in before["columns"].items():
        b, key = now["columns"].get(column), f"{name}.{column}"
        if b is None or not n0 or not n1:
            continue
        yield _share(key, "share without a value, beside the night before", n0 - a["n"], n0, n1 - b["n"], n1)
        if "sum" in a and a["n"] > 1 and b["n"] > 1:
            yield _level(key, a, b)
        for value in (
            sorted(set(a.get("values", {})) | set(b.get("values", {}))) if "values" in a and "values" in b else ()
        ):
            k0, k1 = a["values"].get(value, 0), b["values"].get(value, 0)
            yield _share(key, f"share of {value!r}, beside the night before", k0, n0, k1, n1)


def _level(key: str, a: Profile, b: Profile) -> Finding:
    m0, m1 = a["sum"] / a["n"], b["sum"] / b["n"]
    v0, v1 = (max(p["squares"] / p["n"] - (p["sum"] / p["n"]) ** 2, 1e-6) / p["n"] for p in (a, b))
    value, expected = (float(np.sign(m) * np.expm1(abs(m))) for m in (m1, m0))
    z, matters = (m1 - m0) / sqrt(v0 + v1), abs(m1 - m0) >= FLOORS["level"]
    return _finding(key, "level, beside the night before", value, expected, z, b["n"], matters=bool(matters))


def _share(key: str, what: str, k0: int, n0: int, k1: int, n1: int) -> Finding:
    y0, y1 = (asin(sqrt((k + 0.375) / (n + 0.75))) for k, n in ((k0, n0), (k1, n1)))
    z = (y1 - y0) / sqrt(1 / (4 * n0 + 2) + 1 / (4 * n1 + 2))
    matters = abs(k1 / n1 - k0 / n0) >= FLOORS["share"] or (k1 == 0 and k0 >= GONE)
    return _finding(key, what, k1 / n1, k0 / n0, z, n1, matters=matters)


def _finding(key: str, what: str, value: float, expected: float, z: float, n: float, *, matters: bool) -> Finding:
    p = float(2 * stats.norm.sf(abs(z)))
    return Finding(key, what, float(value), float(expected), float("nan"), float("nan"), p, matters, float(n))
