"""A whole night in real Airflow on UCI Online Retail, and what was bought after it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.night.conftest import SHARED, Stack, need

pytestmark = [pytest.mark.night, pytest.mark.real]

RETAIL = SHARED / "uci_online_retail"
RETAIL_NIGHT = "2011-11-09"


OWN = "SELECT customer_id, product_id FROM ml.recommendation WHERE rank <= 10"
POPULAR = f"""
    SELECT DISTINCT r.customer_id, p.product_id FROM ml.recommendation r CROSS JOIN (
        SELECT product_id FROM shop.order_item JOIN shop."order" o USING (order_id)
        WHERE o.ordered_at < '{RETAIL_NIGHT}' AND o.ordered_at >= date '{RETAIL_NIGHT}' - 30 AND quantity > 0
        GROUP BY product_id ORDER BY count(DISTINCT o.customer_id) DESC, product_id LIMIT 10
    ) AS p
"""


@dataclass(frozen=True)
class Retail:
    """What was seen of the night of 2011-11-09 on UCI Online Retail, of which a month of rows lies after it."""

    stack: Stack
    own_hits: float
    popular_hits: float
    fees: int


@pytest.fixture(scope="module")
def retail(stack: Stack) -> Retail:
    """The night of 2011-11-09."""
    need(RETAIL)
    stack.run("shop", "load", "online_retail", "--data", str(RETAIL), "--replace")
    stack.run("night", "--date", RETAIL_NIGHT)
    fees = "SELECT count(*) AS n FROM ml.recommendation WHERE product_id IN ('POST', 'D', 'M', 'DOT', 'BANK CHARGES', 'C2')"
    return Retail(stack, hits(stack, OWN), hits(stack, POPULAR), stack.value(fees))


def hits(stack: Stack, lists: str) -> float:
    """Share of the buyers of the 30 days after the night whose first ten held something that they bought."""
    return float(
        stack.value(
            f"""
            WITH bought AS (
                SELECT DISTINCT o.customer_id, i.product_id
                FROM shop."order" o JOIN shop.order_item i USING (order_id)
                WHERE o.ordered_at >= '{RETAIL_NIGHT}' AND o.ordered_at < date '{RETAIL_NIGHT}' + 30
                  AND o.customer_id IS NOT NULL AND o.status <> 'cancelled' AND i.quantity > 0 AND i.unit_price > 0
            ), lists AS ({lists})
            SELECT avg(hit) AS share FROM (
                SELECT customer_id, max((l.product_id IS NOT NULL)::int) AS hit
                FROM bought b LEFT JOIN lists l USING (customer_id, product_id)
                WHERE customer_id IN (SELECT customer_id FROM lists) GROUP BY customer_id
            ) AS per_customer
            """
        )
    )


def test_the_lists_foresee_what_was_bought_after_the_night(retail: Retail) -> None:
    """Customers bought from their own list more often than from the list of the month's best sellers."""
    assert retail.own_hits > retail.popular_hits


def test_postage_and_fees_are_never_recommended(retail: Retail) -> None:
    """What is no product of the shop's range does not show up in a list."""
    assert retail.fees == 0


def test_the_next_night_takes_over(retail: Retail) -> None:
    """The night after publishes too, though tables that this shop has nothing for are as empty as before."""
    before = retail.stack.value("SELECT DISTINCT batch_id::text FROM ml.recommendation")
    retail.stack.run("night", "--date", "2011-11-10", "--capability", "recommender", "--capability", "cart")
    assert retail.stack.value("SELECT DISTINCT batch_id::text FROM ml.recommendation") != before
    assert retail.stack.value("SELECT count(*) AS n FROM ml.customer_segment") == 0
