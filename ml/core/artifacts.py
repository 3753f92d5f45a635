"""Reading the files of a model: what ``model.json`` keeps, and one error for whatever is wrong with any of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ml.core.errors import ArtifactError

_BROKEN: tuple[type[Exception], ...] = (OSError, ValueError, KeyError, TypeError, IndexError)


def format_of(folder: Path) -> int | None:
    """The format that a model's files say they have; None: they say nothing."""
    try:
        version = json.loads((folder / "model.json").read_text(encoding="utf-8"))["format"]
    except _BROKEN:
        return None
    return version if isinstance(version, int) else None


@contextmanager
def reading(folder: Path, name: str, number: int, *also: type[Exception]) -> Iterator[dict[str, Any]]:
    """What ``folder/model.json`` keeps, while a model is made of it and of the files beside it.

    Parameters
    ----------
    name : str
        The capability's.
    number : int
        The format that the code reads; the file says its own as ``format``.
    *also : type of Exception
        What a library raises for a broken file of its own, beside OSError, ValueError, KeyError, TypeError, IndexError.

    Raises
    ------
    ArtifactError
        A file is missing, broken or of another format: whatever of these kinds is raised in the block.
    """
    broken = _BROKEN + also
    try:
        kept: dict[str, Any] = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        if kept["format"] != number:
            raise ValueError(f"format {kept['format']}, this code reads {number}")
        yield kept
    except broken as error:
        raise ArtifactError(
            f"The files of the model of {name} cannot be read.",
            came=f"{type(error).__name__}: {error}",
            do=f"train it again: ./nightshift train {name}",
        ) from error
