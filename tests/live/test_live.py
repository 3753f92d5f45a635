"""The lane between nights: a new order has its row within one run, one row an order, whatever happens."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

import pytest

from ml import pipeline
from ml.adapters import postgres
from ml.adapters.books import locks
from ml.adapters.lake import Lake
from ml.adapters.shop.extract import catalog
from ml.adapters.shop.select import Shop as Reading
from ml.contract.tables import TABLES
from ml.core.errors import ArtifactError, Busy, ContractError, DataRefused, NightshiftError
from ml.pipeline.lane import score_new
from ml.settings import PROJECT
from tests.live.conftest import NIGHT, Shop, at
from tests.live.install import POINTS
from tests.live.watch.spec import SPEC


def test_a_new_order_gets_its_row_beside_the_batch(watched: Shop) -> None:
    """A new order is scored once by the model that serves, from what the night and the lane know together."""
    before = watched.seen()
    watched.place("n1", at(10), items=3)
    watched.add("payment", payment_id="b1", order_id="n1", method="card", amount=6, paid_at=at(10.01))

    report = watched.run(10.1)

    assert (report["status"], report["new"], report["scored"], report["quarantined"]) == ("done", 1, 1, 0)
    rows = watched.seen()
    assert {key: row for key, row in rows.items() if key != "n1"} == before
    row = rows["n1"]
    assert (row["orders"], row["items"], row["paid"]) == (1, 3, 6)
    assert (row["batch_id"], row["model_version"], row["as_of"]) == (-report["run"], 1, at(10.1))
    assert watched.run(10.2)["new"] == 0
    assert watched.seen() == rows


def test_windows_see_the_orders_of_the_last_minutes(watched: Shop) -> None:
    """What earlier runs read is history for later ones, and what comes later does not change a row."""
    for number in (1, 2, 3):
        watched.place(f"n{number}", at(10 + number / 10))
        assert watched.run(10.05 + number / 10)["new"] == 1
    assert [watched.new()[f"n{number}"]["orders"] for number in (1, 2, 3)] == [1, 2, 3]


def test_the_lane_and_the_night_give_an_order_the_same_row(watched: Shop) -> None:
    """What the next night publishes of an order is what the lane published of it, with another origin."""
    for number in range(6):
        watched.place(f"n{number}", at(8 + number), items=1 + number % 3, customer_id=f"c{number % 2}")
    watched.run(20)
    lane = watched.new()
    watched.night(NIGHT + timedelta(days=1))
    night = watched.seen("batch_id > 0")
    origin = {"batch_id", "as_of", "model_version"}
    assert len(lane) == 6
    for key, row in lane.items():
        assert {k: v for k, v in night[key].items() if k not in origin} == {
            k: v for k, v in row.items() if k not in origin
        }


def test_nothing_new_is_done_at_once(watched: Shop) -> None:
    """Without a new row no model is loaded and the view stays as it is."""
    before = watched.seen()
    report = watched.run(1)
    assert (report["new"], report["scored"], report["version"]) == (0, 0, None)
    assert "features" not in report["seconds"]
    assert watched.seen() == before


def test_an_order_that_changes_is_scored_again(watched: Shop) -> None:
    """A new line, a payment or another status of a new order is another input; the same input is not scored twice."""
    watched.place("n1", at(10))
    watched.run(10.1)
    watched.add("order_item", order_id="n1", line_no=7, product_id="p2", quantity=4, unit_price=1)
    report = watched.run(10.2)
    assert (report["new"], report["scored"]) == (1, 1)
    assert (watched.new()["n1"]["items"], watched.new()["n1"]["as_of"]) == (5, at(10.2))
    watched.add("payment", payment_id="b1", order_id="n1", method="card", amount=6, paid_at=at(10.21))
    assert watched.run(10.3)["new"] == 1
    assert watched.new()["n1"]["paid"] == 6
    assert watched.run(10.4)["new"] == 0


def test_an_order_that_is_not_to_be_scored_any_more_goes(watched: Shop) -> None:
    """A cancelled order loses its row, is not looked at again and again, and comes back when it is taken up again."""
    watched.place("n1", at(10))
    watched.run(10.1)
    watched.execute("UPDATE shop.\"order\" SET status = 'cancelled' WHERE order_id = 'n1'")
    report = watched.run(10.2)
    assert (report["new"], report["scored"], report["dropped"]) == (1, 0, 1)
    assert watched.new() == {}
    assert watched.run(10.3)["new"] == 0
    watched.execute("UPDATE shop.\"order\" SET status = 'paid' WHERE order_id = 'n1'")
    assert watched.run(10.4)["scored"] == 1
    assert set(watched.new()) == {"n1"}


def test_asked_again_everything_new_is_scored_again(watched: Shop) -> None:
    """By hand, after another model was promoted, all new orders are scored by it."""
    watched.place("n1", at(10))
    first = watched.run(10.1)
    report = watched.run(10.2, again=True)
    assert (report["new"], report["scored"]) == (1, 1)
    assert watched.new()["n1"]["batch_id"] == -report["run"] != -first["run"]


@pytest.mark.parametrize(
    ("statement", "refused"),
    [
        (
            "UPDATE shop.order_item SET unit_price = 1e9 WHERE order_id = 'bad'",
            [("order_item", "bad/0", "unit_price below 10000000.0")],
        ),
        (
            "UPDATE shop.\"order\" SET ordered_at = '2031-01-01Z' WHERE order_id = 'bad'",
            [("order", "bad", "ordered_at not in the future"), ("order_item", "bad/0", "order_id is in order")],
        ),
        (
            'INSERT INTO shop."order" SELECT * FROM shop."order" WHERE order_id = \'bad\'',
            [("order", "bad", "unique order_id")],
        ),
        (
            "UPDATE shop.\"order\" SET total = 1e12, email = repeat('x', 200000) WHERE order_id = 'bad'",
            [
                ("order", "bad", "total below 100000000.0"),
                ("order_item", "bad/0", "order_id is in order"),
            ],
        ),
    ],
    ids=["price beyond bounds", "in the future", "twice", "total beyond bounds"],
)
def test_a_broken_order_goes_to_quarantine_and_the_others_on(watched: Shop, statement, refused) -> None:
    """The rules of the night hold: a broken row is set aside with its rule, and the other new orders get their rows."""
    watched.place("good", at(10))
    watched.place("bad", at(10))
    watched.execute(statement)
    report = watched.run(10.1)
    assert watched.quarantine() == refused
    assert report["quarantined"] == len({key for _, key, _ in refused})
    orders = {key for table, key, rule in refused if table == "order" and "unique" not in rule}
    assert set(watched.new()) == {"good", "bad"} - orders
    watched.run(10.2)
    assert watched.quarantine() == refused


def test_a_mended_order_is_scored(watched: Shop) -> None:
    """What was in quarantine is judged again at each run."""
    watched.place("n1", at(10), total=-5)
    assert watched.run(10.1)["scored"] == 0
    watched.execute("UPDATE shop.\"order\" SET total = 5 WHERE order_id = 'n1'")
    assert watched.run(10.2)["scored"] == 1
    assert watched.quarantine() == []


def test_an_order_without_a_time_is_shown(watched: Shop) -> None:
    """A new order whose time is missing is set aside, not overlooked."""
    watched.execute('ALTER TABLE shop."order" ALTER ordered_at DROP NOT NULL')
    watched.place("n1", None)
    watched.run(10.1)
    assert ("order", "n1", "ordered_at not null") in watched.quarantine()


def test_hostile_text_passes_unchanged(watched: Shop) -> None:
    """An order's id may be any text: SQL, quotes, percent signs, emoji, line breaks."""
    keys = ["'; DROP SCHEMA ml CASCADE; --", 'a"b', "%s {}", "😀\n\t", " ", "n1'/live"]
    for key in keys:
        watched.place(key, at(10))
    assert watched.run(10.1)["scored"] == len(keys)
    assert set(watched.new()) == set(keys)


