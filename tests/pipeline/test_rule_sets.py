"""Sets of rules: only the arm of an experiment that shows a set is made by its rules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa

from ml.adapters.books import config
from ml.adapters.lake import Lake
from ml.core.experiment import read
from ml.core.spec import RULE_SET
from ml.pipeline import arms, experiment
from ml.pipeline.context import Night
from ml.registry import capability
from ml.settings import Settings

REF = "2025-03-05/001"


def night(folder: Path, *sets: str | None) -> Night:
    """A snapshot with one rule of each set."""
    lake = Lake(str(folder / "lake"))
    spec = next(table for table in capability("recommender").config if table.name == "rule")
    rows = [{"id": i, "kind": "pin", "product_id": f"p{i}", "rank": 1, RULE_SET: of} for i, of in enumerate(sets)]
    path = lake.join("snapshot", REF, "config", "rule", "part.parquet")
    lake.write_batches(path, pa.Table.from_pylist(rows, config.schema(spec)).to_batches())
    return Night(
        Settings(folder, "", "", str(folder / "lake"), "", "UTC", "", 1, 1),
        REF,
        lake,
        {"tables": {}, "config": {"rule": {}}},
    )


def products(found: pa.Table) -> set[str]:
    """The products that rules name."""
    return set(found["product_id"].to_pylist())


def test_rules_of_a_set_hold_for_its_arm_alone(tmp_path: Path) -> None:
    """The night's own rules are those without a set; an arm has those of its set beside them; other sets never."""
    opened, spec = night(tmp_path, None, "autumn", "spring"), capability("recommender")
    with opened.backend() as backend:
        assert products(opened.config(backend, spec)["rule"].to_pyarrow()) == {"p0"}
    (path,) = arms._rules(opened, spec, "autumn").values()
    assert products(opened.lake.read_parquet(path)) == {"p0", "p1"}
    assert experiment._sets(opened)["recommender"] == {"autumn", "spring"}


def test_an_arm_knows_its_set() -> None:
    """As the staff wrote it; rows from before there were sets have none."""
    row: dict[str, Any] = {
        "name": "x",
        "capability": "recommender",
        "mode": "ab",
        "population": None,
        "starts_on": None,
        "ends_on": None,
        "share": 0.5,
        "version": None,
    }
    (one,) = read([row | {"arm": "a", "shows": "champion"}, row | {"arm": "b", "shows": "rules", RULE_SET: "autumn"}])
    assert [(arm.name, arm.rule_set) for arm in one.arms] == [("a", None), ("b", "autumn")]
    assert one.control == "a"
