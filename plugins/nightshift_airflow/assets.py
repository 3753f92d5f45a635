"""The assets that join the DAGs: what a task leaves behind, by the name that the UI shows."""

from __future__ import annotations

from airflow.sdk import Asset, AssetAlias

from ml.registry import CAPABILITIES

GROUP = "nightshift"
MEANINGS = {table.name: table.meaning for spec in CAPABILITIES.values() for table in spec.publishes}

SNAPSHOT = Asset(
    name="shop/snapshot",
    group=GROUP,
    extra={"what": "The shop as it was known when a night began, read once and validated."},
)


def model(name: str) -> Asset:
    """The served model of capability ``name``; an event means that another version serves from now on."""
    what = f"The model of {CAPABILITIES[name].title} that serves." if name in CAPABILITIES else ""
    return Asset(name=f"model/{name}", group=GROUP, extra={"what": what})


def maybe_model(name: str) -> AssetAlias:
    """Outlet of a task that may or may not bring a new champion: an alias emits only what is added to it."""
    return AssetAlias(name=f"new model/{name}", group=GROUP)


def drift(name: str) -> Asset:
    """An event means that capability ``name`` should learn again; ``train_<name>`` starts."""
    what = (
        f"{CAPABILITIES[name].title}: what happened, or the shop, is unlike what the model knows."
        if name in CAPABILITIES
        else ""
    )
    return Asset(name=f"drift/{name}", group=GROUP, extra={"what": what})


def maybe_drift(name: str) -> AssetAlias:
    """Outlet of the task that may or may not find that capability ``name`` should learn again."""
    return AssetAlias(name=f"new drift/{name}", group=GROUP)


def table(name: str) -> Asset:
    """The published table ``ml.<name>``."""
    return Asset(name=f"ml/{name}", group=GROUP, extra={"what": MEANINGS.get(name, "")})


def maybe_table(name: str) -> AssetAlias:
    """Outlet of a task that may or may not write rows of ``ml.<name>``."""
    return AssetAlias(name=f"new rows/{name}", group=GROUP)
