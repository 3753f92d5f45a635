"""One DAG a capability with a lane between nights: what is new gets its row within minutes."""

from ml.registry import CAPABILITIES
from nightshift_airflow.factory import live

globals().update({f"live_{name}": live(name) for name, spec in CAPABILITIES.items() if spec.live})
