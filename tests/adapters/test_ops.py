"""The books: nights and steps, quarantine, locks, and which version serves."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from ml.adapters import postgres
from ml.adapters.batches import publish
from ml.adapters.books import locks, nights, quarantine, versions
from ml.adapters.lake import Lake
from ml.core.errors import Busy, NightshiftError
from ml.settings import PROJECT
from tests.adapters.shelf import shelve

REF = "2026-01-02/001"


@pytest.fixture
def url(settings) -> str:
    """URL of a migrated database."""
    return settings.database_url


def steps(url: str) -> list[tuple]:
    """Every step's row, in order of start."""
    rows = postgres.query(url, "SELECT step, capability, shard, status, rows, message FROM ml_ops.step ORDER BY id")
    return [tuple(row.values()) for row in rows]


def night(url: str) -> dict:
    """The only night's row."""
    return postgres.query(url, "SELECT night::text, status, ended_at IS NULL AS open FROM ml_ops.night")[0]


# steps


def test_a_step_tells_what_it_did(url):
    """A step's row has its outcome, rows and message; the night is open."""
    with nights.step(url, REF, "score", "recommender", 3) as record:
        assert steps(url) == [("score", "recommender", 3, "running", None, None)]
        record["rows"], record["message"] = 12, "fine"
    assert steps(url) == [("score", "recommender", 3, "done", 12, "fine")]
    assert night(url) == {"night": "2026-01-02", "status": "running", "open": True}


def test_a_failed_step_tells_why(url):
    """The step's error is kept, comes out unchanged and marks the night; a retry opens it again."""
    with pytest.raises(NightshiftError, match="No shop"), nights.step(url, REF, "extract"):
        raise NightshiftError("No shop.", do="load one")
    assert steps(url) == [("extract", "", 0, "failed", None, "NightshiftError: No shop.\n  do:   load one")]
    assert night(url)["status"] == "failed"
    with nights.step(url, REF, "extract"):
        assert night(url)["status"] == "running"


def test_the_report_splits_wall_time_into_work_and_orchestration(url):
    """Work is the time in which some step ran (parallel shards count once); the rest is orchestration."""
    with nights.step(url, REF, "extract") as record:
        record["rows"] = 7
    start = datetime.now(UTC) - timedelta(seconds=100)
    with postgres.transaction(url) as cursor:
        cursor.execute("UPDATE ml_ops.night SET started_at = %s", (start,))
        cursor.execute("UPDATE ml_ops.step SET started_at = %s, seconds = 10", (start,))
        for shard, begin in enumerate((20, 25)):
            cursor.execute(
                "INSERT INTO ml_ops.step (ref, step, capability, shard, status, started_at, seconds, rows) "
                "VALUES (%s, 'score', 'r', %s, 'done', %s, 20, 5)",
                (REF, shard, start + timedelta(seconds=begin)),
            )
    summary = nights.night_summary(url, REF)
    assert summary["work_seconds"] == 35
    assert summary["wall_seconds"] == pytest.approx(100, abs=5)
    assert summary["orchestration_seconds"] == pytest.approx(65, abs=5)
    assert summary["steps"] == [
        {"step": "extract", "capability": "", "runs": 1, "seconds": 10, "rows": 7},
        {"step": "score", "capability": "r", "runs": 2, "seconds": 40, "rows": 10},
    ]
    nights.close_night(url, REF, summary)
    assert night(url) == {"night": "2026-01-02", "status": "done", "open": False}


def test_a_second_run_has_its_own_wall_time(url):
    """A step after the report begins a new run of the night, whose report leaves out the first run."""
    with nights.step(url, REF, "extract"):
        pass
    nights.close_night(url, REF, nights.night_summary(url, REF))
    with nights.step(url, REF, "publish", "recommender"):
        pass
    assert [step["step"] for step in nights.night_summary(url, REF)["steps"]] == ["publish"]


def test_a_night_with_a_failed_step_is_failed_until_the_step_is_done(url):
    """The report of a night says failed as long as the last run of a step failed."""
    with pytest.raises(ZeroDivisionError), nights.step(url, REF, "validate"):
        raise ZeroDivisionError
    assert nights.close_night(url, REF, nights.night_summary(url, REF)) == "failed"
    with nights.step(url, REF, "validate"):
        pass
    assert nights.close_night(url, REF, nights.night_summary(url, REF)) == "done"


