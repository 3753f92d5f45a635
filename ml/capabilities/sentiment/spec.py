"""What the review sentiment needs, publishes and promises."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from ml.capabilities.sentiment.config import CONFIG
from ml.core.spec import Capability, Example, Gate, Published, PublishedColumn
from ml.text.params import TextParams

LABELS = ("negative", "neutral", "positive")
"""Up to 2 stars, 3 stars, 4 stars and more."""


@dataclass(frozen=True)
class Params(TextParams):
    """Parameters of the review sentiment; the defaults were chosen by cross-validation inside the training texts."""

    mismatch: float = 0.8
    """A text whose chance of the other side is at least this contradicts its stars."""
    aspect_sure: float = 0.25
    """A clause praises or criticises its aspect when its score is at least so far from 0."""
    quote_bytes: int = 160
    learn_aspect_reviews: int = 20
    """A word of fewer clauses is not learned as a word of an aspect."""
    learn_aspect_share: float = 0.6
    """A word is learned for an aspect when at least this share of its clauses speak of it (lower end of 95 %)."""
    trend_days: int = 90
    before_days: int = 365
    """An alert holds the last days against so many before them."""
    alert_days: tuple[int, ...] = (3, 7, 14, 28)
    alert_least: int = 3
    """An alert needs so many bad reviews in the last days."""
    false_alarms: float = 0.05
    """Expected share of false ones among a night's alerts; on an unchanged shop, the chance of a night with any."""


_PRODUCT = PublishedColumn("product_id", "text", "The product.")
_SCORE_UNIT = "-1 to 1"

REVIEW_SENTIMENT = Published(
    "review_sentiment",
    "How the writer of a review feels, by its words.",
    ("review_id",),
    (
        PublishedColumn("review_id", "text", "The review."),
        PublishedColumn("product_id", "text", "Its product; null: about the order as a whole.", nullable=True),
        PublishedColumn("written_at", "timestamp", "When it was written.", "UTC"),
        PublishedColumn(
            "label",
            "text",
            "negative, neutral or positive, as a person marked it, else by its words; without words that the model knows, what the stars say, else neutral.",
        ),
        PublishedColumn("score", "number", "Chance that it is positive less chance that it is negative.", _SCORE_UNIT),
        PublishedColumn("confidence", "number", "Chance that the label is right.", "0 to 1"),
        PublishedColumn(
            "language", "text", "ISO 639-1 code; und: cannot be told; zxx: no words (empty, emoji or numbers only)."
        ),
        PublishedColumn("mismatch", "boolean", "The words say the opposite of the stars."),
        PublishedColumn(
            "reason",
            "text",
            "The words that moved the score: + up, - down; empty: none that the model knows; or that a person marked it.",
        ),
        PublishedColumn(
            "fingerprint",
            "integer",
            "Differs when what was read differs: words, stars, aspect words, a person's label.",
        ),
    ),
    indexes=(("product_id", "written_at"),),
)

REVIEW_ASPECT = Published(
    "review_aspect",
    "What a review is about, and how its writer feels about that.",
    ("review_id", "aspect"),
    (
        PublishedColumn("review_id", "text", "The review."),
        PublishedColumn("aspect", "text", "What a clause speaks of, as named in ml_config.aspect_word."),
        PublishedColumn("product_id", "text", "The review's product; null: about the order as a whole.", nullable=True),
        PublishedColumn("score", "number", "How the clause feels; above 0 praise, below criticism.", _SCORE_UNIT),
        PublishedColumn("quote", "text", "The clause, shortened."),
    ),
    indexes=(("product_id", "aspect"),),
)

PRODUCT_SENTIMENT = Published(
    "product_sentiment",
    "What the reviews of a product say together.",
    ("product_id",),
    (
        _PRODUCT,
        PublishedColumn("n", "integer", "Reviews; equal texts of one account count once."),
        PublishedColumn(
            "score", "number", "Mean score, drawn to the shop's mean where there are few reviews.", _SCORE_UNIT
        ),
        PublishedColumn("low", "number", "The mean lies above this with 97.5 % confidence.", _SCORE_UNIT),
        PublishedColumn("high", "number", "The mean lies below this with 97.5 % confidence.", _SCORE_UNIT),
        PublishedColumn("n_recent", "integer", "Reviews of the last 90 days."),
        PublishedColumn(
            "trend",
            "number",
            "Mean of the last 90 days less that of the 90 before, both drawn as the score is; "
            "null where one has no review.",
            nullable=True,
        ),
        PublishedColumn(
            "praised",
            "text",
            "Up to three aspects that more reviews praise than criticise, by how many more; empty: none.",
        ),
        PublishedColumn("praise_quote", "text", "A clause that praises the first of them; empty: none.", quotes=True),
        PublishedColumn(
            "criticised",
            "text",
            "Up to three aspects that more reviews criticise than praise, by how many more; empty: none.",
        ),
        PublishedColumn(
            "criticism_quote", "text", "A clause that criticises the first of them; empty: none.", quotes=True
        ),
    ),
    indexes=(("score",),),
    for_all=True,
)

