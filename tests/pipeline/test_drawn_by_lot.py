"""Places drawn by lot, against a shop in which it is planted how often each product is bought when it is shown."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa

from ml.adapters.lake import Lake
from ml.pipeline.context import Night
from ml.pipeline.drawn_by_lot import drawn_by_lot
from ml.registry import capability
from ml.settings import Settings

START, END = datetime(2025, 3, 5, tzinfo=UTC), datetime(2025, 3, 12, tzinfo=UTC)
BATCH = {"ref": "2025-03-05/001", "night": date(2025, 3, 5), "version": 3}
CUSTOMERS, GOOD, BAD, UNSEEN = 4000, 0.3, 0.05, 0.2
ALL, TONIGHT = (
    "ml.recommendation: bought of places drawn by lot",
    "ml.recommendation: bought of tonight's list, by lot (SNIPS)",
)


def _night(folder: Path, *, tonight: bool = True, customers: int = CUSTOMERS, unseen: bool = False) -> Night:
    """A place by lot a customer: even ones from two products (one of them good), odd ones from five (one of them good).

    Good is what is bought by 30 % who are shown it, the others by 5 %. Tonight's list holds the good one;
    with ``unseen`` also one that no lot ever showed and that 20 % bought in the week before.
    """
    rng = np.random.default_rng(11)
    settings = Settings(folder, "", "", str(folder / "lake"), "", "UTC", "", 1, 1)
    lake = Lake(settings.lake_uri)
    who = np.array([f"c{i:05d}" for i in range(customers)])
    size = np.where(np.arange(customers) % 2 == 0, 2, 5)
    drawn = rng.integers(0, size)
    product = np.where(drawn == 0, "good", np.char.add("bad", drawn.astype(str)))
    hit = rng.random(customers) < np.where(drawn == 0, GOOD, BAD)

    def write(path: str, **columns: object) -> None:
        lake.write_batches(lake.join(path), pa.table(columns).to_batches())

    write(
        "predictions/2025-03-05/001/recommender/recommendation/00000.parquet",
        customer_id=np.concatenate([who, who]),
        product_id=np.concatenate([product, np.full(customers, "ranked")]),
        propensity=np.concatenate([1 / size, np.ones(customers)]),
    )
    if tonight:
        write(
            "predictions/2025-03-12/001/recommender/recommendation/00000.parquet",
            customer_id=np.concatenate([who, who]) if unseen else who,
            product_id=np.repeat(["good", "unseen"], customers) if unseen else np.full(customers, "good"),
            propensity=np.ones(customers * (1 + unseen)),
        )
    orders, before = np.flatnonzero(hit), np.flatnonzero(rng.random(customers) < UNSEEN) if unseen else np.zeros(0, int)
    ids = [*(f"o{i}" for i in orders), *(f"b{i}" for i in before)]
    days = [datetime(2025, 3, 6, tzinfo=UTC)] * len(orders) + [datetime(2025, 3, 2, tzinfo=UTC)] * len(before)
    write(
        "snapshot/2025-03-12/001/clean/order/part.parquet",
        order_id=ids,
        customer_id=who[[*orders, *before]],
        ordered_at=pa.array(days, pa.timestamp("us", "UTC")),
        status=["paid"] * len(ids),
    )
    write(
        "snapshot/2025-03-12/001/clean/order_item/part.parquet",
        order_id=ids,
        product_id=[*product[orders], *["unseen"] * len(before)],
        quantity=np.ones(len(ids)),
        unit_price=np.ones(len(ids)),
    )
    return Night(settings, "2025-03-12/001", lake, {"tables": {"order": {}, "order_item": {}}})


def test_what_tonights_list_would_do_is_told_from_the_lots(tmp_path: Path) -> None:
    """The planted share of the good product lies in its interval, far from the mean of the log, on rows by weight."""
    found = {f.name: f for f in drawn_by_lot(_night(tmp_path), capability("recommender"), BATCH, START, END, "7 days")}
    every, wanted = found[ALL], found[TONIGHT]
    assert wanted.low is not None
    assert wanted.high is not None
    assert wanted.low <= GOOD <= wanted.high
    assert every.value is not None
    assert every.high is not None
    assert every.high < wanted.low
    assert (every.version, every.slice, every.about) == (3, "7 days", date(2025, 3, 5))
    for how in ("IPS", "doubly robust"):
        other = found[f"ml.recommendation: bought of tonight's list, by lot ({how})"]
        assert other.low is not None
        assert other.high is not None
        assert other.low <= GOOD <= other.high, how


def test_what_no_lot_could_show_is_a_lower_bound_and_is_foretold(tmp_path: Path) -> None:
    """Half of tonight's list is never drawn: IPS counts it as nothing, doubly robust as often as it was bought before."""
    night = _night(tmp_path, unseen=True)
    found = {f.name: f for f in drawn_by_lot(night, capability("recommender"), BATCH, START, END, "7 days")}
    bound, robust = (
        found[f"ml.recommendation: bought of tonight's list, by lot ({how})"] for how in ("IPS", "doubly robust")
    )
    assert bound.low is not None
    assert bound.high is not None
    assert bound.low <= GOOD / 2 <= bound.high
    assert robust.low is not None
    assert robust.high is not None
    assert bound.high < robust.low
    assert robust.low <= (GOOD + UNSEEN) / 2 <= robust.high


def test_too_few_lots_say_nothing(tmp_path: Path) -> None:
    """On a dozen places there is a count and no value; without a list of tonight there is none of it."""
    night = _night(tmp_path, tonight=False, customers=12)
    (only,) = drawn_by_lot(night, capability("recommender"), BATCH, START, END, "7 days")
    assert (only.name, only.value, only.units) == (ALL, None, 12)
    gone = {**BATCH, "ref": "2025-03-01/001"}
    assert drawn_by_lot(night, capability("recommender"), gone, START, END, "7 days") == []
