"""Extract to the lake, beside a bare COPY TO of the same tables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import date

from bench import Options, Row, in_turn
from bench._stack import stack
from ml.adapters import postgres
from ml.adapters.lake import Lake
from ml.adapters.shop import extract
from ml.settings import Settings
from ml.shop.load import load


class _Nowhere:
    def write(self, data: bytes) -> int:
        return len(data)


def _copy_to(settings: Settings, tables: list[str]) -> None:
    with closing(postgres.connect(settings.shop_url, readonly=True)) as connection, connection.cursor() as cursor:
        for table in tables:
            cursor.copy_expert(f'COPY shop."{table}" TO STDOUT (FORMAT binary)', _Nowhere(), size=1 << 20)


def run(options: Options) -> Iterator[Row]:
    """Rows per second of both over all tables of a demo shop of 100,000 customers (quick: 2,000)."""
    customers = 2_000 if options.quick else 100_000
    with stack(options) as running:
        settings = running.settings()
        report = load(settings, "demo", customers=customers, replace=True)
        lake = Lake(str(options.scratch / "extract-lake"))
        night = date(2100, 1, 1)
        manifest: dict[str, object] = {}

        def ours() -> None:
            manifest.update(
                extract.extract(settings.shop_url, lake, f"{night}/001", settings.as_of(night), settings.hash_key)
            )

        tables = [name for name in report.rows if "." not in name]
        taken = in_turn({"extract": ours, "copy": lambda: _copy_to(settings, tables)})
        lake.remove("snapshot")
    rows = sum(report.rows[name] for name in tables)
    yield Row(
        f"extract of {rows:,} rows",
        "rows/s",
        rows / taken["extract"],
        "COPY TO binary, thrown away",
        rows / taken["copy"],
        taken["copy"] / taken["extract"],
        note="ours also casts, hashes personal columns, compresses, writes Parquet and its sha256",
    )
