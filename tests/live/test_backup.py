"""A backup and what comes of it: in another home and an empty database the shop reads the same rows."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ml import pipeline
from ml.adapters import postgres as adapter
from ml.adapters.backup import dump
from ml.adapters.backup.store import Store
from ml.adapters.lake import Lake
from ml.core.errors import DamagedFile, NightshiftError, WrongUse
from ml.settings import Settings
from tests.bucket import Faults
from tests.live.conftest import NIGHT, Shop, _execute, tables
from tests.small_shop import fill

KEY = "a key for tests, of thirty-two letters or more"


def content(settings: Settings) -> dict[str, list[str]]:
    """Every row of every table and view of Nightshift's schemas, as text, in order."""
    url, found = settings.database_url, {}
    for row in adapter.query(
        url,
        "SELECT n.nspname AS schema, c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE c.relkind IN ('r', 'v') AND n.nspname = ANY(%s)",
        (list(dump.OURS),),
    ):
        name = f'"{row["schema"]}"."{row["name"]}"'
        found[name] = sorted(r["t"] for r in adapter.query(url, f"SELECT x::text AS t FROM {name} AS x"))
    return found


def rights(settings: Settings) -> list[dict[str, Any]]:
    """Who may do what with which table, view and schema."""
    return adapter.query(
        settings.database_url,
        "SELECT n.nspname, c.relname, c.relacl::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = ANY(%s) AND c.relacl IS NOT NULL ORDER BY 1, 2",
        (list(dump.OURS),),
    )


def emptied(shop: Shop, postgres: str, home: Path) -> Settings:
    """Settings of a stack on a new disk: an empty database of the same name, with the shop's own tables, in another home."""
    name = shop.settings.database_url.partition("?")[0].rsplit("/", 1)[1]
    _execute(postgres, f'DROP DATABASE "{name}" WITH (FORCE)')
    _execute(postgres, f'CREATE DATABASE "{name}" TEMPLATE template0')
    fill(shop.settings.database_url, tables())
    home.mkdir()
    return replace(shop.settings, home=home, lake_uri=str(home / "lake"), mlflow_uri=f"sqlite:///{home / 'mlflow.db'}")


def test_after_the_loss_of_everything_the_shop_reads_the_same(watched: Shop, postgres: str, tmp_path: Path) -> None:
    """Every row and right is back, the next night serves the same version, and the last one can be made again."""
    report = pipeline.backup(watched.settings, str(tmp_path / "kept"), key=KEY)
    assert report["night"] == str(NIGHT)
    assert any("same disk" in note for note in report["notes"])
    before, granted = content(watched.settings), rights(watched.settings)
    assert before['"ml"."order_watch"']
    new = emptied(watched, postgres, tmp_path / "new")
    with pytest.raises(NightshiftError, match="encrypted"):
        pipeline.restore(new, str(tmp_path / "kept"))
    restored = pipeline.restore(new, str(tmp_path / "kept"), night=str(NIGHT), key=KEY)
    assert content(new) == before
    assert rights(new) == granted
    assert restored["champions"] == {"watch": 1}
    rebuilt = pipeline.rebuild(new, NIGHT, ["watch"])
    assert [table["differ"] for table in rebuilt.values()] == [0]
    assert "new" in str(next((tmp_path / "new" / "mlflow" / "artifacts").rglob("model")))
    pipeline.run_night(new, NIGHT + timedelta(days=1), capabilities=["watch"])
    assert {
        row["model_version"] for row in adapter.query(new.database_url, "SELECT model_version FROM ml_ops.batch")
    } == {1}


