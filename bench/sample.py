"""What learning on a sample of the customers costs: all of them beside 30 % and 10 %, judged on the same units.

``--shop "demo customer"``, or ``"online_retail recommender" --data FOLDER``: a shop and one of the capabilities whose spec
``draws``. Each model is fitted in a process of its own on what was known before the gate's horizon, from Parquet as a night
does it; all are judged by the capability's own evaluation, with the features of all customers. The difference from the
model of all customers is paired by unit, with its 95 % interval; a sample that costs nothing has 0 inside.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from bench import Options, Row
from bench._sample_once import SEED
from bench._window import Shop, load
from ml.adapters.lake import Lake
from ml.core.capability import evaluate_of, features_of, model_of
from ml.core.errors import NightshiftError
from ml.core.gate import difference
from ml.core.spec import Capability
from ml.pipeline.context import LazyTables
from ml.registry import capability

SHARES = (1.0, 0.3, 0.1)
CONFIDENCE = 0.975
DEMO = "customer"


@dataclass(frozen=True)
class Fit:
    """A model of a share of the customers, and what its fit took."""

    model: Any
    seconds: float
    gib: float
    tables_gib: float


def run(options: Options) -> Iterator[Row]:
    """Fit on each share and compare."""
    shop_name, _, name = (options.shop or f"demo {DEMO}").partition(" ")
    spec = capability(name or DEMO)
    if not spec.draws:
        raise NightshiftError(
            "This capability learns from products, not from customers: it draws no sample.",
            came=name,
            do="name another",
        )
    given = Options(quick=options.quick, shop=shop_name, data=options.data)
    shop, home = load(given), (options.scratch / "sample" / f"{shop_name}-{spec.name}").resolve()
    shutil.rmtree(home, ignore_errors=True)
    lake = Lake(str(home / "lake"))
    _write(shop, spec, lake)
    known = LazyTables.of(lake, lake.join("known"))
    truth = known["truth"]
    fits = {share: _fit(lake, spec, share, home) for share in SHARES}
    models = {f"{share:.0%}": fit.model for share, fit in fits.items()}
    found = evaluate_of(spec).evaluate(models, known, truth, spec.params)
    metric, whole = spec.gate.metric, found["100%"]
    for share, fit in fits.items():
        sampled = found[f"{share:.0%}"]
        paired = difference(sampled.per_unit, whole.per_unit, confidence=CONFIDENCE, seed=SEED)
        ours, theirs = (float(np.mean(one.per_unit)) for one in (sampled, whole))
        yield Row(
            f"{shop.name}, {spec.name}: learned from {share:.0%} of the customers, {len(sampled.per_unit):,} units",
            metric,
            ours,
            "all customers",
            theirs,
            ours / theirs if theirs else 1.0,
            note=f"difference {paired.mean:+.4f} [{paired.lower:+.4f}, {paired.upper:+.4f}]; {fit.seconds:.1f} s, "
            f"{fit.gib:.2f} GiB more while it learned, {fit.gib / max(fit.tables_gib * share, 1e-9):.0f} times its tables",
            extra={"seconds": fit.seconds, "GiB": fit.gib, "tables GiB": fit.tables_gib},
        )


def _write(shop: Shop, spec: Capability, lake: Lake) -> None:
    """The features before the horizon, those of the windows before, and what came after each, as a night has them."""
    part, horizon = features_of(spec), spec.gate.horizon
    tables = {name: shop.backend.table(name) for name in spec.tables if name in shop.names}
    cutoff = shop.end - horizon

    def at(folder: str, moment: datetime) -> None:
        built: Mapping[str, Any] = part.build(tables, moment, spec.params)
        built = dict(built) | {"truth": part.truth(tables, moment, moment + horizon, spec.params)}
        for name, rows in built.items():
            table: pa.Table = shop.backend.to_pyarrow(rows)
            lake.write_batches(lake.join(folder, f"{name}.parquet"), table.to_batches() or [_empty(table.schema)])

    at("known", cutoff)
    moments = [cutoff - back for back in sorted(spec.cutoffs, reverse=True)]
    for n, moment in enumerate(moments):
        at(f"window-{n:02d}", moment)
    lake.write_json("moments.json", {"at": [moment.isoformat() for moment in moments]})


def _empty(schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array([], field.type) for field in schema], schema=schema)


def _fit(lake: Lake, spec: Capability, share: float, home: Path) -> Fit:
    folder = home / f"model-{share}"
    command = [sys.executable, "-m", "bench._sample_once", lake.uri, spec.name, str(share), str(folder)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise NightshiftError("The fit did not end.", came=done.stderr[-1500:])
    result = json.loads(done.stdout.splitlines()[-1])
    return Fit(model_of(spec).load(folder), result["seconds"], result["peak"] - result["before"], result["tables"])