def test_an_unknown_night_is_an_error(url):
    """A report of a night that never ran says so."""
    with pytest.raises(NightshiftError, match="no such night"):
        nights.night_summary(url, REF)


# quarantine


def refuse(settings, count: int) -> None:
    """Write a quarantine of ``count`` rows into the lake."""
    rows = pa.record_batch(
        {
            "table_name": ["order"] * count,
            "row_key": [f"o{n}" for n in range(count)],
            "rule": ["not in the future"] * count,
            "row": ['{"order_id": "é\'; --", "total": null}'] * count,
        }
    )
    lake = Lake(settings.lake_uri)
    lake.write_batches(f"snapshot/{REF}/quarantine/order.parquet", [rows])


def test_every_refused_row_is_kept_once(settings, url):
    """Loading the quarantine again replaces what was loaded; each row keeps key, rule and content."""
    lake = Lake(settings.lake_uri)
    for count in (5, 70_000, 3):
        refuse(settings, count)
        assert quarantine.load_quarantine(url, lake, REF) == count
        assert postgres.query(url, "SELECT count(*) AS n FROM ml_ops.quarantine") == [{"n": count}]
    found = postgres.query(
        url, 'SELECT night::text, ref, row_key, rule, "row" FROM ml_ops.quarantine ORDER BY 3 LIMIT 1'
    )
    expected = {"night": "2026-01-02", "ref": REF, "row_key": "o0", "rule": "not in the future"}
    assert found == [expected | {"row": {"order_id": "é'; --", "total": None}}]
    with nights.step(url, REF, "validate"):
        pass
    assert nights.night_summary(url, REF)["quarantine"] == {"order": {"not in the future": 3}}


def test_nothing_refused_is_nothing_loaded(settings, url):
    """A snapshot without a quarantine loads no row."""
    assert quarantine.load_quarantine(url, Lake(settings.lake_uri), REF) == 0


def test_old_quarantine_is_forgotten(settings, url):
    """Only rows older than the limit are deleted."""
    refuse(settings, 4)
    quarantine.load_quarantine(url, Lake(settings.lake_uri), REF)
    with postgres.transaction(url) as cursor:
        cursor.execute("UPDATE ml_ops.quarantine SET at = now() - interval '91 days' WHERE row_key IN ('o1', 'o2')")
    assert (quarantine.forget_quarantine(url, 90), quarantine.forget_quarantine(url, 90)) == (2, 0)


# locks

HOLD = """
import sys
from ml.adapters.books.locks import exclusive
with exclusive(sys.argv[1], "the night"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_who_holds_a_lock_is_named(url):
    """A second taker is told who holds it and since when; another name, and another database, are free."""
    with (
        locks.exclusive(url, "the night"),
        locks.exclusive(url, "the day"),
        pytest.raises(Busy, match=r"at it: the night(.|\n)*nightshift the night \(database process \d+.*since 20"),
    ):
        locks.exclusive(url, "the night").__enter__()
    with locks.exclusive(url, "the night"):
        pass


def test_a_killed_holder_frees_its_lock(url):
    """A lock is gone with the process that held it, also when that was killed."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=PROJECT,
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(Busy):
        locks.exclusive(url, "the night").__enter__()
    holder.send_signal(signal.SIGKILL)
    with locks.exclusive(url, "the night", wait_s=20):
        pass
    holder.communicate()


def test_a_lock_lives_in_a_transaction(url):
    """A lock of a session would stay with a pooler; a server's limit on idle transactions does not end this one."""
    name = url.split("/")[3].split("?")[0]
    with postgres.transaction(url) as cursor:
        cursor.execute(f"ALTER DATABASE {name} SET idle_in_transaction_session_timeout = '200ms'")
    states = (
        "SELECT state FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'nightshift n'"
    )
    with locks.exclusive(url, "n") as held:
        assert postgres.query(url, f"{states} AND pg_sleep(0.4) IS NOT NULL") == [{"state": "idle in transaction"}]
        held.check()
        with pytest.raises(Busy):
            locks.exclusive(url, "n").__enter__()
    with locks.exclusive(url, "n"):
        pass


def test_a_lost_lock_is_noticed(url):
    """Who goes on although the server ended the lock's connection is stopped before he publishes beside another."""
    end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'nightshift n'"
    with locks.exclusive(url, "n") as held:
        with postgres.transaction(url) as cursor:
            cursor.execute(f"{end} AND datname = current_database()")
        with (
            locks.exclusive(url, "n", wait_s=20),
            pytest.raises(NightshiftError, match=r"n was lost(.|\n)*run the step again"),
        ):
            held.check()


