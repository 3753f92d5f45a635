"""The exports of a platform: each file known by its columns, read as text, its times and numbers told from what is none.

A folder may hold several kinds (orders, products, customers), each in one file or several parts. What a file is, its header
says, never its name. A file that is none of them, or an export of a version that is not known, is refused in words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from ml.core.errors import ContractError
from ml.shop.sources._csv import BATCH_ROWS, rows
from ml.shop.sources._definitions import Export, Flatten, plain
from ml.shop.sources._faults import Faults
from ml.shop.sources._files import blocks, create_table
from ml.shop.sources._folder import OTHERS, TEXT
from ml.shop.sources._formats import SAVE_AS, Unreadable
from ml.shop.sources._layout import Layout, layout
from ml.shop.sources._moments import moments
from ml.shop.sources._records import JSON, records

ENDINGS = (*TEXT, *(f"{ending}.gz" for ending in TEXT))
_EXPECTED = {"number": "a number", "money": "an amount", "time": "a time", "yes": "yes or no"}
MANY_FILES = ("json_line", "json_variant", "json_outcome", "json_payment", "json_coupon", "json_image")
"""Rows of what lies in other files too: the variations of a product, for one."""
NO_EXPORTS = (".sql", ".dump", ".dat", ".db", ".html", ".yaml", ".yml")
"""Endings that a platform's export does not have: such a file beside one is somebody's own, and is not read."""
_AKIN = 0.5
"""A file with so many of an export's required columns is that export of a version that is not known."""


def read(
    db: duckdb.DuckDBPyConnection, data: Path, exports: Sequence[Export], platform: str, flatten: Flatten | None = None
) -> dict[str, list[str]]:
    """Read a file or the files of a folder into a table per export, with its fields, ``n`` and ``file``.

    Returns
    -------
    dict
        The names of the files of each export that is there; every export has its table.

    Raises
    ------
    ContractError
        With every file that is none of the exports and every value that cannot be read.
    """
    faults = Faults(f"This is no export of {platform}, or one that is not whole.", "export it again, whole")
    found: dict[str, list[str]] = {}
    gathered: dict[str, list[pa.RecordBatch]] = {}
    number = 0
    for path in _files(data, platform, faults, json=flatten is not None):
        try:
            batches = list(
                _json(path, exports, flatten, faults)
                if flatten and is_json(path)
                else _csv(path, exports, platform, faults)
            )
        except Unreadable as error:
            faults.add(path.name, str(error))
            continue
        for name, columns in batches:
            count = len(next(iter(columns.values())))
            framed = {
                "n": pa.array(range(number, number + count), pa.int64()),
                "file": pa.array([path.name] * count),
                **columns,
            }
            gathered.setdefault(name, []).append(pa.RecordBatch.from_pydict(framed))
            number += count
            if path.name not in found.setdefault(name, []):
                found[name].append(path.name)
    faults.check(data)
    for export in exports:
        create_table(db, f"{export.name}_text", gathered.get(export.name) or [_empty(export)])
        _parse(db, export, faults)
        _once_only(db, export, faults)
    faults.check(data)
    return found


def _once_only(db: duckdb.DuckDBPyConnection, export: Export, faults: Faults) -> None:
    """Refuse what stands in several files: they are exports of different days, and each has a part of the truth."""
    if export.name in MANY_FILES:
        return
    key, noun = (
        export.key or next(iter(export.fields)),
        export.name.removeprefix("json_").removesuffix("s").replace("_", " "),
    )
    twice = f"""
        SELECT string_agg(DISTINCT file, ' and ' ORDER BY file), "{key}" FROM "{export.name}"
        WHERE "{key}" IS NOT NULL GROUP BY "{key}" HAVING count(DISTINCT file) > 1 ORDER BY min(n)
    """  # noqa: S608  # names of ours
    for files, value in db.execute(twice).fetchall():
        faults.add(files, f"the {noun} stands in several files; export without overlap", where=noun, came=str(value))


def is_json(path: Path) -> bool:
    """Whether the file's name says that it is JSON."""
    return path.name.lower().removesuffix(".gz").endswith(JSON)


def _files(data: Path, platform: str, faults: Faults, *, json: bool) -> list[Path]:
    if data.is_file():
        return [data]
    found = []
    for path in sorted(data.iterdir()):
        lowered = path.name.lower()
        if path.name.startswith((".", "~$", "_")) or path.is_dir():
            continue
        if lowered.endswith(ENDINGS) or (json and is_json(path)):
            found.append(path)
        elif path.suffix.lower() not in NO_EXPORTS and (do := OTHERS.get(path.suffix.lower())):
            faults.add(path.name, f"a file of this ending is not read: {do or SAVE_AS}")
    if not found and not faults.kinds:
        raise ContractError(
            f"There is no export of {platform}.",
            came=f"{data} holds no CSV file" + (" and no JSON" if json else ""),
            do="name the file or its folder",
        )
    return found


