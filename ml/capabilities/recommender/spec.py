"""What the recommender needs, publishes and promises."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from ml.capabilities.recommender.config import CONFIG
from ml.capabilities.recommender.published import (
    BOUGHT_TOGETHER,
    BUY_AGAIN,
    COLD_START,
    CUSTOMER_SEGMENT,
    DISCOVERY,
    POPULAR_PRODUCT,
    PRODUCT_STATE,
    RECOMMENDATION,
    RECOMMENDATION_PART,
    SIMILAR_PRODUCT,
    TRENDING_PRODUCT,
)
from ml.core.spec import Capability, Example, Gate


@dataclass(frozen=True)
class Params:
    """Parameters of the recommender; the defaults were chosen on windows before any that is reported.

    The weights of events say what they tell about taste, relative to a purchase.
    """

    top_k: int = 20
    similar_k: int = 20
    neighbours: int = 50
    """Similar products kept per product."""
    weight_cart: float = 0.7
    weight_wish: float = 0.7
    weight_view: float = 0.5
    half_life_days: float = 180.0
    """After so many days an event counts half."""
    popularity_half_life_days: float = 10.0
    shrinkage: float = 10.0
    """As if so many more customers had bought each product and nothing else: few buyers are no proof of likeness."""
    repeat: float = 25.0
    """How strongly a product recommends itself, times the share of its buyers who bought it again."""
    repeat_from: float = 0.05
    """A bought product is shown again when at least this share of its buyers bought it again; above 1: never."""
    popularity: float = 0.2
    """Weight of the most popular product beside a customer's own history."""
    explore_share: float = 0.05
    """Share of a list's places that are drawn by lot, with the probability in the row; 0: none."""
    price_weight: float = 0.0
    """How much a product far from the prices that a customer usually pays is moved down; 0: not."""
    max_per_category: int = 0
    """At most so many of a category in a list, where its category_rule says nothing; 0: any number."""
    depth: int = 60
    """Places that are ranked for each customer: the shop's rules then choose ``top_k`` of them."""
    candidates: int = 80
    """Products that each candidate model proposes to a customer."""
    proposals: int = 32_000_000
    """Most proposals of one model to all customers together: in a larger shop each customer gets fewer, at least 20."""
    learn_customers: int = 200_000
    """Most customers that the item-to-item models, the factors and the topics learn from, drawn by lot."""
    repeats: int = 120
    """Most products of a customer's own history among the candidates."""
    recent_days: float = 60.0
    """Item-kNN of the season looks at so many days."""
    people: int = 200
    """Customers alike whose purchases are looked at."""
    people_days: float = 45.0
    """How far back those purchases may lie."""
    trend_half_life_days: float = 5.0
    linear_products: int = 6000
    """The linear model covers so many products, the most bought: it takes the cube of it in time, the square in memory."""
    linear_penalty: float = 100.0
    linear_half_life_days: float = 90.0
    linear_neighbours: int = 200
    factors: int = 64
    factors_weight: float = 4.0
    """What a purchase adds to the confidence of a pair, which is 1 without one."""
    factors_penalty: float = 5.0
    factors_half_life_days: float = 365.0
    topics: int = 32
    """Kinds of taste."""
    topics_days: float = 60.0
    """How often a product was met in so many days, against always, tells how it sells by now."""
    baseline_half_life_days: float = 365.0
    """After so many days a purchase counts half in the gate's baseline, personal frequency."""
    baseline_popularity: float = 0.3
    """What the most popular product counts in it, beside 1 for a purchase today."""
    sequence_seconds: float = 0.0
    """A sequence model is trained for at most so long, and proposes too; 0: none."""
    ranker: bool = True
    """False: serve the blend."""
    windows: int = 8
    """Windows before the night that the ranker learns from; three are enough of many customers, of few it takes twice as many."""
    window_days: float = 30.0
    window_step_days: float = 12.0
    ranker_customers: int = 12_000
    """Most customers of all windows together that the ranker learns from."""
    judged_customers: int = 50_000
    """Most customers that an evaluation looks at, drawn by lot."""
    negatives: float = 0.25
    """Share of the candidates that were not taken, that the ranker learns from."""
    trees: int = 150
    leaves: int = 63
    learning_rate: float = 0.05
    trials: int = 0
    """Proposals of ``trees``, ``leaves`` and ``learning_rate`` that :mod:`tuning` tries at each training; 0: as they are."""
    tuning_seconds: float = 600.0
    """After so long no further proposal is begun."""


