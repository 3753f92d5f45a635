"""After an upgrade: a model whose files this version of the code does not read serves no night any more."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from ml.adapters.mlflow import fetching
from ml.core import artifacts
from ml.core.capability import model_of
from ml.core.errors import ArtifactError
from ml.core.spec import Capability
from ml.settings import Settings


def outdated(settings: Settings, capability: Capability, champion: Mapping[str, Any] | None) -> str:
    """Why the champion's files cannot be read by this code, in words; empty: they can, or there is no champion.

    Files that are missing or changed are no matter of versions: the step score names them.
    """
    wanted = getattr(model_of(capability), "FORMAT", None)
    if champion is None or wanted is None:
        return ""
    with suppress(ArtifactError):
        version, cache = champion["version"], settings.home / "models"
        folder = fetching.fetch(settings.mlflow_uri, settings.database_url, capability.name, version, cache)
        found = artifacts.format_of(folder)
        if found != wanted:
            return (
                f"Version {version} was written by another version of Nightshift (its files have format {found}, this one "
                f"reads {wanted}), so it learned anew. "
            )
    return ""
