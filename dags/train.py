"""One DAG a capability: learn anew, let the better model serve."""

from ml.registry import CAPABILITIES
from nightshift_airflow.factory import train

globals().update({f"train_{name}": train(name) for name in CAPABILITIES})
