"""Every reason of a night against the shop's own rows, by SQL that shares nothing with the models: true or not.

The other opinion on :mod:`ml.capabilities.recommender.reasons`: it reads the English words of a row, and asks the tables of
the shop whether they hold for that customer, that product and that night.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import duckdb
import pyarrow as pa

from ml.contract.goods import SERVICES, TITLE
from ml.contract.vocabulary import statuses

_KNOWN = """
CREATE TABLE good AS SELECT product_id FROM product
WHERE NOT regexp_matches(lower(coalesce(nullif(title, ''), product_id)), $fee)
  AND NOT (active IS FALSE AND coalesce(lower(category) IN (SELECT unnest($services)), false));
CREATE TABLE sold AS
SELECT o.order_id, o.customer_id, i.product_id, epoch(o.ordered_at) AS placed,
       floor((epoch($as_of) - 1 - epoch(o.ordered_at)) / 86400)::BIGINT AS age
FROM "order" AS o JOIN order_item AS i USING (order_id) SEMI JOIN good USING (product_id)
WHERE o.ordered_at < $as_of AND (o.known_at IS NULL OR o.known_at < $as_of)
  AND coalesce(o.status IN (SELECT unnest($bought)), true) AND i.quantity > 0 AND i.unit_price > 0;

-- What a customer bought, on how many days, and how old the first and the last are.
CREATE TABLE mine AS
SELECT customer_id, product_id, count(DISTINCT age) AS days, max(age) AS first, min(age) AS last
FROM sold WHERE customer_id IS NOT NULL GROUP BY ALL;
CREATE TABLE product_fact AS
SELECT p.product_id, coalesce(nullif(p.title, ''), p.product_id) AS title, coalesce(p.category, '') AS category,
       least(epoch(p.listed_at), s.first_at) AS since, m.gap
FROM product AS p
LEFT JOIN (SELECT product_id, min(placed) AS first_at FROM sold GROUP BY ALL) AS s USING (product_id)
LEFT JOIN (SELECT product_id, sum(first - last) / sum(days - 1) AS gap FROM mine WHERE days > 1
           GROUP BY ALL HAVING count(*) >= 3) AS m USING (product_id);
CREATE TABLE month_orders AS
SELECT coalesce(c.segment, '') AS segment, s.product_id, count(DISTINCT s.order_id) AS orders
FROM sold AS s LEFT JOIN customer AS c USING (customer_id) WHERE s.age < 30 GROUP BY ALL;
CREATE TABLE popular AS
WITH shop AS (SELECT product_id, sum(orders) AS orders FROM month_orders GROUP BY ALL)
SELECT NULL AS segment, product_id FROM shop WHERE orders >= greatest(3, (SELECT avg(orders) FROM shop))
UNION ALL
SELECT segment, product_id FROM month_orders AS m
WHERE segment <> '' AND orders >= greatest(3, (SELECT avg(orders) FROM month_orders AS x WHERE x.segment = m.segment));
CREATE TABLE looked AS SELECT DISTINCT customer_id, product_id FROM event
WHERE occurred_at < $as_of AND (known_at IS NULL OR known_at < $as_of) AND kind IN ('view', 'cart', 'wish');
"""

PERSONAL = r"""
WITH shown AS (SELECT *, try_cast(regexp_extract(reason, ' (\d+) days', 1) AS BIGINT) AS n FROM listed)
SELECT l.reason_code, l.reason, l.customer_id, l.product_id, l.source_product_id, CASE
    WHEN l.reason_code = 'again' AND l.reason = 'because you bought it before' THEN o.days > 0
    WHEN l.reason_code = 'again' AND l.reason LIKE 'because you bought it % days ago' THEN o.last + 1 = l.n
    WHEN l.reason_code = 'again' AND l.reason LIKE 'its buyers need it again about every % days'
        THEN o.days > 0 AND abs(p.gap - l.n) <= 0.5 AND o.last <= 2 * p.gap
    WHEN l.reason_code = 'again' AND l.reason LIKE 'bought again about every %'
        THEN o.days > 2 AND o.last <= 2 * (o.first - o.last) / (o.days - 1)
             AND abs((o.first - o.last) / (o.days - 1) - coalesce(l.n, 1)) <= 0.5
    WHEN l.reason_code = 'because' THEN s.days > 0 AND l.reason = 'because you bought ' || t.title
    WHEN l.reason_code = 'looked' THEN k.product_id IS NOT NULL AND l.reason = 'because you looked at ' || t.title
    WHEN l.reason_code = 'category' THEN p.since >= epoch($as_of) - 60 * 86400 AND l.reason LIKE 'new in ' || p.category || ',%'
        AND EXISTS (SELECT 1 FROM mine AS x JOIN product_fact AS y USING (product_id)
                    WHERE x.customer_id = l.customer_id AND y.category = p.category)
    WHEN l.reason_code = 'popular' THEN l.product_id IN (SELECT product_id FROM popular WHERE segment IS NULL)
    WHEN l.reason_code = 'segment' THEN l.reason = 'popular with ' || c.segment || ' customers this month'
        AND EXISTS (SELECT 1 FROM popular AS x WHERE x.segment = c.segment AND x.product_id = l.product_id)
    ELSE l.reason_code IN ('explore', 'pinned', 'range') END AS holds
FROM shown AS l
LEFT JOIN mine AS o ON o.customer_id = l.customer_id AND o.product_id = l.product_id
LEFT JOIN mine AS s ON s.customer_id = l.customer_id AND s.product_id = l.source_product_id
LEFT JOIN looked AS k ON k.customer_id = l.customer_id AND k.product_id = l.source_product_id
LEFT JOIN product_fact AS p ON p.product_id = l.product_id
LEFT JOIN product_fact AS t ON t.product_id = l.source_product_id
LEFT JOIN customer AS c ON c.customer_id = l.customer_id
"""

_PAIRS = {
    "bought_together": """
