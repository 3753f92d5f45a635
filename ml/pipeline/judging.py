"""What judges a model: from when on what happened is its truth, and whether there is enough of it."""

from __future__ import annotations

from datetime import UTC, datetime

from ml.core.capability import Split, evaluate_of, features_of
from ml.core.spec import Capability
from ml.pipeline.context import Night
from ml.pipeline.features import features

EVER = datetime(1970, 1, 1, tzinfo=UTC)
WIDER = 1.5


def lacking(night: Night, capability: Capability, cutoff: datetime) -> str:
    """Why the gate could let no model pass, whatever it learned: asked before anything is fitted. Empty: it could."""
    with night.backend() as backend:
        tables = night.clean(backend, capability) | night.config(backend, capability)
        ask = getattr(evaluate_of(capability), "lacking", None)
        if ask:
            return str(ask(tables, cutoff, night.as_of, capability.params))
        rows = features_of(capability).truth(tables, cutoff, night.as_of, capability.params)
        few, found = capability.gate.min_units, int(rows.count().execute())
        return (
            f"only {found} rows to measure {capability.gate.metric} on, the gate asks for {few}" if found < few else ""
        )


def within(night: Night, capability: Capability) -> Split | str:
    """A split inside what is known tonight, for a capability that offers one; else why not, empty if it offers none."""
    ask = getattr(evaluate_of(capability), "within", None)
    if not ask:
        return ""
    found: Split | str = ask(features(night, capability, "serve", night.as_of), night.as_of, capability.params)
    return found


def judged_from(night: Night, capability: Capability) -> datetime:
    """Where the window begins on which the gate judges: ``horizon`` before the night, or earlier for ``enough`` rows."""
    span, gate = capability.gate.horizon, capability.gate
    if not gate.enough:
        return night.as_of - span
    part = features_of(capability)
    with night.backend() as backend:
        tables = night.clean(backend, capability) | night.config(backend, capability)

        def rows(since: datetime) -> int:
            return int(part.truth(tables, since, night.as_of, capability.params).count().execute())

        enough = min(gate.enough, rows(EVER) / 3)
        while rows(night.as_of - span) < enough:
            span *= WIDER
    return night.as_of - span
