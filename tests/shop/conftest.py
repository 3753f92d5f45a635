"""What the tests of the shop share: the published data, and tables of a source by name."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pytest

from ml.settings import PROJECT


@pytest.fixture(scope="session")
def published() -> Path:
    """Folder of the published data sets; a test that takes it is skipped where it is not."""
    folder = Path(os.environ.get("NIGHTSHIFT_TEST_DATA") or PROJECT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no published data at {folder}: set NIGHTSHIFT_TEST_DATA to the folder that holds them")
    return folder


def rows(tables: Iterable[tuple[str, Iterable[pa.RecordBatch]]]) -> dict[str, list[dict[str, object]]]:
    """All rows of a source, by table."""
    return {name: [row for batch in batches for row in batch.to_pylist()] for name, batches in tables}
