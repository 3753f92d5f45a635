"""What is known of products and their pictures at a time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import ibis

from ml.capabilities.visual.spec import Params
from ml.core.asof import known

Tables = Mapping[str, ibis.Table]

HELD_DIGITS = 4
MOST_IN_ORDER = 20
"""Lines of an order that are paired: the order of a hotel says little of what goes together."""


def build(tables: Tables, as_of: datetime, params: Params) -> dict[str, ibis.Table]:  # noqa: ARG001
    """Give three tables.

    ``product``: the products known at ``as_of``. ``picture``: their pictures with thumbnail (``content``), size, and why
    one cannot be read. ``pair``: products bought together, each direction, with the number of ``orders``.
    """
    product = known(tables["product"], as_of, "listed_at")
    product = product.select("product_id", "title", "description", "category", active=product["active"].fill_null(True))
    picture = tables["product_image"].semi_join(product, "product_id")
    return {
        "product": product,
        "picture": picture.select(
            "product_id", "image_no", "uri", "content", "content_hash", "width", "height", "unread"
        ),
        "pair": _pairs(tables, as_of),
    }


def truth(tables: Tables, start: datetime, end: datetime, params: Params) -> ibis.Table:  # noqa: ARG001
    """Give the pictures held out of learning that a model is judged by: column ``content_hash``.

    Which they are is decided by the hash, not by the time: products often have no date of listing.
    """
    known_products = known(tables["product"], start, "listed_at").filter(lambda t: t["category"].notnull())
    images = tables["product_image"].semi_join(known_products, "product_id")
    held = images.filter(images["content"].notnull(), is_held(images["content_hash"], params.held_share))
    return held.select("content_hash").distinct()


def is_held(content_hash: ibis.Value, share: float) -> ibis.Value:
    """Whether a picture is held out: by the first hexadecimal digits of its hash, which sort as the numbers do."""
    return content_hash.substr(0, HELD_DIGITS) < held_below(share)


def held_below(share: float) -> str:
    """The digits below which a hash is held out.

    Examples
    --------
    >>> held_below(0.1)
    '199a'
    """
    return f"{round(share * 16**HELD_DIGITS):0{HELD_DIGITS}x}"


def _pairs(tables: Tables, as_of: datetime) -> ibis.Table:
    if "order" not in tables or "order_item" not in tables:
        nothing = ibis.schema({"product_id": "string", "other_id": "string", "orders": "int64"})
        return ibis.memtable(nothing.to_pyarrow().empty_table())
    orders = known(tables["order"], as_of, "ordered_at", "known_at")
    lines = tables["order_item"].semi_join(orders, "order_id").select("order_id", "product_id").distinct()
    few = lines.group_by("order_id").aggregate(n=lines.count())
    lines = lines.semi_join(few.filter(few["n"].between(2, MOST_IN_ORDER)), "order_id")
    others = lines.rename(other_id="product_id")
    both = lines.join(others, "order_id").filter(lambda t: t["product_id"] != t["other_id"])
    return both.group_by(["product_id", "other_id"]).aggregate(orders=both.count())
