"""After an erasure nothing of the customer is anywhere, everybody else's rows are as they were, and nights go on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from datetime import date
from pathlib import Path

import pytest

from ml import pipeline
from ml.adapters import postgres as adapter
from ml.adapters.books import nights, versions
from ml.core.errors import Busy, ContractError, DataRefused
from ml.registry import CAPABILITIES
from ml.settings import PROJECT, Settings
from tests.erasure import planted
from tests.erasure.copies import Copies
from tests.small_shop import execute, fill

NIGHTS = (date(2025, 3, 4), date(2025, 3, 5))
RECEIPTS = ("ml_ops.erasure",)
LOG = f"INFO scored order of {planted.WHO}\nDETAIL: Key (email)=({planted.PERSONAL['email']}) is broken\nother line\n"


@pytest.fixture(scope="module")
def copies(postgres: str, _template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Copies]:
    """A shop after two nights, made once; ``copies.new()`` gives a shop of one's own."""
    running = Copies(postgres, tmp_path_factory.mktemp("erasure"))
    settings = running.start(_template)
    fill(settings.shop_url, planted.tables())
    pipeline.run_night(settings, NIGHTS[0])
    pipeline.run_night(settings, NIGHTS[1], capabilities=["risk"])
    (settings.home / "logs").mkdir()
    (settings.home / "logs" / "scheduler.log").write_text(LOG)
    yield running
    running.end()


@pytest.fixture
def settings(copies: Copies, tmp_path: Path) -> Iterator[Settings]:
    """The shop in the morning after, in which she has just asked to be forgotten."""
    own = copies.new(tmp_path)
    execute(own.shop_url, f"INSERT INTO shop.erasure VALUES ('{planted.WHO}', '2025-03-05 09:00Z')")
    yield own
    copies.drop(own)


def found(settings: Settings) -> Counter[str]:
    """Where something of her stands, but for the receipt."""
    wanted = planted.needles(settings.hash_key)
    return planted.in_files(settings.home, wanted) + planted.in_database(settings.database_url, wanted, RECEIPTS)


def others(settings: Settings) -> dict[str, list[str]]:
    """Rows of the published batches and of quarantine that hold nothing of her."""
    wanted = planted.needles(settings.hash_key)
    return {
        name: [line for line in text.split("\n") if line and not any(word in line for word in wanted)]
        for name, text in planted.dump(settings.database_url).items()
        if name.startswith("ml_batch.") or name == "ml_ops.quarantine"
    }


def test_nothing_is_left_and_others_stay(settings: Settings) -> None:
    """Every place had her and none has; the others' rows are the same; the receipt tells; the search agrees."""
    before, kept = found(settings), others(settings)
    assert sum(before.values()) > 500
    assert {name.split("/")[1] for name in before if name.startswith("lake/")} == {
        "snapshot",
        "features",
        "predictions",
        "docs",
    }
    looked = pipeline.look_for(settings, planted.WHO)
    assert sum(looked["hits"].values()) > 100

    (receipt,) = pipeline.erase(settings)

    assert found(settings) == Counter()
    assert others(settings) == kept
    assert receipt["status"] == "done"
    assert planted.in_database(settings.database_url, [planted.WHO, *planted.PERSONAL.values(), *planted.PIECES]) == {}
    assert {name for name, count in receipt["removed"].items() if count} >= {
        "snapshots",
        "quarantine",
        "predictions",
        "reports",
        "Data Docs",
        "logs",
        "ml.recommendation",
        "ml.order_risk",
        "ml.customer_risk",
        "ml.entity_risk",
        "ml.review_sentiment",
        "ml.review_aspect",
        "ml_ops.quarantine",
    }
    assert receipt["removed"]["ml.customer_risk"] == len(NIGHTS)
    assert pipeline.look_for(settings, planted.WHO)["hits"] == {}
    log = (settings.home / "logs" / "scheduler.log").read_text()
    assert len(log) == len(LOG)
    assert log.endswith("other line\n")


def test_she_does_not_come_back(settings: Settings) -> None:
    """Her rows are still in the shop: they are left out and counted; nights run again, new ones and lanes hold nothing."""
    pipeline.erase(settings)
    execute(settings.shop_url, "DELETE FROM shop.erasure")

    again = pipeline.run_night(settings, NIGHTS[1], capabilities=["recommender", "risk"])
    fresh = pipeline.extract(settings, NIGHTS[1], fresh=True)
    lane = pipeline.score_new(settings, "risk")

    assert again["status"] == "done"
    assert lane["status"] == "done"
    manifest = json.loads((Path(settings.lake_uri) / "snapshot" / fresh / "manifest.json").read_text())
    left_out = {name: table["erased"] for name, table in manifest["tables"].items() if table["erased"]}
    assert left_out == {
        "customer": 1,
        "order": 4,
        "order_item": 12,
        "event": 1,
        "review": 2,
        "order_outcome": 1,
        "payment": 1,
        "search": 1,
        "ticket": 1,
        "coupon": 1,
    }
    assert found(settings) == Counter()
    assert pipeline.erase(settings) == []
    (receipt,) = pipeline.erase(settings, [planted.WHO])
    assert receipt["status"] == "done"


