"""The model card of a version, its signature and an input example: what a stranger needs to judge it from MLflow alone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ml.core.spec import Capability

MLMODEL = "MLmodel"
EXAMPLE = "input_example.json"
_SIGNATURE = {"integer": "long", "number": "double", "text": "string", "boolean": "boolean", "timestamp": "datetime"}

_ITEMS = {"texts": "string", "integers": "integer", "numbers": "float", "vector": "float"}
"""Of lists: the type of their items."""


def _typed(kind: str) -> dict[str, Any]:
    """Type of a column as a signature has it."""
    return {"type": "array", "items": {"type": _ITEMS[kind]}} if kind in _ITEMS else {"type": _SIGNATURE[kind]}


def card(
    capability: Capability,
    *,
    tags: Mapping[str, str],
    params: Mapping[str, Any],
    tables: Mapping[str, Mapping[str, Any]],
    metrics: Mapping[str, Mapping[str, float]],
    verdict: Mapping[str, Any],
) -> str:
    """The card as Markdown.

    Parameters
    ----------
    tags, params, tables, metrics
        As :func:`~ml.adapters.mlflow.tracking.log_run` takes them.
    verdict : mapping
        All numbers of the decision, as in ``ml_ops.promotion``.
    """
    gate = capability.gate
    parts = [
        f"# {capability.title}",
        capability.question,
        f"**{tags.get('decision', '')}**: {tags.get('why', '')}",
        "## What it does\n\n" + "\n".join(f"- `ml.{t.name}`: {t.meaning}" for t in capability.publishes),
        "## Data\n\n"
        f"Snapshot {tags.get('ref', '')} of {tags.get('shop', '')} (sha256 {tags.get('snapshot_sha256', '')}): what was "
        f"known before {params.get('as_of', '')}. It was judged on what happened from {params.get('cutoff', '')} on, which the "
        "judged model had not seen; the one that serves learned from all of it.\n\n"
        + _grid(
            ("table", "rows", "sha256"), [(f"`shop.{n}`", f"{t['rows']:,}", t["sha256"]) for n, t in tables.items()]
        ),
        "## Figures\n\n" + _promise(verdict) + _figures(metrics),
        "## Guardrails\n\n" + _rails(verdict),
        "## Behaviour and slices\n\n" + _slices(metrics, gate.metric),
        "## Limits\n\n"
        f"- The gate asked whether `{gate.metric}` beats {gate.baseline} by more than chance over {gate.horizon.days} days; "
        "other horizons and other shops were not looked at.\n"
        f"- It serves the shop {tags.get('shop', '')} only, and no night that knows less than it does.\n"
        + "".join(f"- It needs `shop.{name}`.\n" for name in capability.needs)
        + f"- Figures of what happened since are in `ml_ops.figure` and in this run (`happened/…`). More: "
        f"{capability.package.replace('.', '/')}/README.md.",
        _back(capability),
    ]
    return "\n\n".join(part.rstrip() for part in parts) + "\n"


def _back(capability: Capability) -> str:
    return (
        "## Going back\n\n"
        f"`./nightshift rollback {capability.publishes[0].name}` shows the shop the batch before, at once; "
        f"`./nightshift promote {capability.name} VERSION` lets another version serve from the next night on."
    )


def _grid(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _promise(verdict: Mapping[str, Any]) -> str:
    promised, found = verdict.get("promised") or {}, ""
    if promised:
        found += (
            f"`{promised['metric']}` {promised['mean']:.4g} [{promised['low']:.4g}, {promised['high']:.4g}] (95 %) on "
            f"{promised['units']:,} units.\n"
        )
    for rival, d in (verdict.get("differences") or {}).items():
        found += f"Against the {rival}: {d['mean']:+.4g} [{d['lower']:+.4g}, {d['upper']:+.4g}].\n"
    return found + "\n" if found else ""


def _figures(metrics: Mapping[str, Mapping[str, float]]) -> str:
    if not metrics:
        return "Nothing was measured: there was too little to measure it on."
    models = sorted(metrics, key=lambda name: (name != "challenger", name))
    names = sorted({name for figures in metrics.values() for name in figures if not _is_slice(name)})
    rows = [(f"`{n}`", *(f"{metrics[w][n]:.4g}" if n in metrics[w] else "" for w in models)) for n in names]
    return _grid(("figure", *models), rows)


def _rails(verdict: Mapping[str, Any]) -> str:
    lines = [f"- {'held' if one['held'] else '**broken**'}: {one['words']}" for one in verdict.get("guardrails") or ()]
    lines += [f"- **stopped**: {words}" for words in verdict.get("stops") or ()]
    return "\n".join(lines) or "None are set beside the gate."


def _slices(metrics: Mapping[str, Mapping[str, float]], metric: str) -> str:
    challenger = metrics.get("challenger", {})
    rows = [(f"`{name}`", f"{value:.4g}") for name, value in sorted(challenger.items()) if _is_slice(name)]
    return _grid(("case or slice", "figure"), rows) if rows else f"No slice of `{metric}` is measured."


def _is_slice(name: str) -> bool:
    return any(mark in name for mark in ("/", " in ", "=", "behaviour", "case", ":"))


def write(folder: Path, capability: Capability, features: Mapping[str, Any], run_id: str = "") -> None:
    """Write ``MLmodel`` with the signature, and an input example, beside the model's own files.

    The signature's inputs are the columns of the feature tables (``<table>.<column>``), its outputs those of the published
    tables. The example is made up from the columns' middles: it holds nobody's row.
    """
    import yaml  # type: ignore[import-untyped]  # comes with MLflow, without stubs

    inputs, example = [], {}
    for name, table in features.items():
        for column in table.column_names:
            kind = _kind(table[column].type)
            inputs.append({"name": f"{name}.{column}", "type": kind, "required": False})
            example[f"{name}.{column}"] = _middle(table[column])
    outputs = [
        {"name": f"{t.name}.{c.name}", **_typed(c.kind), "required": not c.nullable}
        for t in capability.publishes
        for c in t.columns
    ]
    document = {
        "artifact_path": "model",
        "run_id": run_id,
        "flavors": {"nightshift": {"capability": capability.name}},
        "signature": {"inputs": json.dumps(inputs), "outputs": json.dumps(outputs), "params": None},
        "saved_input_example_info": {"artifact_path": EXAMPLE, "type": "json_object", "pandas_orient": "records"},
    }
    (folder / EXAMPLE).write_text(json.dumps(example, indent=1), encoding="utf-8")
    (folder / MLMODEL).write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")


def _kind(kind: Any) -> str:
    if pa.types.is_boolean(kind):
        return "boolean"
    if pa.types.is_integer(kind):
        return "long"
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return "double"
    return "datetime" if pa.types.is_timestamp(kind) or pa.types.is_date(kind) else "string"


def _middle(column: Any) -> Any:
    """A usual value of a column; of texts only that it is one."""
    kind = _kind(column.type)
    if kind in ("long", "double") and len(column.drop_null()):
        value = float(pc.approximate_median(column.cast(pa.float64())).as_py() or 0.0)
        return round(value) if kind == "long" else value
    return {"boolean": True, "string": "text", "datetime": "2026-01-01T00:00:00Z"}.get(kind, 0)
