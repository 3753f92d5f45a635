"""The picture of a gate's decision, for MLflow."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ml.core.gate import Decision


def comparison(metrics: Mapping[str, Mapping[str, float]], decision: Decision, path: Path) -> None:
    """Draw each model's metrics, and the challenger's differences with their bounds, into a PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    names = list(dict.fromkeys(name for figures in metrics.values() for name in figures))
    width = 0.8 / max(1, len(metrics))
    for index, (who, figures) in enumerate(metrics.items()):
        places = [n + index * width for n, name in enumerate(names) if name in figures]
        left.bar(places, [figures[name] for name in names if name in figures], width, label=who)
    left.set_xticks([n + 0.4 - width / 2 for n in range(len(names))], names, rotation=20)
    left.set_title("Metrics on what came after training")
    left.legend()
    for row, gap in enumerate(decision.differences.values()):
        right.errorbar(gap.mean, row, xerr=[[gap.mean - gap.lower], [gap.upper - gap.mean]], fmt="o", capsize=6)
    right.axvline(0, color="grey", linewidth=1)
    right.set_yticks(range(len(decision.differences)), [f"challenger − {who}" for who in decision.differences])
    right.set_ylim(-0.6, len(decision.differences) - 0.4)
    right.set_title(f"{decision.outcome} ({decision.units:,} units)")
    figure.savefig(path, dpi=110)
