"""Order risk between nights: what the lane says of an order is what the night says."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta

from ml import pipeline
from ml.adapters import postgres
from ml.capabilities.risk.sample import AS_OF, sample
from ml.settings import Settings
from tests.contract.cases import SEED, whole
from tests.small_shop import execute, fill

ROWS = "SELECT * FROM ml.order_risk WHERE batch_id"
RING = "INSERT INTO ml_config.risk_list (kind, entity, value) SELECT 'deny', 'device', device_id FROM shop.\"order\" "


def test_an_order_is_judged_between_nights_as_by_the_night(settings: Settings) -> None:
    """Scored hour by hour, each new order has the row that the next night gives it among all, deny list included."""
    tables = sample(SEED).tables
    fill(settings.shop_url, dict.fromkeys(tables, ()))
    with closing(postgres.connect(settings.shop_url)) as connection, connection:
        for name, table in tables.items():
            postgres.copy_arrow(connection, "shop", name, whole(name, table).to_batches())
    day = timedelta(days=1)
    first = AS_OF.date() - 2 * day
    pipeline.run_night(settings, first, capabilities=["risk"])
    before = {row["order_id"] for row in postgres.query(settings.database_url, f"{ROWS} > 0")}
    execute(settings.shop_url, RING + "WHERE ordered_at >= '2025-05-30Z' AND device_id IS NOT NULL LIMIT 1")
    start = AS_OF - 2 * day
    reports = [pipeline.score_new(settings, "risk", as_of=start + timedelta(hours=h)) for h in (5, 14, 24)]
    assert all(one["scored"] for one in reports)
    lane = {row["order_id"]: row for row in postgres.query(settings.database_url, f"{ROWS} < 0")}
    assert {row["decision"] for row in lane.values() if row["rule"]} == {"block"}
    pipeline.run_night(settings, first + day, capabilities=["risk"])
    night = {row["order_id"]: row for row in postgres.query(settings.database_url, f"{ROWS} > 0")}
    assert set(lane) == set(night) - before
    of_it = ("batch_id", "as_of", "model_version")
    for order, row in lane.items():
        assert row["model_version"] == night[order]["model_version"]
        ours, theirs = ({n: v for n, v in r.items() if n not in of_it} for r in (row, night[order]))
        assert ours == theirs
