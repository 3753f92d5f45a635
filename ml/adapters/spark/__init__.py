"""Apache Spark as the engine of a night: the only place that knows it (``NIGHTSHIFT_ENGINE=spark``).

A capability's features are Ibis expressions; :mod:`backend` compiles them so that they give on Spark what they give on
DuckDB. What reads the shop, judges rows, scores and publishes is the same Python on every engine; :mod:`spread` runs it by
ranges of keys on the executors. :mod:`session` finds the cluster or says in words why it cannot.
"""

from __future__ import annotations

from ml.adapters.spark.session import SCRATCH, is_kept, kept, opened, refuse, spreading

__all__ = ["SCRATCH", "is_kept", "kept", "opened", "refuse", "spreading"]
