"""The shop's tables day by day: for each column a few statistics of the rows that became known on a day."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import ibis
import numpy as np
import pyarrow as pa

from ml.contract.table import Column, Table
from ml.contract.tables import TABLES
from ml.learn.drift import DAYS, Floats, Series
from ml.text.language import detect, learn

READ = DAYS + 36
"""Days that are read: a value counts as new on the first of them on which it stands."""
CATEGORIES = 60
"""A text column with at most so many values is one of categories."""
COMMONEST = 12
MOST = 50 * CATEGORIES * 10
"""Different values by day that are looked at."""
TEXTS = 40
"""Free texts a day whose language is looked at."""
IN_MEMORY = 3_000_000
"""Rows of the days that are read which are held in memory."""
_DAY, _DAY_S = "_day", 86_400


@dataclass(frozen=True)
class _Rows:
    """The rows of a table's days, at hand in DuckDB. They are asked in SQL: to compile each question took most of the time."""

    db: Any
    name: str
    columns: tuple[str, ...]

    @classmethod
    def of(cls, name: str, dated: ibis.Table) -> _Rows:
        """A table in memory where the rows are not too many, else a view."""
        backend = dated.get_backend()
        sql, name = backend.compile(dated), _quoted(f"_dated_{name}")
        (count,) = backend.con.execute(f"SELECT count(*) FROM ({sql})").fetchone()  # noqa: S608 - compiled by Ibis
        kind = "TABLE" if count <= IN_MEMORY else "VIEW"
        backend.con.execute(f"CREATE OR REPLACE TEMP {kind} {name} AS {sql}")
        return cls(backend.con, name, tuple(dated.columns))

    def ask(self, what: str, where: str = "TRUE", group: str = _DAY) -> pa.Table:
        """``SELECT`` of the rows that fulfil a condition, by ``group`` (empty: none)."""
        by = f"GROUP BY {group}" if group else ""
        found: pa.Table = self.db.sql(
            f"SELECT {what} FROM {self.name} WHERE {where} {by}"  # noqa: S608 - names are quoted, and there are no values
        ).to_arrow_table()
        return found


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def series(tables: Mapping[str, ibis.Table], as_of: datetime, *, days: int = READ) -> Iterator[Series]:
    """Give the statistics of every contract table whose rows have a time, today (the day before ``as_of``) first.

    Parameters
    ----------
    tables : mapping of str to ibis.Table
        Contract tables of DuckDB by name; others are left out.
    days : int
        How many days before ``as_of``.
    """
    for name, table in TABLES.items():
        if name in tables and (dated := _dated(table, tables, as_of, days)) is not None:
            yield from _of_table(table, _Rows.of(name, dated), days)


