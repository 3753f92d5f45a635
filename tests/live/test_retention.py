"""What is kept how long: the books and the lake level off, and old models go with their files."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from ml import pipeline
from ml.adapters import postgres as adapter
from ml.adapters.lake import Lake
from ml.core.errors import WrongUse
from ml.pipeline import maintenance, retention, training
from ml.settings import Settings
from tests.live.conftest import NIGHT, Shop
from tests.small_shop import execute

_NIGHTS = """
INSERT INTO ml_ops.night (ref, night, status, started_at)
SELECT (current_date - n) || '/001', current_date - n, 'done', current_date - n
FROM generate_series(0, {nights} - 1) AS n
"""
_STEPS = """
INSERT INTO ml_ops.step (ref, step, status, started_at)
SELECT (current_date - n) || '/001', 'score', 'done', current_date - n
FROM generate_series(0, {nights} - 1) AS n, generate_series(1, 20)
"""
_QUARANTINE = """
INSERT INTO ml_ops.quarantine (night, ref, table_name, row_key, rule, at)
SELECT current_date - n, (current_date - n) || '/001', 'order', k::text, 'rule', current_date - n
FROM generate_series(0, {nights} - 1) AS n, generate_series(1, 5) AS k
"""
_FIGURES = """
INSERT INTO ml_ops.figure (night, ref, capability, kind, name, value, at)
SELECT current_date - n, (current_date - n) || '/001', 'risk', 'input', k::text, 1, current_date - n
FROM generate_series(0, {nights} - 1) AS n, generate_series(1, 10) AS k
"""
_BATCHES = """
DO $$ DECLARE n int; number bigint; BEGIN
    FOR n IN REVERSE 40 .. 0 LOOP
        INSERT INTO ml_ops.batch (table_name, capability, night, ref, model_version, as_of, inputs_sha256, status, published_at)
        VALUES ('watched', 'watch', current_date - n, (current_date - n) || '/001', 1, current_date - n, n::text,
                CASE n WHEN 0 THEN 'published' ELSE 'superseded' END, current_date - n) RETURNING batch_id INTO number;
        EXECUTE format('CREATE TABLE ml_batch.watched_%s (x bigint)', number);
    END LOOP;
END $$
"""


def kept(settings: Settings, nights: int) -> dict[str, Any]:
    """What is left after the maintenance that follows so many nights."""
    execute(
        settings.database_url,
        *(sql.format(nights=nights) for sql in (_NIGHTS, _STEPS, _QUARANTINE, _FIGURES, _BATCHES)),
    )
    lake, today = Lake(settings.lake_uri), date.today()  # noqa: DTZ011  # as the database counts
    for n in range(nights):
        for kind in ("snapshot", "features", "predictions"):
            path = Path(settings.lake_uri) / kind / str(today - timedelta(days=n)) / "001" / "part.parquet"
            path.parent.mkdir(parents=True)
            path.write_bytes(b"x" * 1000)
        lake.write_json(f"snapshot/{today - timedelta(days=n)}/001/manifest.json", {"tables": {}})
    maintenance.maintain(settings)
    counts = "SELECT (SELECT count(*) FROM ml_ops.step) AS steps, (SELECT count(*) FROM ml_ops.quarantine) AS aside, \
        (SELECT count(*) FROM ml_ops.figure) AS figures, \
        (SELECT count(*) FROM pg_class WHERE relnamespace = 'ml_batch'::regnamespace AND relkind = 'r') AS batches"
    return {**adapter.query(settings.database_url, counts)[0], "lake": lake.usage("")}


@pytest.mark.parametrize("nights", [405, 450])
def test_the_disks_use_levels_off(settings: Settings, nights: int) -> None:
    """After 405 nights and after 450 the same is left: what each rule says, and no more."""
    left = kept(settings, nights)
    lake = left.pop("lake")
    assert left == {
        "steps": 20 * retention.STEPS.keep,
        "aside": 5 * retention.QUARANTINE.keep,
        "figures": 10 * retention.FIGURES.keep,
        "batches": retention.BATCHES.keep,
    }
    assert 7 * 3000 <= lake < 7 * 4000
    rows = {row["what"]: row for row in pipeline.costs(settings)}
    assert len(rows) == len(retention.RULES)
    assert rows[retention.LAKE.what]["bytes"] == lake
    assert rows[retention.LAKE.what]["bytes_per_night"] == lake / 7


def test_versions_that_serve_nobody_are_dropped(watched: Shop) -> None:
    """Beyond the last ones a version goes with its files unless it is in use; one that is gone is not offered any more."""
    number = training.train(watched.settings, f"{NIGHT}/001", "watch", force=True)["version"]  # others share MLflow
    watched.execute(f"DELETE FROM ml_ops.promotion WHERE version = {number}")  # nobody let it serve
    assert retention.forget_old_models(watched.settings, keep=1) == []
    assert retention.forget_old_models(watched.settings, keep=0) == [f"watch {number}"]
    with pytest.raises(WrongUse, match=r"versions: 1\n"):
        pipeline.promote(watched.settings, "watch", number)
    assert retention.forget_old_models(watched.settings, keep=0) == []
