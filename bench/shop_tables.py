"""500 fuzzed tables of a shop's Postgres: each cell is read as it means, or its row or table is refused by name."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from bench import Options, Row
from bench._shop_tables import ShopTable, shops
from bench._shop_trial import setup, trial
from bench._trial import database, fuzzed


def run(options: Options) -> Iterator[Row]:
    """Tables without a silent difference (quick: of 30); the first that has one is raised."""
    wanted = 30 if options.quick else 500
    ends: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder, database(Path(folder)) as settings:
        setup(settings)

        def one(shop: list[ShopTable]) -> None:
            ends.update(trial(settings, shop))

        fuzzed(one, shops(), wanted // 10)
    yield Row(
        f"{ends.total():,} fuzzed tables in Postgres",
        "without a silent difference",
        ends.total(),
        "the server's own text",
        ends.total(),
        1.0,
        1.0,
        note=f"{ends['read']:,} read whole, {ends['parted']:,} with rows set aside, {ends['refused']:,} in shops refused by column",
    )
