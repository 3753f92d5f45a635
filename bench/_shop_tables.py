"""Tables of a shop's Postgres as hypothesis strategies, and what each cell means: the other opinion on ``extract``."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import strategies as st

from ml.contract.table import Table
from ml.contract.tables import TABLES

SETUP = """
CREATE SCHEMA IF NOT EXISTS fuzz;
CREATE TYPE fuzz.mood AS ENUM ('placed', 'It''s "fine"', 'é');
CREATE DOMAIN fuzz.label AS text CHECK (length(value) < 1000);
CREATE DOMAIN fuzz.amount AS numeric(20, 4);
CREATE DOMAIN fuzz.deeper AS fuzz.amount;
CREATE DOMAIN fuzz.whole AS bigint;
CREATE DOMAIN fuzz.moment AS timestamptz;
CREATE DOMAIN fuzz.flag AS boolean;
"""

_NUMBERS = ["0", "1", "-1", "2.5", "12.50", "1e3", "4.0", "123456789.125"]
_INTEGERS = ["0", "1", "-7", "32767", "5"]
_WIDE = [*_INTEGERS, "9007199254740993", "9223372036854775807", "-9223372036854775808"]
_SPECIAL = ["NaN", "Infinity", "-Infinity"]
_TIMES = ["2026-01-31 18:05:00", "2024-02-29 00:00:00", "1970-01-01 00:00:00", "2026-03-29 02:30:00"]
_FAR = [
    "infinity",
    "-infinity",
    "0044-03-15 12:00:00 BC",
    "9999-12-31 23:59:59",
    "20000-01-01 00:00:00",
    "0001-01-01 00:00:00",
]
_TEXTS = [
    "Thing",
    "",
    " ",
    "NULL",
    "\\N",
    "N/A",
    'it\'s "quoted"',
    "'; DROP TABLE shop.customer; --",
    "🎁 é",
    "a\nb\tc\rd",
    "x" * 900,
    "<script>alert(1)</script>",
    "202.0",
    "placed",
    "cancelled",
    "\x01\x1f",
    "ﷺ経典",
    "\u202eabc",
    "%s {}",
]

GOOD: dict[str, dict[str, list[str]]] = {
    "text": {
        "text": _TEXTS,
        "varchar(900)": _TEXTS,
        "char(8)": ["Thing", "é", " a"],
        "fuzz.label": _TEXTS,
        "fuzz.mood": ["placed", "é", 'It\'s "fine"'],
        "bigint": _WIDE,
        "numeric": [*_NUMBERS, *_SPECIAL, "1e30"],
        "float8": [*_NUMBERS, *_SPECIAL],
        "boolean": ["true", "false"],
        "uuid": ["00000000-0000-0000-0000-000000000001"],
        "json": ['{"de": "Ding"}', "null", "[1]"],
        "jsonb": ['{"de": "Ding"}', '"x"'],
        "text[]": ['{a,"b c",NULL}', "{}"],
        "bytea": ["\\x00ff", "\\x"],
        "date": ["2026-01-31", "infinity"],
        "inet": ["10.0.0.1/8"],
        "timestamptz": [*_TIMES, *_FAR],
        "interval": ["1 day 02:00"],
        "money": ["1.5"],
        "int4range": ["[1,5)"],
        "name": ["Thing"],
        '"char"': ["x"],
    },
    "integer": {
        "smallint": _INTEGERS,
        "integer": _INTEGERS,
        "bigint": _WIDE,
        "fuzz.whole": _WIDE,
        "numeric": [*_INTEGERS, "4.0", "1e3", "2.5", "1e30", *_SPECIAL],
        "fuzz.amount": ["1", "2.5", "4.0000", "NaN"],
    },
    "number": {
        "numeric": [*_NUMBERS, *_SPECIAL, "1e30", "1e400", "-1e400"],
        "float8": [*_NUMBERS, *_SPECIAL, "1e30", "1e308", "5e-324"],
        "float4": ["0.1", "2.5", *_SPECIAL],
        "integer": _INTEGERS,
        "bigint": _WIDE,
        "numeric(12,2)": ["12.50", "NaN"],
        "fuzz.amount": ["1.2345", "NaN"],
        "fuzz.deeper": ["1.2345"],
    },
    "boolean": {"boolean": ["true", "false"], "fuzz.flag": ["true", "false"]},
    "timestamp": {
        "timestamptz": [*_TIMES, *_FAR],
        "timestamp": [*_TIMES, *_FAR],
        "date": ["2026-01-31", "infinity", "0044-03-15 BC", "5000-01-01"],
        "timestamptz(0)": _TIMES,
        "fuzz.moment": [*_TIMES, *_FAR],
    },
}
"""Type by kind of column -> literals. What a cell means is another question: see :func:`meaning`."""

BAD: dict[str, list[str]] = {
    "integer": ["text", "json", "money", "boolean", "interval", "integer[]"],
    "number": ["text", "json", "money", "boolean", "double precision[]", "interval"],
    "boolean": ["json", "bytea", "date", "boolean[]"],
    "timestamp": ["text", "time", "bigint", "interval", "json", "tstzrange"],
}
"""Types that hold no value of a kind, whatever is in them."""


NIGHT = datetime(2030, 1, 1, tzinfo=UTC)
"""What the night knows was before it."""


@dataclass(frozen=True)
class ShopTable:
    """A table: its columns' types, and rows of literals (None: null)."""

    table: Table
    types: Mapping[str, str]
    rows: tuple[Mapping[str, str | None], ...]

    def unfit(self) -> list[str]:
        """Columns of a type that the contract cannot take."""
        return [n for n, came in self.types.items() if came in BAD.get(self.table[n].kind, ())]


