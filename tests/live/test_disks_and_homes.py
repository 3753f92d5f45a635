"""A home whose name SQL, globs or URLs read as their own works; a disk that is full stops a night in words, and no more."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from ml.adapters.lake import Lake
from ml.adapters.mlflow import tracking
from ml.core.errors import NightshiftError, StorageError
from tests.live.conftest import NIGHT, Shop, at

PAGE = 4096
ODD = 'it\'s a [shop] *now*? "50 %" {x,y} #1; ünï 中'


def test_a_night_and_its_lane_in_an_odd_home(watched: Shop, tmp_path: Path) -> None:
    """Apostrophe, quotes, brackets, stars, blanks, percent and letters of other scripts are letters of a name."""
    home = tmp_path / ODD
    home.mkdir()
    watched.settings = replace(watched.settings, home=home, lake_uri=str(home / "lake"))

    assert watched.night(NIGHT)["ref"] == f"{NIGHT}/001"
    watched.place("n1", at(10))
    assert watched.run(10.1)["scored"] == 1
    assert watched.seen()["n1"]["orders"] == 1


@pytest.mark.parametrize("name", ["back\\slash", "new\nline"])
def test_what_duckdb_cannot_open_is_refused(tmp_path: Path, name: str) -> None:
    """Refused before anything is written."""
    with pytest.raises(NightshiftError, match="NIGHTSHIFT_LAKE_URI"):
        Lake(str(tmp_path / name))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="only root may mount a small disk")
@pytest.mark.parametrize("share", [0.3, 0.85])
def test_a_full_disk_stops_in_words_and_the_next_night_goes_on(watched: Shop, tmp_path: Path, share: float) -> None:
    """Wherever it is that the disk ends, Data Docs included: nothing new is published, and with space the night is whole."""
    small = tmp_path / "small"
    small.mkdir()
    pages = sum(
        -(-path.stat().st_size // PAGE) for path in Path(watched.settings.lake_uri).rglob("*") if path.is_file()
    )
    mount = ["mount", "-t", "tmpfs", "-o", f"size={int(share * pages) * PAGE}", "tmpfs", str(small)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this machine does not let root mount")
    try:
        watched.settings = replace(watched.settings, lake_uri=str(small / "lake"))
        before = watched.seen()
        watched.execute("UPDATE shop.order_item SET quantity = 2 WHERE order_id = 'o3'")
        with pytest.raises(StorageError, match="free disk space") as error:
            watched.night(NIGHT)
        assert str(small) in error.value.came
        assert watched.seen() == before
        subprocess.run(["mount", "-o", "remount,size=100m", str(small)], check=True)
        assert watched.night(NIGHT)["batches"]
        assert watched.seen() != before
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)


def test_a_disk_that_is_full_elsewhere_is_said_in_words(watched: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where MLflow's files are written or models are fetched, the night ends with what came and what to do."""

    def full(*_args: object, **_words: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/models/x")

    monkeypatch.setattr(tracking, "log_run", full)
    with pytest.raises(StorageError, match=r"/models/x: No space left on device"):
        watched.night(NIGHT, force_train=True)
