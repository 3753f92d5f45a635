"""The recommender's published tables: what their columns say."""

from __future__ import annotations

from ml.core.spec import Published, PublishedColumn

_WHY = PublishedColumn("reason", "text", "Why, in words.")

_RANK = PublishedColumn("rank", "integer", "1 is best.")

_SEGMENT = PublishedColumn("segment", "text", "The customers' segment; empty: all, guests too.")

_CATEGORY = PublishedColumn("category", "text", "The products' category; empty: all.")

_PLACES = (
    PublishedColumn("customer_id", "text", "Who."),
    _RANK,
    PublishedColumn("product_id", "text", "What to show."),
    PublishedColumn("score", "number", "How strongly; comparable within one customer's list only."),
    _WHY,
    PublishedColumn(
        "reason_code",
        "text",
        "Why, as a code: again, because, looked, category, segment, popular, explore, pinned or range.",
    ),
    PublishedColumn(
        "source_product_id", "text", "The product that the reason names; null where it names none.", nullable=True
    ),
    PublishedColumn("category", "text", "Its category; empty: none."),
    PublishedColumn("brand", "text", "Its brand; empty: none."),
)

RECOMMENDATION = Published(
    "recommendation",
    "Home: what to show a customer, best first; what is bought again and what is new, as it is the customer's habit.",
    ("customer_id", "rank"),
    (
        *_PLACES,
        PublishedColumn(
            "propensity", "number", "Chance with which this product was drawn for this place; 1: not by lot.", "0 to 1"
        ),
    ),
    indexes=(("product_id",),),
)

RECOMMENDATION_PART = Published(
    "recommendation_part",
    "What made the score of each product that the ranker chose for home: what raised it and what lowered it, in log-odds "
    "(+0.69 doubles the odds). base and the parts of a product sum to the log-odds of its chance.",
    ("customer_id",),
    (
        PublishedColumn("customer_id", "text", "Who."),
        PublishedColumn("products", "texts", "Products of home, in the order of rank; the parts are in this order."),
        PublishedColumn("base", "number", "Before anything is known of customer and product.", "log-odds"),
        *(
            PublishedColumn(name, "numbers", meaning, "log-odds")
            for name, meaning in (
                ("bought", "What the customer bought of it before: how often, how lately, at which distances."),
                ("looked", "That the customer looked at it, put it in the cart or wished for it."),
                ("habit", "How the customer shops: how often, how much, how lately."),
                ("alike", "What customers who bought the same products bought as well."),
                ("people", "What people with a like history buy, and what they buy next."),
                ("category", "The customer's share in its category, and what resembles what they bought."),
                ("popular", "How many buy it at this time, and whether they become more."),
                ("product", "The product itself: price, quantity and age, and how far these are from the customer's."),
                ("agreed", "How many of the candidate models proposed it."),
            )
        ),
    ),
)

DISCOVERY = Published(
    "discovery",
    "What is new to a customer: products that they never bought, best first.",
    ("customer_id", "rank"),
    _PLACES,
)

SIMILAR_PRODUCT = Published(
    "similar_product",
    "Substitutes: what could be bought in place of a product, of the same kind and looked at by the same customers.",
    ("product_id", "rank"),
    (
        PublishedColumn("product_id", "text", "The product that is looked at."),
        _RANK,
        PublishedColumn("similar_product_id", "text", "What could take its place."),
        PublishedColumn("score", "number", "Similarity.", "0 to 1"),
        _WHY,
    ),
    for_all=True,
)

BOUGHT_TOGETHER = Published(
    "bought_together",
    "Complements: what goes into the same order, by more than chance.",
    ("product_id", "rank"),
    (
        PublishedColumn("product_id", "text", "The product that is in the cart."),
        _RANK,
        PublishedColumn("other_product_id", "text", "What goes with it."),
        PublishedColumn(
            "score",
            "number",
            "How much likelier, at least, an order with the product has the other than any order; less for two of a kind.",
            "0 to 1",
        ),
        PublishedColumn("orders", "integer", "Orders with both."),
        PublishedColumn("lift", "number", "How many times as many orders hold both as if by chance.", "ratio"),
        _WHY,
    ),
    for_all=True,
)

BUY_AGAIN = Published(
    "buy_again",
    "What a customer has bought and is likely to need again soon, most likely first.",
    ("customer_id", "rank"),
    (
        PublishedColumn("customer_id", "text", "Who."),
        _RANK,
        PublishedColumn("product_id", "text", "What they bought before."),
        PublishedColumn("score", "number", "Chance that they buy it within 28 days.", "0 to 1"),
        PublishedColumn(
            "expected_day", "timestamp", "Start of the day on which it is expected; the night's if overdue."
        ),
        PublishedColumn("interval_days", "number", "Expected time between two purchases.", "days"),
        _WHY,
    ),
)

POPULAR_PRODUCT = Published(
    "popular_product",
    "What is bought most these days, by segment and category.",
    ("segment", "category", "rank"),
    (
        _SEGMENT,
        _CATEGORY,
        _RANK,
        PublishedColumn("product_id", "text", "What to show."),
        PublishedColumn("score", "number", "Share of the segment's recent purchases.", "0 to 1"),
        _WHY,
    ),
    for_all=True,
)

TRENDING_PRODUCT = Published(
    "trending_product",
    "What is bought more in the last two weeks than in the eight before, by more than chance and than the whole shop.",
    ("segment", "category", "rank"),
    (
        _SEGMENT,
        _CATEGORY,
        _RANK,
        PublishedColumn("product_id", "text", "What to show."),
        PublishedColumn("score", "number", "Growth that it has at least, with 95 % confidence.", "ratio"),
        PublishedColumn("growth", "number", "Its share of the orders against its share before.", "ratio"),
        _WHY,
    ),
    for_all=True,
)

COLD_START = Published(
    "cold_start",
    "What to show a visitor of whom nothing is known: some of everything that new customers begin with.",
    ("segment", "rank"),
    (
        _SEGMENT,
        _RANK,
        PublishedColumn("product_id", "text", "What to show."),
        PublishedColumn("score", "number", "How strongly; comparable within one list only."),
        _WHY,
    ),
    for_all=True,
)

PRODUCT_STATE = Published(
    "product_state",
    "Each product as the night saw it; ml.recommend holds its answers against it.",
    ("product_id",),
    (
        PublishedColumn("product_id", "text", "The product."),
        PublishedColumn("category", "text", "Its category; empty: none."),
        PublishedColumn("brand", "text", "Its brand; empty: none."),
        PublishedColumn("price", "number", "Its price.", "shop currency", nullable=True),
        PublishedColumn("title", "text", "Its name as customers see it; its id where it has none."),
        PublishedColumn("available", "boolean", "For sale and not out of stock."),
    ),
    indexes=(("category",),),
    for_all=True,
)

CUSTOMER_SEGMENT = Published(
    "customer_segment",
    "The segment of each customer who has one; ml.recommend finds in it whose lists and rules hold.",
    ("customer_id",),
    (
        PublishedColumn("customer_id", "text", "Who."),
        PublishedColumn("segment", "text", "The shop's own grouping."),
    ),
)
