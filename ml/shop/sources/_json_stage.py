"""What a platform's JSON becomes: rows that have the columns of the stage already, as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml.shop.sources._definitions import Export, Field, How

_TIMES = ("ordered_at", "registered_at", "known_at", "paid_at", "listed_at", "written_at")
_NUMBERS = (
    "total",
    "shipping",
    "goods",
    "before",
    "quantity",
    "unit_price",
    "price",
    "amount",
    "discount",
    "image_no",
    "stars",
    "exchange_rate",
)
_YES = ("accepts_marketing", "guest", "active", "service")

COLUMNS: dict[str, tuple[str, ...]] = {
    "order": (
        "order_id",
        "gid",
        "customer_ref",
        "mail",
        "phone",
        "ordered_at",
        "status",
        "total",
        "shipping",
        "goods",
        "before",
        "currency",
        "exchange_rate",
        "channel",
        "shipping_country",
        "billing_country",
        "shipping_address",
        "ip",
        "accepts_marketing",
    ),
    "line": ("order_gid", "product_ref", "sku", "title", "brand", "category", "quantity", "unit_price", "service"),
    "product": (
        "product_id",
        "title",
        "description",
        "category",
        "brand",
        "price",
        "active",
        "service",
        "listed_at",
    ),
    "variant": ("product_id", "alias", "price", "quantity"),
    "customer": ("customer_ref", "mail", "phone", "registered_at", "country", "segment", "accepts_marketing", "guest"),
    "outcome": ("order_gid", "kind", "known_at"),
    "payment": ("payment_id", "order_gid", "method", "amount", "paid_at"),
    "coupon": ("coupon_id", "order_gid", "code", "discount"),
    "image": ("product_id", "image_no", "uri"),
    "review": ("review_id", "product_ref", "mail", "stars", "title", "text", "written_at"),
}
"""Table of the stage -> its columns in JSON's rows. ``gid`` is the id by which an order's children name it."""


def _how(column: str) -> How:
    if column in _TIMES:
        return "time"
    if column in _YES:
        return "yes"
    return "number" if column in _NUMBERS else "text"


EXPORTS = tuple(
    Export(f"json_{name}", f"{name} as JSON", {c: Field((f"{name}.{c}",), _how(c), required=True) for c in columns})
    for name, columns in COLUMNS.items()
)
"""As exports, so that they are read and held to their kinds as columns of a file are."""

Row = tuple[str, Mapping[str, Any]]


def row(table: str, **columns: Any) -> Row:
    """Make a row of a table of the stage."""
    return f"json_{table}", columns


def at(value: Any, *path: str) -> Any:
    """Get what lies at a path of an object; None where there is nothing.

    Examples
    --------
    >>> at({"a": {"b": 1}}, "a", "b"), at({"a": None}, "a", "b")
    (1, None)
    """
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def listed(value: Any, *path: str) -> list[Mapping[str, Any]]:
    """Get the objects of a list at a path, or of a GraphQL connection there."""
    found = at(value, *path) if path else value
    if isinstance(found, Mapping):
        found = found.get("nodes") or [e.get("node") for e in found.get("edges") or [] if isinstance(e, Mapping)]
    return [item for item in found if isinstance(item, Mapping)] if isinstance(found, list) else []


def numeric(value: Any) -> float | None:
    """Read a number that JSON may hold as text; None where there is none."""
    try:
        return None if value in (None, "") else float(value)
    except (TypeError, ValueError):
        return None


def added(*values: float | None) -> float | None:
    """Add what is known; None if nothing is."""
    known = [value for value in values if value is not None]
    return round(sum(known), 6) if known else None


def address(*parts: Any) -> str | None:
    """Write the parts of an address that are there."""
    return ", ".join(str(part).strip() for part in parts if part and str(part).strip()) or None
