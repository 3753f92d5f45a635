"""Apache Spark as the engine of a night's features: the only place that knows it (``NIGHTSHIFT_ENGINE=spark``).

A capability's features are Ibis expressions; :mod:`backend` compiles them so that they give on Spark what they give on
DuckDB, and :mod:`session` finds the cluster or says in words why it cannot.
"""

from __future__ import annotations

from ml.adapters.spark.session import opened, refuse

__all__ = ["opened", "refuse"]
