"""The one as-of join: what was known at a time. The same expression runs on DuckDB and on PySpark."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import ibis

_AT, _SEQ, _SIDE = "_asof_at", "_asof_seq", "_asof_side"


def known(table: ibis.Table, as_of: datetime, event_time: str, known_time: str | None = None) -> ibis.Table:
    """Keep the rows that had happened and were known before ``as_of``; a null event time counts as always.

    Parameters
    ----------
    table : ibis.Table
    as_of : datetime
        With a time zone. Rows at this very instant are not known yet.
    event_time, known_time : str
        Timestamp columns; a null known time means: known at the event.
    """
    moment = ibis.literal(as_of, type="timestamp('UTC', 6)")
    happened = (table[event_time] < moment).fill_null(True)
    if known_time is None or known_time not in table.columns:
        return table.filter(happened)
    return table.filter(happened, (table[known_time] < moment).fill_null(True))


def as_of_join(
    left: ibis.Table,
    right: ibis.Table,
    *,
    by: Sequence[str],
    at: str,
    event_time: str,
    known_time: str | None = None,
    columns: Sequence[str],
) -> ibis.Table:
    """Add to each row of ``left`` the ``columns`` of the last row of ``right`` that was known before it.

    Of the right rows of the same key with ``event_time < at`` and ``coalesce(known_time, event_time) < at``, the one
    with the greatest event time is taken; of two with the same event time, the one that became known later.

    Parameters
    ----------
    left, right : ibis.Table
    by : sequence of str
        Key columns, named alike in both. A null key finds nothing.
    at : str
        Time column of ``left``. A null finds nothing.
    event_time, known_time : str
        Time columns of ``right``. A row without an event time is never found.
    columns : sequence of str
        Columns of ``right`` to add, null where nothing was known. They must not be in ``left``.

    Returns
    -------
    ibis.Table
        The rows of ``left``, in any order, with ``columns`` beside its own.

    Notes
    -----
    Ibis' own ``asof_join`` does not run on PySpark and looks at one time only. Here both sides are put on one time
    line: a right row stands where it became known, numbered along its key, and a left row takes the running maximum of
    the numbers before it. A right row that became known after a younger one is out of date at birth and left out, so
    along the line the last known is also the latest.
    """
    versions = _versions(right, by, event_time, known_time, columns)
    lefts = left.mutate(
        **{_AT: left[at].cast("timestamp('UTC', 6)"), _SEQ: ibis.null("int64"), _SIDE: ibis.literal(0, "int8")}
    )
    marks = versions.select(
        **{name: versions[name].cast(kind) if name in by else ibis.null(kind) for name, kind in left.schema().items()},
        **{_AT: versions[_AT], _SEQ: versions[_SEQ], _SIDE: ibis.literal(1, "int8")},
    )
    line = ibis.union(lefts, marks, distinct=False)
    # At the same instant the left row comes first: what becomes known at t is not known at t.
    before = ibis.window(group_by=list(by), order_by=[_AT, _SIDE], rows=(None, 0))
    found = line.mutate(**{_SEQ: line[_SEQ].max().over(before)})
    found = found.filter(found[_SIDE] == 0)
    found = found.mutate(**{_SEQ: ibis.ifelse(found[at].isnull(), ibis.null("int64"), found[_SEQ])})
    joined = found.left_join(versions, [*by, _SEQ], rname="_right_{name}")
    return joined.select(*left.columns, **{name: _right(joined, found, name) for name in columns})


def _right(joined: ibis.Table, found: ibis.Table, name: str) -> ibis.Value:
    """The right side's column ``name``, whatever the join called it."""
    return joined[f"_right_{name}" if name in found.columns else name]


def _versions(
    right: ibis.Table, by: Sequence[str], event_time: str, known_time: str | None, columns: Sequence[str]
) -> ibis.Table:
    """The right rows that were the latest of their key when they became known, numbered along the key."""
    event = right[event_time].cast("timestamp('UTC', 6)")
    since = (
        event
        if known_time is None
        else ibis.greatest(event, ibis.coalesce(right[known_time].cast(event.type()), event))
    )
    dated = right.filter(right[event_time].notnull()).mutate(**{_AT: since})
    line = [_AT, event_time, *columns]
    earlier = ibis.window(group_by=list(by), order_by=line, rows=(None, -1))
    numbered = ibis.window(group_by=list(by), order_by=line)
    dated = dated.mutate(_asof_latest=dated[event_time].max().over(earlier))
    dated = dated.filter((dated[event_time] >= dated["_asof_latest"]).fill_null(True)).drop("_asof_latest")
    return dated.mutate(**{_SEQ: ibis.row_number().over(numbered)})
