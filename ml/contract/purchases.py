"""What counts as bought, in one place for every capability: orders that are a sale, and lines that somebody chose."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ml.contract.vocabulary import UNKNOWN, statuses

if TYPE_CHECKING:
    import ibis


def bought(orders: ibis.Table) -> ibis.Table:
    """Keep the clean orders whose status makes them a purchase; one without a status is one."""
    return orders.filter(orders["status"].isin(statuses(purchase=True)).fill_null(True))


def chosen(lines: ibis.Table) -> ibis.Table:
    """Keep the clean order lines that tell of a choice: nobody chose a gift, or the part of a bundle."""
    return lines.filter((lines["quantity"] > 0) & (lines["unit_price"] > 0))


def may_be_held(orders: ibis.Table) -> ibis.Value:
    """Whether an order can still be held back; one whose status is null or not known may be."""
    return orders["status"].isin((*statuses(open=True), UNKNOWN)).fill_null(True)


def is_settled_sale(orders: ibis.Table) -> ibis.Value:
    """Whether silence about an order means that it went well: not of a draft, an unpaid one or a word nobody knows."""
    return ~orders["status"].isin(("draft", "pending", UNKNOWN)).fill_null(False)
