"""What of a shop changed since it was read, as far as its catalogue and counters tell without reading a row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml.adapters import postgres

_STATE = """
WITH RECURSIVE top AS (
    SELECT c.oid, c.relname::text AS name FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'shop' AND c.relkind IN ('r', 'v', 'm', 'f', 'p')
), edge AS (
    SELECT w.ev_class AS oid, d.refobjid AS other FROM pg_catalog.pg_rewrite w
    JOIN pg_catalog.pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid
     AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> w.ev_class
    UNION ALL
    SELECT inhparent, inhrelid FROM pg_catalog.pg_inherits
), reads AS (
    SELECT name, oid FROM top
    UNION
    SELECT r.name, e.other FROM reads r JOIN edge e USING (oid)
)
SELECT r.name,
       md5(string_agg(c.relkind::text || c.oid::text || coalesce(CASE
           WHEN c.relkind = 'v' THEN pg_get_viewdef(c.oid)
           WHEN c.relkind = 'm' THEN pg_get_viewdef(c.oid) || pg_relation_filenode(c.oid)::text
       END, ''), ' ' ORDER BY c.oid)) AS definition,
       CASE WHEN bool_or(c.relkind = 'f') THEN NULL ELSE sum(CASE WHEN c.relkind = 'r' THEN
           pg_stat_get_tuples_inserted(c.oid) + pg_stat_get_tuples_updated(c.oid) + pg_stat_get_tuples_deleted(c.oid)
           ELSE 0 END) END::int8 AS writes
FROM reads r JOIN pg_catalog.pg_class c USING (oid) GROUP BY r.name
"""
"""By table of schema ``shop``: a digest of what it is (of every view beneath too), and the rows written so far to what it
reads; null where that lies on another server."""


def state(url: str) -> dict[str, dict[str, Any]]:
    """Definition and count of written rows of each table and view of schema ``shop``."""
    rows = postgres.query(url, _STATE)
    return {row["name"]: {"definition": row["definition"], "writes": row["writes"]} for row in rows}


def changes(before: Mapping[str, Mapping[str, Any]], now: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What differs between two states, in words.

    Examples
    --------
    >>> changes({"order": {"definition": "a", "writes": 7}}, {"order": {"definition": "b", "writes": 7}})
    ['shop.order was changed']
    >>> changes({"order": {"definition": "a", "writes": 7}}, {"order": {"definition": "a", "writes": 10}})
    ['rows written: 3 behind shop.order']
    """
    words = [f"shop.{name} is new" for name in sorted(now.keys() - before.keys())]
    words += [f"shop.{name} is gone" for name in sorted(before.keys() - now.keys())]
    both = sorted(before.keys() & now.keys())
    words += [f"shop.{name} was changed" for name in both if before[name]["definition"] != now[name]["definition"]]
    written = [
        f"{more:,} behind shop.{name}"
        for name in both
        if (more := (now[name]["writes"] or 0) - (before[name]["writes"] or 0)) > 0
    ]
    return words + (["rows written: " + ", ".join(written)] if written else [])
