"""A source, found by its name, with its options checked."""

from __future__ import annotations

import hashlib
import importlib
import inspect
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow as pa

from ml.contract import tables as contract
from ml.core.errors import NightshiftError, WrongUse, unknown
from ml.shop import sources
from ml.shop.sources import SOURCES


@dataclass(frozen=True)
class Source:
    """A source module of ``ml.shop.sources`` and what it is called with."""

    name: str
    module: ModuleType
    data: Path | None
    options: Mapping[str, Any]
    remarks: list[str] = field(default_factory=list)
    """What the source found while it read; filled by a source that takes them."""

    @classmethod
    def find(cls, name: str, data: Path | None, options: Mapping[str, Any]) -> Source:
        """Find the source; an unknown name or option and missing data are errors that list what there is."""
        if name not in SOURCES:
            listed = "\n".join(f"{known}: {what}" for known, what in SOURCES.items())
            wrong_name = unknown("source", name, SOURCES)
            raise WrongUse(wrong_name.what, came=wrong_name.came, do="choose one of\n" + listed)
        module = importlib.import_module(f"ml.shop.sources.{name}")
        known = inspect.signature(module.tables).parameters
        takes_any = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in known.values())
        wrong = [] if takes_any else sorted(set(options) - set(known))
        if wrong:
            own = ", ".join(option for option in known if option not in ("data", "remarks")) or "none"
            raise WrongUse(
                f"The source {name} does not have these options.", came=", ".join(wrong), do=f"its options: {own}"
            )
        if "data" in known and data is None:
            raise WrongUse(f"The source {name} reads files.", came="no path", do="give the folder with --data")
        if "data" in known and data is not None and not data.exists():
            raise WrongUse("There is no such file or folder.", came=str(data), do=f"give the data of {name}")
        return cls(name, module, data if "data" in known else None, dict(options))

    def tables(self) -> Iterator[tuple[str, Iterable[pa.RecordBatch]]]:
        """Yield each table's name and its record batches."""
        given: dict[str, Any] = {} if self.data is None else {"data": self.data}
        if "remarks" in inspect.signature(self.module.tables).parameters:
            given["remarks"] = self.remarks
        yield from self.module.tables(**given, **self.options)

    def notes(self) -> list[str]:
        """What a user should know of the data beside the rows: files that are not read."""
        named = getattr(self.module, "notes", None)
        return [*self.remarks, *(named(self.data) if named else [])]

    def fingerprint(self) -> str:
        """SHA-256 over the data, the source's code and the contract: any of them changed makes another shop."""
        assert self.module.__file__ is not None
        code = Path(self.module.__file__)
        files = [code.parent] if code.name == "__init__.py" else sorted(code.parent.glob(f"{code.stem}.*"))
        shared = sorted(Path(sources.__file__).parent.glob("_[!_]*.*"))
        digest = hashlib.sha256()
        given = [option for option in self.options.values() if isinstance(option, Path)]
        for path in (Path(contract.__file__), *shared, *files, *given, *([self.data] if self.data else [])):
            for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
                if file.is_file() and "__pycache__" not in file.parts:
                    digest.update(file.name.encode(errors="surrogateescape"))
                    digest.update(_sha256(file))
        return digest.hexdigest()


def _sha256(path: Path) -> bytes:
    try:
        with path.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").digest()
    except OSError as error:
        raise NightshiftError(
            "A file of the data cannot be read.",
            came=f"{path}: {error.strerror}",
            do="look at its rights and its disk; a file that does not belong there can go",
        ) from None
