"""A night over the demo shop's drawn pictures finds what was planted in them, and gives the encoder of what it published."""

from __future__ import annotations

import io
import zipfile
from datetime import timedelta

from ml import pipeline
from ml.adapters import postgres
from ml.settings import Settings
from ml.shop.load import load
from ml.shop.sources.demo import END

ISSUES = {"missing": "missing", "blank": "blank", "tiny": "tiny", "broken": "unreadable"}


def test_a_night_finds_the_planted_faults_and_embeds_no_picture_twice(settings: Settings):
    """Every missing, blank, tiny, broken and repeated picture of what is for sale is told; the next night reads none anew."""
    load(settings, "demo", customers=400, days=120, faults=0)
    pipeline.run_night(settings, END, capabilities=["visual"])
    planted = postgres.query(
        settings.database_url,
        "SELECT t.product_id, t.fault, t.twin, p.active FROM demo_truth.picture AS t JOIN shop.product AS p USING (product_id)",
    )
    found = postgres.query(settings.database_url, "SELECT product_id, issue FROM ml.picture_issue")
    issues = {(row["product_id"], row["issue"]) for row in found if row["issue"] != "other_category"}
    assert issues == {
        (row["product_id"], ISSUES[row["fault"]]) for row in planted if row["active"] and row["fault"] in ISSUES
    }
    pairs = postgres.query(settings.database_url, "SELECT product_id, other_product_id FROM ml.duplicate_picture")
    twins = {tuple(sorted((row["product_id"], row["twin"]))) for row in planted if row["fault"] == "duplicate"}
    assert twins <= {(row["product_id"], row["other_product_id"]) for row in pairs}
    broken = postgres.query(
        settings.database_url, "SELECT row_key FROM ml_ops.quarantine WHERE table_name = 'product_image'"
    )
    assert {row["row_key"] for row in broken} == {
        f"{row['product_id']}/1" for row in planted if row["fault"] == "broken"
    }
    version, content = pipeline.encoder(settings)
    assert version == 1
    assert "nightshift_encoder/__init__.py" in zipfile.ZipFile(io.BytesIO(content)).namelist()
    store = sorted((settings.home / "lake" / "pictures").iterdir())
    pipeline.run_night(settings, END + timedelta(days=1), capabilities=["visual"])
    assert sorted((settings.home / "lake" / "pictures").iterdir()) == store
