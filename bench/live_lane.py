"""From an INSERT in the shop to its row in the table that the shop reads, beside the limit: an order's (30 s), or --shop service a ticket's (20 s)."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterator

from bench import Options, Row
from bench._stack import Stack, stack
from ml import pipeline
from ml.adapters import postgres
from ml.core.errors import NightshiftError
from ml.core.spec import Capability
from ml.registry import CAPABILITIES
from ml.settings import PROJECT, Settings
from ml.shop.load import load

LIMITS_S = {"service": 20.0}
LIMIT_S = 30.0
_TIMES = 5

_PLACE = """
WITH placed AS (
    INSERT INTO shop."order" (order_id, customer_id, ordered_at, status, total)
    SELECT %(order)s, customer_id, now(), 'placed', 20 FROM shop.customer ORDER BY md5(customer_id || %(order)s) LIMIT 1
    RETURNING order_id)
INSERT INTO shop.order_item (order_id, line_no, product_id, quantity, unit_price)
SELECT order_id, 1, product_id, 2, 10 FROM placed, (SELECT product_id FROM shop.product ORDER BY 1 LIMIT 1) AS one
"""
_ASK = """
INSERT INTO shop.ticket (ticket_id, customer_id, text, opened_at, channel)
SELECT %(order)s, customer_id, 'Where is my parcel?', now(), 'chat' FROM shop.customer ORDER BY md5(customer_id || %(order)s) LIMIT 1
"""


def run(options: Options) -> Iterator[Row]:
    """Seconds on a demo shop of 100,000 customers (quick: 500) a day after its night, by a call and through Airflow."""
    with stack(options) as running:
        settings = running.settings()
        capability = _capability(options)
        customers = 500 if options.quick else 100_000
        report = load(settings, "demo", None, replace=True, customers=customers)
        assert report.last_order is not None
        # The night before the last day: what was ordered on that day is new to the first run.
        pipeline.run_night(settings, report.last_order, capabilities=[capability.name])
        yield from _by_call(settings, capability, customers)
        if capability.name in CAPABILITIES and capability.package.startswith("ml."):
            yield from _by_airflow(running, settings, capability)


def _capability(options: Options) -> Capability:
    """That of --shop, else the first of the registry that has a lane; until there is one, the small one of the tests."""
    found = [spec for spec in CAPABILITIES.values() if spec.live and options.shop in (spec.name, "")]
    if found:
        return found[0]
    sys.path.insert(0, str(PROJECT))
    from tests.live.install import install
    from tests.live.watch.spec import SPEC

    install(options.scratch.absolute() / "live-suites")
    return SPEC


def _by_call(settings: Settings, capability: Capability, customers: int) -> Iterator[Row]:
    first = pipeline.score_new(settings, capability.name)
    orders = postgres.query(settings.shop_url, 'SELECT count(*) AS n FROM shop."order"')[0]["n"]
    limit = LIMITS_S.get(capability.name, LIMIT_S)
    parts = ", ".join(f"{name} {seconds:.1f}" for name, seconds in first["seconds"].items())
    taken = sum(first["seconds"].values())
    yield Row(
        f"lane of {capability.name}: a day's {first['new']:,} rows at once",
        "s",
        taken,
        "limit",
        limit,
        limit / taken,
        note=f"{orders:,} orders of {customers:,} customers are there; {parts}",
    )
    timings: list[dict[str, float]] = []
    seconds = [
        _until_there(
            settings, capability, lambda: timings.append(pipeline.score_new(settings, capability.name)["seconds"])
        )
        for _ in range(_TIMES)
    ]
    parts = ", ".join(f"{name} {statistics.median(t[name] for t in timings):.2f}" for name in timings[0])
    middle = statistics.median(seconds)
    yield Row(
        f"lane of {capability.name}: from INSERT to the row, by a call",
        "s",
        middle,
        "limit",
        limit,
        limit / middle,
        target=None if customers < 1000 else 1.0,
        note=f"longest {max(seconds):.1f} s; {parts}",
    )


def _by_airflow(running: Stack, settings: Settings, capability: Capability) -> Iterator[Row]:
    from cli import environment
    from cli.airflow import Airflow
    from cli.home import Home

    home = Home.find({"NIGHTSHIFT_HOME": str(running.home)})
    port, password = environment.Stack.last(home).ports["airflow"], home.secrets()["airflow_admin_password"]
    airflow = Airflow(f"http://127.0.0.1:{port}", "admin", password)
    dag = f"live_{capability.name}"
    seconds = [_until_there(settings, capability, lambda: airflow.trigger(dag, {})) for _ in range(_TIMES)]
    middle, limit = statistics.median(seconds), LIMITS_S.get(capability.name, LIMIT_S)
    yield Row(
        f"lane of {capability.name}: from INSERT to the row, {dag} triggered",
        "s",
        middle,
        "limit",
        limit,
        limit / middle,
        target=1.0,
        note=f"longest {max(seconds):.1f} s",
    )


def _until_there(settings: Settings, capability: Capability, start: Callable[[], object]) -> float:
    """Place an order or open a ticket, ``start`` the lane, and wait for the row."""
    assert capability.live is not None
    (key,) = next(iter(capability.live.keys.values()))
    order, begun = f"bench {time.time_ns()}", time.perf_counter()
    with postgres.transaction(settings.shop_url) as cursor:
        cursor.execute(_ASK if key == "ticket_id" else _PLACE, {"order": order})
    start()
    look = f"SELECT FROM ml.{capability.live.publishes} WHERE {key} = %s"
    while not postgres.query(settings.database_url, look, (order,)):
        if time.perf_counter() - begun > 10 * LIMIT_S:
            raise NightshiftError("The new row got none.", came=order, do="see ml_ops.live and ml_ops.quarantine")
        time.sleep(0.05)
    return time.perf_counter() - begun
