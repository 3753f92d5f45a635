"""Drift: of the shop's tables against the same weekdays before, of features and predictions against what the champion knew."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import numpy as np

from ml.adapters.lake import Lake
from ml.contract.tables import TABLES
from ml.core.errors import DamagedFile
from ml.core.figures import Alert, Figure, Kind
from ml.core.spec import Capability
from ml.learn import drift
from ml.pipeline.context import Night
from ml.pipeline.input_series import series
from ml.pipeline.state_profile import STATES, compared, profile
from ml.registry import CAPABILITIES

log = logging.getLogger("nightshift")

FOLDER = "monitor"
PSI = 0.25
"""Above it a distribution has changed for good (the usual limit of the population stability index)."""
ROWS = 20_000
FEWEST = 200
SAMPLE = "SELECT * FROM read_parquet({}) USING SAMPLE reservoir({} ROWS) REPEATABLE (7)"
BINS, VALUES = 10, 20
SHOWN = 5
"""Alerts of one kind and capability that are told one by one at most, the largest first."""


def inputs(night: Night) -> list[drift.Finding]:
    """What in the shop's tables is unlike the days before; worked out once a night, and kept in the lake."""
    path = night.lake.join(FOLDER, night.ref, "inputs.json")
    if night.lake.exists(path):
        try:
            return [drift.Finding(*row) for row in night.lake.read_json(path)["alarms"]]
        except DamagedFile as error:
            log.warning("The drift of the inputs is worked out anew. %s", error)
    with night.backend() as backend:
        tables = {
            name: night.lake.table(backend, night.path("snapshot", "clean", name))
            for name in night.manifest["tables"]
            if name in TABLES
        }
        found = _daily(tables, night)
        states = {name: profile(TABLES[name], tables[name]) for name in STATES if name in tables}
    before = _before(night)
    if before:
        found += [f for name, now in states.items() if name in before for f in compared(name, before[name], now)]
    alarms = drift.alarms(found)
    rows = [[float(x) if isinstance(x, np.floating) else x for x in f] for f in alarms]
    night.lake.write_json(path, {"shop": night.shop, "tests": len(found), "alarms": rows, "states": states})
    return alarms


def _daily(tables: Mapping[str, Any], night: Night) -> list[drift.Finding]:
    found = []
    for one in series(tables, night.as_of):
        found += [drift.compare(one), drift.compare(one.weekly(), weekly=True)]
    return [f for f in found if f is not None]


def _before(night: Night) -> Mapping[str, Any] | None:
    """The profiles of the latest night before this one, of the same shop."""
    lake = night.lake
    for name in sorted(lake.names(FOLDER), reverse=True):
        for attempt in reversed(lake.names(FOLDER, name) if name < night.night.isoformat() else []):
            path = lake.join(FOLDER, name, attempt, "inputs.json")
            try:
                if lake.exists(path) and (kept := lake.read_json(path))["shop"] == night.shop:
                    return dict(kept["states"])
            except DamagedFile as error:
                log.warning("The night of %s is not compared with. %s", name, error)
    return None


def input_alerts(found: Iterable[drift.Finding]) -> list[Alert]:
    """An alert of each finding, by name and number."""
    return [
        Alert(
            "",
            "input",
            f.name,
            _in_words(f),
            f"see what the shop changed in shop.{f.name.partition('.')[0]}; if it is a fault, mend it and run the night again "
            "(--fresh), else there is nothing to do: after eight weeks it is usual",
            slice=f.what,
            value=f.value,
            expected=f.expected,
            reaction=_reaction(f),
        )
        for f in found
    ]


def _in_words(f: drift.Finding) -> str:
    change = "stopped" if f.what.startswith("rows") and f.value == 0 else "is unusual"
    return (
        f"shop.{f.name}: {f.what} {change}: {f.value:.4g}, usual {f.expected:.4g} "
        f"[{f.low:.4g}, {f.high:.4g}] (p = {f.p:.1g})"
    )


def _reaction(f: drift.Finding) -> Any:
    wanted = {spec.monitor.inputs for spec in CAPABILITIES.values() if concerns(spec, f.name)}
    return next((reaction for reaction in ("hold", "learn") if reaction in wanted), "tell")


def concerns(capability: Capability, name: str) -> bool:
    """Whether a finding about ``<table>.<column>`` is about a table that the capability reads."""
    return name.partition(".")[0] in capability.tables


def input_figures(found: Iterable[drift.Finding]) -> list[Figure]:
    """The figures of what was found."""
    return [
        Figure("input", f.name, f.value, slice=f.what, low=f.low, high=f.high, expected=f.expected, units=int(f.n))
        for f in found
    ]


def held(night: Night, capability: Capability) -> list[str]:
    """Why nothing of a capability is to be published tonight: findings for which its spec says ``hold``."""
    if capability.monitor.inputs == "hold":
        return [_in_words(f) for f in inputs(night) if concerns(capability, f.name)]
    return []