PRODUCT_ASPECT = Published(
    "product_aspect",
    "What the reviews of a product say of one aspect, praise and criticism against each other.",
    ("product_id", "aspect"),
    (
        _PRODUCT,
        PublishedColumn("aspect", "text", "What is spoken of, as named in ml_config.aspect_word."),
        PublishedColumn("n", "integer", "Reviews that speak of it; equal texts of one account count once."),
        PublishedColumn("praised", "integer", "Of which praise it."),
        PublishedColumn("criticised", "integer", "Of which criticise it; the rest does neither clearly."),
        PublishedColumn("net", "number", "(praised - criticised) / n.", _SCORE_UNIT),
        PublishedColumn(
            "low", "number", "The net of many more such reviews lies above this with 97.5 % confidence.", _SCORE_UNIT
        ),
        PublishedColumn("high", "number", "It lies below this with 97.5 % confidence.", _SCORE_UNIT),
    ),
    indexes=(("aspect", "net"),),
    for_all=True,
)

SENTIMENT_ALERT = Published(
    "sentiment_alert",
    "A product, or an aspect of one, that turned bad in the last days by more than chance. Empty on most nights.",
    ("product_id", "aspect"),
    (
        PublishedColumn("product_id", "text", "The product; empty: the whole shop."),
        PublishedColumn("aspect", "text", "The aspect; empty: the reviews as a whole."),
        PublishedColumn("days", "integer", "It turned bad within so many days.", "days"),
        PublishedColumn("n", "integer", "Reviews in these days."),
        PublishedColumn("bad", "integer", "Negative ones, or those that criticise the aspect."),
        PublishedColumn("share", "number", "bad of n.", "0 to 1"),
        PublishedColumn("share_before", "number", "The same share in the year before these days.", "0 to 1"),
        PublishedColumn(
            "p_value", "number", "Chance of as many bad ones if nothing had changed, over all spans tried.", "0 to 1"
        ),
        PublishedColumn("q_value", "number", "Expected share of false alerts among those as strong as this.", "0 to 1"),
        PublishedColumn("quote", "text", "What one of them says.", quotes=True),
        PublishedColumn("reason", "text", "The alert in words."),
    ),
    for_all=True,
)

SPEC = Capability(
    name="sentiment",
    title="Review sentiment",
    question="What do customers say, about what, and which product turned bad?",
    package="ml.capabilities.sentiment",
    needs=("review",),
    wants=(),
    publishes=(REVIEW_SENTIMENT, REVIEW_ASPECT, PRODUCT_SENTIMENT, PRODUCT_ASPECT, SENTIMENT_ALERT),
    params=Params(),
    # Words do not age as tastes do: where 28 days have few reviews, older ones judge as well.
    gate=Gate(metric="balanced accuracy", baseline="word list", horizon=timedelta(days=28), enough=200),
    train_schedule="30 4 * * 0",
    draws={"review": ("customer_id", "review_id"), "truth": ("review_id",)},
    examples=(
        Example(
            "What the latest reviews say",
            """
            SELECT s.label, round(s.score::numeric, 2) AS score, s.reason AS words,
                   left(concat_ws(': ', nullif(r.title, ''), r.text), 60) AS review
            FROM ml.review_sentiment s JOIN shop.review r USING (review_id)
            WHERE s.reason <> '' ORDER BY s.written_at DESC, s.review_id LIMIT 3
            """,
        ),
        Example(
            "Products that turned bad",
            """
            SELECT coalesce(nullif(product_id, ''), 'the whole shop') AS product, aspect, bad || ' of ' || n AS bad, reason
            FROM ml.sentiment_alert ORDER BY share - share_before DESC, product_id, aspect LIMIT 3
            """,
        ),
    ),
    headlines={
        "reviews read": "SELECT count(*) FROM ml.review_sentiment",
        "negative ones of the last 28 days": (
            "SELECT count(*) FROM ml.review_sentiment WHERE label = 'negative' AND written_at >= as_of - interval '28 days'"
        ),
        "alerts": "SELECT count(*) FROM ml.sentiment_alert",
    },
    config=CONFIG,
    carries=("review_sentiment", "review_aspect"),
)
