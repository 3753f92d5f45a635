"""Columns that several tables have, and what makes one that must be there."""

from __future__ import annotations

from ml.contract.table import Column, Gone
from ml.core.spec import Kind

MONEY = "shop currency"

_DELETED = ("customer.customer_id", "product.product_id")
"""What shops delete while its history stays."""

WHO = Column("customer_id", "text", "Who; null for a guest.", references="customer.customer_id", gone="null")

KNOWN_AT = Column(
    "known_at", "timestamp", "When the row was written, if later than the event; null: at the event.", "UTC"
)


def required(
    name: str, kind: Kind, meaning: str, unit: str = "", references: str = "", words: str = "", *, masked: bool = False
) -> Column:
    """Give a column that must be there; ``masked``: its texts are masked before they are stored."""
    gone: Gone = "left out" if references in _DELETED else "fault"
    return Column(name, kind, meaning, unit, True, references=references, gone=gone, words=words, masked=masked)