def distributions(
    night: Night,
    capability: Capability,
    kind: Literal["feature", "prediction"],
    tables: Mapping[str, str],
    version: int,
) -> tuple[list[Figure], list[Alert]]:
    """Figures and alerts of features or predictions, against those of the first night with the same model version.

    Parameters
    ----------
    kind : str
        ``feature`` or ``prediction``.
    tables : mapping of str to str
        Lake folder or file of each table.
    """
    lake = night.lake
    path = lake.join(FOLDER, "versions", capability.name, f"{version}-{kind}.json")
    kept = _kept(lake, path, night)
    figures: list[Figure] = []
    references: dict[str, Any] = {}
    with lake.duckdb(night.settings.threads, night.settings.memory_gb) as db:
        for name, where in tables.items():
            rows = db.sql(SAMPLE.format(lake.sql(where), ROWS)).to_arrow_table()
            if len(rows) < FEWEST:
                continue
            for column in rows.column_names:
                key = f"{name}.{column}"
                if kept is None:
                    # An id, which may be a customer's, is no value to keep: an erasure would have to find it here.
                    if not column.endswith("_id") and (bins := binned(rows[column])) is not None:
                        references[key] = bins
                elif key in kept:
                    now = counted(rows[column], kept[key])
                    value = drift.psi(np.array(kept[key]["counts"], float), now)
                    figures.append(Figure(kind, key, value, expected=PSI, units=len(rows), version=version))
    if kept is None:
        lake.write_json(path, {"shop": night.shop, "night": night.night.isoformat(), "columns": references})
    return figures, _drifted(capability, kind, figures)


def _kept(lake: Lake, path: str, night: Night) -> Mapping[str, Any] | None:
    try:
        kept = lake.read_json(path) if lake.exists(path) else None
    except DamagedFile as error:
        log.warning("What is usual is kept anew from tonight on. %s", error)
        return None
    # A night of the past before the one that is kept makes no new reference.
    return kept["columns"] if kept and kept["shop"] == night.shop else None


def _drifted(capability: Capability, kind: Kind, figures: list[Figure]) -> list[Alert]:
    over = sorted((f for f in figures if (f.value or 0) > PSI), key=lambda f: -(f.value or 0))
    reaction = capability.monitor.features if kind == "feature" else capability.monitor.predictions
    do = (
        f"./nightshift train {capability.name} learns from the shop as it is now"
        if reaction == "learn"
        else f"look at the rows (docs/tables.md); ./nightshift rollback {capability.publishes[0].name} shows the batch before"
    )
    return [
        Alert(
            capability.name,
            kind,
            f.name,
            f"{kind} {f.name} is not as when version {f.version} was new: population stability index {f.value:.2f}, "
            f"limit {PSI} ({f.units:,} rows)",
            do,
            value=f.value,
            expected=PSI,
            reaction=reaction,
        )
        for f in over[:SHOWN]
    ]


def binned(column: Any) -> dict[str, Any] | None:
    """Bins of a column and its counts in them: tenths of numbers, or the commonest values; None where it has no usual values.

    A number that is another one in every row (a time, a running number) has none.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = column.type
    if pa.types.is_boolean(kind):
        column = column.cast(pa.string())
        kind = column.type
    n = len(column)
    if pa.types.is_floating(kind) or pa.types.is_integer(kind):
        values = pc.drop_null(column)
        if len(values) < FEWEST or (pa.types.is_integer(kind) and len(pc.unique(values)) > 0.5 * n):
            return None
        numbers = values.cast(pa.float64(), safe=False).to_numpy()
        numbers = numbers[np.isfinite(numbers)]
        if not len(numbers):
            return None
        edges = np.unique(np.quantile(numbers, np.linspace(0, 1, BINS + 1)[1:-1]))
        found: dict[str, Any] = {"edges": edges.tolist()}
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
        counts = pc.value_counts(column)
        if len(counts) > 3 * VALUES:
            return None
        ranked = sorted(counts.to_pylist(), key=lambda row: (-row["counts"], str(row["values"])))
        found = {"values": [row["values"] for row in ranked if row["values"] is not None][:VALUES]}
    else:
        return None
    return found | {"counts": counted(column, found).tolist()}


def counted(column: Any, bins: Mapping[str, Any]) -> Any:
    """Counts of a column in the bins of :func:`binned`: one each, one of what fits none, one of nulls."""
    import pyarrow as pa

    if "edges" in bins:
        numbers = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        finite = np.isfinite(numbers)
        places = np.searchsorted(np.array(bins["edges"]), numbers[finite], side="right")
        return np.r_[np.bincount(places, minlength=len(bins["edges"]) + 1), (~finite).sum()].astype(float)
    places = {value: place for place, value in enumerate(bins["values"])}
    found = np.zeros(len(places) + 2)
    for value in column.cast(pa.string()).to_pylist():
        found[len(places) + 1 if value is None else places.get(value, len(places))] += 1
    return found
