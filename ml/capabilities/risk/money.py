"""What to do with an order: whatever costs least on average, with as many reviews as the staff can do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ml.capabilities.risk.spec import Params

Floats = npt.NDArray[np.float64]
Choices = npt.NDArray[np.int64]

DECISIONS = ("allow", "review", "block")
ALLOW, REVIEW, BLOCK = range(3)


@dataclass(frozen=True)
class Costs:
    """What mistakes cost, and how many reviews there are; see :class:`spec.Params`."""

    loss_share: float
    loss_fixed: float
    review_cost: float
    margin_share: float
    reviews_per_day: float
    review_share: float = 1.0
    least_chance: float = 0.0


def costs(features: Mapping[str, pa.Table], params: Params) -> Costs:
    """The shop's own costs where it has told them, else the defaults of ``params``."""
    configured = features["cost"].to_pylist() if "cost" in features else []
    chosen = configured[0] if configured else {}
    names = tuple(Costs.__dataclass_fields__)
    return Costs(**{n: float(getattr(params, n) if chosen.get(n) is None else chosen[n]) for n in names})


def expected_loss(probability: Floats, total: Floats, costs: Costs) -> Floats:
    """What allowing an order costs on average: p (share · total + fixed)."""
    return probability * _loss(total, costs)


def review_gain(probability: Floats, total: Floats, costs: Costs) -> Floats:
    """What a review saves on average against the better of allowing and blocking; below 0 it is not worth its price.

    A review is taken to find the truth: then it costs its price alone.
    """
    return np.minimum(*_without(probability, total, costs)) - costs.review_cost


def scarcity(gain: Floats, days: float, costs: Costs) -> float:
    """The gain that a review must exceed for the staff to manage: the Lagrange multiplier of the bound on reviews.

    Parameters
    ----------
    gain : ndarray of shape (n_orders,)
        :func:`review_gain` of the orders of ``days`` days, by probabilities that did not see how they turned out.

    Notes
    -----
    One bar for all orders rather than a list per day: an order's decision does not depend on what else is scored with
    it, so the night's answer and the answer five minutes after the order are the same. On the days looked at the bar is
    passed ``reviews_per_day`` times a day on average, or by ``review_share`` of them if that is less; on a bad day more often.

    Examples
    --------
    >>> scarcity(np.array([5.0, 1.0, 3.0, -2.0]), 1, Costs(1, 0, 1, 1, reviews_per_day=2))
    1.0
    >>> scarcity(np.array([5.0, 1.0, 3.0, -2.0]), 2, Costs(1, 0, 1, 1, reviews_per_day=2))
    0.0
    """
    places = int(min(costs.reviews_per_day * days, costs.review_share * len(gain)))
    worth = np.sort(gain[gain > 0])[::-1]
    return float(worth[places]) if places < len(worth) else 0.0


def decide(probability: Floats, total: Floats, costs: Costs, bar: float = 0.0) -> Choices:
    """Positions in ``DECISIONS``: a review where it gains more than ``bar``, else the cheaper of allowing and blocking.

    A fraud less likely than ``least_chance`` is not looked for.

    Allowing costs the expected loss, a review its price, blocking the margin of the good ones.
    """
    allow, block = _without(probability, total, costs)
    gain = np.minimum(allow, block) - costs.review_cost
    worth = (gain > bar) & (probability >= costs.least_chance)
    return np.where(worth, REVIEW, np.where(block < allow, BLOCK, ALLOW))


def decide_unlearnt(unusual: Floats, orders_per_day: float, costs: Costs) -> Choices:
    """Positions in ``DECISIONS`` while no fraud is known: the most unusual percent is reviewed, or what the staff can do.

    Nothing is blocked: unusual is not fraudulent.
    """
    share = min(UNUSUAL, costs.review_share, costs.reviews_per_day / max(orders_per_day, 1.0))
    return np.where((unusual >= 1 - share) & (unusual > 0), REVIEW, ALLOW)


UNUSUAL = 0.01


def saved(label: npt.NDArray[np.integer], total: Floats, decision: Choices, costs: Costs) -> Floats:
    """What each order's decision saved against allowing it, now that the truth is known; below 0 it cost.

    A reviewed or blocked fraud saves its loss; every review costs its price, a blocked good order its margin.
    """
    fraud, loss = np.asarray(label) > 0, _loss(total, costs)
    avoided = np.where(fraud & (decision != ALLOW), loss, 0.0)
    paid = np.where(decision == REVIEW, costs.review_cost, 0.0)
    lost = np.where(~fraud & (decision == BLOCK), costs.margin_share * total, 0.0)
    return np.asarray(avoided - paid - lost, np.float64)


def at_stake(label: npt.NDArray[np.integer], total: Floats, costs: Costs) -> float:
    """What the frauds among the orders cost if all are allowed."""
    return float(_loss(total, costs)[np.asarray(label) > 0].sum())


def _loss(total: Floats, costs: Costs) -> Floats:
    return costs.loss_share * total + costs.loss_fixed


def _without(probability: Floats, total: Floats, costs: Costs) -> tuple[Floats, Floats]:
    """What allowing and what blocking cost on average."""
    return expected_loss(probability, total, costs), (1 - probability) * costs.margin_share * total