def test_a_clock_that_is_ahead_delays_a_row_and_loses_none(watched: Shop) -> None:
    """An order dated some minutes after the database's now is no fault: it is read when that time has come."""
    watched.place("n1", at(10.5))
    assert (watched.run(10.1)["new"], watched.quarantine()) == (0, [])
    assert watched.run(10.6)["scored"] == 1


def test_an_order_that_is_written_late_is_found(watched: Shop) -> None:
    """Placed before the night and written after it was read (a slow transaction), an order is new; so is an import."""
    watched.place("slow", at(-0.5))
    watched.place("imported", at(-100), known_at=at(9))
    assert watched.run(10)["scored"] == 2
    assert set(watched.new()) == {"slow", "imported"}


def test_a_new_customer_and_product_come_along(watched: Shop) -> None:
    """What a new order refers to is read with it, whatever its own date says."""
    watched.add("customer", customer_id="x1", registered_at=at(9), email="x1@x.example")
    watched.add("customer", customer_id="x2", registered_at="2020-01-01Z")
    watched.add("customer", customer_id="x3")
    watched.add("product", product_id="q1", title="New")
    for number in (1, 2, 3):
        watched.place(f"n{number}", at(10), customer_id=f"x{number}")
    watched.execute("UPDATE shop.order_item SET product_id = 'q1' WHERE order_id = 'n1'")
    assert watched.run(10.1)["scored"] == 3
    assert watched.quarantine() == []


