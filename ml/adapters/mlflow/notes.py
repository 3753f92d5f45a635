"""What MLflow's pages say in words: of an experiment, a run, a registered model and its versions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ml.core.spec import Capability

NOTE = "mlflow.note.content"
"""The tag of an experiment or a run that its page shows as Markdown."""
KIND = {"mlflow.experimentKind": "custom_model_development"}
"""The tag of an experiment of models: its page is about these, not about prompts and traces."""
OUTCOMES = {
    "promote": "serves",
    "refuse": "refused",
    "baseline": "the baseline serves",
    "replay": "replay of a past night",
}


def experiment(capability: Capability) -> str:
    """What the runs of a capability are."""
    tables = ", ".join(f"`ml.{table.name}`" for table in capability.publishes)
    gate = capability.gate
    return (
        f"{capability.title}: {capability.question}\n\n"
        f"One run a training. Its figures are of what happened in the last {gate.horizon.days} days or more before the night, "
        f"which the compared models did not see: the challenger, the champion and the baseline ({gate.baseline}). "
        f"A model serves only if its `{gate.metric}` is better by more than chance; the tag `why` says what was decided. "
        f"The model that serves is learned anew on everything, and fills {tables}.\n\n"
        "Nightshift loads a version only if its files have the hashes in `ml_ops.artifact`; "
        f"`./nightshift promote {capability.name} VERSION` lets another one serve."
    )


def model(capability: Capability) -> str:
    """What a registered model is."""
    tables = "\n".join(f"- `ml.{table.name}`: {table.meaning}" for table in capability.publishes)
    return (
        f"{capability.title}: {capability.question} The alias champion serves.\n\nIt fills:\n\n{tables}\n\n"
        f"A version is promoted if its `{capability.gate.metric}` beats {capability.gate.baseline} by more than chance on what "
        "happened after its training; each version's description is its model card."
    )


def run(tags: Mapping[str, str], metrics: Mapping[str, Mapping[str, float]], metric: str) -> str:
    """What became of a training: the decision, why, and the gate's figure of each model."""
    summary = f"Night {tags.get('night', '')}: **{outcome(tags)}**. {tags.get('why', '')}".strip()
    figures = ", ".join(
        f"{candidate} {figure[metric]:.4g}" for candidate, figure in metrics.items() if metric in figure
    )
    return f"{summary}\n\n`{metric}`: {figures}." if figures else summary


def run_name(tags: Mapping[str, str]) -> str:
    """The night and what was decided.

    Examples
    --------
    >>> run_name({"night": "2026-01-01", "decision": "promote"})
    '2026-01-01, serves'
    """
    return ", ".join(filter(None, (tags.get("night") or tags.get("ref", ""), outcome(tags)))) or "training"


def outcome(tags: Mapping[str, str]) -> str:
    """The decision in words."""
    decision = tags.get("decision", "")
    return OUTCOMES.get(decision, decision)


def inputs(tables: Mapping[str, Mapping[str, Any]], folder: str) -> list[Any]:
    """The snapshot's tables as MLflow's datasets: name, digest, source, columns and rows.

    Parameters
    ----------
    tables : mapping
        By name, what the snapshot's manifest says of a table.
    folder : str
        Where their clean rows are.
    """
    from mlflow.entities import Dataset, DatasetInput, InputTag

    return [
        DatasetInput(
            Dataset(
                name=f"shop.{name}",
                digest=table["sha256"][:36],
                source_type="local",
                source=json.dumps({"uri": f"{folder}/{name}"}),
                schema=json.dumps(
                    {
                        "mlflow_colspec": [
                            {"name": n, "type": _TYPES.get(kind, "string"), "required": False}
                            for n, kind in table.get("columns", {}).items()
                        ]
                    }
                ),
                profile=json.dumps({"num_rows": table["rows"]}),
            ),
            [InputTag("mlflow.data.context", "training")],
        )
        for name, table in tables.items()
    ]


_TYPES = {"integer": "long", "number": "double", "boolean": "boolean", "timestamp": "datetime"}
