"""A whole night on a small simulated shop in real Airflow, as its user runs it."""

from __future__ import annotations

import time
from datetime import date, timedelta

import pytest

from ml.registry import CAPABILITIES
from tests.night.conftest import CUSTOMERS, First, Stack

pytestmark = pytest.mark.night


@pytest.fixture(scope="module")
def demo(first: First) -> str:
    """What ``./nightshift demo`` printed."""
    return first.printed


def last_night(stack: Stack) -> date:
    """The night of the visible recommendations."""
    return date.fromisoformat(
        str(stack.value("SELECT max(night)::text AS n FROM ml_ops.batch WHERE status = 'published'"))
    )


def test_the_demo_ends_with_recommendations_and_reasons(demo: str) -> None:
    """The demo prints lists with reasons and where the pages are."""
    assert "because you" in demo or "bought again about every" in demo
    assert "http://127.0.0.1:" in demo


def test_the_summary_tells_what_the_tables_hold(first: First) -> None:
    """Each capability's headlines are in the night's summary, true of what the shop sees, and printed."""
    told = first.headlines
    assert {name: set(numbers) for name, numbers in told.items()} == {
        name: set(capability.headlines) for name, capability in CAPABILITIES.items()
    }
    assert told["risk"]["expected loss, had these been let through"] == pytest.approx(first.held)
    assert 0 <= told["recommender"]["share of them with a list of their own, not of what is popular"] <= 1
    assert all(words in first.printed for numbers in told.values() for words in numbers)


def test_the_assets_tell_of_what_the_shop_reads(first: First) -> None:
    """Each published table has an asset with the rows that the shop can SELECT, all of one batch."""
    assert {name: extra["rows"] for name, extra in first.assets.items()} == {
        n: rows for n, (rows, _) in first.seen.items()
    }
    assert all(batches == 1 for rows, batches in first.seen.values() if rows)


def test_every_customer_has_a_whole_list(stack: Stack, demo: str) -> None:
    """Each clean customer has ranks 1 to 20 without a gap or a repeated product."""
    broken = stack.value(
        """
        SELECT count(*) AS n FROM (
            SELECT customer_id FROM ml.recommendation GROUP BY customer_id
            HAVING count(*) <> 20 OR max(rank) <> 20 OR count(DISTINCT product_id) <> 20
        ) AS b
        """
    )
    assert broken == 0
    assert stack.value("SELECT count(DISTINCT customer_id) AS n FROM ml.recommendation") >= 0.95 * CUSTOMERS


def test_a_row_says_where_it_comes_from(stack: Stack, demo: str) -> None:
    """Batch, version, as-of and reason are in every row, and the batch is the one that the books call published."""
    rows = stack.rows(
        "SELECT DISTINCT r.batch_id::text AS seen, b.batch_id::text AS kept, r.model_version AS version "
        "FROM ml.recommendation r JOIN ml_ops.batch b ON b.status = 'published' AND b.table_name = 'recommendation'"
    )
    assert len(rows) == 1
    assert rows[0]["seen"] == rows[0]["kept"]
    assert stack.value("SELECT count(*) AS n FROM ml.recommendation WHERE reason IS NULL OR as_of IS NULL") == 0


def test_planted_faults_are_in_quarantine_with_their_rule(stack: Stack, demo: str) -> None:
    """What the demo planted as broken is set aside and never lost."""
    planted = stack.value("SELECT count(*) AS n FROM demo_truth.fault")
    assert planted > 0
    assert stack.value("SELECT count(*) AS n FROM ml_ops.quarantine") >= planted
    assert stack.value('SELECT count(*) AS n FROM ml_ops.quarantine WHERE rule IS NULL OR "row" IS NULL') == 0


