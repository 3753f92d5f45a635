"""Files beside the shop that its rows name."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from ml.core.pictures import Unreadable


def placed(uri: str, folder: Path, what: str, setting: str) -> Path:
    """The file that a row's address leads to, which must lie in the folder: a row must not show what else is on this machine.

    Raises
    ------
    Unreadable
        It lies elsewhere.
    """
    name = unquote(urlsplit(uri).path) if uri.startswith("file:") else uri
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise Unreadable(f"the file does not lie in the folder of {what}, {folder} ({setting})")
    return path
