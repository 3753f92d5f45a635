"""The mean number of pieces, against which an order is unusual."""

from __future__ import annotations

import json

import pyarrow.compute as pc


class Watch:
    """Knows the mean number of pieces of an order."""

    def __init__(self, mean: float = 1.0, hours: int = 24) -> None:
        self.mean_, self.hours = mean, hours

    def fit(self, features):
        """Learn the mean."""
        self.mean_ = float(pc.mean(features["order"]["items"]).as_py() or 1.0)
        return self

    def save(self, folder):
        """One JSON file."""
        (folder / "watch.json").write_text(json.dumps({"mean": self.mean_}))


def fit(features, params, seed):
    """The model."""
    return Watch(hours=params.hours).fit(features)


def fit_baseline(features, params, seed):
    """Nothing learnt."""
    return Watch()


def load(folder):
    """Read :meth:`Watch.save`'s file."""
    return Watch(json.loads((folder / "watch.json").read_text())["mean"])
