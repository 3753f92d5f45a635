"""What the recommender knows at a time, as Ibis expressions over the shop's clean tables."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import ibis

from ml.capabilities.recommender.spec import Params


def build(tables: Mapping[str, ibis.Table], as_of: datetime, params: Params) -> dict[str, ibis.Table]:
    """Tables customer, product, interaction, popularity as known at ``as_of``."""
    raise NotImplementedError


def truth(tables: Mapping[str, ibis.Table], start: datetime, end: datetime, params: Params) -> ibis.Table:
    """``(customer_id, product_id)`` bought in ``[start, end)``."""
    raise NotImplementedError
