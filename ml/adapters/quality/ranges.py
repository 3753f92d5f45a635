"""A table judged by ranges of its rows, each by itself: the verdict is that of one pass over all."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ml.adapters.lake import Lake
from ml.adapters.quality.judge import PARTIAL, Judge
from ml.adapters.quality.mending import Mender
from ml.adapters.quality.sieve import QUARANTINE, Sieve
from ml.adapters.quality.suite import Rule
from ml.adapters.quality.verdict import EXAMPLES
from ml.contract.tables import TABLES
from ml.core.spread import Place, Spread


@dataclass(frozen=True)
class Judged:
    """What a pass over a range found; rules go by their number in the suite."""

    rows: int
    failed: int
    left_out: int
    broken: dict[int, int]
    examples: dict[int, list[str]]
    tallies: list[tuple[int, list[Any]]]
    mender: Mender
    sums: dict[str, str]


def judge(spread: Spread, whole: Sieve, as_of: datetime) -> int:
    """Judge each range elsewhere and add up in ``whole`` what was found; gives the rows.

    Rows of one key lie in one range (:mod:`ml.adapters.shop.ranges`), so that each range finds its own duplicates.
    """
    lake, folder, name = whole.lake, whole.folder, whole.table.name
    count = len(lake.ranges(folder, "raw", name))
    rules = tuple(tally.rule for tally in whole.judge.tallies)
    found = spread(judge_range, [(lake.uri, folder, name, piece, as_of, rules) for piece in range(count)])
    for one in found:
        _add(whole, one)
    lake.record(lake.join(folder, "clean", name), {file: digest for one in found for file, digest in one.sums.items()})
    target = lake.join(folder, "quarantine", f"{name}.parquet")
    lake.gather(target, QUARANTINE)
    lake.remove(lake.parts(target))
    return sum(one.rows for one in found)


def judge_range(
    place: Place, uri: str, folder: str, name: str, piece: int, as_of: datetime, rules: tuple[Rule, ...]
) -> Judged:
    """Judge the rows of one range."""
    lake = Lake(uri)
    with closing(lake.duckdb(place.threads, place.memory_gb, str(place.home / "tmp"))) as connection:
        beside = connection.cursor()
        beside.execute("SET TimeZone = 'UTC'")
        sieve = Sieve(lake, folder, TABLES[name], Judge(name, rules), connection, beside, piece=piece)
        rows = sieve.run(as_of, None)
    numbers = {id(tally.rule): number for number, tally in enumerate(sieve.judge.tallies)}
    return Judged(
        rows,
        sieve.failed,
        sieve.left_out,
        {numbers[id(rule)]: count for rule, count in sieve.broken.items()},
        {numbers[id(rule)]: keys for rule, keys in sieve.examples.items()},
        [(tally.broken, tally.partial) for tally in sieve.judge.tallies],
        sieve.mender,
        sieve.sums,
    )


def _add(whole: Sieve, one: Judged) -> None:
    whole.failed += one.failed
    whole.left_out += one.left_out
    tallies = whole.judge.tallies
    for number, count in one.broken.items():
        whole.broken[tallies[number].rule] += count
    for number, keys in one.examples.items():
        examples = whole.examples[tallies[number].rule]
        examples += keys[: EXAMPLES - len(examples)]
    for tally, (broken, partial) in zip(tallies, one.tallies, strict=True):
        tally.broken += broken
        tally.partial = (tally.partial + partial)[:PARTIAL]
    whole.mender.add(one.mender)