def test_a_rewritten_snapshot_is_the_one_that_would_be_read_now(settings: Settings) -> None:
    """The tables of an old snapshot and its manifest are, to the byte, what a new reading without her gives."""
    pipeline.erase(settings)
    fresh = pipeline.extract(settings, NIGHTS[1], fresh=True)
    lake = Path(settings.lake_uri) / "snapshot"
    old, new = (json.loads((lake / ref / "manifest.json").read_text())["tables"] for ref in (f"{NIGHTS[1]}/001", fresh))
    facts = ("rows", "sha256", "nulls")
    assert {n: [t[f] for f in facts] for n, t in old.items()} == {n: [t[f] for f in facts] for n, t in new.items()}


@pytest.mark.parametrize("point", ["database", "staged", "moved", "predictions", "receipt"])
def test_killed_anywhere_it_is_finished_by_the_next_run(settings: Settings, point: str) -> None:
    """A run that dies with -9 leaves the request open; the next one leaves nothing, also where the shop has her no more."""
    given = {"settings": asdict(settings) | {"home": str(settings.home)}, "point": point}
    died = subprocess.run(
        [sys.executable, Path(__file__).with_name("killed_erasure.py"), json.dumps(given)],
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert died.returncode == -signal.SIGKILL, died.stderr[-2000:]
    for table in ("customer", '"order"', "review", "ticket", "search", "event"):
        execute(settings.shop_url, f"DELETE FROM shop.{table} WHERE customer_id = '{planted.WHO}'")
    execute(settings.shop_url, "DELETE FROM shop.erasure", "DELETE FROM shop.payment", "DELETE FROM shop.coupon")

    (receipt,) = pipeline.erase(settings)

    assert receipt["status"] == "done"
    assert found(settings) == Counter()
    assert not (Path(settings.lake_uri) / "erasure").exists()


def test_it_waits_for_a_step_at_work(settings: Settings) -> None:
    """While a step of a night works on the lake nothing is erased under it."""
    with nights.at_work(settings.database_url), pytest.raises(Busy):
        pipeline.erase(settings, wait_s=0)
    assert found(settings)


def test_a_model_that_holds_her_is_withdrawn(settings: Settings, copies: Copies) -> None:
    """A version whose file names her serves no more and is deleted; the next night learns another."""
    version = copies.plant_in_model(settings, "risk", planted.WHO)
    (receipt,) = pipeline.erase(settings)
    assert receipt["models"] == [{"capability": "risk", "version": version}]
    assert found(settings) == Counter()
    assert versions.serving(settings.database_url, "risk", copies.shop(settings), settings.as_of(NIGHTS[1])) is None
    night = pipeline.run_night(settings, NIGHTS[1], capabilities=["risk"])
    assert [d["version"] for d in night["decisions"]][-1:] == [version + 1]


def test_every_published_table_with_a_customer_is_reached(settings: Settings) -> None:
    """Whatever a capability publishes: each text column is one that tells whose row it is, or holds none of hers."""
    pipeline.erase(settings)
    views = adapter.query(settings.database_url, "SELECT viewname FROM pg_views WHERE schemaname = 'ml'")
    published = {row["viewname"] for row in views}  # a capability that waits for a table has published nothing
    assert {"recommendation", "order_risk"} <= published
    for table in (table for capability in CAPABILITIES.values() for table in capability.publishes):
        if table.name not in published:
            continue
        rows = adapter.query(settings.database_url, f"SELECT * FROM ml.{table.name}")
        text = json.dumps(rows, default=str)
        assert not [word for word in planted.needles(settings.hash_key) if word in text], table.name


def test_two_at_once_have_receipts_of_their_own(settings: Settings) -> None:
    """Each receipt counts what was that customer's."""
    receipts = {r["customer_hash"]: r for r in pipeline.erase(settings, ["c3"])}
    assert len(receipts) == 2
    hers = receipts[planted.hashes(settings.hash_key)[0]]["removed"]
    (his,) = (r["removed"] for who, r in receipts.items() if who != planted.hashes(settings.hash_key)[0])
    assert (hers["ml.customer_risk"], his["ml.customer_risk"]) == (2, 2)
    assert his["snapshots"] != hers["snapshots"]
    assert adapter.query(settings.database_url, "SELECT FROM ml.recommendation WHERE customer_id = 'c3'") == []


def test_a_view_that_forgets_everybody_is_not_believed(settings: Settings) -> None:
    """What cannot be undone is asked back for, before anything is written down."""
    execute(
        settings.shop_url,
        "INSERT INTO shop.customer (customer_id) SELECT 'n' || i FROM generate_series(1, 300) AS i",
        "INSERT INTO shop.erasure SELECT customer_id, now() FROM shop.customer",
    )
    with pytest.raises(DataRefused, match="more customers at once than can be believed"):
        pipeline.extract(settings, NIGHTS[1], fresh=True)
    assert adapter.query(settings.database_url, "SELECT FROM ml_ops.erasure") == []
    execute(
        settings.shop_url,
        "DROP TABLE shop.erasure",
        "CREATE VIEW shop.erasure AS SELECT 1 AS customer_id, 'soon' AS requested_at",
    )
    with pytest.raises(ContractError, match="could not be read"):
        pipeline.erase(settings)