def _csv(
    path: Path, exports: Sequence[Export], platform: str, faults: Faults
) -> Iterator[tuple[str, dict[str, pa.Array]]]:
    form = layout(path, [name for export in exports for field in export.fields.values() for name in field.names])
    export = _known(path, form, exports, platform, faults)
    if export is None:
        return
    places = export.columns(form.names)
    others = [i for i, name in enumerate(form.names) if export.many[0] and re.fullmatch(export.many[1], plain(name))]
    empty = True

    def fault(problem: str, line: int, text: str) -> None:
        faults.add(path.name, problem, where=f"line {line}", came=text)

    for block in rows(path, _once(form), fault):
        empty = False
        columns = {
            ours: block.batch.column(places[ours]) if ours in places else pa.nulls(block.batch.num_rows, pa.string())
            for ours in export.fields
        }
        if export.many[0]:
            columns[export.many[0]] = _joined([block.batch.column(i) for i in others], block.batch.num_rows)
        yield export.name, columns
    if empty and not faults.has(path.name):
        faults.add(path.name, f"holds no row ({export.title})")


def _once(form: Layout) -> Layout:
    """Name columns of one name apart: exports of many plug-ins have such."""
    seen: dict[str, int] = {}
    names = []
    for name in form.names:
        seen[name] = seen.get(name, 0) + 1
        names.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return Layout(tuple(names), form.delimiter, form.scan, form.header_line, form.blank)


def _joined(columns: Sequence[pa.Array], count: int) -> pa.Array:
    cells = zip(*(column.to_pylist() for column in columns), strict=True) if columns else [()] * count
    return pa.array([";".join(value for value in row if value) or None for row in cells], pa.string())


def _known(path: Path, form: Layout, exports: Sequence[Export], platform: str, faults: Faults) -> Export | None:
    """Find what the file is; None: it is none, and that is a fault."""
    whole = [export for export in exports if not export.lacking(form.names)]
    if whole:
        best = max(
            whole, key=lambda export: (sum(f.required for f in export.fields.values()), len(export.columns(form.names)))
        )
        if best.refused:
            faults.add(path.name, f"is {best.title}: {best.refused}")
            return None
        return best
    has = ", ".join(form.names[:8]) + (" …" if len(form.names) > 8 else "")
    near = max(exports, key=lambda export: 1 - len(export.lacking(form.names)) / _required(export))
    lacking = near.lacking(form.names)
    if 1 - len(lacking) / _required(near) >= _AKIN:
        faults.add(path.name, f"looks like {near.title}, but columns are missing: no {', '.join(lacking)} (has {has})")
    else:
        if path.suffix.lower() == ".txt":  # a note
            return None
        titles = "; ".join(export.title for export in exports if not export.refused)
        faults.add(
            path.name, f"is no export of {platform} that is known, columns are missing (has {has}); known are: {titles}"
        )
    return None


def _required(export: Export) -> int:
    return max(1, sum(field.required for field in export.fields.values()))


def _json(
    path: Path, exports: Sequence[Export], flatten: Flatten, faults: Faults
) -> Iterator[tuple[str, dict[str, pa.Array]]]:
    fields = {export.name: tuple(export.fields) for export in exports}
    held: dict[str, list[Mapping[str, Any]]] = {}
    for line, value in records(path):
        flat = list(flatten(value))
        if not flat:
            faults.add(
                path.name,
                "an object that is no record known here",
                where=f"object {line}",
                came=", ".join(list(value)[:6]),
            )
        for name, row in flat:
            held.setdefault(name, []).append(row)
            if len(held[name]) == BATCH_ROWS:
                yield name, _columns(fields[name], held.pop(name))
    for name, found in held.items():
        yield name, _columns(fields[name], found)


def _columns(names: Sequence[str], found: Sequence[Mapping[str, Any]]) -> dict[str, pa.Array]:
    return {name: pa.array([_text(row.get(name)) for row in found], pa.string()) for name in names}


def _text(value: Any) -> str | None:
    if value is None or value == "":
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


def _empty(export: Export) -> pa.RecordBatch:
    names = [*export.fields, *([export.many[0]] if export.many[0] else [])]
    schema = pa.schema([("n", pa.int64()), ("file", pa.string()), *((name, pa.string()) for name in names)])
    return pa.RecordBatch.from_pylist([], schema=schema)


def _parse(db: duckdb.DuckDBPyConnection, export: Export, faults: Faults) -> None:
    """Make times and numbers of the columns that hold them; what cannot be read is a fault."""
    how = blocks(Path(__file__).with_name("tables.sql")) | blocks(Path(__file__).with_name("_values.sql"))
    table, terms = f"{export.name}_text", {}
    for ours, field in export.fields.items():
        if field.how == "time":
            terms[ours] = moments(db, table, ours, how["timestamp"])
        elif field.how != "text":
            terms[ours] = how[field.how].replace("$value", f'trim("{ours}")')
    replaced = ", ".join(f'{term} AS "{ours}"' for ours, term in terms.items())
    replaced = f" REPLACE ({replaced})" if replaced else ""
    db.execute(f'CREATE TABLE "{export.name}" AS SELECT *{replaced} FROM "{table}"')  # noqa: S608  # names of ours
    key = export.key or next(iter(export.fields))
    for ours in terms:
        field = export.fields[ours]
        unread = f"""
            SELECT t.file, t."{key}", t."{ours}" FROM "{table}" t JOIN "{export.name}" p USING (n)
            WHERE trim(t."{ours}") <> '' AND p."{ours}" IS NULL ORDER BY n
        """  # noqa: S608  # names of ours
        for file, row, value in db.execute(unread).fetchall():
            faults.add(
                file,
                f"expected {_EXPECTED[field.how]}",
                column=field.names[0],
                where=f"{export.name.removesuffix('s')} {row}",
                came=value,
            )
