"""What the demo shop says it planted is in its tables."""

from __future__ import annotations

from datetime import UTC, datetime

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from ml.shop.sources.demo import Options, tables
from ml.shop.sources.demo.catalogue import catalogue
from ml.shop.sources.demo.choice import pick

DAY = 86_400


@pytest.fixture(scope="module")
def shop():
    """A DuckDB with the tables of a shop of 6,000 customers; those of the truth in schema ``demo_truth``."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'; CREATE SCHEMA demo_truth")
        for name, batches in tables(customers=6000, faults=0.0):
            rows = pa.Table.from_batches(batches)
            schema, _, table = name.rpartition(".")
            connection.register("rows", rows)
            connection.execute(f'CREATE TABLE {schema or "main"}."{table}" AS SELECT * FROM rows')
        connection.execute(
            'CREATE VIEW bought AS SELECT * FROM "order" JOIN order_item USING (order_id) JOIN product USING (product_id)'
        )
        yield connection


def one(shop, query: str) -> float:
    """The one number that a query gives."""
    return float(shop.execute(query).fetchone()[0])


def test_picks_follow_the_documented_formula(shop) -> None:
    """Draws for one customer and time have the probabilities that the truth tables give by the formula."""
    t = int(datetime(2025, 7, 1, 12, tzinfo=UTC).timestamp())
    truth = shop.execute(
        f"""
        SELECT sum(theta.weight * phi.weight) * any_value(
            CASE WHEN epoch(sold_from) <= {t} AND {t} < epoch(sold_until) THEN 1 ELSE 0 END
            * (1 - season_strength + season_strength * pow(
                0.5 + 0.5 * cos(2 * pi() * (floor(({t} / {DAY}) % 365.25) - season_peak_day) / 365.25), 2))
            * CASE WHEN half_life_days = 0 THEN 1
              ELSE 0.25 + 0.75 * pow(2, -({t} - epoch(sold_from)) / {DAY} / half_life_days) END) AS p
        FROM demo_truth.customer_taste theta JOIN demo_truth.product_taste phi USING (cluster)
        JOIN demo_truth.product_trait USING (product_id) JOIN product USING (product_id)
        JOIN demo_truth.category_trait USING (category)
        WHERE customer_id = 'C0000000011' GROUP BY product_id ORDER BY product_id
        """
    ).fetchnumpy()["p"]
    expected = np.asarray(truth / truth.sum(), float)
    taste = shop.execute(
        "SELECT cluster, weight FROM demo_truth.customer_taste WHERE customer_id = 'C0000000011' ORDER BY rowid"
    ).fetchnumpy()
    draws = 100_000
    products = catalogue(Options(customers=6000))
    drawn = pick(
        np.random.default_rng(1),
        products,
        np.tile(taste["cluster"], (draws, 1)),
        np.tile(taste["weight"], (draws, 1)),
        np.full(draws, t),
    )
    counted = np.bincount(drawn, minlength=products.products)
    enough = expected * draws > 10
    chi2 = ((counted - expected * draws)[enough] ** 2 / (expected * draws)[enough]).sum()
    assert abs(chi2 / enough.sum() - 1) < 0.5
    assert counted[expected == 0].sum() == 0


def test_popularity_has_a_tail(shop) -> None:
    """A tenth of the products makes half of the sales, as in shops, and not nearly all."""
    top = one(
        shop,
        """WITH sold AS (SELECT product_id, count(*) n FROM bought GROUP BY ALL), ranked AS (
               SELECT n, percent_rank() OVER (ORDER BY n DESC) r FROM sold)
           SELECT sum(n) FILTER (r < 0.1) / sum(n) FROM ranked""",
    )
    assert 0.35 < top < 0.8


def test_activity_is_bounded_and_uneven(shop) -> None:
    """Four to six orders a customer, some customers without any, a few with very many; 20 to 35 events."""
    orders, customers = one(shop, 'SELECT count(*) FROM "order"'), 6000
    assert 3.8 < orders / customers < 6
    assert 20 < one(shop, "SELECT count(*) FROM event") / customers < 35
    assert 0.1 < 1 - one(shop, 'SELECT count(DISTINCT customer_id) FROM "order"') / customers < 0.45
    assert one(shop, 'SELECT max(n) FROM (SELECT count(*) n FROM "order" GROUP BY customer_id)') > 30


def test_seasons_show_in_sales(shop) -> None:
    """Sun care sells in summer, winter jackets in winter, coffee all year."""

    def summer(category: str) -> float:
        half = "avg((month(ordered_at) BETWEEN 4 AND 9)::int)"
        return one(shop, f"SELECT {half} FROM bought WHERE category = '{category}'")

    assert summer("sun care") > 0.8
    assert summer("winter jackets") < 0.25
    assert 0.35 < summer("coffee") < 0.6


def test_repeat_purchases_come_at_their_interval(shop) -> None:
    """Between two purchases in a planted series lies the interval, give or take the jitter."""
    ratio = one(
        shop,
        """WITH gaps AS (SELECT customer_id, product_id, ordered_at, epoch(lead(ordered_at) OVER w - ordered_at) / 86400 gap
               FROM bought WINDOW w AS (PARTITION BY customer_id, product_id ORDER BY ordered_at))
           SELECT median(gap / interval_days) FROM gaps JOIN demo_truth.repeat_purchase r
           ON r.customer_id = gaps.customer_id AND r.product_id = gaps.product_id AND r.started_at = gaps.ordered_at
           WHERE gap IS NOT NULL""",
    )
    assert 0.8 < ratio < 1.1


def test_complements_are_bought_along(shop) -> None:
    """An order with a printer has ink far more often than another."""
    with_it, without = shop.execute(
        """WITH orders AS (SELECT order_id, bool_or(category = 'printers') a, bool_or(category = 'ink') b
               FROM bought GROUP BY ALL)
           SELECT avg(b::int) FILTER (a), avg(b::int) FILTER (NOT a) FROM orders"""
    ).fetchone()
    assert with_it > 0.25
    assert with_it > 3 * without


def test_fraud_is_rare_shared_and_known_late(shop) -> None:
    """About one order in a hundred; rings share devices, but so do families; no label before the third day."""
    frauds = one(shop, "SELECT count(*) FROM demo_truth.fraud_order")
    assert 0.005 < frauds / one(shop, 'SELECT count(*) FROM "order"') < 0.02
    shared = """SELECT f.order_id IS NOT NULL fraud, ring, count(DISTINCT o.customer_id) OVER (PARTITION BY device_id) n
                FROM "order" o LEFT JOIN demo_truth.fraud_order f USING (order_id) WHERE device_id IS NOT NULL"""
    rings, honest = (
        one(shop, f"SELECT avg((n > 1)::int) FROM (SELECT fraud, ring, n FROM ({shared}) WHERE {which})")
        for which in ("ring LIKE 'R%'", "NOT fraud")
    )
    assert rings > 0.4
    assert 0.03 < honest < 0.2
    earliest = """SELECT min(epoch(o.known_at - ordered_at)) / 86400 FROM order_outcome o JOIN "order" USING (order_id)
                  WHERE kind IN ('fraud', 'chargeback')"""
    assert one(shop, earliest) >= 3
    missed = one(shop, "SELECT avg((NOT found)::int) FROM demo_truth.fraud_order")
    assert 0.02 < missed < 0.2


def test_reviews_say_what_was_planted(shop) -> None:
    """Stars follow the sentiment but for the few that contradict; blame falls on the weak aspect; three languages."""
    stars = dict(
        shop.execute(
            """SELECT sentiment, avg(stars) FROM review JOIN demo_truth.review_truth USING (review_id)
               WHERE NOT stars_contradict GROUP BY ALL"""
        ).fetchall()
    )
    assert stars["positive"] > 4.3
    assert 2.5 < stars["mixed"] < 3.5
    assert stars["negative"] < 1.8
    assert 0.01 < one(shop, "SELECT avg(stars_contradict::int) FROM demo_truth.review_truth") < 0.05
    blamed = one(
        shop,
        """SELECT avg((list_contains(string_split(blamed, ','), weak_aspect))::int) FROM demo_truth.review_truth
           JOIN review USING (review_id) JOIN demo_truth.product_trait USING (product_id)
           WHERE weak_aspect <> '' AND blamed <> ''""",
    )
    assert blamed > 0.5
    slow = "text LIKE '%was slow%' OR text LIKE '%three weeks%'"
    query = f"""SELECT avg((list_contains(string_split(blamed, ','), 'delivery'))::int) FROM review
               JOIN demo_truth.review_truth USING (review_id) WHERE {slow}"""
    assert one(shop, query) == 1
    assert one(shop, "SELECT min(n) FROM (SELECT count(*) n FROM demo_truth.review_truth GROUP BY language)") > 100


def test_the_campaign_helps_as_planted(shop) -> None:
    """Visits of the treated less those of the control are the mean of the planted uplift, within the noise of the lot."""
    seen, planted, noise = shop.execute(
        """SELECT avg(v) FILTER (arm = 'email') - avg(v) FILTER (arm = 'control'), avg(visit_treated - visit_control),
               sqrt(var_samp(v) FILTER (arm = 'email') / count(*) FILTER (arm = 'email')
                  + var_samp(v) FILTER (arm = 'control') / count(*) FILTER (arm = 'control'))
           FROM (SELECT *, (visited_at IS NOT NULL)::int v FROM campaign)
           JOIN demo_truth.campaign_uplift USING (campaign_id, customer_id)"""
    ).fetchone()
    assert planted > 0.03
    assert abs(seen - planted) < 3.5 * noise


def test_returns_follow_the_product(shop) -> None:
    """Orders with products that come back easily come back more often."""
    share = """SELECT avg((kind = 'returned')::int) FROM bought JOIN order_outcome USING (order_id)
               JOIN demo_truth.product_trait USING (product_id) WHERE return_probability"""
    assert one(shop, f"{share} > 0.1") > 1.5 * one(shop, f"{share} < 0.05")


def test_some_rows_arrive_late_and_some_products_are_out(shop) -> None:
    """A small share of the orders is known later than placed; some products have no stock at the end."""
    late = 'SELECT avg((known_at IS NOT NULL)::int) FROM "order"'
    assert 0.005 < one(shop, late) < 0.03
    out = """SELECT avg((quantity <= 0)::int) FROM (
                 SELECT arg_max(quantity, counted_at) quantity FROM stock GROUP BY product_id)"""
    assert 0.005 < one(shop, out) < 0.25


def test_neighbours_beat_popularity_and_taste_beats_both(shop) -> None:
    """In the last 28 days, customers buy what others like them bought, and the planted taste knows more still."""
    bought = shop.execute(
        """SELECT customer_id[2:]::int AS who, product_id[2:]::int AS what, ordered_at < '2025-12-04' AS before,
               ordered_at BETWEEN '2025-11-04' AND '2025-12-04' AS lately FROM bought WHERE customer_id IS NOT NULL"""
    ).fetchnumpy()
    who, what, before, lately = (np.asarray(bought[name]) for name in ("who", "what", "before", "lately"))
    shape = 6000, catalogue(Options(customers=6000)).products
    past, future, theta = np.zeros(shape, np.float32), np.zeros(shape, bool), np.zeros((6000, 64))
    past[who[before], what[before]] = 1
    future[who[~before], what[~before]] = True
    known = past.any(axis=1) & future.any(axis=1)
    together = past.T @ past
    length = np.sqrt(np.diag(together)) + 1
    popular = np.bincount(what[lately], minlength=shape[1])
    taste = shop.execute(
        "SELECT customer_id[2:]::int AS who, cluster, weight FROM demo_truth.customer_taste"
    ).fetchnumpy()
    theta[taste["who"], taste["cluster"]] = taste["weight"]
    phi = catalogue(Options(customers=6000)).taste

    def hits(scores) -> float:
        fresh = np.where(past[known] > 0, -1.0, scores)
        best = np.argpartition(-fresh, 10, axis=1)[:, :10]
        return float(np.take_along_axis(future[known], best, axis=1).sum())

    neighbours = hits(past[known] @ (together / np.outer(length, length)))
    assert neighbours > 1.3 * hits(popular[None, :].astype(float))
    assert hits(theta[known][:, : len(phi)] @ phi) > 1.2 * neighbours
