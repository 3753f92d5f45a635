"""What the demo shows at its end: a few rows of each capability, as the shop would read them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rich.markup import escape
from rich.table import Table

from cli.output import err, out
from ml.settings import Settings

CUSTOMERS = """
SELECT r.customer_id FROM ml.recommendation r
JOIN shop."order" o ON o.customer_id = r.customer_id AND o.ordered_at < r.as_of
WHERE r.rank = 1 AND r.source_product_id IS NOT NULL
GROUP BY r.customer_id HAVING count(DISTINCT o.order_id) BETWEEN 2 AND 30
ORDER BY max(o.ordered_at) DESC, md5(r.customer_id) LIMIT 3
"""
ANY_CUSTOMERS = "SELECT DISTINCT customer_id FROM ml.recommendation ORDER BY customer_id LIMIT 3"
BOUGHT = """
SELECT coalesce(p.title, i.product_id) AS title FROM shop."order" o
JOIN shop.order_item i USING (order_id) LEFT JOIN shop.product p USING (product_id)
WHERE o.customer_id = %s AND o.ordered_at < (SELECT max(as_of) FROM ml.recommendation)
GROUP BY 1 ORDER BY max(o.ordered_at) DESC, 1 LIMIT 4
"""
LISTED = """
SELECT r.rank, coalesce(p.title, r.product_id) AS title, r.score, r.reason FROM ml.recommendation r
LEFT JOIN (SELECT DISTINCT ON (product_id) product_id, title FROM shop.product ORDER BY product_id) p USING (product_id)
WHERE r.customer_id = %s ORDER BY r.rank LIMIT 5
"""
SUMMARY = """
SELECT count(*) AS rows, count(DISTINCT customer_id) AS customers, max(model_version) AS version, max(as_of) AS as_of
FROM ml.recommendation
"""
BATCHES = """
SELECT table_name, rows FROM ml_ops.batch WHERE status = 'published' ORDER BY capability, table_name
"""
EXAMPLES = {
    "order_risk": (
        "Orders to look at before they ship",
        """
        SELECT r.order_id AS "order", r.decision, round(100 * r.probability::numeric, 1) || ' %' AS "chance of fraud",
               concat_ws(' ', round(o.total::numeric, 2), to_jsonb(o) ->> 'currency') AS "order value",
               concat_ws(' ', round(r.expected_loss::numeric, 2), to_jsonb(o) ->> 'currency') AS "expected loss", r.reason
        FROM ml.order_risk r LEFT JOIN shop."order" o ON o.order_id::text = r.order_id WHERE r.decision <> 'allow'
        ORDER BY r.expected_loss DESC NULLS LAST, r.anomaly_score DESC, r.order_id LIMIT 3
        """,
    ),
    "review_sentiment": (
        "What the latest reviews say",
        """
        SELECT s.label, round(s.score::numeric, 2) AS score, s.reason AS words,
               left(concat_ws(': ', nullif(r.title, ''), r.text), 60) AS review
        FROM ml.review_sentiment s JOIN shop.review r USING (review_id)
        WHERE s.reason <> '' ORDER BY s.written_at DESC, s.review_id LIMIT 3
        """,
    ),
    "sentiment_alert": (
        "Products that turned bad",
        """
        SELECT coalesce(nullif(product_id, ''), 'the whole shop') AS product, aspect, bad || ' of ' || n AS bad, reason
        FROM ml.sentiment_alert ORDER BY share - share_before DESC, product_id, aspect LIMIT 3
        """,
    ),
}
"""By published table: a title and what is asked."""

Ask = Callable[..., list[dict[str, Any]]]


def show(settings: Settings) -> None:
    """Print the lists of three customers with what they bought before, examples of the other tables, and all tables."""
    from ml.adapters import postgres

    def ask(sql: str, *params: Any) -> list[dict[str, Any]]:
        return postgres.query(settings.database_url, sql, params)

    published = {row["table_name"]: row["rows"] for row in ask(BATCHES)}
    if "recommendation" in published:
        _lists(settings, ask)
    here = settings.shop_url == settings.database_url
    for name, (title, sql) in EXAMPLES.items():
        if name in published and (here or "shop." not in sql) and (rows := ask(sql)):
            out.print(f"\n[bold]{title}[/]")
            table = Table(*rows[0], box=None, pad_edge=False)
            for row in rows:
                table.add_row(*("" if value is None else escape(str(value)) for value in row.values()))
            out.print(table)
    told = ", ".join(f"{name} {count:,}" for name, count in published.items())
    err.print(f"\n[dim]Rows in schema ml: {told}[/]", soft_wrap=True)


def _lists(settings: Settings, ask: Ask) -> None:
    chosen = ask(CUSTOMERS) if settings.shop_url == settings.database_url else []
    for customer in [row["customer_id"] for row in chosen or ask(ANY_CUSTOMERS)]:
        bought = [row["title"] for row in ask(BOUGHT, customer)]
        out.print(f"\n[bold]Customer {escape(customer)}[/] last bought {escape(', '.join(bought)) or 'nothing'}")
        table = Table("rank", "product", "score", "reason", box=None, pad_edge=False)
        for row in ask(LISTED, customer):
            table.add_row(
                str(row["rank"]), escape(row["title"] or ""), f"{row['score']:.3f}", escape(row["reason"] or "")
            )
        out.print(table)
    totals = ask(SUMMARY)[0]
    out.print(
        f"\n[bold]ml.recommendation[/] holds {totals['rows']:,} rows for {totals['customers']:,} customers "
        f"(model version {totals['version']}, as of {totals['as_of']}).",
        soft_wrap=True,
    )
    err.print("[dim]The shop reads it with SELECT * FROM ml.recommendation WHERE customer_id = …[/]")
