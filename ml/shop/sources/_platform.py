"""From a platform's exports to the contract: its SQL fills the stage, the stage keeps what holds for every shop.

An order counts once, one person is one customer, a line's product is known by its id, its SKU or its name, a product that
the catalogue has no more is history, and lines add up to what the order says that they come to, or a remark names it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from ml.core.errors import ContractError
from ml.shop.sources import _exports, _json_stage
from ml.shop.sources._definitions import Export, Flatten, numbered
from ml.shop.sources._faults import Faults
from ml.shop.sources._files import blocks, database, select
from ml.shop.sources.tables import known_zone

REQUIRED = ("customer", "product", "order", "order_item")
OPTIONAL = ("review", "order_outcome", "payment", "stock", "coupon", "product_image")
STAGED = ("order", "line", "product", "alias", "customer", "stock", "outcome", "payment", "coupon", "image", "review")

JSON_SQL = Path(_json_stage.__file__).with_suffix(".sql")

_MISSING_LINES = 0.02
"""More orders without a line than this share: half of the lines is missing."""
_ADDING_UP = 0.9
"""Where so many orders add up, a last one that does not is cut off."""


@dataclass(frozen=True)
class Platform:
    """A shop system whose exports are read. Its ``.sql`` has a block ``order``, ``line`` … for each table of the stage."""

    title: str
    sql: Path
    exports: Sequence[Export]
    orders: Sequence[str]
    """The exports of which one must be there."""
    flatten: Flatten | None = None


def tables(
    platform: Platform, data: Path, timezone: str, remarks: list[str]
) -> Iterator[tuple[str, Iterable[pa.RecordBatch]]]:
    """Read a platform's exports into the contract's tables.

    Parameters
    ----------
    timezone : str
        Of times that are written without an offset.
    remarks : list of str
        What a user should know of the data is added to it.

    Raises
    ------
    ContractError
        With what cannot be read, or is half of an export.
    """
    known_zone(timezone)
    with database() as db:
        db.execute(f"SET TimeZone = '{timezone}'")
        exports = (*platform.exports, *(_json_stage.EXPORTS if platform.flatten else ()))
        found = _exports.read(db, data, exports, platform.title, platform.flatten)
        if not {*found} & {*platform.orders, "json_order"}:
            wanted = "; or ".join(e.title for e in exports if e.name in (*platform.orders, "json_order"))
            have = ", ".join(f"{' and '.join(files)}" for files in found.values())
            raise ContractError("There are no orders among the files.", came=have, do=f"add {wanted}")
        for name, files in found.items():
            if name in platform.orders and (parts := numbered(files)):
                remarks.append(
                    f"of the parts of {name} there is no number {', '.join(map(str, parts))}: is one missing?"
                )
        stage(db, [blocks(platform.sql), *([blocks(JSON_SQL)] if platform.flatten else [])], remarks, data)
        yield from staged(db)


def stage(db: duckdb.DuckDBPyConnection, own: Sequence[Mapping[str, str]], remarks: list[str], data: Path) -> None:
    """Fill the stage by a platform's SQL, and hold it against itself."""
    sql = blocks(Path(__file__).with_name("_stage.sql"))
    db.execute(sql["tables"])
    for script in own:
        if "prepare" in script:
            db.execute(script["prepare"])
        for name in STAGED:
            if name in script:
                db.execute(f"INSERT INTO staged_{name} BY NAME {script[name]}")  # SQL of ours
    faults = Faults("The orders cannot be used as they are.", "export them again: all of them, whole, on one day")
    _whole(db, sql, faults)
    faults.check(data)
    for block in ("tidy", "person", "line"):
        db.execute(sql[block])
    _adds_up(db, sql, faults, remarks)
    faults.check(data)
    remarks += _remarks(db, sql)


def staged(db: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, Iterable[pa.RecordBatch]]]:
    """Yield the contract's tables; an optional one only if it has rows."""
    sql = blocks(Path(__file__).with_name("_stage.sql"))
    for name in REQUIRED:
        yield name, select(db, sql[name])
    for name in OPTIONAL:
        batches = select(db, sql[name])
        first = next(batches, None)
        if first is not None and first.num_rows:
            yield name, _chained(first, batches)


def _chained(first: pa.RecordBatch, rest: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield first
    yield from rest


def _whole(db: duckdb.DuckDBPyConnection, sql: Mapping[str, str], faults: Faults) -> None:
    for file, order in db.execute(sql["orders without a time"]).fetchall():
        faults.add(
            file or "",
            "an order has no time: its first line is missing, as in half an export",
            where="order",
            came=order or "",
        )
    for files, order in db.execute(sql["orders twice"]).fetchall():
        problem = (
            "the order stands in several files; export without overlap"
            if " and " in (files or "")
            else "the order stands there twice"
        )
        faults.add(files or "", problem, where="order", came=order or "")
    for (product,) in db.execute(sql["products twice"]).fetchall():
        faults.add("", "the product stands there twice", where="product", came=product or "")
    for file, order in db.execute(sql["lines without an order"]).fetchall():
        faults.add(
            file or "",
            "the order of this line is not among the orders; were they exported on different days?",
            where="order",
            came=order or "",
        )
    bare, count, example = db.execute(sql["orders without lines"]).fetchall()[0]
    if count and bare > max(1, _MISSING_LINES * count):
        faults.add(
            "",
            f"{bare:,} of {count:,} orders have no lines, as {example}; the lines are half an export, or older than the orders",
        )


def _adds_up(db: duckdb.DuckDBPyConnection, sql: Mapping[str, str], faults: Faults, remarks: list[str]) -> None:
    sums = db.execute(sql["sums"]).fetchall()
    wrong = [row for row in sums if not row[5]]
    if not wrong:
        return
    order, file, lines, goods, last, _ = wrong[-1]
    if last and lines < goods and len(wrong) <= 1 + (1 - _ADDING_UP) * len(sums) and len(sums) > len(wrong):
        faults.add(
            file,
            f"ends in the middle of order {order}: its lines come to {lines:,.2f} of {goods:,.2f}; the export is cut off",
        )
        return
    order, _, lines, goods, *_ = wrong[0]
    remarks.append(
        f"{len(wrong):,} of {len(sums):,} orders have lines that do not add up to the order, as {order}: {lines:,.2f} for {goods:,.2f}; "
        "they stay as they are written"
    )


def _remarks(db: duckdb.DuckDBPyConnection, sql: Mapping[str, str]) -> Iterator[str]:
    refunded, nameless, unknown = db.execute(sql["left out"]).fetchall()[0]
    if refunded:
        yield f"{refunded:,} lines of no or a negative quantity are refunds or were taken off: they are no sale"
    if nameless:
        yield f"{nameless:,} lines name no product: left out"
    if unknown:
        yield f"{unknown:,} lines have no quantity: left out"
    deleted, example = db.execute(sql["not in the catalogue"]).fetchall()[0]
    if deleted:
        yield f"{deleted:,} products of the orders are not in the catalogue, as {example!r}: taken as deleted, they are history and not for sale"
    (joined,) = db.execute(sql["joined"]).fetchall()[0]
    if joined:
        yield f"{joined:,} accounts share an e-mail with an older one: they are one customer"
    currencies = db.execute(sql["currencies"]).fetchall()
    if len(currencies) > 1:
        shown = ", ".join(f"{code} {count:,}" for code, count in currencies)
        yield f"orders are in several currencies without a rate ({shown}): ./nightshift shop check says what to do"
