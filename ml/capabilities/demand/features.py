"""What was sold by product and day before a time, when it was out of stock, and what was sold afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import ibis

from ml.capabilities.demand.spec import Params
from ml.learn.series import sales

Tables = Mapping[str, ibis.Table]


def build(tables: Tables, as_of: datetime, params: Params) -> dict[str, ibis.Table]:
    """Make what the forecast is learned from.

    Returns
    -------
    dict of str to ibis.Table
        ``sold``, ``product``, ``closed`` and ``moment`` of :mod:`ml.learn.series.sales`.
    """
    days = params.history_days
    return {
        "sold": sales.sold(tables, as_of, days),
        "product": sales.products(tables, as_of, days),
        "closed": sales.closed(tables, as_of, days),
        "moment": sales.moment(as_of),
    }


def truth(tables: Tables, start: datetime, end: datetime, params: Params) -> ibis.Table:  # noqa: ARG001
    """Pieces sold by product and day of ``[start, end)``: product_id, day (0: the first); null where out of stock."""
    days = (end - start).days
    told = sales.sold(tables, end, days).select("product_id", "day", pieces=ibis._["pieces"].cast("float64"))
    shut = sales.closed(tables, end, days).mutate(pieces=ibis.null("float64"))
    rows = told.union(shut.select("product_id", "day", "pieces"))
    return rows.mutate(day=rows["day"] + days)
