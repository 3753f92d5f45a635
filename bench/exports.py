"""1,000 fuzzed exports: each is loaded as a plain reader says, or refused with what is wrong; none ends in a traceback."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from bench import Options, Row
from bench._exports import Export, exports
from bench._trial import database, fuzzed, trial


def run(options: Options) -> Iterator[Row]:
    """Exports without a silent difference (quick: of 60); the first that has one is raised."""
    ends: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder, database(Path(folder)) as settings:

        def one(export: Export) -> None:
            ends[trial(settings, export, Path(folder) / "export")] += 1

        fuzzed(one, exports(), 60 if options.quick else 1_000)
    yield Row(
        f"{ends.total():,} fuzzed exports",
        "without a silent difference",
        ends.total(),
        "a plain reader in Python",
        ends.total(),
        1.0,
        1.0,
        note=f"{ends['loaded']:,} loaded as it says, {ends['refused']:,} refused with file and fault",
    )
