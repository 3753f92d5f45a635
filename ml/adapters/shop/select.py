"""The SELECT that reads a contract table as it was known at a time. Text only: nothing here connects.

Values are never in the text: the reading session holds them as ``nightshift.as_of``, ``nightshift.now`` and
``nightshift.sample``, and its time zone is the shop's, so that a timestamp without zone is read in it. The one exception
is the time from which rows are new: only as a constant does it let Postgres choose an index on the shop's time columns.
"""

# ruff: noqa: S608 (names come from the contract, never from outside; values are settings of the session)
from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ml.contract.table import Column, Table
from ml.contract.tables import TABLES
from ml.contract.vocabulary import spellings
from ml.core.spec import Kind, Live

ACCEPTED: dict[Kind, tuple[str, ...]] = {
    "integer": ("int2", "int4", "int8", "numeric", "float4", "float8"),
    "number": ("int2", "int4", "int8", "numeric", "float4", "float8"),
    "boolean": ("bool", "text", "varchar", "bpchar", "int2", "int4", "int8"),
    "timestamp": ("timestamptz", "timestamp", "date"),
}
"""Postgres types that a column of a kind may have; a text column may have any."""

UNREAD = "_unread"
"""Column beside those of the contract: the cells of a row that hold no value of their kind."""

_TYPE: dict[Kind, str] = {
    "text": "text",
    "integer": "int8",
    "number": "float8",
    "boolean": "bool",
    "timestamp": "timestamptz",
}

_WHOLE = ("int2", "int4", "int8")
_MOST = "9223372036854774784"
"""The largest whole number that a double holds exactly below 2^63."""

_SHOWN = 40
"""Characters of a cell that is shown because it cannot be read."""

_AS_OF = "(SELECT current_setting('nightshift.as_of')::timestamptz)"
_TOMORROW = "(SELECT current_setting('nightshift.now')::timestamptz + interval '1 day')"
_SAMPLE = "(SELECT current_setting('nightshift.sample')::int8)"
_NEVER = "NULL::timestamptz"
_SOLD = ("customer", "product")
_FIRST, _LAST = "timestamptz '0001-01-01 00:00:00Z'", "timestamptz '9999-12-31 00:00:00Z'"


