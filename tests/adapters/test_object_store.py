"""A lake in an object store: a whole night on it, and what is said where it cannot be reached."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import boto3
import ibis.backends.duckdb
import pytest
from moto.server import ThreadedMotoServer

from ml.adapters import postgres
from ml.adapters.lake import Lake
from ml.core.errors import NightshiftError
from ml.pipeline import run_night
from ml.settings import Settings
from tests.small_shop import fill, shop

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


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A bucket of an S3 server of the test's own."""
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delattr(ibis.backends.duckdb.Backend, "read_parquet")  # it would install an extension from the internet
    boto3.client("s3").create_bucket(Bucket="shop")
    yield "s3://shop/lake"
    server.stop()


def test_a_night_on_an_object_store_is_that_on_a_folder(settings: Settings, bucket: str) -> None:
    """Snapshot, features and predictions lie in the bucket; the published rows are those of a night on a folder."""
    fill(settings.shop_url, shop() | {"review": REVIEWS})
    published = []
    for lake in (settings.lake_uri, bucket):
        run_night(replace(settings, lake_uri=lake), date(2025, 3, 1), capabilities=["sentiment"], fresh=True)
        published.append(
            postgres.query(
                settings.database_url,
                "SELECT review_id, label, score, confidence, reason FROM ml.review_sentiment ORDER BY 1",
            )
        )
    assert len(published[0]) == len(REVIEWS)
    assert published[0] == published[1]
    assert {"snapshot", "features", "predictions"} <= set(Lake(bucket).names())


def test_a_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is done, with the file that installs it; a scheme that nothing reads is named too."""
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(NightshiftError, match=r"install requirements-gcs.txt") as raised:
        Lake("gs://shop/lake")
    assert "NIGHTSHIFT_LAKE_URI=gs://shop/lake" in str(raised.value)
    with pytest.raises(NightshiftError, match="a scheme that nothing reads"):
        Lake("nowhere://shop/lake")
