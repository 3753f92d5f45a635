"""What the recommender needs, publishes and promises."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from ml.core.spec import Capability, Gate, Published, PublishedColumn


@dataclass(frozen=True)
class Params:
    """Parameters of the recommender; the defaults were chosen on windows before any that is reported.

    The weights of events say what they tell about taste, relative to a purchase.
    """

    top_k: int = 20
    similar_k: int = 20
    neighbours: int = 50
    """Similar products kept per product."""
    weight_purchase: float = 1.0
    weight_cart: float = 0.3
    weight_wish: float = 0.3
    weight_view: float = 0.1
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
    depth: int = 60
    """Places that are ranked for each customer: the shop's rules then choose ``top_k`` of them."""
    candidates: int = 80
    """Products that each candidate model proposes to a customer."""
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
    baseline_half_life_days: float = 365.0
    """After so many days a purchase counts half in the gate's baseline, personal frequency."""
    baseline_popularity: float = 0.3
    """What the most popular product counts in it, beside 1 for a purchase today."""
    ranker: bool = True
    """False: serve the blend."""
    windows: int = 8
    """Windows before the night that the ranker learns from."""
    window_days: float = 30.0
    window_step_days: float = 12.0
    ranker_customers: int = 12_000
    """Most customers of all windows together that the ranker learns from."""
    negatives: float = 0.25
    """Share of the candidates that were not taken, that the ranker learns from."""
    trees: int = 150
    leaves: int = 63
    learning_rate: float = 0.05


RECOMMENDATION = Published(
    "recommendation",
    "What to show a customer: the best products, best first.",
    ("customer_id", "rank"),
    (
        PublishedColumn("customer_id", "text", "Who."),
        PublishedColumn("rank", "integer", "1 is best."),
        PublishedColumn("product_id", "text", "What to show."),
        PublishedColumn("score", "number", "How strongly; comparable within one customer's list only."),
        PublishedColumn("reason", "text", "Why, in words."),
        PublishedColumn(
            "source_product_id", "text", "The product that the reason names; null for popularity.", nullable=True
        ),
    ),
)

SIMILAR_PRODUCT = Published(
    "similar_product",
    "Products that the same customers buy and look at.",
    ("product_id", "rank"),
    (
        PublishedColumn("product_id", "text", "The product that is looked at."),
        PublishedColumn("rank", "integer", "1 is most similar."),
        PublishedColumn("similar_product_id", "text", "What goes with it."),
        PublishedColumn("score", "number", "Similarity.", "0 to 1"),
        PublishedColumn("reason", "text", "Why, in words."),
    ),
)

SPEC = Capability(
    name="recommender",
    title="Recommendations",
    question="What should we show this customer next?",
    package="ml.capabilities.recommender",
    needs=("customer", "product", "order", "order_item"),
    wants=("event", "stock"),
    publishes=(RECOMMENDATION, SIMILAR_PRODUCT),
    params=Params(),
    gate=Gate(metric="ndcg@10", baseline="personal frequency", horizon=timedelta(days=28)),
    train_schedule="0 4 * * 0",
)
