"""The encoder of the pictures' served version, as a file for the shop's backend."""

from __future__ import annotations

from ml.adapters.books import nights
from ml.adapters.mlflow import fetching
from ml.core.errors import NightshiftError
from ml.settings import Settings

VECTORS = "product_vector"


def encoder(settings: Settings) -> tuple[int, bytes]:
    """Version and content of the encoder that made the vectors which the shop sees now.

    Raises
    ------
    NightshiftError
        No vectors are published.
    """
    from ml.capabilities.visual.encoder import bundle
    from ml.capabilities.visual.model import load
    from ml.capabilities.visual.spec import SPEC

    batch = nights.visible(settings.database_url, VECTORS)
    if batch is None:
        raise NightshiftError(
            "There is no encoder yet.",
            came=f"ml.{VECTORS} was never published",
            do="fill shop.product_image and run a night: ./nightshift night --capability visual",
        )
    version = int(batch["model_version"])
    folder = fetching.fetch(settings.mlflow_uri, settings.database_url, SPEC.name, version, settings.home / "models")
    return version, bundle(load(folder), version)
