"""Why something is to be ordered or not, in words."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ml.capabilities.stock.position import Position
from ml.learn.inventory.policy import Levels

Floats = npt.NDArray[np.float64]
_LONGER_DAYS = 3.0


def words(
    where: Position, order: Floats, chance: Floats, out: Floats, over: Floats, middle: Floats, levels: Levels
) -> list[str]:
    """One text a product.

    Parameters
    ----------
    out : ndarray of shape (n,)
        Days until it is sold out; inf: not within 91.
    middle : ndarray of shape (n,)
        Median demand until an order of today arrives.
    """
    texts = []
    for i in range(len(order)):
        said = [f"{where.on_hand[i]:,.0f} in stock"]
        if where.on_order[i] > 0:
            said[0] += f" and {where.on_order[i]:,.0f} on their way"
        said[0] += f", {middle[i]:,.0f} are sold until an order arrives in {where.lead_days[i]:.0f} days"
        if np.isfinite(out[i]) and order[i] > 0:
            said.append(
                f"sold out in {out[i]:.0f} days, before the order comes in {chance[i]:.0%} of cases".replace("%", " %")
            )
        if levels.point[i, 0] < levels.target[i, 0]:
            said.append(
                f"an order costs {where.placing:,.2f} to place: it waits until {levels.point[i, 0]:,.0f} are left, "
                f"and is up to {levels.target[i, 0]:,.0f}"
            )
        said += _doubts(where, i)
        if over[i] > 0:
            said.append(f"{over[i]:,.0f} more than 91 days sell")
        texts.append("; ".join(said))
    return texts


def _doubts(where: Position, i: int) -> list[str]:
    """What of a product's position is odd, assumed or not believed."""
    said = []
    if where.slower[i] > 0 and not where.silent[i]:
        said.append(
            f"the last {where.slower[i]} orders at this supplier are later than chance explains: it has slowed, "
            f"{where.lead_days[i]:.0f} days are counted on and not its {where.stated_days[i]:.0f}"
        )
    elif where.lead_days[i] > where.stated_days[i] + _LONGER_DAYS:
        said.append(f"the supplier takes longer than its {where.stated_days[i]:.0f} days of late")
    if where.stated_days[i] > where.lead_days[i] + _LONGER_DAYS and where.stated_days[i] > where.lead_days[i] * 2:
        said.append(f"a lead time of {where.stated_days[i]:.0f} days was not believed")
    if where.assumed[i]:
        said.append(f"nobody says how long an order takes: {where.lead_days[i]:.0f} days are assumed")
    if where.below[i] > 0:
        said.append(f"the last count less what was sold since is -{where.below[i]:,.0f}, taken for 0: count it again")
    if where.price[i] <= 0:
        said.append("without a price a lost sale counts nothing")
    if where.silent[i] > 0:
        said.append(
            f"none of the last {where.silent[i]} orders at this supplier that were due has come: it may have failed"
        )
    if where.overdue[i] > 0:
        said.append(f"{where.overdue[i]:,.0f} ordered are over two weeks late and not counted on: ask the supplier")
    return said
