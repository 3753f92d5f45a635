"""The files of a classifier: JSON for what is small, compressed NumPy arrays for the weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ml.learn.class_calibration import Calibration
from ml.text.classifier import Classifier
from ml.text.network import Network, Small
from ml.text.params import TextParams
from ml.text.svm import Linear, shares


def save(fitted: Classifier, folder: Path) -> dict[str, Any]:
    """Write the weights, and return what goes into ``model.json``."""
    kept = np.flatnonzero(fitted.linear.idf).astype(np.int32)
    np.savez_compressed(
        folder / "linear.npz",
        kept=kept,
        idf=fitted.linear.idf[kept].astype(np.float16),
        weights=fitted.linear.weights[kept].astype(np.float16),
    )
    if fitted.network is not None:
        save_network(fitted.network, folder)
    return {"bias": fitted.linear.bias.tolist(), "alone": _as_lists(fitted.alone), "both": _as_lists(fitted.both)}


def save_network(network: Network, folder: Path) -> None:
    """Write ``network.npz``."""
    parts = {f"{name}_{part}": values for name in _SMALL for part, values in getattr(network, name)._asdict().items()}
    known = np.flatnonzero(network.row).astype(np.int32)
    np.savez_compressed(
        folder / "network.npz", known=known, filter_bias=network.filter_bias, head_bias=network.head_bias, **parts
    )


def load_network(folder: Path, params: TextParams) -> Network:
    """Read ``network.npz``."""
    with np.load(folder / "network.npz", allow_pickle=False) as arrays:
        row = np.zeros(1 << params.network_bits, np.int32)
        row[arrays["known"]] = np.arange(1, len(arrays["known"]) + 1)
        small = {name: Small(arrays[f"{name}_values"], arrays[f"{name}_scale"]) for name in _SMALL}
        return Network(
            row,
            filter_bias=arrays["filter_bias"],
            head_bias=arrays["head_bias"],
            longest=params.network_tokens,
            **small,
        )


_SMALL = ("embedding", "filters", "head")


def load(config: Mapping[str, Any], folder: Path, params: TextParams) -> Classifier:
    """Read what :func:`save` wrote."""
    with np.load(folder / "linear.npz", allow_pickle=False) as arrays:
        idf = np.zeros(1 << params.bits, np.float32)
        weights = np.zeros((len(idf), len(config["bias"])), np.float32)
        idf[arrays["kept"]], weights[arrays["kept"]] = arrays["idf"], arrays["weights"]
    fitted = Linear(idf, weights, np.array(config["bias"], np.float32), shares(params))
    alone = Calibration(**{name: np.array(value) for name, value in config["alone"].items()})
    if config["both"] is None:
        return Classifier(fitted, alone, None, None)
    both = Calibration(**{name: np.array(value) for name, value in config["both"].items()})
    return Classifier(fitted, alone, load_network(folder, params), both)


def _as_lists(calibration: Calibration | None) -> dict[str, Any] | None:
    return calibration and {name: value.tolist() for name, value in calibration._asdict().items()}
