"""Where machine code of kernels is kept, and when what is kept is too old.

Numba compares the file of a kernel. But the machine code holds the kernels that it calls as well: kept from before a
change in *their* file, it took a new tuple for an old one, and the process ended with a segmentation fault.
"""

from __future__ import annotations

import hashlib
import re
from functools import cache
from pathlib import Path

from numba.core.caching import InTreeCacheLocator, UserProvidedCacheLocator, UserWideCacheLocator

ROOT = Path(__file__).parents[2]
_IMPORT = re.compile(r"^ *from (ml[\w.]*) import (\([^)]*\)|[^\n]*)", re.MULTILINE)


@cache
def sources(path: Path) -> tuple[Path, ...]:
    """The file of a module and those of all modules of ours that it imports, directly or not; sorted."""
    found, open_ = {path}, [path]
    while open_:
        for module, names in _IMPORT.findall(open_.pop().read_text(encoding="utf-8")):
            folder = ROOT.joinpath(*module.split("."))
            for file in (folder.with_suffix(".py"), *(folder / f"{name}.py" for name in re.findall(r"\w+", names))):
                if file not in found and file.is_file():
                    found.add(file)
                    open_.append(file)
    return tuple(sorted(found))


@cache
def stamp(path: Path) -> str:
    """Digest of the text of :func:`sources`."""
    digest = hashlib.sha256()
    for file in sources(path):
        digest.update(file.read_bytes())
    return digest.hexdigest()


class _Stamped:
    _py_file: str

    def get_source_stamp(self) -> str:
        """What must be the same for the kept code to be used."""
        return stamp(Path(self._py_file))


class UserProvided(_Stamped, UserProvidedCacheLocator):  # type: ignore[misc]
    """``NUMBA_CACHE_DIR``."""


class InTree(_Stamped, InTreeCacheLocator):  # type: ignore[misc]
    """``__pycache__`` beside the source."""


class UserWide(_Stamped, UserWideCacheLocator):  # type: ignore[misc]
    """The user's cache folder."""


LOCATORS = ",".join(f"{__name__}.{one.__name__}" for one in (UserProvided, InTree, UserWide))
"""As Numba's ``CACHE_LOCATOR_CLASSES`` takes them."""