def test_only_what_is_new_is_read(watched: Shop) -> None:
    """A run reads the rows since the snapshot and what they refer to, not the shop."""
    watched.place("n1", at(10), items=2)
    run = watched.run(10.1)["run"]
    lake = Lake(f"{watched.settings.lake_uri}/live/watch/{run:09d}/read")
    rows = {name: lake.read_parquet(name).num_rows for name in lake.names("")}
    assert rows == {"customer": 1, "product": 1, "order": 1, "order_item": 2, "order_outcome": 0, "payment": 0}


def test_with_indexes_no_table_is_read_from_end_to_end(watched: Shop) -> None:
    """What is new is found by the shop's indexes on times and ids."""
    watched.execute(
        'CREATE INDEX ON shop."order" (ordered_at)',
        'CREATE INDEX ON shop."order" (known_at)',
        'CREATE INDEX ON shop."order" (order_id)',
        "CREATE INDEX ON shop.order_item (order_id)",
        "CREATE INDEX ON shop.payment (order_id)",
        "CREATE INDEX ON shop.payment (paid_at)",
        "CREATE INDEX ON shop.customer (customer_id)",
        "CREATE INDEX ON shop.customer (registered_at)",
        "CREATE INDEX ON shop.product (product_id)",
        "CREATE INDEX ON shop.product (listed_at)",
        "CREATE INDEX ON shop.order_outcome (known_at)",
    )
    found = catalog(watched.settings.shop_url)
    live = SPEC.live
    assert live is not None
    names = live.tables
    has = {name: columns for name, columns in found.items() if name in names}
    shop = Reading(has, {name: {c: kinds[0] for c, kinds in columns.items()} for name, columns in has.items()})
    with postgres.transaction(watched.settings.shop_url) as cursor:
        cursor.execute(
            "SELECT set_config('nightshift.as_of', now()::text, true), set_config('nightshift.now', now()::text, true)"
        )
        cursor.execute("SET LOCAL enable_seqscan = off")
        for name in names:
            cursor.execute("EXPLAIN " + shop.select_new(TABLES[name], live, at(-1)))
            plan = "\n".join(row["QUERY PLAN"] for row in cursor.fetchall())
            assert "Seq Scan" not in plan, f"{name}: {plan}"


def test_personal_values_never_enter_the_lake(watched: Shop) -> None:
    """The lane replaces them by the same hash as the night: equal values stay equal."""
    watched.place("n1", at(10), email="c1@x.example", ip="10.9.8.7")
    run = watched.run(10.1)["run"]
    lake = Lake(watched.settings.lake_uri)
    new = lake.read_parquet("live", "watch", f"{run:09d}", "clean", "order").to_pylist()[0]
    old = lake.read_parquet("snapshot", f"{NIGHT}/001", "clean", "order").to_pylist()
    assert new["email"] == next(row["email"] for row in old if row["customer_id"] == "c1")
    files = [path.read_bytes() for path in Path(watched.settings.lake_uri).rglob("*.parquet")]
    assert not [1 for content in files if b"10.9.8.7" in content or b"c1@x" in content]


def test_what_the_lane_made_of_another_shop_goes_with_its_batch(watched: Shop) -> None:
    """Another shop in the same database, at an earlier time: its first batch shows no order of the shop before."""
    watched.place("n1", at(10))
    watched.run(10.1)
    watched.execute(
        "UPDATE ml_ops.version SET shop = 'the shop before'", "DELETE FROM shop.order_item WHERE order_id = 'n1'"
    )
    watched.execute("DELETE FROM shop.\"order\" WHERE order_id = 'n1'")
    watched.night(NIGHT - timedelta(days=1))
    assert "n1" not in watched.seen()
    assert watched.new() == {}


def test_the_next_night_takes_over(watched: Shop) -> None:
    """The batch that covers an order hides the lane's row of it; what came after the batch's time stays the lane's."""
    watched.place("n1", at(10))
    watched.run(10.1)
    watched.place("n2", at(25))
    watched.run(25.1)
    watched.night(NIGHT + timedelta(days=1))
    assert watched.seen()["n1"]["batch_id"] > 0
    assert set(watched.new()) == {"n2"}
    report = watched.run(26)
    assert report["new"] == 0
    assert set(watched.new()) == {"n2"}


