"""Nightshift as a wheel, for an Airflow that is already there: its DAGs, its pages in the UI and its command.

The code lies in ``files/``, which is put at the end of ``sys.path``: a module of yours that is called ``ml`` or ``cli`` stays yours.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

FILES = Path(__file__).resolve().parent / "files"


def find() -> None:
    """Let Nightshift's modules be found, after all others.

    Raises
    ------
    ImportError
        Another package has the name of one of ours.
    """
    for folder in (FILES, FILES / "plugins"):
        if str(folder) not in sys.path:
            sys.path.append(str(folder))
    import ml

    where = [Path(path).resolve() for path in ml.__path__]
    if FILES / "ml" not in where:
        raise ImportError(
            f"Nightshift cannot be used here: another package is called ml ({where[0]}).\n"
            "  do:   rename that package, or give Nightshift a Python environment of its own"
        )


def main() -> None:
    """The command ``nightshift``."""
    find()
    os.environ["PYTHONPATH"] = os.pathsep.join([str(FILES), *filter(None, [os.environ.get("PYTHONPATH", "")])])
    from cli.main import run

    run()
