"""How time and memory of a whole night grow with the shop."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import timedelta

from bench import Options, Row
from bench._stack import stack
from ml.shop.load import load

LARGEST_GIB = 12.0
EXPONENT = 1.1


def run(options: Options) -> Iterator[Row]:
    """A night with training in one process at 10,000, 100,000 and 1,000,000 customers (quick: 500 to 2,000).

    The exponent is that of ``seconds ~ customers ** exponent`` between the two largest. Memory is the peak of the
    night's process; the database's is not in it.
    """
    sizes = (500, 1_000, 2_000) if options.quick else (10_000, 100_000, 1_000_000)
    taken: dict[int, tuple[float, float]] = {}
    with stack(options) as running:
        for customers in sizes:
            report = load(running.settings(), "demo", customers=customers, replace=True)
            assert report.last_order is not None
            night = report.last_order + timedelta(days=1)
            seconds, peak, _ = running.run("night", "--local", "--date", str(night), "--force-train", "--fresh")
            taken[customers] = (seconds, peak)
            rows = sum(n for name, n in report.rows.items() if "." not in name)
            yield Row(
                f"night of {customers:,} customers, {rows:,} rows",
                "GiB peak",
                peak,
                "limit",
                LARGEST_GIB,
                LARGEST_GIB / peak,
                target=1.0,
                note=f"{seconds:.0f} s",
            )
    small, large = sizes[-2:]
    exponent = math.log(taken[large][0] / taken[small][0]) / math.log(large / small)
    yield Row(
        f"growth of time, {small:,} to {large:,} customers",
        "exponent",
        exponent,
        "limit",
        EXPONENT,
        EXPONENT / exponent,
        target=None if options.quick else 1.0,
    )
    memory = math.log(taken[large][1] / taken[small][1]) / math.log(large / small)
    yield Row(
        f"growth of memory, {small:,} to {large:,} customers",
        "exponent",
        memory,
        "limit",
        EXPONENT,
        EXPONENT / max(memory, 1e-9),
        target=None if options.quick else 1.0,
    )
