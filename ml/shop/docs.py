"""The contract and the published tables as Markdown: ``docs/contract.md`` and ``docs/tables.md`` are made here.

``python -m ml.shop.docs`` writes both again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from ml.adapters.postgres import TYPES
from ml.core.spec import Capability, Published
from ml.registry import CAPABILITIES
from ml.settings import PROJECT
from ml.shop.contract import TABLES, Column, Table

MADE = "<!-- Made from the code by `python -m ml.shop.docs`; edit ml/shop/contract.py or a capability's spec.py. -->"

CONTRACT_INTRO = """\
# What Nightshift reads: schema `shop`

One table or view per line of the shop's life. Four are required; each further one makes a capability better or lets it
start. [connect-your-shop.md](connect-your-shop.md) shows how to map your own tables with SQL views.

- **Types.** text takes any type (ids of type bigint or uuid are returned as their text); integer and number take any
  numeric type without loss; a timestamp without time zone is read in `NIGHTSHIFT_TIMEZONE`.
- **Required** columns must exist and hold no null; a row with a null there goes to quarantine. Others may be left out.
- **Personal** columns are replaced by a keyed hash before anything is stored; they are compared, never read.
- **When a row counts.** A night sees a row only if it was known before the night: see "Known" below each table.
"""

TABLES_INTRO = """\
# What the shop reads: schema `ml`

Views that always show one whole batch. Beside its own columns each has `batch_id` (its story is in `ml_ops.batch`),
`model_version` (in MLflow and `ml_ops.promotion`) and `as_of` (it uses only what was known before that time). A table that
is said to be kept between nights also shows rows of what came since the batch; their `batch_id` is negative (the run in
`ml_ops.live`). There is one row per key at every moment.
"""


def contract() -> str:
    """Render the contract: an overview, then a section per table."""
    overview = _grid(
        ("table", "", "what it is", "used by"),
        ([f"[`{t.name}`](#{t.name})", _need(t), t.meaning, _used_by(t)] for t in TABLES.values()),
    )
    sections = (f"## {table.name}\n\n{section(table)}" for table in TABLES.values())
    return "\n".join([MADE, CONTRACT_INTRO, overview, *sections])


def section(table: Table) -> str:
    """Render one contract table: meaning, key, when a row is known, columns."""
    facts = [f"{table.meaning} {_need(table).capitalize()}. Key: {_codes(table.key)}.", f"Known: {known(table)}."]
    return "\n".join([*facts, "", _grid(("column", "type", "unit", "", "meaning"), map(_row, table.columns))])


def known(table: Table) -> str:
    """Say in words when a row of the table becomes known."""
    first = [f"`{name}`" for name in (table.known_time, table.event_time) if name]
    if table.known_with:
        parent = table[table.known_with].references.split(".")[0]
        return ", else ".join([*first, f"when its `{parent}` is"])
    return ", else ".join([*first, *([] if table[table.event_time].required else ["always"])]) if first else "always"


def tables() -> str:
    """Render the tables that the capabilities publish."""
    sections = (_published(spec, table) for spec in CAPABILITIES.values() for table in spec.publishes)
    return "\n".join([MADE, TABLES_INTRO, *sections])


def write(folder: Path = PROJECT / "docs") -> tuple[Path, Path]:
    """Write ``contract.md`` and ``tables.md``."""
    paths = folder / "contract.md", folder / "tables.md"
    for path, text in zip(paths, (contract(), tables()), strict=True):
        path.write_text(text, encoding="utf-8")
    return paths


def _published(spec: Capability, table: Published) -> str:
    grid = _grid(
        ("column", "type", "unit", "", "meaning"),
        ([f"`{c.name}`", TYPES[c.kind], c.unit, "may be null" if c.nullable else "", c.meaning] for c in table.columns),
    )
    lane = ""
    if spec.live and spec.live.publishes == table.name:
        lane = f" Kept between nights: new rows of `shop.{spec.live.table}`, `{spec.live.schedule}`."
    return f"## ml.{table.name}\n\n{table.meaning} Made by {spec.name}. Key: {_codes(table.key)}.{lane}\n\n{grid}"


def _row(column: Column) -> Sequence[str]:
    notes = [
        *(["required"] if column.required else []),
        *(["personal"] if column.personal else []),
        *([f"→ `{column.references}`"] if column.references else []),
    ]
    return f"`{column.name}`", TYPES[column.kind], column.unit, ", ".join(notes), column.meaning


def _need(table: Table) -> str:
    return "required" if table.required else "optional"


def _used_by(table: Table) -> str:
    uses = [
        f"{spec.name} ({'needs' if table.name in spec.needs else 'wants'})"
        for spec in CAPABILITIES.values()
        if table.name in spec.tables
    ]
    return ", ".join(uses)


def _codes(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _grid(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"


if __name__ == "__main__":
    write()