@dataclass(frozen=True)
class Shop:
    """What the shop's schema has: the columns of each contract table that is there."""

    columns: Mapping[str, Collection[str]]
    types: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Postgres type by column; where two are equal they are compared as they are, so that an index serves."""

    @classmethod
    def of(cls, found: Mapping[str, Mapping[str, tuple[str, bool]]]) -> Shop:
        """Make it of a catalogue: type, and whether it may be read, by table and column."""
        return cls(found, {name: {column: entry[0] for column, entry in has.items()} for name, has in found.items()})

    def select(self, table: Table, *, sample: bool = False, within: str = "") -> str:
        """Select every contract column of ``table``, cast to its kind (a column that the shop lacks is null).

        ``within``: a condition that chooses a range of the rows.
        """
        where = self._known(table, "t")
        if within:
            where = f"({where}) AND {within}"
        if sample and (chosen := self._sampled(table)):
            where = f"({where}) AND {chosen}"
        return f"SELECT {self._list(table)} FROM {_from(table)} t WHERE {where}"

    def first(self, table: Table) -> str:
        """Select when the first row of ``table`` was known (``first``), or null if one was known in time."""
        known = f"coalesce({self._time(table, table.known_time, 't')}, {self._time(table, table.event_time, 't')})"
        return (
            f"SELECT min({known}) FILTER (WHERE {known} < {_LAST} - interval '1 day') AS first FROM {_from(table)} t "
            f"WHERE NOT EXISTS (SELECT FROM {_from(table)} t WHERE {known} < {_AS_OF})"
        )

    def select_new(self, table: Table, live: Live, since: datetime) -> str:
        """Select as :meth:`select` what is new since ``since`` for the lane ``live``, each row once.

        New is what became known since then; what belongs to a row that did (``known_with``); and what such rows
        reference, whatever its date: a customer may be older than the row that tells of him. Rows of the lane's own
        table without any time are faults, and come along to be shown.
        """
        branches, selects = self._new(table, live, "t", since), []
        for number, branch in enumerate(branches):
            again = "".join(f" AND ({other}) IS NOT TRUE" for other in branches[:number])
            where = f"({branch}){again} AND ({self._own(table, 't')[0]})"
            selects.append(f"SELECT {self._list(table)} FROM {_from(table)} t WHERE {where}")
        return " UNION ALL ".join(selects)

    def _new(
        self, table: Table, live: Live, alias: str, since: datetime, path: frozenset[str] = frozenset()
    ) -> list[str]:
        """Conditions of which a new row meets at least one; each by itself can use an index.

        ``path``: tables that ask for it, from which nothing further follows.
        """
        known, event = self._time(table, table.known_time, alias), self._time(table, table.event_time, alias)
        moment = f"timestamptz '{since.astimezone(UTC).isoformat()}'"
        conditions = []
        if (known, event) != (_NEVER, _NEVER):
            conditions = [f"{known} >= {moment} OR ({known} IS NULL AND {event} >= {moment})"]
        if table.name in live.keys:
            return [*conditions, f"{known} IS NULL AND {event} IS NULL"]
        path |= {table.name}
        scope = [TABLES[name] for name in live.tables if name in self.columns]
        for child in scope:
            for column, parent, key in child.references:
                if table.known_with == column and child is table and parent in [t.name for t in scope]:
                    conditions += self._among(table, alias, column, TABLES[parent], key, live, since, path)
                if not table.known_with and parent == table.name and TABLES[parent] is not child:
                    conditions += self._among(table, alias, key, child, column, live, since, path)
        return conditions

    def _among(
        self,
        table: Table,
        alias: str,
        column: str,
        other: Table,
        key: str,
        live: Live,
        since: datetime,
        path: frozenset[str],
    ) -> list[str]:
        """Condition: the value of ``column`` is that of ``key`` in a new row of ``other``; none where no row of it is new by itself."""
        if other.name in path:
            return []
        inner = f"{alias}_{other.name}"
        own, theirs = f"{alias}.{quoted(column)}", f"{inner}.{quoted(key)}"
        types = self.types.get(table.name, {}).get(column), self.types.get(other.name, {}).get(key)
        if types[0] is None or types[0] != types[1]:
            own, theirs = f"{own}::text", f"{theirs}::text"
        new = " UNION ALL ".join(
            f"SELECT {theirs} FROM {_from(other)} {inner} WHERE ({condition}) AND ({self._own(other, inner)[0]})"
            for condition in self._new(other, live, inner, since, path)
        )
        return [f"{own} IN ({new})"] if new else []

    def _list(self, table: Table) -> str:
        values = [
            f"{self._value(table, c) if c.name in self.columns[table.name] else f'NULL::{_TYPE[c.kind]}'} AS {quoted(c.name)}"
            for c in table.columns
        ]
        return ", ".join([*values, f"{self._unread(table)} AS {quoted(UNREAD)}"])

    def _value(self, table: Table, column: Column) -> str:
        """A cell; of a moment that comes after the row's own null, unless it has come or is so late that it is a fault."""
        value = self._cast(table, column.name, column.kind)
        if not column.later:
            return value
        moment = self._time(table, column.name, "t")
        return f"CASE WHEN {moment} >= {_AS_OF} AND {moment} <= {_TOMORROW} THEN NULL ELSE {value} END"

    def _unread(self, table: Table) -> str:
        """Name the cells of a row that hold no value of the column's kind, with what they hold; null: there is none."""
        notes = [
            f"CASE WHEN {wrong} THEN {literal(c.name)} || ' is ' || left(t.{quoted(c.name)}::text, {_SHOWN}) END"
            for c in table.columns
            if c.name in self.columns[table.name] and (wrong := self._wrong(table, c.name, c.kind))
        ]
        return f"nullif(concat_ws(', ', {', '.join(notes)}), '')" if notes else "NULL::text"

    def _wrong(self, table: Table, column: str, kind: Kind) -> str:
        """Condition: the cell holds no value of ``kind``; empty where the type of the column rules that out."""
        came, cell = self.types.get(table.name, {}).get(column), f"t.{quoted(column)}"
        if came is None or came in ACCEPTED.get(kind, ())[:1]:
            return ""
        if kind == "integer" and came not in _WHOLE:
            return f"NOT ({cell} = trunc({cell}) AND abs({cell}) <= {_MOST})"
        if kind == "boolean":
            return f"lower(btrim({cell}::text)) NOT IN ({_spelled('true')}, {_spelled('false')}, '')"
        return ""

    def _cast(self, table: Table, column: str, kind: Kind, alias: str = "t") -> str:
        if column not in self.columns[table.name]:
            return _NEVER
        cell = f"{alias}.{quoted(column)}"
        cast = f"{cell}::{_TYPE[kind]}"
        came = self.types.get(table.name, {}).get(column)
        if kind == "integer" and came not in (None, *_WHOLE):
            return f"CASE WHEN {cell} = trunc({cell}) AND abs({cell}) <= {_MOST} THEN {cast} END"
        if kind == "number" and came == "numeric":  # a numeric may be too large for a double: told as infinity
            return f"CASE WHEN abs({cell}) < 1e308 THEN {cast} WHEN {cell} = 'NaN' THEN 'NaN' WHEN {cell} IS NOT NULL THEN 'Infinity'::float8 END"
        if kind == "boolean" and came not in (None, "bool"):
            low = f"lower(btrim({cell}::text))"
            return (
                f"CASE WHEN {low} IN ({_spelled('true')}) THEN true WHEN {low} IN ({_spelled('false')}) THEN false END"
            )
        if kind != "timestamp":
            return cast
        # 'infinity' and years that Arrow's microseconds cannot hold would wrap around silently.
        return f"CASE WHEN {cast} > {_LAST} THEN {_LAST} WHEN {cast} < {_FIRST} THEN {_FIRST} ELSE {cast} END"

    def _time(self, table: Table, column: str, alias: str) -> str:
        present = column and column in self.columns[table.name]
        return f"{alias}.{quoted(column)}::timestamptz" if present else _NEVER

    def _own(self, table: Table, alias: str) -> tuple[str, str]:
        """Conditions: by its own times the row was known or is a fault to be shown; and: it has no time of its own."""
        known, event = self._time(table, table.known_time, alias), self._time(table, table.event_time, alias)
        undated = f"coalesce({known}, {event}) IS NULL"
        future = f"{known} IS NULL AND {event} > {_TOMORROW}"
        return f"coalesce({known}, {event}) < {_AS_OF} OR ({future}) OR {undated}", undated

    def _known(self, table: Table, alias: str) -> str:
        own, undated = self._own(table, alias)
        if table.name in _SOLD:
            own = f"{own} OR {self._sold(table, alias)}"
        late = self._parent_late(table, alias, undated) if table.known_with else ""
        return f"({own}) AND NOT EXISTS ({late})" if late else own

    def _sold(self, table: Table, alias: str) -> str:
        """Condition: it was sold, or ordered, before it says that it was there, as after a move from another system.

        Postgres looks at it for rows that are not known otherwise only: on an ordinary night none.
        """
        column = table.key[0]
        source = TABLES["order" if column in TABLES["order"].column_names else "order_item"]
        if "order" not in self.columns or column not in self.columns.get(source.name, ()):
            return "false"
        known, orders = self._own(TABLES["order"], "sold")[0], _from(TABLES["order"])
        lines = ""
        if source.name != "order":
            lines = f" JOIN {_from(source)} line ON line.order_id::text = sold.order_id::text"
        theirs = f"{'line' if lines else 'sold'}.{quoted(column)}::text"
        return f"{alias}.{quoted(column)}::text IN (SELECT {theirs} FROM {orders} sold{lines} WHERE {known})"

    def _parent_late(self, table: Table, alias: str, undated: str) -> str:
        """Select the parent of an undated row if it is only known later (no parent at all is a fault to be shown).

        Asked this way round, as an anti-join at the top of the condition, because few parents are late on an ordinary
        night, so Postgres hashes few. A parent that is there twice, once in time, counts as known.
        """
        _, name, key = next(r for r in table.references if r[0] == table.known_with)
        if name not in self.columns:
            return ""
        parent, key = TABLES[name], quoted(key)
        late, early = (self._own(parent, which)[0] for which in ("late", "early"))
        return (
            f"SELECT FROM {_from(parent)} late WHERE late.{key}::text = {alias}.{quoted(table.known_with)}::text "
            f"AND {undated} AND NOT ({late}) AND NOT EXISTS (SELECT FROM {_from(parent)} early "
            f"WHERE early.{key}::text = late.{key}::text AND ({early}))"
        )

    def _sampled(self, table: Table) -> str:
        """Condition: the row belongs to a customer of the sample; empty for what belongs to no customer."""
        customers = (
            f"SELECT s.customer_id::text FROM shop.customer s WHERE {self._known(TABLES['customer'], 's')} "
            f"ORDER BY md5(s.customer_id::text), 1 LIMIT {_SAMPLE}"
        )
        in_sample = f"IN ({customers})"
        has = self.columns[table.name]
        if "customer_id" in has:
            return f"t.customer_id::text {in_sample}"
        if "order_id" in has and "customer_id" in self.columns.get("order", ()):
            return f't.order_id::text IN (SELECT o.order_id::text FROM shop."order" o WHERE o.customer_id::text {in_sample})'
        return ""


def _spelled(word: str) -> str:
    """List the ways to write a boolean, as SQL strings."""
    return ", ".join(map(literal, sorted(spellings("boolean", word))))


def literal(text: str) -> str:
    """Quote a text as an SQL string."""
    return "'" + text.replace("'", "''") + "'"


def quoted(name: str) -> str:
    """Quote a name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def _from(table: Table) -> str:
    return f"shop.{quoted(table.name)}"
