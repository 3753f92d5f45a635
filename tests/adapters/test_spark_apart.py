"""Who hangs together with whom, found by Spark's executors, is what one machine finds."""

from __future__ import annotations

import os
from typing import Any

import pytest

from ml.adapters.lake import Lake
from ml.capabilities.risk import apart, features, history
from ml.capabilities.risk.spec import SPEC
from tests.adapters.test_spark_features import spark  # noqa: F401  # a fixture
from tests.contract.cases import Case, memory

pytestmark = [
    pytest.mark.spark,
    pytest.mark.skipif(
        not os.environ.get("NIGHTSHIFT_SPARK_ALL"),
        reason="takes Spark a minute: NIGHTSHIFT_SPARK_ALL=1 runs it; tests/capabilities/risk/test_apart.py holds the counts",
    ),
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]


def test_who_shares_what_with_whom_is_counted_on_executors(spark: Any, tmp_path: Any) -> None:  # noqa: F811
    """Every count of the first orders of the sample shop."""
    case = Case(SPEC)
    log = features.log(features.described(memory(case.tables), case.as_of, SPEC.params)).slice(0, 150)
    lake = Lake(str(tmp_path))
    lake.write_stream("log", log.schema, log.to_batches())
    counts, used = (spark.to_pyarrow(table) for table in apart.counted(lake.table(spark, "log")))
    rows = history.coded(log)
    whole = history.history(rows)
    ours, theirs = (table.sort_by("order_no").select(whole.column_names) for table in (counts, whole))
    assert [name for name in whole.column_names if not ours[name].equals(theirs[name])] == []
    by = [(name, "ascending") for name in ("kind", "order_no")]
    assert used.sort_by(by).to_pylist() == history.shared(rows).sort_by(by).to_pylist()
