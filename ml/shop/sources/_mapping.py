"""Which column of a flat file of order lines is what: proposed from names and values, kept as a small TOML file."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from ml.contract.vocabulary import vocabulary
from ml.core.errors import ContractError, NightshiftError, unknown
from ml.shop.ddl import quoted
from ml.shop.sources._column_names import NAMES, fits
from ml.shop.sources._definitions import plain
from ml.shop.sources._files import blocks
from ml.shop.sources._moments import FORMATS, ways

FILE = "nightshift-mapping.toml"
ISO = "ISO 8601"
MEANINGS = {
    "order_id": "the order's number: lines of one number are one order",
    "ordered_at": "when it was ordered",
    "customer_id": "the customer's number",
    "email": "the buyer's e-mail, by which guests are known",
    "product_id": "the product's number",
    "sku": "the article number",
    "title": "the product's name",
    "quantity": "pieces; none: one a line",
    "unit_price": "price of a piece, tax included",
    "line_total": "price of the whole line, tax included",
    "status": "the order's status; none: every order is a sale",
    "total": "what the order came to, shipping included",
    "shipping": "of which shipping",
    "currency": "the order's currency, a code",
    "country": "the country",
    "category": "the product's category",
    "brand": "the product's brand",
    "channel": "web, store …",
}
"""What a column can be -> what that means."""

_NUMBERS = ("quantity", "unit_price", "line_total", "total", "shipping")


@dataclass(frozen=True)
class LineMapping:
    """Which column is what, and how its values are written."""

    columns: Mapping[str, str]
    time: str = ISO
    decimal: str = "."
    status: Mapping[str, str] = field(default_factory=dict)
    open: tuple[str, ...] = ()
    """What has to be answered before the files can be loaded."""


def propose(db: duckdb.DuckDBPyConnection, header: Sequence[str]) -> LineMapping:
    """Propose a mapping for the columns of table ``raw``; what cannot be told is left open."""
    found: dict[str, str] = {}
    for role in NAMES:
        ranked = sorted(
            (
                (rank, place, name)
                for place, name in enumerate(header)
                if name not in found.values() and (rank := _rank(role, name)) is not None
            )
        )
        best = next((name for _, _, name in ranked if fits(db, role, name, found.get("order_id", ""))), None)
        if best:
            found[role] = best
    time, doubt = _time(db, found.get("ordered_at"))
    decimal = _decimal(db, [found[r] for r in _NUMBERS if r in found])
    if "unit_price" not in found and "line_total" not in found:
        doubt += ["unit_price or line_total: which column is the price?"]
    elif len({"unit_price", "line_total"} & {*found}) == 1 and "quantity" in found:
        _price_or_total(db, found, decimal)
    doubt += [f"{role}: which column is {MEANINGS[role]}?" for role in ("order_id", "ordered_at") if role not in found]
    if not {"product_id", "sku", "title"} & set(found):
        doubt.append("product_id, sku or title: which column names the product?")
    return LineMapping(
        {r: found[r] for r in MEANINGS if r in found},
        time,
        decimal,
        dict(_words(db, found.get("status"))),
        tuple(doubt),
    )


def _rank(role: str, name: str) -> int | None:
    """How well a name fits a role: 0 is its first name; None: it does not."""
    bare = plain(name)
    if bare in NAMES[role]:
        return NAMES[role].index(bare)
    close = [i for i, known in enumerate(NAMES[role]) if len(known) > 4 and f" {known} " in f" {bare} "]
    return 100 + close[0] if close else None


def _time(db: duckdb.DuckDBPyConnection, column: str | None) -> tuple[str, list[str]]:
    if column is None:
        return ISO, []
    term = blocks(Path(__file__).with_name("tables.sql"))["timestamp"].replace("$value", f"trim({quoted(column)})")
    query = f"SELECT count(*) FROM raw WHERE trim({quoted(column)}) <> '' AND ({term}) IS NULL"  # noqa: S608  # a quoted name
    if not db.execute(query).fetchall()[0][0]:
        return ISO, []
    found = ways(db, "raw", column)
    if len(found) == 1:
        return found[0], []
    return "", [
        f"time: {column} could be {' or '.join(found)}; write which"
        if found
        else f"time: how is {column} written? (as %d.%m.%Y %H:%M)"
    ]


def _decimal(db: duckdb.DuckDBPyConnection, columns: Sequence[str]) -> str:
    terms = " OR ".join(
        f"regexp_matches(trim({quoted(c)}), '[0-9],([0-9]{{1,2}}|[0-9]{{4,}})[^0-9]*$')" for c in columns
    )
    return "," if terms and db.execute(f"SELECT count(*) FROM raw WHERE {terms}").fetchall()[0][0] else "."  # noqa: S608


def number(column: str, decimal: str) -> str:
    """Give the SQL that reads a number: thousands and signs of a currency are dropped."""
    keep = f"regexp_replace(trim({quoted(column)}), '[^0-9{decimal}+-]', '', 'g')"
    return f"try_cast({f'replace({keep}, chr(44), chr(46))' if decimal == ',' else keep} AS DOUBLE)"


def _price_or_total(db: duckdb.DuckDBPyConnection, found: dict[str, str], decimal: str) -> None:
    """A price is a piece's if it does not grow with the quantity: the one that varies less within a product counts."""
    role = "unit_price" if "unit_price" in found else "line_total"
    product = next((found[r] for r in ("sku", "product_id", "title") if r in found), None)
    if product is None:
        return
    price, count = number(found[role], decimal), number(found["quantity"], decimal)
    query = f"""
        SELECT avg(piece), avg(line) FROM (
            SELECT stddev_pop(v) / nullif(avg(v), 0) AS piece, stddev_pop(v / q) / nullif(avg(v / q), 0) AS line
            FROM (SELECT {quoted(product)} AS p, {price} AS v, {count} AS q FROM raw) WHERE q > 0 AND v > 0
            GROUP BY p HAVING count(DISTINCT q) > 1)
    """  # noqa: S608  # quoted names
    piece, line = db.execute(query).fetchall()[0]
    if piece is not None and line is not None and abs(piece - line) > 0.05:
        found["unit_price" if piece < line else "line_total"] = found.pop(role)