def test_the_same_night_again_publishes_nothing_new(stack: Stack, demo: str) -> None:
    """A second run of a night, of one capability with trees, one with lists and one with texts, finds its batch published."""
    before = stack.rows("SELECT batch_id::text FROM ml_ops.batch ORDER BY 1")
    only = [word for name in ("risk", "recommender", "service") for word in ("--capability", name)]
    stack.run("night", "--date", last_night(stack).isoformat(), *only)
    assert stack.rows("SELECT batch_id::text FROM ml_ops.batch ORDER BY 1") == before


def test_the_next_night_takes_over_and_rollback_brings_the_former_back(stack: Stack, demo: str) -> None:
    """Rollback shows the batch before, and says so in the books."""
    night = last_night(stack)
    first = stack.value("SELECT DISTINCT batch_id::text FROM ml.recommendation")
    stack.run("night", "--date", (night + timedelta(days=1)).isoformat())
    second = stack.value("SELECT DISTINCT batch_id::text FROM ml.recommendation")
    assert second != first
    stack.run("rollback", "recommendation")
    assert stack.value("SELECT DISTINCT batch_id::text FROM ml.recommendation") == first
    assert stack.value(f"SELECT status FROM ml_ops.batch WHERE batch_id::text = '{second}' LIMIT 1") == "rolled_back"


def test_a_broken_shop_stops_the_night_and_keeps_the_tables(stack: Stack, demo: str) -> None:
    """Over the tolerated share nothing is published, and the message names table and rule."""
    before = stack.value("SELECT DISTINCT batch_id::text FROM ml.recommendation")
    night = last_night(stack) + timedelta(days=2)
    stack.write("UPDATE shop.order_item SET order_id = 'x' || order_id WHERE line_no = 1")
    try:
        done = stack.run("night", "--date", night.isoformat(), check=False)
    finally:
        stack.write("UPDATE shop.order_item SET order_id = substr(order_id, 2) WHERE line_no = 1")
    assert done.returncode != 0
    assert "order_item" in done.stdout + done.stderr
    assert "order_id is in order" in done.stdout + done.stderr
    assert stack.value("SELECT DISTINCT batch_id::text FROM ml.recommendation") == before


def test_a_new_ticket_is_triaged_by_its_lane(stack: Stack, demo: str) -> None:
    """What was asked since the night has its rows when the run of ``live_service`` has ended, the answer too."""
    stack.write(
        "INSERT INTO shop.ticket (ticket_id, customer_id, text, opened_at) "
        "SELECT 'asked since', min(customer_id), 'Where is my parcel?', now() FROM shop.customer"
    )
    run, end = stack.airflow().trigger("live_service", {}), time.monotonic() + 180
    seen = (
        "SELECT t.intent, a.decision FROM ml.ticket_triage t JOIN ml.ticket_answer a USING (ticket_id) "
        "WHERE t.ticket_id = 'asked since' AND t.batch_id < 0 AND a.batch_id < 0"
    )
    while not (rows := stack.rows(seen)) and time.monotonic() < end:
        state = stack.airflow().run("live_service", run)["state"]
        assert state != "failed"
    stack.write("DELETE FROM shop.ticket WHERE ticket_id = 'asked since'")
    assert [row["intent"] for row in rows] == ["where is my order"]


def test_status_is_well_and_names_the_pages(stack: Stack, demo: str) -> None:
    """All services run; Airflow, MLflow and the Data Docs are named."""
    shown = stack.run("status").stdout
    for word in ("Airflow", "MLflow", "Data Docs", "index.html"):
        assert word in shown


def test_down_leaves_no_process(stack: Stack, demo: str) -> None:
    """Nothing of the stack runs after down, and up brings the same tables back."""
    import psutil

    stack.run("down")
    left = []
    for process in psutil.process_iter():
        try:
            if str(stack.home) in " ".join([*process.cmdline(), process.environ().get("NIGHTSHIFT_HOME", "")]):
                left.append(process.cmdline())
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
    assert left == []
    stack.run("up")
    assert stack.value("SELECT count(*) > 0 AS there FROM ml.recommendation") is True
