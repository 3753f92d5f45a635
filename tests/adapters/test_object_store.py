"""A lake in an object store: a whole night on it, and what is said where it cannot be reached."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from ml import pipeline
from ml.adapters import postgres
from ml.adapters.lake import Lake
from ml.core.errors import ArtifactError, NightshiftError, Unreachable
from ml.core.outages import as_words
from ml.pipeline import run_night, serving
from ml.settings import PROJECT, Settings
from tests.bucket import Faults
from tests.small_shop import fill, shop

NIGHT = date(2025, 3, 1)
PUBLISHED = "SELECT review_id, label, score, confidence, reason FROM ml.review_sentiment ORDER BY 1"
REVIEWS = [
    {
        "review_id": f"v{i:03d}",
        "product_id": f"p{i % 12}",
        "customer_id": f"c{i % 10}",
        "stars": stars,
        "text": f"{words} {i}",
        "written_at": f"2025-02-{1 + i % 28:02d} 12:00Z",
    }
    for i in range(80)
    for stars, words in [((5, "Great quality, very happy"), (1, "Late delivery, very disappointed"))[i % 2]]
]


def worker(settings: Settings, home: Path) -> Settings:
    """A worker on a machine of its own: it shares the database, MLflow's books and the bucket, and nothing else."""
    home.mkdir()
    return replace(settings, home=home, lake_uri="s3://shop/lake")


def test_two_workers_without_a_shared_disk_publish_what_one_home_does(
    settings: Settings, store: Faults, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Models, snapshot and scores go through the bucket, which answers 503 and loses connections: the rows are the same."""
    fill(settings.shop_url, shop() | {"review": REVIEWS})
    monkeypatch.setattr(serving, "UNITS_PER_SHARD", 50)
    one, two = worker(settings, tmp_path / "one"), worker(settings, tmp_path / "two")
    store.on = True
    ref = pipeline.extract(one, NIGHT)
    pipeline.validate(two, ref)
    assert pipeline.prepare(one, ref, "sentiment")["shards"] == 2
    _takes_nothing(one, store, ref)
    for number, home in enumerate((one, two)):
        pipeline.score(home, ref, "sentiment", number, 2)
    pipeline.score_all(two, ref, "sentiment")
    pipeline.publish(one, ref, "sentiment")
    assert store.slowed > 10
    assert store.lost > 3
    store.on = False
    published = postgres.query(settings.database_url, PUBLISHED)
    assert len(published) == len(REVIEWS)
    assert {"docs", "features", "mlflow", "predictions", "snapshot"} <= set(Lake(one.lake_uri).names())
    assert [path.name for path in two.home.iterdir()] == ["models"]
    run_night(settings, NIGHT, capabilities=["sentiment"], fresh=True)
    assert postgres.query(settings.database_url, PUBLISHED) == published
    _changed_on_the_way(worker(settings, tmp_path / "three"), ref)


def _changed_on_the_way(home: Settings, ref: str) -> None:
    """A model whose file in the bucket is another one than was registered is not loaded; the cached one elsewhere serves."""
    lake = Lake("s3://shop")
    path = next(name for name in lake.walk("lake/mlflow") if name.endswith("artifacts/model/model.json"))
    lake.write_bytes(path, b"{}")
    with pytest.raises(ArtifactError, match=r"model\.json: its sha256 differs"):
        pipeline.score(home, ref, "sentiment", 0, 2)


def _takes_nothing(home: Settings, store: Faults, ref: str) -> None:
    """Predictions that cannot be written end the step in words, as something that mends by itself; nothing is published."""
    store.broken = "/predictions/"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_MAX_ATTEMPTS", "1")
        with pytest.raises(Exception) as raised:  # noqa: PT011 - what it is told as is the question
            pipeline.score(home, ref, "sentiment", 0, 2)
    store.broken = ""
    assert isinstance(as_words(raised.value), Unreachable)
    with pytest.raises(NightshiftError, match="are not whole"):
        pipeline.publish(home, ref, "sentiment")
    assert not postgres.query(home.database_url, "SELECT 1 FROM ml_ops.batch WHERE status = 'published'")


def test_a_log_of_one_worker_is_read_by_another(store: Faults, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Airflow finds the lake's logs by its setting; what a second worker writes of the same try comes after the first's."""
    monkeypatch.setenv("NIGHTSHIFT_LAKE_URI", "s3://shop/lake")
    from ml.adapters import logs

    log, path = logs.LakeLogs(), "dag_id=night/attempt=1.log"
    assert log.read(path, None) == ([], None)
    for number, text in enumerate(("first\n", "first\nmore\n", "second worker\n")):
        folder = tmp_path / str(number)
        (folder / "dag_id=night").mkdir(parents=True)
        (folder / path).write_text(text)
        monkeypatch.setenv("AIRFLOW__LOGGING__BASE_LOG_FOLDER", str(folder))
        log.upload(path)
    assert log.read(path, None) == ([f"s3://shop/lake/logs/{path}"], ["first\nmore\nsecond worker\n"])
    printed = subprocess.run(
        [sys.executable, "-c", "from airflow.sdk.log import load_remote_log_handler as f; print(type(f()).__name__)"],
        env=os.environ
        | {
            "AIRFLOW__LOGGING__LOGGING_CONFIG_CLASS": "ml.adapters.logs.LOGGING_CONFIG",
            "AIRFLOW_HOME": str(tmp_path),
            "PYTHONPATH": str(PROJECT),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert printed.stdout.split()[-1] == "LakeLogs"


def test_a_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is done, with the file that installs it; a scheme that nothing reads is named too."""
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(NightshiftError, match=r"install requirements-gcs.txt") as raised:
        Lake("gs://shop/lake")
    assert "NIGHTSHIFT_LAKE_URI=gs://shop/lake" in str(raised.value)
    with pytest.raises(NightshiftError, match="a scheme that nothing reads"):
        Lake("nowhere://shop/lake")
