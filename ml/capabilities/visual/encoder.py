"""The encoder of a version as one file that Python imports from: for the shop's backend, which has no Nightshift."""

from __future__ import annotations

import io
import json
import zipfile
from importlib import resources

import numpy as np

from ml.capabilities.visual.model import Looks

PACKAGE = "nightshift_encoder"
SOURCES = {
    "pictures.py": ("ml.core", "pictures.py"),
    "descriptors.py": ("ml.learn", "descriptors.py"),
    "placing.py": ("ml.capabilities.visual", "placing.py"),
    "__init__.py": ("ml.capabilities.visual", "encode.py"),
}
_AT = (1980, 1, 1, 0, 0, 0)


def bundle(model: Looks, version: int) -> bytes:
    """The file: a zip with the code that places a picture, as a package without dependencies on ours, and the weights."""
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as file:
        for name, (package, source) in SOURCES.items():
            text = (resources.files(package) / source).read_text("utf-8")
            for theirs in ("ml.core", "ml.learn", "ml.capabilities.visual"):
                text = text.replace(f"from {theirs}.", f"from {PACKAGE}.")
            _put(file, name, text.encode())
        placer = model.placer_._asdict()
        _put(file, "network.tflite", placer.pop("encoder"))
        _put(
            file, "about.json", json.dumps({"version": version, "colour_weight": placer.pop("colour_weight")}).encode()
        )
        arrays = io.BytesIO()
        np.savez(arrays, **placer)
        _put(file, "arrays.npz", arrays.getvalue())
    return kept.getvalue()


def _put(file: zipfile.ZipFile, name: str, content: bytes) -> None:
    file.writestr(zipfile.ZipInfo(f"{PACKAGE}/{name}", _AT), content, zipfile.ZIP_DEFLATED)
