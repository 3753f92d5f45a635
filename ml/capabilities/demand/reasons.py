"""Why a forecast is as it is, in words."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from ml.capabilities.demand.spec import DAYS, Params
from ml.learn.series.columns import Past, Seen
from ml.learn.series.forecaster import Forecast

_CHANGED = 0.15
"""A change by less is not told."""
_PRICE = 0.05
_SILENT_DAYS = 7
_SILENT_PIECES = 20
"""A shop that sold nothing for so many days, in which it used to sell so many pieces, may have ended its sales."""
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def words(past: Past, seen: Seen, made: Forecast, product: pa.Table, params: Params) -> list[str]:
    """One text a product: what it sold lately, and what makes the next four weeks different.

    Parameters
    ----------
    made : Forecast
        In pieces; its first 28 spans are days.
    product : pyarrow.Table
        The same products, with ``category`` and ``begins``.
    """
    panel = past.panel
    end = panel.length
    lately = past.sold.mean(end - DAYS, end)
    before = past.sold.mean(end - 2 * DAYS, end - DAYS)
    year = _year(past, 0)
    known, share = past.sold.count(0, end), past.nonzero.mean(end - 2 * DAYS, end)
    out_of_stock = np.minimum(DAYS, end) - past.sold.count(end - DAYS, end)
    price = panel.ahead[:, end : end + DAYS, 0].mean(axis=1) if panel.ahead is not None else np.zeros(len(lately))
    mean, begins = made.mean[:, :DAYS].mean(axis=1), product["begins"].to_numpy()
    categories, silent = product["category"].to_pylist(), _silent_days(past)
    ended = [f"the whole shop sold nothing for {silent} days: its sales may have ended"][: silent > 0]
    texts = []
    for i in range(len(lately)):
        if -begins[i] <= params.new_days or known[i] == 0:
            like = categories[i] or "the shop's products"
            texts.append(
                f"new, sold {_amount(np.nan_to_num(lately[i]) * max(known[i], 0))} so far: expected like {like}"
            )
            continue
        said = [*ended, f"sold {_amount(lately[i] * 7)} a week lately" if lately[i] > 0 else "nothing sold in 4 weeks"]
        if share[i] < 1 / 7 and share[i] > 0:
            said.append(f"sells on one day in {1 / share[i]:.0f}")
        if before[i] > 0 and abs(lately[i] / before[i] - 1) > 2 * _CHANGED and share[i] > 1 / 7:
            said.append(f"{_percent(lately[i] / before[i] - 1)} against the 4 weeks before")
        if np.isfinite(year[i]) and abs(year[i] - 1) > _CHANGED and lately[i] > 0:
            said.append(f"a year ago the category changed by {_percent(year[i] - 1)} at this time")
        if abs(price[i]) > _PRICE:
            said.append(f"price {_percent(np.exp(price[i]) - 1)} against its usual one")
        if 0 < out_of_stock[i] < DAYS and -begins[i] > DAYS:
            said.append(f"{out_of_stock[i]:.0f} days out of stock are not counted")
        peak = int(np.argmax(seen.profile[i, :7]))
        if seen.profile[i, peak] > 1 + 2 * _CHANGED and share[i] > 2 / 7:
            said.append(f"most on {_WEEKDAYS[(panel.first + end + peak + 3) % 7]}s")
        if lately[i] > 0 and abs(mean[i] / lately[i] - 1) > _CHANGED and len(said) == 1:
            said.append(f"{_percent(mean[i] / lately[i] - 1)} expected by its longer past")
        texts.append("; ".join(said[:3]))
    return texts


def _year(past: Past, grouping: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """How the category's next four weeks stood against the four before, a year ago, by product; nan: not known."""
    group, then = past.panel.groupings[grouping], past.panel.length - past.panel.rhythm.year
    sums = past.groups[grouping]
    before, after = sums.mean(then - DAYS, then), sums.mean(then, then + DAYS)
    known = (before > 0) & (then >= DAYS)
    changed = np.divide(after, before, out=np.full(len(before), np.nan), where=known)
    return np.asarray(changed[group.code], np.float64)


def _silent_days(past: Past) -> int:
    """Days since the shop sold anything, where that is not chance; else 0. The last grouping is the shop as a whole."""
    shop, n = past.panel.groupings[-1].mean[0], len(past.panel.groupings[-1].code)
    sold = np.flatnonzero(shop > 0)
    if not len(sold):
        return 0
    silent, last = len(shop) - 1 - int(sold[-1]), int(sold[-1])
    usual = float(shop[max(last - DAYS, 0) : last + 1].mean()) * n
    return silent if silent >= _SILENT_DAYS and usual * silent >= _SILENT_PIECES else 0


def _amount(pieces: float) -> str:
    return f"{pieces:,.0f}" if pieces >= 10 else f"{pieces:.1f}"


def _percent(change: float) -> str:
    return f"{change:+.0%}".replace("%", " %")
