"""What is said of products: means, trends, aspects, and alerts."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import fisher_exact, hypergeom

from ml.capabilities.sentiment import alerts, products
from ml.capabilities.sentiment.alerts import Counts
from ml.capabilities.sentiment.opinion import Opinions
from ml.capabilities.sentiment.spec import Params
from tests.capabilities.sentiment.reviews import features, published, taught

BAD = ("Delivery was late again.", "The courier took three weeks.", "The shipping was slow.")
FINE = (
    "Delivery was fast.",
    "The quality is excellent.",
    "The price is fair.",
    "Very happy with it.",
    "The fit is perfect.",
)


def shop(rng, n_products=1000, per_day=0.15, days=400, bad=0.1):
    """An unchanged shop: each day each product may get a review, of which a tenth are bad, about one of two aspects."""
    n = rng.poisson(n_products * per_day * days)
    negative = rng.random(n) < bad
    return Opinions(
        [f"p{i:04d}" for i in range(n_products)],
        rng.integers(0, n_products, n),
        rng.integers(0, days, n),
        np.where(negative, -1.0, 1.0),
        negative,
        np.ones(n, bool),
        ["delivery", "quality"],
        np.arange(n),
        rng.integers(0, 2, n),
        np.where(negative, -0.9, 0.9),
        pa.array([""] * n),
    )


def test_an_unchanged_shop_has_no_more_alarms_than_stated():
    """Of 40 nights of 1,000 unchanged products at most so many have an alert as chance allows (0.1 %) at the stated rate."""
    rng, params = np.random.default_rng(3), Params()
    nights = sum(bool(len(alerts.rows(shop(rng), params)["product_id"])) for _ in range(40))
    assert nights <= 7  # binomial(40, 0.05): more with a chance of 0.001


@pytest.mark.parametrize("seed", range(3))
def test_a_product_that_breaks_is_told_within_three_nights(seed):
    """One of 200 products is delivered late from day D on: an alert names it and its delivery by the third night, and no other."""
    rng = np.random.default_rng(seed)
    rows = [
        {"product": f"p{p:03d}", "ago": int(ago), "text": str(rng.choice(FINE if rng.random() < 0.93 else BAD))}
        for p in range(200)
        for ago in rng.integers(3, 200, 40)
    ]
    rows += [{"product": "p007", "ago": ago, "text": text} for ago in range(3) for text in BAD]
    alerts = published(taught(), features(rows))["sentiment_alert"].to_pylist()
    by_key = {(row["product_id"], row["aspect"]): row for row in alerts}
    assert ("p007", "delivery") in by_key
    assert {product for product, _ in by_key} <= {"p007", ""}
    alert = by_key["p007", "delivery"]
    assert alert["bad"] >= 9
    assert any(alert["quote"].startswith(text[:-1]) for text in BAD)


def test_p_values_are_fishers():
    """Each p-value is that of Fisher's exact test, one-sided, and the least possible one that of the most extreme table."""
    rng = np.random.default_rng(0)
    n, n_before = rng.integers(1, 12, 40), rng.integers(0, 60, 40)
    bad, bad_before = rng.binomial(n, 0.5), rng.binomial(n_before, 0.2)
    tests = Counts(*(part.reshape(8, 5) for part in (n, bad, n_before, bad_before)))
    p, least = alerts.p_value(tests).ravel(), alerts.least_p_value(tests).ravel()
    for i in range(40):
        table = [[bad[i], n[i] - bad[i]], [bad_before[i], n_before[i] - bad_before[i]]]
        expected = fisher_exact(table, alternative="greater").pvalue
        higher = bad[i] * n_before[i] > bad_before[i] * n[i]
        assert p[i] == pytest.approx(expected if higher else 1.0, rel=1e-6)
        whole, k = n[i] + n_before[i], bad[i] + bad_before[i]
        assert least[i] == pytest.approx(hypergeom.pmf(min(n[i], k), whole, k, n[i]), rel=1e-6)


def test_few_reviews_are_drawn_to_the_shop():
    """A product with one bad review stands nearer to the shop's mean than one with many, and its interval is wider."""
    rows = [{"product": "few", "text": "Very disappointed."}]
    rows += [{"product": "many", "text": "Very disappointed."} for _ in range(40)]
    rows += [{"product": f"good{i}", "text": "Very happy with it."} for i in range(8) for _ in range(20)]
    by_product = {
        row["product_id"]: row for row in published(taught(), features(rows))["product_sentiment"].to_pylist()
    }
    assert by_product["many"]["score"] < by_product["few"]["score"] < by_product["good0"]["score"]
    width = {name: row["high"] - row["low"] for name, row in by_product.items()}
    assert width["few"] > width["many"]
    assert all(row["low"] <= row["score"] <= row["high"] for row in by_product.values())


def test_intervals_hold_what_they_promise():
    """Of 4,000 products with 2 to 30 reviews, 94 to 96 of 100 intervals hold the product's true mean."""
    rng, m = np.random.default_rng(1), 4_000
    truth = rng.normal(0.3, 0.2, m)
    product = np.repeat(np.arange(m), rng.integers(2, 31, m))
    score = truth[product] + rng.normal(0, 0.5, len(product))
    drawn = products.shrinkage(product, score, m)
    n, total = np.bincount(product, minlength=m), np.bincount(product, score, minlength=m)
    mean, half = products.shrunk(n, total, drawn)
    assert 0.94 <= (np.abs(mean - truth) <= half).mean() <= 0.96


def test_top_aspects_and_trend_by_hand():
    """The aspects named most come first with a quote of the first; the trend is null without reviews in both quarters."""
    rows = [
        {"product": "a", "ago": 10, "text": "The quality is excellent."},
        {"product": "a", "ago": 20, "text": "The quality is excellent but delivery was late again."},
        {"product": "a", "ago": 100, "text": "The price is fair."},
        {"product": "b", "ago": 100, "text": "Very happy with it."},
    ]
    by_product = {
        row["product_id"]: row for row in published(taught(), features(rows))["product_sentiment"].to_pylist()
    }
    assert (by_product["a"]["n"], by_product["a"]["n_recent"], by_product["b"]["n_recent"]) == (3, 2, 0)
    assert (by_product["a"]["praised"], by_product["a"]["praise_quote"]) == (
        "quality, price",
        "The quality is excellent",
    )
    assert (by_product["a"]["criticised"], by_product["a"]["criticism_quote"]) == (
        "delivery",
        "but delivery was late again",
    )
    assert by_product["a"]["trend"] is not None
    assert by_product["b"]["trend"] is None
