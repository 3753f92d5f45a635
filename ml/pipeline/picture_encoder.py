"""The encoder of the pictures' served version: its files, and one file for the shop's backend."""

from __future__ import annotations

from pathlib import Path

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

    version, folder = serving(settings, VECTORS)
    return version, bundle(load(folder), version)


def serving(settings: Settings, table: str) -> tuple[int, Path]:
    """Number and files of the version that made the rows of a published table which the shop sees now.

    Raises
    ------
    NightshiftError
        The table was never published.
    """
    batch = nights.visible(settings.database_url, table)
    if batch is None:
        raise NightshiftError(
            "There is no encoder yet.",
            came=f"ml.{table} was never published",
            do="fill shop.product_image and run a night: ./nightshift night --capability visual",
        )
    name, version = batch["capability"], int(batch["model_version"])
    return version, fetching.fetch(settings.mlflow_uri, settings.database_url, name, version, settings.home / "models")