def _dated(table: Table, tables: Mapping[str, ibis.Table], as_of: datetime, days: int) -> ibis.Table | None:
    """The rows that became known in the last ``days`` before ``as_of``, with the number of the day before it, from 0."""
    rows = tables[table.name]
    if not table.event_time and table.known_with:
        parent, _, key = table[table.known_with].references.partition(".")
        if parent not in tables or parent not in TABLES:
            return None
        moments = _dated(TABLES[parent], tables, as_of, days)
        if moments is None:
            return None
        moments = moments.select(**{table.known_with: moments[key], _DAY: moments[_DAY]})
        return rows.inner_join(moments, table.known_with)
    if not table.event_time:
        return None
    moment = rows[table.event_time]
    if table.known_time and table.known_time in rows.columns and table.known_time != table.event_time:
        moment = ibis.greatest(moment, ibis.coalesce(rows[table.known_time], moment))
    end = int(as_of.timestamp())
    day = ((end - 1 - moment.cast("timestamp('UTC', 6)").epoch_seconds().cast("int64")) // _DAY_S).cast("int32")
    return rows.mutate(**{_DAY: day}).filter((ibis._[_DAY] >= 0) & (ibis._[_DAY] < days))


def _sums(columns: Sequence[Column]) -> dict[str, str]:
    """What is counted of each day, by the letter of a figure and the column, in SQL."""
    sums = {"_n": "count(*)"}
    for column in columns:
        cell = _quoted(column.name)
        sums[f"n {column.name}"] = f"count({cell})"
        if column.kind in ("number", "integer"):
            level = f"sign({cell}) * ln(abs({cell}::DOUBLE) + 1)"
            sums |= {f"s {column.name}": f"sum({level})", f"q {column.name}": f"sum(({level}) * ({level}))"}
        elif column.kind == "boolean":
            sums[f"t {column.name}"] = f"count(*) FILTER (WHERE {cell})"
        elif column.kind == "text":
            sums[f"v {column.name}"] = f"approx_count_distinct({cell})"
    return sums


def _of_table(table: Table, rows: _Rows, days: int) -> Iterator[Series]:
    monitored = [column for column in table.columns if column.name in rows.columns and _tells(column)]
    daily = rows.ask(", ".join([_DAY, *(f"{sql} AS {_quoted(name)}" for name, sql in _sums(monitored).items())]))
    by = {name: _by_day(daily, name, days) for name in daily.column_names if name != _DAY}
    n, none = by["_n"], np.zeros(days)
    yield Series(table.name, "rows", "count", n, n, none)
    if not n.sum():
        return
    yield from _repeated(table, rows, n)
    for column in monitored:
        name, filled = f"{table.name}.{column.name}", by[f"n {column.name}"]
        if not column.required:
            yield Series(name, "share without a value", "share", n - filled, n, none)
        if column.kind in ("number", "integer") and column.name not in table.key:
            yield Series(name, "level", "level", by[f"s {column.name}"], filled, by[f"q {column.name}"])
        elif column.kind == "boolean":
            yield Series(name, "share that is true", "share", by[f"t {column.name}"], filled, none)
        elif column.kind == "text" and filled.sum():
            yield from _of_text(table, column, rows, n, float(by[f"v {column.name}"].max()))


def _repeated(table: Table, rows: _Rows, n: Floats) -> Iterator[Series]:
    """The share of rows that are as another one of the day in everything but their key."""
    others = [column.name for column in table.columns if column.name in rows.columns and column.name not in table.key]
    if len(table.key) > 1 or len(others) < 3:
        return
    cells = ", ".join(f"{_quoted(name)}::VARCHAR" for name in others)
    kinds = rows.ask(f"{_DAY}, count(DISTINCT hash({cells})) AS kinds")
    repeated = n - _by_day(kinds, "kinds", len(n))
    yield Series(table.name, "share that repeats another row", "share", repeated, n, np.zeros(len(n)))


def _of_text(table: Table, column: Column, rows: _Rows, n: Floats, values: float) -> Iterator[Series]:
    name, cell, days = f"{table.name}.{column.name}", _quoted(column.name), len(n)
    filled = f"{cell} IS NOT NULL"
    if _is_prose(column):
        yield from _languages(name, rows, cell, days)
        return
    is_id = bool(column.references) or column.personal or column.name in table.key or column.name.endswith("_id")
    if not is_id and values <= CATEGORIES:
        yield from _categories(name, rows, cell, filled, n)
        return
    if column.name not in table.key:
        most = rows.ask(f"DISTINCT {_DAY}, max(count(*)) OVER (PARTITION BY {_DAY}) AS k", filled, f"{_DAY}, {cell}")
        yield Series(name, "rows that share one value", "most", _by_day(most, "k", days), n, np.zeros(days))
    if is_id and not column.personal:
        form = f"regexp_replace(regexp_replace({cell}, '[0-9]+', '9', 'g'), '[A-Za-z]+', 'a', 'g')"
        yield from _categories(name, rows, form, filled, n, what="form")


def _categories(name: str, rows: _Rows, value: str, filled: str, n: Floats, what: str = "value") -> Iterator[Series]:
    """The share of each of the commonest values, and of values that did not stand there on any day before."""
    days, none = len(n), np.zeros(len(n))
    counts = rows.ask(f"{_DAY}, {value} AS value, count(*) AS k", filled, f"{_DAY}, value LIMIT {MOST + 1}")
    if not 0 < len(counts) <= MOST:  # more: each is a value of its own, and there is nothing to learn from them
        return
    codes = counts["value"].combine_chunks().dictionary_encode()
    values, code = codes.dictionary.to_pylist(), codes.indices.to_numpy()
    table = np.zeros((len(values), days))
    table[code, counts[_DAY].to_numpy()] = counts["k"].to_numpy()
    first = days - 1 - np.argmax(table[:, ::-1] > 0, axis=1)
    fresh = np.bincount(first, table[np.arange(len(values)), first], minlength=days).astype(np.float64)
    yield Series(name, f"share with a new {what}", "share", fresh, n, none)
    common = sorted(range(len(values)), key=lambda at: (-table[at].sum(), values[at]))[:COMMONEST]
    for at in sorted(common, key=lambda at: values[at]):
        yield Series(name, f"share of {what} {values[at]!r}", "share", table[at], n, none)


def _languages(name: str, rows: _Rows, cell: str, days: int) -> Iterator[Series]:
    """The share of each language, of at most so many texts a day."""
    place = f"row_number() OVER (PARTITION BY {_DAY} ORDER BY hash({cell}), {cell})"
    drawn = rows.ask(f"{_DAY}, {cell} AS text", f"{cell} IS NOT NULL QUALIFY {place} <= {TEXTS}", group="")
    if not len(drawn):
        return
    texts, day = drawn["text"].combine_chunks(), drawn[_DAY].to_numpy()
    codes = np.array(detect(texts, learn(texts)))
    n = np.bincount(day, minlength=days)[:days].astype(np.float64)
    for code in sorted(set(codes.tolist()) - {"und", "zxx"}):
        if (codes == code).sum() >= 3:
            k = np.bincount(day[codes == code], minlength=days)[:days].astype(np.float64)
            yield Series(name, f"share in language {code!r}", "share", k, n, np.zeros(days))


def _tells(column: Column) -> bool:
    """Whether a day's values stay as they are: a status goes on with the order, and a time is what the day is."""
    return column.kind != "timestamp" and column.words != "order.status" and column.name != "status"


def _is_prose(column: Column) -> bool:
    return column.name in ("text", "body", "message") and not column.words


def _by_day(rows: pa.Table, column: str, days: int) -> Floats:
    values = np.zeros(days)
    if len(rows):
        values[rows[_DAY].to_numpy()] = np.nan_to_num(rows[column].cast(pa.float64()).to_numpy())
    return values