SPEC = Capability(
    name="recommender",
    title="Recommendations",
    question="What should we show this customer next?",
    package="ml.capabilities.recommender",
    needs=("customer", "product", "order", "order_item"),
    wants=("event", "stock", "product_image"),
    publishes=(
        RECOMMENDATION,
        RECOMMENDATION_PART,
        DISCOVERY,
        SIMILAR_PRODUCT,
        BOUGHT_TOGETHER,
        BUY_AGAIN,
        POPULAR_PRODUCT,
        TRENDING_PRODUCT,
        COLD_START,
        PRODUCT_STATE,
        CUSTOMER_SEGMENT,
    ),
    params=Params(),
    gate=Gate(metric="ndcg@10", baseline="personal frequency", horizon=timedelta(days=28)),
    train_schedule="0 4 * * 0",
    draws={"purchase": ("customer_no",), "look": ("customer_no",), "truth": ("customer_id",)},
    thorough={"sequence_seconds": 300.0, "trials": 12},
    examples=(
        Example(
            "What to show a customer",
            """
            SELECT rank, coalesce(p.title, r.product_id) AS product, round(r.score::numeric, 3) AS score, r.reason
            FROM ml.recommendation r
            LEFT JOIN (SELECT DISTINCT ON (product_id) product_id::text AS product_id, title FROM shop.product ORDER BY product_id) p
                USING (product_id)
            WHERE r.customer_id = %s ORDER BY r.rank LIMIT 5
            """,
            each="""
            WITH chosen AS (
                SELECT r.customer_id, max(o.ordered_at) AS last_at FROM ml.recommendation r
                JOIN shop."order" o ON o.customer_id::text = r.customer_id AND o.ordered_at < r.as_of
                WHERE r.rank = 1 AND r.source_product_id IS NOT NULL
                GROUP BY r.customer_id HAVING count(DISTINCT o.order_id) BETWEEN 2 AND 30
                ORDER BY max(o.ordered_at) DESC, md5(r.customer_id) LIMIT 2
            ), bought AS (
                SELECT c.customer_id, coalesce(p.title, i.product_id::text) AS title, max(o.ordered_at) AS at FROM chosen c
                JOIN shop."order" o ON o.customer_id::text = c.customer_id AND o.ordered_at < (SELECT max(as_of) FROM ml.recommendation)
                JOIN shop.order_item i USING (order_id) LEFT JOIN shop.product p USING (product_id) GROUP BY 1, 2
            )
            SELECT c.customer_id AS key, concat('Customer ', c.customer_id, ' last bought ',
                (SELECT string_agg(title, ', ' ORDER BY at DESC, title)
                 FROM (SELECT title, at FROM bought b WHERE b.customer_id = c.customer_id ORDER BY at DESC, title LIMIT 4) x)) AS title
            FROM chosen c ORDER BY c.last_at DESC, md5(c.customer_id)
            """,
        ),
        Example(
            "The surest recommendations",
            """
            SELECT customer_id AS customer, product_id AS product, round(score::numeric, 3) AS score, reason
            FROM ml.recommendation WHERE rank = 1 ORDER BY score DESC, customer_id LIMIT 3
            """,
        ),
    ),
    headlines={
        "customers with a list": "SELECT count(DISTINCT customer_id) FROM ml.recommendation",
        "share of them with a list of their own, not of what is popular": (
            "SELECT coalesce(avg(own::int), 0) FROM (SELECT bool_or(reason_code NOT IN "
            "('popular', 'segment', 'range', 'explore', 'pinned')) AS own FROM ml.recommendation GROUP BY customer_id) AS c"
        ),
        "products that are in a list": "SELECT count(DISTINCT product_id) FROM ml.recommendation",
    },
    config=CONFIG,
    functions=("ml.contract:on_sale.sql", "live.sql"),
)
