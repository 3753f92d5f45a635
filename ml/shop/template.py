"""Empty files for a shop's own export, and a page that says what goes into them."""

from __future__ import annotations

import csv
from pathlib import Path

from ml.contract.tables import TABLES
from ml.core.errors import NightshiftError
from ml.shop import docs
from ml.shop.sources.tables import EXPECTED

INTRO = """\
# Your shop as files

Fill the CSV files beside this page and load them with `./nightshift shop load tables --data FOLDER`. The file of
an optional table may stay empty or go, and so may columns that are not required. A Parquet file of the same name, or
`.csv.gz`, does as well.

- UTF-8, one header line, comma, semicolon, tab or `|`; an empty field is null. docs/connect-your-shop.md has the rules.
- Fields that hold the delimiter, a quote or a line break in double quotes; a quote inside is doubled.
"""


def template(folder: Path) -> list[Path]:
    """Write one empty CSV file per contract table and a README.md into ``folder``; returns the paths.

    Raises
    ------
    NightshiftError
        If any of the files is there already; none is written then.
    """
    paths = {name: folder / f"{name}.csv" for name in TABLES}
    readme = folder / "README.md"
    existing = [path.name for path in (*paths.values(), readme) if path.exists()]
    if existing:
        raise NightshiftError(
            "The folder holds such files already, so nothing was written.",
            came=f"{folder}: {', '.join(existing)}",
            do="name another folder",
        )
    folder.mkdir(parents=True, exist_ok=True)
    for name, path in paths.items():
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerow(TABLES[name].column_names)
    readme.write_text(_readme(), encoding="utf-8")
    return [readme, *paths.values()]


def _readme() -> str:
    kinds = "\n".join(f"- {kind}: {what}." for kind, what in EXPECTED.items() if kind != "text")
    sections = (f"## {name}.csv\n\n{docs.section(table)}" for name, table in TABLES.items())
    return "\n".join([INTRO + kinds + "\n", *sections])
