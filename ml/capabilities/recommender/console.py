"""What a change of the shop's rules does to lists, at once: ``ml.recommend`` obeys a rule from the moment it is written."""

from __future__ import annotations

from ml.core.console import Console, Contributions, Panel, Probe

_SAMPLE = """
SELECT c.customer_id AS who, ARRAY(SELECT r.product_id FROM ml.recommend(c.customer_id, 10) AS r ORDER BY r.rank) AS what
FROM (SELECT customer_id FROM ml.recommendation WHERE rank = 1 AND customer_id >= %(from)s ORDER BY customer_id LIMIT 25) AS c
"""
"""The lists of some customers, from a place in the alphabet on that differs from change to change."""
_STRANGERS = """
SELECT coalesce(nullif(s.segment, ''), '-') AS who,
    ARRAY(SELECT r.product_id FROM ml.recommend(NULL, 10, NULL, NULL, s.segment) AS r ORDER BY r.rank) AS what
FROM (SELECT DISTINCT segment FROM ml.cold_start ORDER BY segment LIMIT 8) AS s
"""

_EVIDENCE = """
SELECT r.rank, r.product_id, r.score, r.source_product_id,
    (SELECT b.score FROM ml.buy_again AS b WHERE b.customer_id = %(key)s AND b.product_id = r.product_id LIMIT 1) AS chance_again,
    (SELECT max(s.score) FROM ml.similar_product AS s
     WHERE s.product_id = r.source_product_id AND s.similar_product_id = r.product_id) AS similarity,
    (SELECT max(t.lift) FROM ml.bought_together AS t
     WHERE t.product_id = r.source_product_id AND t.other_product_id = r.product_id) AS bought_together,
    (SELECT max(p.score) FROM ml.popular_product AS p
     WHERE p.segment = '' AND p.category = '' AND p.product_id = r.product_id) AS share_of_purchases,
    (SELECT max(g.growth) FROM ml.trending_product AS g
     WHERE g.segment = '' AND g.category = '' AND g.product_id = r.product_id) AS growth
FROM ml.recommend(%(key)s, 12) AS r ORDER BY r.rank
"""
"""What the other published tables say of each place of a list: from their indexes."""

LISTS = (
    Probe("Lists of a sample of customers", _SAMPLE, "lists"),
    Probe("Lists of strangers, by segment", _STRANGERS, "lists"),
)
_NIGHT = "Boosts and buries move places in the lists of the next night; pins and exclusions hold from now on."

CONSOLE = Console(
    panels=(Panel("What speaks for each of them", "window", _EVIDENCE),),
    contributions=Contributions("recommendation_part", "products", "base"),
    probes={"rule": LISTS, "category_rule": LISTS},
    later={
        "rule": _NIGHT,
        "category_rule": "The next night makes lists by it; the most per list holds from now on.",
        "reason_template": "The next night writes reasons in these words.",
        "recommender_setting": "The next night writes reasons in this language.",
    },
)