def test_a_bucket_keeps_a_backup_though_it_fails_now_and_then(
    watched: Shop, postgres: str, tmp_path: Path, store: Faults
) -> None:
    """Written and read through 503s and lost connections every row is back; of a damaged object nothing is changed."""
    to = "s3://shop/backups"
    store.on = True
    report = pipeline.backup(watched.settings, to, key=KEY)
    assert not any("same disk" in note for note in report["notes"])
    before = content(watched.settings)
    new = emptied(watched, postgres, tmp_path / "new")
    restored = pipeline.restore(new, to, night=str(NIGHT), key=KEY)
    assert store.lost + store.slowed > 5
    assert restored["backup"] == report["backup"]
    assert content(new) == before
    store.on = False
    lake = Lake("s3://shop")
    path = next(name for name in lake.walk("backups/objects") if lake.usage(name) > 100)
    lake.write_bytes(path, b"cut off")
    with pytest.raises(DamagedFile):
        pipeline.restore(new, to, key=KEY, replace_data=True)
    assert content(new) == before


def test_what_did_not_change_is_kept_once_and_old_backups_are_thinned(watched: Shop, tmp_path: Path) -> None:
    """A second backup writes next to nothing; of two of a day the newer is kept, with all that it needs."""
    to = str(tmp_path / "kept")
    first = pipeline.backup(watched.settings, to)
    watched.execute("UPDATE ml_ops.batch SET rows = 7")
    second = pipeline.backup(watched.settings, to)
    assert second["files"] == first["files"]
    assert 0 < second["written"] < first["written"] / 4
    assert second["thinned"] == [first["backup"]]
    store = Store(to)
    assert store.thin({second["backup"]}, grace_s=-1)[1] > 0
    assert [row["faults"] for row in pipeline.backups(to, check=True)] == [[]]


def test_a_damaged_backup_is_named_file_by_file_and_changes_nothing(watched: Shop, tmp_path: Path) -> None:
    """Each file that is missing, cut off or changed is named; the stack is as it was. A half backup is none."""
    to = tmp_path / "kept"
    pipeline.backup(watched.settings, str(to))
    files = Store(str(to)).chosen().files
    parts = ("lake/snapshot", "artifacts/", "database/toc")
    damaged = [next(path for path in files if path.startswith(part)) for part in parts]
    lost, cut, changed = (to / "objects" / files[path].object[:2] / files[path].object for path in damaged)
    lost.unlink()
    cut.write_bytes(cut.read_bytes()[:-1])
    changed.write_bytes(changed.read_bytes()[:-1] + b"?")
    before = content(watched.settings)
    with pytest.raises(DamagedFile) as refused:
        pipeline.restore(watched.settings, str(to), replace_data=True)
    assert all(path in refused.value.came for path in damaged)
    assert content(watched.settings) == before
    next((to / "backups").glob("*.json")).unlink()
    with pytest.raises(WrongUse, match="a half one"):
        pipeline.restore(watched.settings, str(to), replace_data=True)


def test_what_is_there_is_not_replaced_unasked(watched: Shop, tmp_path: Path) -> None:
    """A restore over data needs --replace; with it, what came after the backup is gone. Another key, night or version is refused."""
    to = str(tmp_path / "kept")
    pipeline.backup(watched.settings, to)
    before = content(watched.settings)
    watched.execute("DELETE FROM ml_ops.step", "UPDATE ml_ops.batch SET rows = 7")
    with pytest.raises(WrongUse, match="--replace"):
        pipeline.restore(watched.settings, to)
    with pytest.raises(WrongUse, match="no backup of the night of 2001-01-01"):
        pipeline.restore(watched.settings, to, night="2001-01-01", replace_data=True)
    with pytest.raises(NightshiftError, match="another hash key"):
        pipeline.restore(replace(watched.settings, hash_key="another"), to, replace_data=True)
    # A newer version was here: the way back puts the books as the backup has them.
    watched.execute(
        "INSERT INTO ml_ops.migration (number, name) VALUES (9999, 'newer')", "CREATE TABLE ml.newer (x int)"
    )
    pipeline.restore(watched.settings, to, replace_data=True, migrates=False)
    assert content(watched.settings) == before
    manifest = next((tmp_path / "kept" / "backups").glob("*.json"))
    lake = Store(to)._lake
    lake.write_json(
        f"backups/{manifest.name}", lake.read_json("backups", manifest.name) | {"migration": 9999, "version": "9.9"}
    )
    with pytest.raises(WrongUse, match="newer Nightshift"):
        pipeline.restore(watched.settings, to, replace_data=True)