def test_a_rollback_shows_the_lane_as_it_was(watched: Shop) -> None:
    """The batch before leaves more to the lane: its rows are back at once, and nothing is there twice or missing."""
    watched.place("n1", at(10))
    watched.run(10.1)
    before = watched.seen()
    watched.night(NIGHT + timedelta(days=1))
    watched.run(26)
    pipeline.rollback(watched.settings, "order_watch")
    assert watched.seen() == before
    watched.place("n2", at(27))
    assert watched.run(27.1)["scored"] == 1
    assert watched.seen() == before | {"n2": watched.new()["n2"]}


def test_rows_that_no_rollback_shows_are_deleted(watched: Shop) -> None:
    """The lane's table stays as small as two days."""
    for day in (0, 1, 2):
        watched.place(f"n{day}", at(24 * day + 10))
        watched.run(24 * day + 10.1)
        watched.night(NIGHT + timedelta(days=day + 1))
    watched.run(72.1)
    left = postgres.query(watched.settings.database_url, "SELECT order_id FROM ml_batch.order_watch_live")
    assert [row["order_id"] for row in left] == ["n2"]
    assert len(watched.seen()) == 60 + 3


def test_by_itself_the_lane_takes_the_shops_clock(watched: Shop) -> None:
    """Without a time the database's now is the time, and everything since the snapshot is new."""
    watched.place("n1", at(10))
    report = score_new(watched.settings, "watch")
    now = postgres.query(watched.settings.database_url, "SELECT now() AS now")[0]["now"]
    seen = watched.new()["n1"]["as_of"]
    assert timedelta() < now - seen < timedelta(minutes=5)
    assert report["scored"] == 1


@pytest.mark.parametrize("point", list(POINTS))
def test_a_killed_run_leaves_what_was_seen_and_the_next_one_mends(watched: Shop, point: str) -> None:
    """Killed by SIGKILL anywhere, the shop sees what it saw, or all of the new rows; the next run ends with all."""
    before = watched.seen()
    for number in (1, 2, 3):
        watched.place(f"n{number}", at(11))
    job = {
        "point": point,
        "suites": str(watched.suites),
        "as_of": at(11.1).isoformat(),
        "settings": asdict(watched.settings) | {"home": str(watched.settings.home)},
    }
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("install.py")), json.dumps(job)],
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr[-3000:]
    if point == "published":
        assert set(watched.new()) == {"n1", "n2", "n3"}
    else:
        assert watched.seen() == before
    assert watched.run(11.2)["status"] == "done"
    assert set(watched.new()) == {"n1", "n2", "n3"}
    assert watched.seen().keys() == before.keys() | {"n1", "n2", "n3"}
    story = postgres.query(watched.settings.database_url, "SELECT status FROM ml_ops.live ORDER BY run")
    assert [row["status"] for row in story] == ["failed", "done"]


def test_two_at_once_score_once(watched: Shop) -> None:
    """Of two runs at the same time one waits for the other and finds nothing left to do."""
    watched.place("n1", at(10))
    with ThreadPoolExecutor(2) as pool:
        reports = list(pool.map(lambda _: watched.run(10.1), range(2)))
    assert sorted(run["scored"] for run in reports) == [0, 1]
    assert set(watched.new()) == {"n1"}


def test_a_lane_that_is_taken_says_so(watched: Shop) -> None:
    """A run that may not wait tells who is at it."""
    with (
        locks.exclusive(watched.settings.database_url, "live watch"),
        pytest.raises(Busy, match=r"Somebody else is at it: live watch"),
    ):
        watched.run(10, wait_s=0)


def test_a_reader_finds_each_order_once_at_every_moment(watched: Shop) -> None:
    """Under upserts, nights and rollbacks no read, also of an older snapshot, finds an order twice or not at all."""
    url, stop, wrong, reads = watched.settings.database_url, threading.Event(), [], []
    watched.place("n0", at(10))
    watched.run(10.1)
    must = {"o0", "o59", "n0"}

    def poll(isolation: str) -> None:
        with closing(postgres.connect(url)) as connection, connection.cursor() as cursor:
            connection.set_session(isolation_level=isolation, readonly=True)
            while not stop.wait(0.001):
                sure = set(must)
                cursor.execute("SELECT 1")
                time.sleep(0.002)
                cursor.execute("SELECT order_id FROM ml.order_watch")
                found = [row[0] for row in cursor.fetchall()]
                connection.rollback()
                reads.append(len(found))
                if len(found) != len(set(found)) or not sure <= set(found):
                    wrong.append((sorted(sure - set(found)), len(found) - len(set(found))))

    pollers = [threading.Thread(target=poll, args=(level,)) for level in ("READ COMMITTED", "REPEATABLE READ")]
    for poller in pollers:
        poller.start()
    for number in range(1, 9):
        hour = 10 + number + (48 if number > 6 else 24 if number > 3 else 0)
        watched.place(f"n{number}", at(hour))
        watched.run(hour + 0.1, again=number % 2 == 0)
        must.add(f"n{number}")
        if number == 3:
            watched.night(NIGHT + timedelta(days=1))
        if number == 5:
            pipeline.rollback(watched.settings, "order_watch")
        if number == 6:
            watched.night(NIGHT + timedelta(days=2))
    stop.set()
    for poller in pollers:
        poller.join()
    assert wrong == []
    assert len(reads) > 20


