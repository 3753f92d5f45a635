"""Whether a person is asked: what the shop's staff wrote comes before the spec."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from ml.adapters.lake import Lake
from ml.pipeline.approval import Approval, wanted
from ml.pipeline.context import Night
from ml.registry import capability
from ml.settings import Settings

RISK = capability("risk")


def night(folder: Any, *rows: dict[str, Any]) -> Night:
    """A night that read these rows of ``ml_config.approval``."""
    settings = Settings(folder, "", "", str(folder / "lake"), "", "UTC", "", 1, 1)
    lake = Lake(settings.lake_uri)
    names = {"capability": pa.string(), "wanted": pa.bool_(), "hours": pa.float64(), "otherwise": pa.string()}
    table = pa.Table.from_pylist(list(rows), pa.schema(list(names.items())))
    path = lake.join("snapshot", "2025-03-05", "001", "config", "approval", "part.parquet")
    lake.write_batches(path, table.to_batches() or [pa.RecordBatch.from_pylist([], table.schema)])
    return Night(settings, "2025-03-05/001", lake, {"config": {"approval": {}}})


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"wanted": True, "hours": 48.0, "otherwise": "refuse"}, Approval(48.0)),
        ({"wanted": True, "hours": 2.0, "otherwise": "approve"}, Approval(2.0, approve_without_answer=True)),
        ({"wanted": False, "hours": 48.0, "otherwise": "refuse"}, None),
    ],
)
def test_the_staff_decides(tmp_path: Any, row: dict[str, Any], expected: Approval | None) -> None:
    """A row of ml_config.approval holds whatever the spec says; of another capability it says nothing."""
    opened = night(tmp_path, {"capability": "risk"} | row)
    for spec in (RISK, replace(RISK, approval=True)):
        assert wanted(opened, spec) == expected
    assert wanted(opened, capability("sentiment")) is None


def test_without_a_row_the_spec_decides(tmp_path: Any) -> None:
    """A day's time, and a refusal without an answer, where the spec wants a person; else nobody is asked."""
    opened = night(tmp_path)
    assert wanted(opened, RISK) is None
    assert wanted(opened, replace(RISK, approval=True)) == Approval(24.0)
