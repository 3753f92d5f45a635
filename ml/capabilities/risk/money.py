"""What to do with an order: whatever costs least on average."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ml.capabilities.risk.spec import Params

Floats = npt.NDArray[np.float64]

DECISIONS = ("allow", "review", "block")


@dataclass(frozen=True)
class Costs:
    """What mistakes cost; see :class:`spec.Params`."""

    loss_share: float
    loss_fixed: float
    review_cost: float
    margin_share: float


def costs(features: Mapping[str, pa.Table], params: Params) -> Costs:
    """The shop's own costs where it has told them, else the defaults of ``params``."""
    told = features["cost"].to_pylist()
    chosen = told[0] if told else {}
    names = ("loss_share", "loss_fixed", "review_cost", "margin_share")
    return Costs(**{n: getattr(params, n) if chosen.get(n) is None else float(chosen[n]) for n in names})


def expected_loss(probability: Floats, total: Floats, costs: Costs) -> Floats:
    """What allowing an order costs on average: p (share · total + fixed)."""
    return probability * (costs.loss_share * total + costs.loss_fixed)


def decide(probability: Floats, total: Floats, costs: Costs) -> npt.NDArray[np.int64]:
    """Positions in ``DECISIONS``. Allowing costs the expected loss, a review its price, blocking the good ones' margin."""
    allow = expected_loss(probability, total, costs)
    block = (1 - probability) * costs.margin_share * total
    cheapest: npt.NDArray[np.int64] = np.argmin(
        np.stack([allow, np.full(len(allow), costs.review_cost), block]), axis=0
    )
    return cheapest
