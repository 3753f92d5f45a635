"""The assets that join the DAGs: what a task leaves behind, by the name that the UI shows."""

from __future__ import annotations

from airflow.sdk import Asset, AssetAlias

GROUP = "nightshift"

SNAPSHOT = Asset(name="shop/snapshot", group=GROUP)


def model(name: str) -> Asset:
    """The served model of capability ``name``; an event means that another version serves from now on."""
    return Asset(name=f"model/{name}", group=GROUP)


def maybe_model(name: str) -> AssetAlias:
    """Outlet of a task that may or may not bring a new champion: an alias emits only what is added to it."""
    return AssetAlias(name=f"new model/{name}", group=GROUP)


def table(name: str) -> Asset:
    """The published table ``ml.<name>``."""
    return Asset(name=f"ml/{name}", group=GROUP)


def maybe_table(name: str) -> AssetAlias:
    """Outlet of a task that may or may not write rows of ``ml.<name>``."""
    return AssetAlias(name=f"new rows/{name}", group=GROUP)