# versions


@pytest.fixture
def train(url, tmp_path):
    """Register version n of the recommender, trained as of a day of January."""
    (tmp_path / "part").mkdir()
    (tmp_path / "model.txt").write_bytes(b"tree")
    (tmp_path / "part" / "x.npz").write_bytes(b"")

    def record(version: int, day: int, decision: str, shop: str = "mine") -> None:
        registered = versions.Registered(
            "recommender",
            version,
            run_id=f"run{version}",
            shop=shop,
            as_of=datetime(2026, 1, day, tzinfo=UTC),
            params={"k": 20},
            recipe="ab",
            baseline=decision == "baseline",
            decision=decision,
            why="because",
            metrics={"challenger": {"ndcg@10": 0.3}},
        )
        versions.record_version(url, registered, tmp_path)

    return record


def serves(url: str, day: int, shop: str = "mine") -> int | None:
    """Which version serves the night of January ``day``."""
    row = versions.serving(url, "recommender", shop, datetime(2026, 1, day, tzinfo=UTC))
    return row and row["version"]


def test_the_last_promoted_version_serves(url, train):
    """What serves is the last promoted version of this shop; refused ones do not, and the future is not known."""
    assert serves(url, 20) is None
    train(1, 5, "baseline")
    train(2, 10, "promote")
    train(3, 11, "refuse")
    train(4, 12, "promote", shop="other")
    assert [serves(url, day) for day in (4, 5, 9, 10, 20)] == [None, 1, 1, 2, 2]
    assert serves(url, 20, "other") == 4


def test_a_replay_serves_only_the_past(url, train):
    """A version trained for a night of the past serves nights from its day until the next champion's day."""
    train(1, 5, "promote")
    train(2, 20, "promote")
    train(3, 10, "replay")
    assert [serves(url, day) for day in (5, 9, 10, 19, 20, 30)] == [1, 1, 3, 3, 2, 2]


def test_a_person_can_bring_an_older_version_back(url, train):
    """A promotion by hand serves from then on and is kept with its reason; an unknown version is named with those known."""
    train(1, 5, "promote")
    train(2, 10, "promote")
    row = versions.promote(url, "recommender", 1, why="the new one looks odd")
    assert (row["decision"], row["why"], row["by"]) == ("manual", "the new one looks odd", "postgres")
    assert serves(url, 20) == 1
    with pytest.raises(NightshiftError, match=r"no version 9\.(.|\n)*versions: 1, 2"):
        versions.promote(url, "recommender", 9, why="?")


def test_whether_a_later_one_was_trained(url, train):
    """Only promoted versions of the same shop that know more count."""
    train(1, 10, "promote")
    train(2, 20, "refuse")
    train(3, 20, "promote", shop="other")
    later = [
        versions.trained_later(url, "recommender", "mine", datetime(2026, 1, day, tzinfo=UTC)) for day in (9, 10, 11)
    ]
    assert later == [True, False, False]


def test_each_file_of_a_version_has_its_digest(url, train):
    """The files are kept by their path inside the folder, with SHA-256 and size."""
    train(1, 10, "promote")
    expected = {name: hashlib.sha256(data).hexdigest() for name, data in (("model.txt", b"tree"), ("part/x.npz", b""))}
    assert versions.artifacts(url, "recommender", 1) == expected


# what is visible


def test_what_the_shop_sees_and_a_rollback_would_show_is_in_use(settings, url, train):
    """Visible batches name their shop; their refs and those of the batches before are in use, older ones are not."""
    train(1, 1, "promote")
    assert nights.visible(url, "recommendation") is None
    for day in (1, 2, 3):
        shelve(url, settings.lake_uri, day=day, capability="recommender", model_version=1)
    seen = nights.visible(url, "recommendation")
    assert seen is not None
    assert (seen["ref"], seen["rows"], seen["shop"]) == ("2026-01-03/001", 30, "mine")
    assert nights.refs_in_use(url) == ["2026-01-02/001", "2026-01-03/001"]
    publish.rollback(url, "recommendation")
    assert nights.refs_in_use(url) == ["2026-01-01/001", "2026-01-02/001"]