def test_rows_that_fail_their_audit_are_not_published(watched: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row that the table's suite refuses stops the run with the rule; what the shop sees stays."""
    watched.place("n1", at(10))
    watched.run(10.1)
    before = watched.seen()
    watched.place("n2", at(11))
    watched.execute("UPDATE shop.order_item SET quantity = 6000 WHERE order_id = 'n2'")
    with pytest.raises(DataRefused, match=r"order_watch(.|\n)*items at least 0 and at most 5000: 1 rows"):
        watched.run(11.1)
    assert watched.seen() == before
    story = postgres.query(watched.settings.database_url, "SELECT status, message FROM ml_ops.live ORDER BY run")
    assert story[-1]["status"] == "failed"
    assert "at most 5000" in story[-1]["message"]


def test_a_changed_model_file_is_not_loaded(watched: Shop) -> None:
    """The lane loads what the night loads: files whose sha256 is the registered one."""
    watched.place("n1", at(10))
    watched.execute("UPDATE ml_ops.artifact SET sha256 = repeat('0', 64)")
    before = watched.seen()
    with pytest.raises(ArtifactError, match="sha256 differs"):
        watched.run(10.1)
    assert watched.seen() == before


def test_a_broken_contract_says_what_to_mend(watched: Shop) -> None:
    """A column that is gone stops the run with its name."""
    watched.execute("ALTER TABLE shop.order_item DROP COLUMN quantity")
    with pytest.raises(ContractError, match=r"shop\.order_item\.quantity: required column is missing"):
        watched.run(10)


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("UPDATE ml_ops.batch SET status = 'superseded'", "shows no batch of"),
        ("UPDATE ml_ops.batch SET ref = '2020-01-01/001'", "snapshot 2020-01-01/001 of ml.order_watch is gone"),
        ("UPDATE ml_ops.promotion SET decision = 'refuse'", "no version of watch serves"),
        ("UPDATE ml_ops.version SET shop = 'another'", "shows no batch of"),
    ],
)
def test_without_a_night_the_lane_waits(watched: Shop, statement: str, why: str) -> None:
    """Without a batch, its snapshot or a model that serves there is nothing to start from; it says which."""
    watched.execute(statement)
    watched.place("n1", at(10))
    report = watched.run(10.1)
    assert report["status"] == "waiting"
    assert why in report["why"]


def test_a_capability_without_a_lane_is_told(watched: Shop) -> None:
    """Asking for a lane that there is not is an error."""
    with pytest.raises(NightshiftError, match="recommender has no lane"):
        score_new(watched.settings, "recommender")


def test_the_shop_reader_reads_the_lanes_rows(watched: Shop) -> None:
    """Role shop_reader sees them through the view, and not the table behind it."""
    watched.place("n1", at(10))
    watched.run(10.1)
    with postgres.transaction(watched.settings.database_url, role="shop_reader") as cursor:
        cursor.execute("SELECT count(*) AS n FROM ml.order_watch WHERE batch_id < 0")
        assert cursor.fetchone()["n"] == 1
    with (
        pytest.raises(Exception, match="permission denied"),
        postgres.transaction(watched.settings.database_url, role="shop_reader") as cursor,
    ):
        cursor.execute("SELECT * FROM ml_batch.order_watch_live")


def test_the_view_finds_one_order_by_its_key(watched: Shop) -> None:
    """The plan of a look-up reads no table from end to end."""
    for number in range(5):
        watched.place(f"n{number}", at(10))
    watched.run(10.1)
    with postgres.transaction(watched.settings.database_url) as cursor:
        cursor.execute("SET enable_seqscan = off")
        cursor.execute("EXPLAIN SELECT * FROM ml.order_watch WHERE order_id = 'n3'")
        plan = "\n".join(row["QUERY PLAN"] for row in cursor.fetchall())
    assert "Seq Scan" not in plan, plan
