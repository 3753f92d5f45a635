"""Bring a version's files from MLflow to this machine, each as it was registered."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from ml.adapters.books import versions
from ml.adapters.mlflow.tracking import MODEL, client_of
from ml.core.errors import ArtifactError
from ml.core.outages import as_words


def fetch(uri: str, database_url: str, capability: str, version: int, cache: Path) -> Path:
    """Bring a version's files to this machine and check each.

    Returns
    -------
    Path
        A folder in ``cache`` in which every file is the one that was registered.

    Raises
    ------
    ArtifactError
        A file is missing, was changed, or was never registered.
    """
    expected = versions.artifacts(database_url, capability, version)
    if not expected:
        raise ArtifactError(
            f"{capability} version {version} is not known to ml_ops.artifact.",
            came="no file of it was registered by Nightshift",
            do=f"use a version that ./nightshift train {capability} made",
        )
    folder = cache / capability / str(version)
    if not _faults(folder, expected):
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".fetch-") as temporary:
        run_id = str(versions.version(database_url, capability, version)["run_id"])
        fresh = _download(uri, capability, version, run_id, Path(temporary))
        if faults := _faults(fresh, expected):
            raise ArtifactError(
                f"The files of {capability} version {version} are not those that were registered; they are not loaded.",
                came="\n".join(faults),
                do="find out who changed MLflow's artifact folder; "
                f"./nightshift train {capability} makes a new version, ./nightshift promote an older one the champion",
            )
        _replace(fresh, folder)
    return folder


def _download(uri: str, capability: str, version: int, run_id: str, folder: Path) -> Path:
    # By the run: the version may be deleted in MLflow, which leaves the files.
    from mlflow.exceptions import MlflowException

    try:
        return Path(client_of(uri).download_artifacts(run_id, MODEL, str(folder)))
    except (MlflowException, OSError) as error:
        if found := as_words(error):
            raise found from error
        raise ArtifactError(
            f"The files of {capability} version {version} cannot be read from MLflow.",
            came=f"{type(error).__name__}: {error}",
            do=f"see that MLflow's artifact folder is there; ./nightshift train {capability} makes a new version",
        ) from None


def _faults(folder: Path, expected: Mapping[str, str]) -> list[str]:
    found = versions.files(folder)
    faults = [f"{name}: missing" for name in expected if name not in found]
    faults += [f"{name}: never registered" for name in found if name not in expected]
    changed = (n for n, path in found.items() if n in expected and versions.digest(path) != expected[n])
    return faults + [f"{name}: its sha256 differs" for name in changed]


def _replace(fresh: Path, folder: Path) -> None:
    """Move ``fresh`` to ``folder``; of two processes that do so at once, one's (equal) files stay."""
    shutil.rmtree(folder, ignore_errors=True)
    try:
        fresh.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise
