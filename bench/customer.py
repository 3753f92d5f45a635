"""Customer value on Online Retail and CDNOW: who buys within 28 and 90 days, and for how much, beside the usual models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from bench import Options, Row
from bench import _customer_data as data
from ml.capabilities.customer import blend, model
from ml.capabilities.customer.columns import HORIZONS
from ml.capabilities.customer.frame import Outcome, outcome
from ml.capabilities.customer.learners import Outlook
from ml.capabilities.customer.model import CustomerValue, Value
from ml.capabilities.customer.score import score
from ml.capabilities.customer.spec import SPEC
from ml.core.capability import Known
from ml.learn.metrics import binary, money

Floats = npt.NDArray[np.float64]
SEED = 7
DRAWS = 300
RETAIL = {data.day(2011, 9, 10): (28, 90), data.day(2011, 10, 10): (28,), data.day(2011, 11, 11): (28,)}
"""Cut-offs, and the horizons that the data goes on for."""
CDNOW = {data.day(1998, 4, 2): (28, 90), data.day(1998, 6, 3): (28,)}
PEERS = {
    "boosted": "LightGBM",
    "linear": "regularised regressions",
    "forest": "random forest",
    "history": "BG/NBD + Gamma-Gamma",
    "network": "ZILN network",
}
LARGE = 1_000_000


class Judged(NamedTuple):
    """One cut-off: what followed, our answers, and those of each candidate alone."""

    after: Outcome
    ours: Value
    rest: Floats
    peers: Mapping[str, Outlook]


def run(options: Options) -> Iterator[Row]:
    """Needs ``--data`` with the folders ``uci_online_retail`` and ``cdnow`` (quick: a tenth of CDNOW's customers)."""
    folder = options.data or Path("data")
    shops = {
        "Online Retail": (data.retail(folder / "uci_online_retail"), RETAIL),
        "CDNOW": (data.cdnow(folder / "cdnow", share=0.1 if options.quick else 1.0), CDNOW),
    }
    last: CustomerValue | None = None
    for name, (shop, cutoffs) in shops.items():
        found: dict[int, list[Judged]] = {}
        for when, horizons in cutoffs.items():
            last, one, known = _judged(shop, when)
            for days in horizons:
                found.setdefault(days, []).append(one)
                yield from _chances(f"{name}, {when:%Y-%m-%d}, {days} days", [one], days)
            if HORIZONS[-1] in horizons:
                yield from _money(f"{name}, {when:%Y-%m-%d}, money of 90 days", one)
        for days, several in found.items():
            if len(several) > 1:
                yield from _chances(f"{name}, {len(several)} cut-offs pooled, {days} days", several, days)
    if last is not None:
        yield _speed(last, known, 100_000 if options.quick else LARGE)


def _judged(shop: data.Shop, when: datetime) -> tuple[CustomerValue, Judged, Known]:
    known = data.at(shop, when)
    customers = known["customer"].sort_by("customer_id")
    fitted = model.fit(known, SPEC.params, SEED)
    peers = dict(zip(fitted.learners_, fitted.outlooks(fitted.frame(customers)), strict=True))
    after = outcome(customers, data.truth(shop, when))
    return fitted, Judged(after, fitted.value(customers), fitted.blend_.rest, peers), known


def _chances(what: str, several: list[Judged], days: int) -> Iterator[Row]:
    """ROC-AUC and average precision beside each candidate alone, and the calibration error."""
    j = HORIZONS.index(days)
    labels = [one.after.bought[:, j].astype(np.int64) for one in several]
    ours = [one.ours.chances[:, j] for one in several]
    names = [name for name in PEERS if all(name in one.peers for one in several)]
    for metric, function in (("ROC-AUC", binary.roc_auc), ("PR-AUC", binary.average_precision)):
        reached = float(np.mean([function(y, p) for y, p in zip(labels, ours, strict=True)]))
        peers = {n: [one.peers[n].log_odds[:, j] for one in several] for n in names}
        figures = {n: float(np.mean([function(y, p) for y, p in zip(labels, peers[n], strict=True)])) for n in names}
        best = max(figures, key=lambda n: figures[n])
        low, high = _paired(labels, ours, peers[best], function)
        others = ", ".join(f"{PEERS[n]} {figures[n]:.3f}" for n in names if n != best)
        yield Row(
            f"{what}: {metric}",
            "area",
            reached,
            PEERS[best],
            figures[best],
            reached / figures[best],
            1.0,
            note=f"difference {reached - figures[best]:+.4f} [{low:+.4f}, {high:+.4f}]; {others}",
        )
    if len(several) == 1:
        error = binary.calibration_error(labels[0], ours[0])
        theirs = {
            n: binary.calibration_error(labels[0], 1 / (1 + np.exp(-several[0].peers[n].log_odds[:, j]))) for n in names
        }
        note = ", ".join(f"{PEERS[n]} {value:.3f}" for n, value in theirs.items())
        yield Row(f"{what}: calibration error", "ECE", error, "limit", 0.02, 0.02 / max(error, 1e-9), 1.0, note=note)


def _paired(
    labels: list[npt.NDArray[np.int64]], ours: list[Floats], theirs: list[Floats], function: Any
) -> tuple[float, float]:
    """95 % bootstrap interval of the mean difference over cut-offs, customers drawn within each."""
    rng, gains = np.random.default_rng(SEED), []
    for _ in range(DRAWS):
        part = []
        for y, a, b in zip(labels, ours, theirs, strict=True):
            rows = rng.integers(0, len(y), len(y))
            part.append(function(y[rows], a[rows]) - function(y[rows], b[rows]))
        gains.append(np.mean(part))
    low, high = np.quantile(gains, [0.025, 0.975])
    return float(low), float(high)


def _money(what: str, one: Judged) -> Iterator[Row]:
    spend = one.after.spend
    for metric, function in (("rank correlation", money.spearman), ("normalised Gini", money.gini)):
        reached = function(spend, one.ours.spend)
        figures = {n: function(spend, each.spend) for n, each in one.peers.items()}
        best = max(figures, key=lambda n: figures[n])
        note = ", ".join(f"{PEERS[n]} {value:.3f}" for n, value in figures.items() if n != best)
        yield Row(
            f"{what}: {metric}",
            "",
            reached,
            PEERS[best],
            figures[best],
            reached / max(figures[best], 1e-9),
            1.0,
            note=note,
        )
    off = abs(float(one.ours.spend.sum() / spend.sum()) - 1)
    note = ", ".join(f"{PEERS[n]} {each.spend.sum() / spend.sum() - 1:+.0%}" for n, each in one.peers.items())
    yield Row(f"{what}: total off by", "share", off, "limit", 0.05, 0.05 / max(off, 1e-9), 1.0, note=note)
    low, high = blend.interval(one.ours.spend, one.ours.chances[:, -1], one.rest)
    covered = float(((spend >= low) & (spend <= high)).mean())
    # Where nothing comes with a chance above 80 % no interval covers less than that chance.
    floor = float(np.maximum(1 - one.ours.chances[:, -1], 0.8).mean())
    yield Row(
        f"{what}: covered by the 80 % interval",
        "share",
        covered,
        "what can be covered",
        floor,
        1 - abs(covered - floor),
        0.97,
        note="the peer is 80 %, or more where nothing is likelier than that",
    )


def _speed(fitted: CustomerValue, known: Known, n: int) -> Row:
    """Rows of ml.customer_value of so many customers, with segments and reasons."""
    some = known["customer"]
    rows = pa.concat_tables([some] * (n // len(some) + 1)).slice(0, n)
    ids = pa.array([f"x{number:08d}" for number in range(n)])
    rows = rows.set_column(rows.column_names.index("customer_id"), "customer_id", ids)
    start = perf_counter()
    scored_tables = score(fitted, {"customer": rows, "month_ago": known["month_ago"]}, 0, 1, SPEC.params)
    scored = sum(len(batch) for batch in scored_tables["customer_value"])
    seconds = perf_counter() - start
    limit = 180.0 * n / LARGE
    return Row(f"value of {scored:,} customers", "s", seconds, "limit", limit, limit / seconds, 1.0)
