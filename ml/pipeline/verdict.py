"""The numbers of a decision, as they are kept in ``ml_ops.promotion`` and MLflow, and what a person is asked."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ml.core.capability import Model
from ml.core.evaluation import Evaluation
from ml.core.gate import Decision
from ml.core.guardrails import Held
from ml.core.spec import Capability
from ml.pipeline.approval import Approval
from ml.pipeline.truth import promise


def costs(found: Mapping[str, Evaluation], model: Model, seconds: float) -> Evaluation:
    """The challenger's evaluation with what guardrails may ask beside it: size, seconds, share of units that changed."""
    challenger = found["challenger"]
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder))
        size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
    more = {"size": size / 1e6, "seconds": 1000 * seconds / max(1, len(challenger.per_unit))}
    if "champion" in found and len(challenger.per_unit):
        more["changed"] = float((challenger.per_unit != found["champion"].per_unit).mean())
    return replace(challenger, metrics={**more, **challenger.metrics})


def question(approver: Approval, version: int, card: str) -> dict[str, Any]:
    """What a person is asked."""
    why = f"Version {version} won and waits for a person"
    return {
        "status": "asked",
        "why": why,
        "hours": approver.hours,
        "otherwise": approver.approve_without_answer,
        "report": card,
    }


def numbers(
    capability: Capability, decision: Decision, evaluations: Mapping[str, Evaluation], rails: Sequence[Held]
) -> dict[str, Any]:
    """All numbers of a decision, as plain JSON values."""
    serves = capability.gate.baseline if decision.outcome == "baseline" else "challenger"
    return {
        "outcome": decision.outcome,
        "units": decision.units,
        "metric": capability.gate.metric,
        "differences": {rival: asdict(difference) for rival, difference in decision.differences.items()},
        "promised": promise(capability, evaluations[serves]) if serves in evaluations else {},
        "guardrails": [asdict(one) for one in rails],
        "stops": list(evaluations["challenger"].stops) if "challenger" in evaluations else [],
    }