def _words(db: duckdb.DuckDBPyConnection, column: str | None) -> Iterator[tuple[str, str]]:
    """Give each status and what it is taken for; empty: nobody knows."""
    if column is None:
        return
    query = f"SELECT trim({quoted(column)}), count(*) FROM raw WHERE trim({quoted(column)}) <> '' GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 60"  # noqa: S608
    for word, _ in db.execute(query).fetchall():
        yield word, vocabulary("order.status").read(word) or ""


def write(mapping: LineMapping, path: Path, header: Sequence[str]) -> None:
    """Write the mapping with what each entry means."""
    lines = [
        "# Which column of the files is what. Keep it: ./nightshift shop load lines --data FOLDER --mapping THIS_FILE"
    ]
    lines += [f"# STILL OPEN: {question}" for question in mapping.open]
    lines += ["", "[columns]"]
    for role, meaning in MEANINGS.items():
        name = mapping.columns.get(role)
        lines.append(f"{'' if name else '# '}{role} = {_toml(name or '')}  # {meaning}")
    unused = [name for name in header if name not in mapping.columns.values()]
    lines += [f"# not used: {', '.join(map(_toml, unused))}" if unused else "# every column is used"]
    lines += ["", "[values]", f"time = {_toml(mapping.time)}  # {ISO}, or as {', '.join(FORMATS[10:14])}"]
    lines += [f"decimal = {_toml(mapping.decimal)}  # the sign before the cents"]
    if mapping.status:
        lines += [
            "",
            "# What each status means: draft, pending, placed, paid, shipped, delivered, partly_returned, returned, refunded, cancelled.",
            "[status]",
        ]
        lines += [
            f"{_toml(word)} = {_toml(meaning)}{'' if meaning else '  # not known: it counts as no sale until you say'}"
            for word, meaning in mapping.status.items()
        ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _toml(text: str) -> str:
    plain_text = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c >= " " and c != "\x7f" else f"\\u{ord(c):04x}" for c in plain_text) + '"'


def read(path: Path, header: Sequence[str]) -> LineMapping:
    """Read a kept mapping and hold it against the files' columns.

    Raises
    ------
    NightshiftError
        It is no mapping, names columns that are not there, or leaves something open.
    """
    try:
        kept = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise NightshiftError(
            "The mapping cannot be read.", came=f"{path}: {error}", do="correct it, or let it be written anew"
        ) from None
    parts = [kept.get(part, {}) for part in ("columns", "values", "status")]
    texts = all(isinstance(p, dict) and all(isinstance(v, str) for v in p.values()) for p in parts)
    if not texts or set(kept) - {"columns", "values", "status"}:
        raise NightshiftError(
            "This is no mapping.",
            came=f"{path} has {', '.join(kept) or 'nothing'}",
            do="it has [columns], [values] and [status], each of texts",
        )
    columns = {role: name for role, name in parts[0].items() if name}
    for role in columns:
        if role not in MEANINGS:
            raise unknown("meaning of a column", role, MEANINGS)
    lacking = [f"{role} = {name}" for role, name in columns.items() if name not in header]
    if lacking:
        raise ContractError(
            "The mapping names columns that the files do not have.",
            came=f"{'; '.join(lacking)} (they have {', '.join(header)})",
            do=f"correct {path}",
        )
    mapping = LineMapping(columns, parts[1].get("time", ISO), parts[1].get("decimal", "."), parts[2])
    _complete(mapping, path)
    return mapping


def _complete(mapping: LineMapping, path: Path) -> None:
    lacking = [role for role in ("order_id", "ordered_at") if role not in mapping.columns]
    if not {"product_id", "sku", "title"} & set(mapping.columns):
        lacking.append("product_id, sku or title")
    if not {"unit_price", "line_total"} & set(mapping.columns):
        lacking.append("unit_price or line_total")
    if not mapping.time:
        lacking.append("time")
    words = vocabulary("order.status").words
    wrong = [f"{word} = {meaning}" for word, meaning in mapping.status.items() if meaning and meaning not in words]
    if lacking or wrong or mapping.decimal not in (".", ","):
        raise NightshiftError(
            "The mapping is not complete.",
            came="; ".join(
                [
                    *(f"no {role}" for role in lacking),
                    *(f"status {w}" for w in wrong),
                    *([] if mapping.decimal in ".," else [f"decimal {mapping.decimal!r}"]),
                ]
            ),
            do=f"fill it in: {path}" + (f" (a status is one of {', '.join(words)})" if wrong else ""),
        )
