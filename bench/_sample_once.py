"""One fit of a benchmark in a process of its own: ``python -m bench._sample_once LAKE CAPABILITY SHARE FOLDER``."""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from ml.adapters.lake import Lake
from ml.core.capability import Window, model_of
from ml.pipeline.context import LazyTables
from ml.pipeline.learning_sample import Drawn
from ml.registry import capability

SEED = 7


def peak_gib() -> float:
    """Peak memory of this process since it began; ``getrusage`` would begin with that of its parent."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 2**20


def main(root: str, name: str, share: float, folder: Path) -> None:
    """Fit on the drawn share of the features in ``root`` and save; prints seconds, peak and size of the tables as JSON."""
    lake, spec = Lake(root), capability(name)
    whole = LazyTables.of(lake, lake.join("known"))
    windows = [LazyTables.of(lake, lake.join(place)) for place in lake.names("") if place.startswith("window-")]
    whole = whole.with_windows([Window(datetime.fromtimestamp(0, UTC), tables, tables["truth"]) for tables in windows])
    moments = lake.read_json("moments.json")
    whole.windows = tuple(
        window._replace(as_of=datetime.fromisoformat(at))
        for window, at in zip(whole.windows, moments["at"], strict=True)
    )
    size = sum(one.size(n) for one in (whole, *windows) for n in one)
    before, began = peak_gib(), time.perf_counter()
    features = Drawn(whole, spec.draws, share) if share < 1 else whole
    model = model_of(spec).fit(features, spec.params, SEED)
    seconds = time.perf_counter() - began
    folder.mkdir(parents=True)
    model.save(folder)
    sys.stdout.write(json.dumps({"seconds": seconds, "before": before, "peak": peak_gib(), "tables": size / 2**30}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]), Path(sys.argv[4]))
