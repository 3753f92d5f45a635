"""What is known of an order's delivery when it is placed: itself, and how deliveries went that were over by then."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ml.capabilities.delivery.features import TEXTS
from ml.core.units import DAY_S

Floats = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]

GROUPS: dict[str, tuple[tuple[str, ...], int]] = {
    "shop": ((), 300),
    "carrier": (("carrier",), 100),
    "destination": (("destination",), 100),
    "route": (TEXTS, 50),
}
"""Whose latest deliveries are averaged, and how many of them."""
NEWEST = 12
"""Deliveries of a carrier that tell whether it has slowed against its latest hundred."""
_DRAWN = 5.0
"""A group's mean is drawn to the shop's as if by so many deliveries."""


def matrix(orders: pa.Table, past: pa.Table) -> npt.NDArray[np.float32]:
    """Columns of each order, (n_orders, n_columns), float32; of ``past`` only what was delivered before it was placed.

    The first four are the latest deliveries' mean days by :data:`GROUPS`; the last is by how much the carrier's newest
    deliveries took longer than its latest hundred.
    """
    at = orders["at"].to_numpy().astype(np.int64)
    made = []
    shop = np.full(len(at), np.nan)
    for names, most in GROUPS.values():
        mean, n = _latest(_keys(orders, names), at, _keys(past, names), past, most)
        if names:
            mean = (np.nan_to_num(mean) * n + shop * _DRAWN) / (n + _DRAWN)
        else:
            shop = mean
        made.append(mean)
    made += [made[1] - shop, made[3] - shop]
    slowed = _latest(_keys(orders, ("carrier",)), at, _keys(past, ("carrier",)), past, NEWEST)[0] - made[1]
    made += [_numbers(orders, name) for name in ("promise_days", "total", "shipping")]
    made += [at % DAY_S / 3600.0, (at // DAY_S + 3) % 7.0]
    made.append(slowed)
    return np.stack(made, axis=1).astype(np.float32) if len(at) else np.zeros((0, len(made)), np.float32)


def _keys(table: pa.Table, names: tuple[str, ...]) -> npt.NDArray[np.object_]:
    columns = [table[name].to_pylist() for name in names]
    return np.array(["\x1f".join(row) for row in zip(*columns, strict=True)] if names else [""] * len(table), object)


def _latest(
    keys: npt.NDArray[np.object_], at: Longs, of_past: npt.NDArray[np.object_], past: pa.Table, most: int
) -> tuple[Floats, Floats]:
    """Mean days of a key's last ``most`` deliveries that were over at ``at``, and how many there were."""
    took = past["took_days"].to_numpy().astype(np.float64)
    over = past["at"].to_numpy() + took * DAY_S
    mean, number = np.full(len(at), np.nan), np.zeros(len(at))
    if not len(over):
        return mean, number
    order = np.lexsort((took, over))
    names, code = np.unique(of_past.astype(str), return_inverse=True)
    asked = np.searchsorted(names, keys.astype(str))
    for one in range(len(names)):
        mine = order[code[order] == one]
        rows = np.flatnonzero((asked == one) & (keys == names[one]))
        if not len(rows):
            continue
        total = np.append(0.0, np.cumsum(took[mine]))
        end = np.searchsorted(over[mine], at[rows], "left")
        begin = np.maximum(end - most, 0)
        number[rows] = end - begin
        mean[rows] = np.divide(
            total[end] - total[begin], end - begin, out=np.full(len(rows), np.nan), where=end > begin
        )
    return mean, number


def _numbers(orders: pa.Table, name: str) -> Floats:
    return np.asarray(orders[name].to_numpy(zero_copy_only=False), np.float64)
