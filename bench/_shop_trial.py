"""Make a shop of such tables, read and judge it as a night does, and compare each cell with what it means."""

from __future__ import annotations

import shutil
from collections import Counter
from contextlib import closing
from typing import Any

from bench._shop_tables import NIGHT, SETUP, NoValue, ShopTable, late, meaning
from ml.adapters import postgres, quality
from ml.adapters.lake import Lake
from ml.adapters.shop import extract
from ml.core.errors import NightshiftError
from ml.settings import PROJECT, Settings

REF = "fuzz/001"


def setup(settings: Settings) -> None:
    """Make the types that the tables use."""
    with postgres.transaction(settings.shop_url) as cursor:
        cursor.execute(SETUP)


def trial(settings: Settings, shop: list[ShopTable]) -> Counter[str]:
    """Make, read, judge and compare; returns how many tables were ``read`` whole, ``parted`` or ``refused``.

    Raises
    ------
    AssertionError
        A cell became another, a cell without a meaning reached the clean rows, a row is lost, or a refusal names no table.
    """
    written = _make(settings, shop)
    lake = Lake(settings.lake_uri)
    unfit = {drawn.table.name: drawn.unfit() for drawn in shop if drawn.unfit()}
    try:
        extract.extract(settings.shop_url, lake, REF, NIGHT, settings.hash_key, now=NIGHT)
    except NightshiftError as error:
        message = str(error)
        assert unfit, ("a shop that fits was refused", message)
        assert all(f"shop.{name}.{c}" in message for name, columns in unfit.items() for c in columns), (unfit, message)
        return Counter(refused=len(shop))
    assert not unfit, ("read, though it does not fit", unfit)
    verdicts = quality.validate_snapshot(lake, REF, PROJECT / "expectations" / "shop", accept_growth=True)
    ends: Counter[str] = Counter()
    anyone_late = any(late(drawn.table, row) for drawn in shop for row in written[drawn.table.name])
    for drawn in shop:
        verdict = next(v for v in verdicts if v.table == drawn.table.name)
        _compare(lake, drawn, written[drawn.table.name], anyone_late=anyone_late)
        raw, clean = (_rows(lake, folder, drawn.table.name) for folder in ("raw", "clean"))
        assert len(raw) == verdict.rows, (drawn.table.name, len(raw), verdict)
        assert len(clean) == verdict.rows - verdict.failed - verdict.left_out, (
            drawn.table.name,
            "rows are lost",
            len(clean),
            verdict,
        )
        ends["parted" if verdict.failed else "read"] += 1
    return ends


def _make(settings: Settings, shop: list[ShopTable]) -> dict[str, list[dict[str, Any]]]:
    """Create the tables; returns their rows with each cell as the server writes it."""
    shutil.rmtree(settings.lake_uri, ignore_errors=True)
    written = {}
    with closing(postgres.connect(settings.shop_url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA IF EXISTS shop CASCADE; CREATE SCHEMA shop; SET TimeZone = 'UTC'")
        for drawn in shop:
            columns = list(drawn.types)
            typed = ", ".join(f'"{c}" {came}' for c, came in drawn.types.items())
            cursor.execute(f'CREATE TABLE shop."{drawn.table.name}" ({typed})')
            for row in drawn.rows:
                places = ", ".join(f"%s::text::{came}" for came in drawn.types.values())
                cursor.execute(f'INSERT INTO shop."{drawn.table.name}" VALUES ({places})', [row[c] for c in columns])  # noqa: S608
            texts = ", ".join(f'"{c}"::text' for c in columns)
            cursor.execute(f'SELECT {texts} FROM shop."{drawn.table.name}" ORDER BY ctid')  # noqa: S608
            written[drawn.table.name] = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
    return written


def _rows(lake: Lake, folder: str, name: str) -> list[dict[str, Any]]:
    return list(lake.read_parquet("snapshot", REF, folder, name).to_pylist())


def _compare(lake: Lake, drawn: ShopTable, written: list[dict[str, Any]], *, anyone_late: bool) -> None:
    name, key = drawn.table.name, drawn.table.key[0]
    raw = {row[key]: row for row in _rows(lake, "raw", name)}
    clean = {row[key] for row in _rows(lake, "clean", name)}
    for row in written:
        if row[key] not in raw:
            assert anyone_late, (name, "a row was not read", row)
            continue
        for column in (drawn.table[c] for c in drawn.types):
            found = raw[row[key]][column.name]
            try:
                expected = meaning(column.kind, drawn.types[column.name], row[column.name])
            except NoValue:
                assert row[key] not in clean, (
                    name,
                    column.name,
                    "has no meaning and was taken",
                    row[column.name],
                    found,
                )
                continue
            if column.personal:
                assert (found is None) == (expected is None), (name, column.name, found, expected)
            else:
                assert found == expected, (
                    name,
                    column.name,
                    drawn.types[column.name],
                    "became another",
                    expected,
                    found,
                )
