"""The floor of the networks: seeded, stopped by what came later, the same when read back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ml.core.errors import ArtifactError
from ml.learn import network
from ml.learn.params import NetworkParams

PARAMS = NetworkParams(epochs=12, patience=2, batch=64, rate=0.01)


def _fitted(seed: int = 0) -> tuple[object, list[float], np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    x = rng.normal(size=(600, 3)).astype(np.float32)
    y = (2 * x[:, :1] - np.abs(x[:, 1:2])).astype(np.float32)
    keras = network.begin(seed)
    model = network.dense(keras, 3, (16,), 1, PARAMS, seed)
    return model, network.train(model, x, y, "mse", PARAMS, seed, at=np.repeat(np.arange(6), 100)), x, y


def test_a_network_learns_is_seeded_and_scores_the_same_without_tensorflow(tmp_path: Path) -> None:
    """It explains what was planted; the same seed gives the same weights; numpy and the files give what Keras gives."""
    model, losses, x, y = _fitted()
    again = _fitted()[0]
    for a, b in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert 1 <= len(losses) <= PARAMS.epochs
    layers = network.layers_of(model)
    predicted = network.forward(layers, x)
    assert np.mean((predicted - y) ** 2) < 0.2 * y.var()
    np.testing.assert_allclose(predicted, model.predict(x, verbose=0), atol=1e-5)
    network.save_layers(layers, tmp_path / "layers.npz")
    np.testing.assert_array_equal(network.forward(network.load_layers(tmp_path / "layers.npz"), x), predicted)
    network.save(model, tmp_path / "whole.keras")
    np.testing.assert_array_equal(
        network.load(tmp_path / "whole.keras").predict(x, verbose=0), model.predict(x, verbose=0)
    )


def test_the_latest_times_are_held_out_whole() -> None:
    """Rows of one time never stand on both sides; of one time alone the last rows are held out."""
    early, late = network.split(np.array([1, 1, 2, 2, 3, 3]), 0.2)
    assert (early.tolist(), late.tolist()) == ([0, 1, 2, 3], [4, 5])
    early, late = network.split(np.zeros(10), 0.2)
    assert (len(early), len(late)) == (8, 2)
    assert len(network.split(np.zeros(2), 0.2)[1]) == 0


@pytest.mark.parametrize("name", ["a.npz", "a.keras"])
def test_a_broken_file_is_named(tmp_path: Path, name: str) -> None:
    """A missing and a broken file are an ArtifactError, and nothing is executed."""
    read = network.load_layers if name.endswith("npz") else network.load
    with pytest.raises(ArtifactError, match=name):
        read(tmp_path / name)
    (tmp_path / name).write_bytes(b"\x80\x04no network")
    with pytest.raises(ArtifactError, match=name):
        read(tmp_path / name)