@st.composite
def shops(draw: st.DrawFn) -> list[ShopTable]:
    """The required tables and some others, each with columns of types that its owner may have chosen; one in five unfit."""
    others = [table for table in TABLES.values() if not table.required]
    tables = [t for t in TABLES.values() if t.required] + draw(
        st.lists(st.sampled_from(others), min_size=4, max_size=8, unique=True)
    )
    drawn = [_table(draw, table) for table in tables]
    if draw(st.integers(0, 4)) == 0:
        spot = draw(st.integers(0, len(drawn) - 1))
        drawn[spot] = _unfit(draw, drawn[spot])
    return drawn


def _table(draw: st.DrawFn, table: Table) -> ShopTable:
    columns = [c for c in table.columns if c.required or draw(st.booleans())]
    types, pools = {}, {}
    for column in columns:
        first = column.name == table.key[0]
        types[column.name] = draw(
            st.sampled_from(["text", "bigint", "fuzz.label"] if first else sorted(GOOD[column.kind]))
        )
        pools[column.name] = GOOD[column.kind][types[column.name]] if not first else []
    rows = [
        {c.name: _cell(draw, types[c.name], pools[c.name], number) for c in columns}
        for number in range(draw(st.integers(1, 6)))
    ]
    return ShopTable(table, types, tuple(rows))


def _cell(draw: st.DrawFn, came: str, pool: list[str], number: int) -> str | None:
    """The first column of a key tells rows apart; others are anything that their type can hold."""
    if not pool:
        return (
            str(number + 1)
            if came == "bigint"
            else f"{draw(st.sampled_from(['k', 'é ', chr(39), 'a,b|', '🎁']))}{number}"
        )
    return None if draw(st.integers(0, 9)) == 0 else draw(st.sampled_from(pool))


def _unfit(draw: st.DrawFn, shop_table: ShopTable) -> ShopTable:
    spots = [n for n in shop_table.types if shop_table.table[n].kind in BAD]
    if not spots:
        return shop_table
    spot = draw(st.sampled_from(spots))
    came = draw(st.sampled_from(BAD[shop_table.table[spot].kind]))
    return ShopTable(
        shop_table.table, {**shop_table.types, spot: came}, tuple({**row, spot: None} for row in shop_table.rows)
    )


class NoValue(Exception):
    """The cell holds no value of the contract's kind."""


def meaning(kind: str, came: str, text: str | None) -> object:
    """Say what a cell of the type ``came`` means to the contract, given as the server writes it; raises :class:`NoValue`."""
    if text is None:
        return None
    match kind:
        case "text":
            return text
        case "boolean":
            return text == "true"
        case "timestamp":
            return _moment(text)
    number = Decimal(text)
    if not number.is_finite() or abs(float(number)) == float("inf"):
        raise NoValue(text)
    if kind == "number":
        return struct.unpack("f", struct.pack("f", float(number)))[0] if came == "float4" else float(number)
    if number != number.to_integral_value() or not -(2**63) <= number < 2**63:
        raise NoValue(text)
    return int(number)


def _moment(text: str) -> datetime:
    if text.endswith(("infinity", " BC")) or text.find("-") > 4 or text >= "9999":
        raise NoValue(text)
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def late(table: Table, row: Mapping[str, str | None]) -> bool:
    """Whether the row was not known by the night: its known time, else its event's, is later (or it has an odd one)."""
    known = row.get(table.known_time) or row.get(table.event_time)
    if known is None:
        return False
    try:
        return _moment(known) >= NIGHT
    except NoValue:
        return True
