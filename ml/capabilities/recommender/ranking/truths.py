"""What may be said of tonight's products: which are popular in a group of customers, and which are new in the shop."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml.capabilities.recommender.reasons import MONTH_DAYS, popular
from ml.core.units import DAY_S
from ml.kernels.compiled import Ids

NEW_DAYS = 60
"""A product that is listed or sold for less than that is new in its category."""

Mask = npt.NDArray[np.bool_]


def often(features: Mapping[str, pa.Table], until: int, group: Ids, m: int, n_groups: int) -> Mask:
    """What may be called popular in each group, shape (n_groups, m); group 0 is everybody, guests too.

    Parameters
    ----------
    group : ndarray of shape (n_customers,), int32
        The group of each customer.
    """
    lines = features["purchase"]
    late = lines.filter(pc.greater_equal(lines["at"], until - MONTH_DAYS * DAY_S))
    who, what, order = (late[name].to_numpy().astype(np.int64) for name in ("customer_no", "product_no", "order_no"))
    _, first = np.unique(order * max(1, m) + what, return_index=True)
    who, what = who[first], what[first]
    of = np.append(group, 0)[who].astype(np.int64)
    counts = np.bincount(of * m + what, minlength=n_groups * m).reshape(n_groups, m).astype(np.float64)
    counts[0] = counts.sum(0)
    return popular(counts)


def fresh(features: Mapping[str, pa.Table], until: int, m: int) -> Mask:
    """Which products were neither listed nor sold before the last ``NEW_DAYS``, and since when is known; shape (m,)."""
    never = np.iinfo(np.int64).max
    products, lines = features["product"].sort_by("product_no"), features["purchase"]
    since = pc.fill_null(products["listed_at"].cast(pa.int64()), never).to_numpy().copy()
    np.minimum.at(since, lines["product_no"].to_numpy(), lines["at"].to_numpy())
    return np.asarray((since >= until - NEW_DAYS * DAY_S) & (since < never), bool)[:m]
