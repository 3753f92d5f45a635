"""The pictures of a training, for MLflow: the gate's decision, and how true the probabilities were."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ml.core.gate import Decision

Points = npt.NDArray[np.float64]


def comparison(metrics: Mapping[str, Mapping[str, float]], decision: Decision, path: Path) -> None:
    """Draw each model's metrics, and the challenger's differences with their bounds, into a PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    names = list(dict.fromkeys(name for figures in metrics.values() for name in figures if _drawn(figures, name)))
    width = 0.8 / max(1, len(metrics))
    for index, (model, figures) in enumerate(metrics.items()):
        places = [n + index * width for n, name in enumerate(names) if name in figures]
        left.bar(places, [figures[name] for name in names if name in figures], width, label=model)
    left.set_xticks([n + 0.4 - width / 2 for n in range(len(names))], names, rotation=20, ha="right")
    left.set_title("Metrics on what came after training")
    if metrics:
        left.legend()
    for row, gap in enumerate(decision.differences.values()):
        right.errorbar(gap.mean, row, xerr=[[gap.mean - gap.lower], [gap.upper - gap.mean]], fmt="o", capsize=6)
    right.axvline(0, color="grey", linewidth=1)
    right.set_yticks(range(len(decision.differences)), [f"challenger − {model}" for model in decision.differences])
    right.set_ylim(-0.6, len(decision.differences) - 0.4)
    right.set_title(f"{decision.outcome} ({decision.units:,} units)")
    figure.savefig(path, dpi=110)


def draw_reliability(points: Mapping[str, Points], path: Path) -> None:
    """Draw forecast against truth into a PNG: a model on the diagonal means what it says.

    Parameters
    ----------
    points : mapping of str to ndarray of shape (n_bins, 4)
        By model: mean forecast, share that came true, its lower and its upper bound.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 6), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for model, (forecast, observed, lower, upper) in ((model, found.T) for model, found in points.items()):
        axes.errorbar(
            forecast,
            observed,
            [np.maximum(observed - lower, 0), np.maximum(upper - observed, 0)],
            fmt="o-",
            capsize=3,
            label=model,
        )
    most = max(float(found[:, :2].max()) for found in points.values())
    axes.plot([0, most], [0, most], color="grey", linewidth=1)
    axes.set(xlabel="forecast", ylabel="came true (95 % interval)", title="Reliability")
    axes.legend()
    figure.savefig(path, dpi=110)


def _drawn(figures: Mapping[str, float], name: str) -> bool:
    """Shares are drawn side by side; parts (``slice/…``) and amounts would hide them."""
    return "/" not in name and abs(figures[name]) <= 1
