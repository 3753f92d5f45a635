"""What was planted: the tables of schema ``demo_truth``."""

from __future__ import annotations

from ml.contract.table import Column, Table
from ml.core.spec import Kind


def _table(name: str, meaning: str, key: str, **columns: tuple[Kind, str]) -> Table:
    fields = tuple(Column(column, kind, text, required=True) for column, (kind, text) in columns.items())
    return Table(name, meaning, tuple(key.split()), fields)


CUSTOMER_TASTE = _table(
    "customer_taste",
    "θ: how much of each taste cluster a customer has; sums to 1 over a customer.",
    "customer_id cluster",
    customer_id=("text", "Who."),
    cluster=("integer", "Taste cluster, from 0."),
    weight=("number", "θ_uk."),
)
PRODUCT_TASTE = _table(
    "product_taste",
    "φ: how likely a cluster picks a product if all were for sale; sums to 1 over a cluster.",
    "cluster product_id",
    cluster=("integer", "Taste cluster, from 0."),
    product_id=("text", "The product."),
    weight=("number", "φ_kp."),
)
CUSTOMER_TRAIT = _table(
    "customer_trait",
    "How active a customer is and what kind.",
    "customer_id",
    customer_id=("text", "Who."),
    orders_per_year=("number", "Rate of occasions to buy; 0 never buys."),
    persona=("text", "normal, silent (never buys), returning (away for over a year) or ring (fraud)."),
    household=("text", "Shared by a family; a person alone has an own one."),
    interval_factor=("number", "Repeat purchases come this much slower than the category's interval."),
    left_at=("timestamp", "No orders of their own from then on."),
)
PRODUCT_TRAIT = _table(
    "product_trait",
    "What a product is really like.",
    "product_id",
    product_id=("text", "The product."),
    appeal=("number", "Popularity weight, Zipf-like."),
    sold_from=("timestamp", "For sale from then on."),
    sold_until=("timestamp", "For sale before that."),
    half_life_days=("number", "Novelty halves in this time; 0: it does not wear off."),
    quality=("number", "Satisfaction of its buyers, about -1 to 3."),
    return_probability=("number", "Chance that an order with it comes back."),
    weak_aspect=("text", "What its buyers complain about; empty: nothing in particular."),
)
CATEGORY_TRAIT = _table(
    "category_trait",
    "Season and repeat of a category.",
    "category",
    category=("text", "The category."),
    repeat_days=("number", "Typical days to the next purchase of the same product; 0: none."),
    repeat_probability=("number", "Chance that a first purchase starts a series, and that a series goes on."),
    season_peak_day=("number", "Day of the year of the peak."),
    season_strength=("number", "0: no season; 1: nothing is sold half a year from the peak."),
)
COMPLEMENT = _table(
    "complement",
    "What is bought along.",
    "category complement",
    category=("text", "Bought first."),
    complement=("text", "Bought along."),
    probability=("number", "Chance that the first brings the second into the order, if it is for sale."),
)
REPEAT = _table(
    "repeat_purchase",
    "A customer's series of repeat purchases.",
    "customer_id product_id started_at",
    customer_id=("text", "Who."),
    product_id=("text", "What."),
    started_at=("timestamp", "First purchase."),
    interval_days=("number", "Median days between two purchases of the series."),
)
FRAUD_ORDER = _table(
    "fraud_order",
    "Every fraudulent order, found out or not.",
    "order_id",
    order_id=("text", "The order."),
    ring=("text", "The ring; 'single' for a lone fraudster."),
    found=("boolean", "Whether the shop ever learns it (perhaps after the end)."),
)
REVIEW_TRUTH = _table(
    "review_truth",
    "What a review says.",
    "review_id",
    review_id=("text", "The review."),
    language=("text", "en, de or pt."),
    sentiment=("text", "positive, negative, neutral or mixed."),
    praised=("text", "Aspects praised, comma between them."),
    blamed=("text", "Aspects complained about, comma between them."),
    stars_contradict=("boolean", "The stars say the opposite of the text."),
)
CAMPAIGN_UPLIFT = _table(
    "campaign_uplift",
    "What a campaign does to a customer.",
    "campaign_id customer_id",
    campaign_id=("text", "The campaign."),
    customer_id=("text", "Who."),
    visit_control=("number", "Chance of a visit if nothing is sent."),
    visit_treated=("number", "Chance of a visit if the e-mail is sent."),
    order_given_visit=("number", "Chance that such a visit becomes an order."),
    kind=(
        "text",
        "persuadable (the e-mail helps), sure (comes anyway), lost (hardly comes, hardly helped) or annoyed.",
    ),
)
TICKET_TRUTH = _table(
    "ticket_truth",
    "What a ticket is really about; the staff misfile some.",
    "ticket_id",
    ticket_id=("text", "The ticket."),
    intent=("text", "The intent."),
)
PICTURE = _table(
    "picture",
    "What a product's picture shows, and what is wrong with it.",
    "product_id",
    product_id=("text", "The product."),
    colour=("text", "Its colour."),
    fault=("text", "missing, blank, tiny, broken, duplicate; empty: none."),
    twin=("text", "The product whose picture it repeats; empty: none."),
)
DISRUPTION = _table(
    "disruption",
    "Who began to fail the shop, and from when on.",
    "partner",
    partner=("text", "The supplier or carrier."),
    kind=("text", "supplier fails, supplier slows or carrier slows."),
    begins_at=("timestamp", "From then on."),
)
SEARCH_TRUTH = _table(
    "search_truth",
    "What planted queries mean.",
    "query",
    query=("text", "What is typed."),
    kind=("text", "intent, slip, synonym or gap."),
    finds=("text", "The words that find what is meant; empty: the shop has nothing of it."),
)
FAULT = _table(
    "fault",
    "Rows that are broken on purpose.",
    "table_name row_key fault",
    table_name=("text", "Contract table."),
    row_key=("text", "Its key columns, '/' between them."),
    fault=("text", "orphan, duplicate, negative or future."),
)

TRUTH: dict[str, Table] = {
    table.name: table
    for table in (
        CUSTOMER_TASTE,
        PRODUCT_TASTE,
        CUSTOMER_TRAIT,
        PRODUCT_TRAIT,
        CATEGORY_TRAIT,
        COMPLEMENT,
        REPEAT,
        FRAUD_ORDER,
        REVIEW_TRUTH,
        CAMPAIGN_UPLIFT,
        TICKET_TRUTH,
        SEARCH_TRUTH,
        DISRUPTION,
        FAULT,
        PICTURE,
    )
}
"""By name; in schema ``demo_truth``, and yielded as ``demo_truth.<name>``."""
