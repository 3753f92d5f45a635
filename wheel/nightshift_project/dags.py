"""All DAGs of Nightshift, for the one-line file in a folder of DAGs."""

from __future__ import annotations

from nightshift_project import find

find()

from ml.registry import CAPABILITIES  # noqa: E402  # its place is known only now
from nightshift_airflow import factory  # noqa: E402

_DAGS = [
    factory.night(),
    factory.maintenance(),
    factory.backup(),
    *(factory.train(name) for name in CAPABILITIES),
    *(factory.live(name) for name, spec in CAPABILITIES.items() if spec.live),
]
globals().update({dag.dag_id: dag for dag in _DAGS})
__all__ = [dag.dag_id for dag in _DAGS]  # Airflow reads them by import *
