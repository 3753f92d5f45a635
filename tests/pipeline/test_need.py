"""What a step needed is in the books, and says which pod is too small for it."""

from __future__ import annotations

import pytest

from ml import pipeline
from ml.adapters import postgres
from ml.adapters.books import nights

REF = "2026-01-01/001"


def test_a_step_tells_its_cores_and_memory(database: str) -> None:
    """Processor time is that of the step, the peak that of its own block: what a step before took is not in it."""
    postgres.migrate(database)
    with nights.step(database, REF, "extract"):
        held = bytearray(300 * 2**20)
        held[::4096] = b"x" * len(held[::4096])
        del held
    with nights.step(database, REF, "publish", "risk") as record:
        record["rows"] = sum(range(1000))
    needs = {row["step"]: row for row in pipeline.needs(database)}
    assert needs["extract"]["peak_mib"] > needs["publish"]["peak_mib"] + 200
    assert needs["extract"]["cores"] > 0
    assert needs["publish"]["runs"] == 1


@pytest.mark.parametrize(
    ("step", "peak_mib", "pod", "fits"),
    [
        ("train", 8192.0, "heavy", False),
        ("features", 6553.6, "heavy", True),
        ("score", 4096.0, "usual", False),
        ("report", 512.0, "light", True),
    ],
)
def test_a_pod_that_is_too_small_is_named(database: str, step: str, peak_mib: float, pod: str, *, fits: bool) -> None:
    """A quarter above the largest peak must fit the limit of the step's pod; the features are made by the task prepare."""
    postgres.migrate(database)
    with nights.step(database, REF, step):
        pass
    with postgres.transaction(database) as cursor:
        cursor.execute("UPDATE ml_ops.step SET peak_mib = %s", (peak_mib,))
    (row,) = pipeline.needs(database)
    assert (row["pod"], row["fits"], row["wanted_gib"]) == (pod, fits, 1.25 * peak_mib / 1024)
