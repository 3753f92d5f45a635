"""A small HTTP endpoint over what is published, for shops whose backend cannot reach Postgres."""

from ml.adapters.endpoint.app import make
from ml.adapters.endpoint.keys import Key, Keys, new_key

__all__ = ["Key", "Keys", "make", "new_key"]
