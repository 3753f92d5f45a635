"""The DAGs of ``bench load``: the night of one capability in many small pieces, and a lane of minutes."""

from __future__ import annotations

import os

from ml.pipeline import serving
from ml.registry import CAPABILITIES
from nightshift_airflow import factory

serving.UNITS_PER_SHARD = int(os.environ["BENCH_UNITS_PER_SHARD"])
lane = factory.live(os.environ["BENCH_LANE"])
vars(factory)["CAPABILITIES"] = {name: CAPABILITIES[name] for name in [os.environ["BENCH_CAPABILITY"]]}
night = factory.night()