SELECT 'together' AS reason_code, reason, product_id, other_product_id AS source_product_id,
       (SELECT count(*) FROM (SELECT order_id FROM sold WHERE product_id = l.product_id
                              INTERSECT SELECT order_id FROM sold WHERE product_id = l.other_product_id)) >= 3
       AND reason = 'often bought together with ' || t.title AS holds
FROM listed AS l JOIN product_fact AS t USING (product_id)""",
    "similar_product": """
WITH met AS (SELECT DISTINCT customer_id, product_id FROM sold WHERE customer_id IS NOT NULL UNION SELECT * FROM looked)
SELECT 'similar' AS reason_code, reason, product_id, similar_product_id AS source_product_id,
       CASE WHEN reason = 'similar to ' || t.title THEN t.category = o.category OR '' IN (t.category, o.category)
            ELSE (SELECT count(*) FROM met AS a JOIN met AS b USING (customer_id)
                  WHERE a.product_id = l.product_id AND b.product_id = l.similar_product_id) >= 2 END AS holds
FROM listed AS l JOIN product_fact AS t USING (product_id)
JOIN product_fact AS o ON o.product_id = l.similar_product_id""",
    "popular_product": """
SELECT 'popular' AS reason_code, reason, product_id, CASE
    WHEN reason = 'popular this month' THEN product_id IN (SELECT product_id FROM popular WHERE segment IS NULL)
    WHEN reason = 'from our range' THEN true
    ELSE EXISTS (SELECT 1 FROM popular AS x WHERE x.segment = l.segment AND x.product_id = l.product_id) END AS holds
FROM listed AS l""",
    "trending_product": """
SELECT 'trending' AS reason_code, reason, product_id,
       (SELECT count(DISTINCT order_id) FILTER (age < 14) * 4 > count(DISTINCT order_id) FILTER (age BETWEEN 14 AND 69)
        FROM sold AS s LEFT JOIN customer AS c USING (customer_id)
        WHERE s.product_id = l.product_id AND l.segment IN ('', c.segment)) OR p.since > epoch($as_of) - 70 * 86400 AS holds
FROM listed AS l JOIN product_fact AS p USING (product_id)""",
    "cold_start": """
WITH begun AS (SELECT s.product_id, coalesce(c.segment, '') AS segment, s.order_id FROM sold AS s
               LEFT JOIN (SELECT customer_id, max(age) AS oldest FROM sold GROUP BY ALL) AS f USING (customer_id)
               LEFT JOIN customer AS c USING (customer_id)
               WHERE s.age < 90 AND (s.customer_id IS NULL OR s.age = f.oldest))
SELECT 'cold' AS reason_code, reason, product_id, CASE
    WHEN reason = 'popular this month' THEN product_id IN (SELECT product_id FROM popular WHERE segment IS NULL)
    WHEN reason = 'from our range' THEN true
    WHEN reason = 'what new customers choose first' THEN (SELECT count(DISTINCT order_id) FROM begun AS b
        WHERE b.product_id = l.product_id AND l.segment IN ('', b.segment)) >= 3
    ELSE EXISTS (SELECT 1 FROM popular AS x WHERE x.segment = l.segment AND x.product_id = l.product_id) END AS holds
FROM listed AS l""",
}
"""Of the tables that are not about a customer: the same for each."""


class Checker:
    """The tables of a shop at one night, as DuckDB sees them.

    Parameters
    ----------
    tables : mapping of str to pyarrow.Table
        Clean contract tables with all their columns.
    as_of : datetime
        The night.
    """

    def __init__(self, tables: Mapping[str, pa.Table], as_of: datetime) -> None:
        self.db, self.as_of = duckdb.connect(), as_of
        self.db.execute("SET TimeZone = 'UTC'")
        for name, table in tables.items():
            self.db.register(f"{name}_", table)
            self.db.execute(f'CREATE VIEW "{name}" AS FROM "{name}_"')
        if "event" not in tables:
            self.db.execute(
                "CREATE TABLE event (customer_id TEXT, product_id TEXT, kind TEXT, occurred_at TIMESTAMPTZ, known_at TIMESTAMPTZ)"
            )
        for statement in _KNOWN.split(";\n"):
            given = {"as_of": as_of, "bought": list(statuses(purchase=True)), "fee": TITLE, "services": list(SERVICES)}
            used = {name: value for name, value in given.items() if f"${name}" in statement}
            if statement.strip():
                self.db.execute(statement, used)

    def rows(self, name: str, listed: pa.Table) -> list[dict[str, Any]]:
        """Each row of a published table with ``holds``: whether its reason is true."""
        if name == "buy_again":
            listed = listed.append_column("reason_code", pa.array(["again"] * len(listed)))
            listed = listed.append_column("source_product_id", pa.nulls(len(listed), pa.string()))
        sql = _PAIRS.get(name, PERSONAL)
        self.db.register("listed", listed)
        used = {"as_of": self.as_of} if "$as_of" in sql else {}
        result = self.db.execute(sql, used)
        names = [column[0] for column in result.description or ()]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


REASONED = ("recommendation", "discovery", "buy_again", *_PAIRS)
"""Published tables whose rows have a reason."""


def untrue(tables: Mapping[str, pa.Table], as_of: datetime, published: Mapping[str, pa.Table]) -> list[dict[str, Any]]:
    """The rows of a night whose reason does not hold, with the table that they are from."""
    checker = Checker(tables, as_of)
    return [
        {"table": name} | row
        for name in REASONED
        for row in checker.rows(name, published[name])
        if row["holds"] is not True
    ]
