"""Pages made from the code: ``docs/contract.md``, ``docs/tables.md`` and ``docs/config.md``.

``python -m ml.shop.docs`` writes them again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from ml.adapters.books.config import TYPES
from ml.adapters.postgres import TYPES as COLUMN_TYPES
from ml.contract.table import Column, Table
from ml.contract.tables import TABLES
from ml.contract.vocabulary import Vocabulary, Word, vocabularies
from ml.core.platform import PLATFORM
from ml.core.spec import Capability, ConfigColumn, ConfigTable, Published
from ml.registry import CAPABILITIES
from ml.settings import PROJECT

MADE = (
    "<!-- Made from the code by `python -m ml.shop.docs`; edit the tables of ml/contract or a capability's spec.py. -->"
)

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

WORDS_INTRO = """\
## Words

A column that holds a word has a vocabulary. Case, accents, blanks, hyphens, underscores and WooCommerce's `wc-` make no
difference; each spelling below is read as the word before it. `./nightshift shop check` shows the words of your shop, how
often each stands there and what it is taken for. A word that is not known is never guessed:

- `order.status`: the order counts as no purchase and is kept out of learning. Above 1 % of the orders, or of the money, the
  night stops: give the word one of these meanings with a `CASE` in the view.
- `order_outcome.kind`, `event.kind`, `order.currency`, booleans: the row goes to quarantine, and counts towards what stops
  a night.
- `payment.method`, `order.channel`, `campaign.arm`: it stays as it is, in lower case; nothing depends on its meaning.
"""

TABLES_INTRO = """\
# What the shop reads: schema `ml`

Views that always show one whole batch. Beside its own columns each has `batch_id` (its story is in `ml_ops.batch`),
`model_version` (in MLflow and `ml_ops.promotion`) and `as_of` (it uses only what was known before that time). A table that
is said to be kept between nights also shows rows of what came since the batch; their `batch_id` is negative (the run in
`ml_ops.live`). There is one row per key at every moment.
"""

CONFIG_INTRO = """\
# What the shop's staff edits: schema `ml_config`

Rows that tell Nightshift what no data can. Give the logins of your staff, or of the tool that they edit with, the role
`nightshift_staff` (`GRANT nightshift_staff TO shop_admin`); `shop_reader` may read them.

- **An edit that makes no sense is refused at once**, with the rule that it breaks as the name of the constraint.
- **What has no effect is told**: a rule for a product that the shop does not have is a line in `./nightshift shop check`
  and in the night's report (`config_faults` in `ml_ops.night.summary`), not an error.
- **A night can be run again.** Each keeps what these tables said when it read the shop, and obeys that.
- **Nothing of yours is overwritten.** An update adds columns and new default rows; a default row that you changed or
  deleted stays so.
"""


def contract() -> str:
    """Render the contract: an overview, then a section per table."""
    overview = _grid(
        ("table", "", "what it is", "used by"),
        ([f"[`{t.name}`](#{t.name})", _need(t), t.meaning, _used_by(t)] for t in TABLES.values()),
    )
    sections = (f"## {table.name}\n\n{section(table)}" for table in TABLES.values())
    return "\n".join([MADE, CONTRACT_INTRO, overview, *sections, WORDS_INTRO, *map(_words, vocabularies().values())])


def section(table: Table) -> str:
    """Render one contract table: meaning, key, when a row is known, columns."""
    facts = [f"{table.meaning} {_need(table).capitalize()}. Key: {_codes(table.key)}.", f"Known: {known(table)}."]
    return "\n".join([*facts, "", _grid(("column", "type", "unit", "", "meaning"), map(_row, table.columns))])


def _words(vocabulary: Vocabulary) -> str:
    """Render one vocabulary: each word, what it means, how shops spell it."""
    head = f"### {vocabulary.name}\n\n"
    if vocabulary.name == "currency":
        return f"{head}The codes of ISO 4217: {', '.join(vocabulary.words)}.\n"
    grid = _grid(
        ("word", "means", "spelled"),
        ([f"`{w.name}`", _meaning_of(w), ", ".join(w.spellings)] for w in vocabulary.words.values()),
    )
    return head + grid


def _meaning_of(word: Word) -> str:
    counts = "" if word.means in ("a method", "a channel", word.name) else word.means
    return ". ".join(filter(None, (counts.capitalize(), word.meaning)))


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


def config() -> str:
    """Render the tables that the shop's staff edits."""
    platform = (_config("every capability", table) for table in PLATFORM)
    sections = (_config(spec.name, table) for spec in CAPABILITIES.values() for table in spec.config)
    return "\n".join([MADE, CONFIG_INTRO, *platform, *sections])


def write(folder: Path = PROJECT / "docs") -> tuple[Path, ...]:
    """Write ``contract.md``, ``tables.md`` and ``config.md``."""
    pages = {"contract.md": contract(), "tables.md": tables(), "config.md": config()}
    for name, text in pages.items():
        (folder / name).write_text(text, encoding="utf-8")
    return tuple(folder / name for name in pages)


def _config(whose: str, table: ConfigTable) -> str:
    grid = _grid(
        ("column", "type", "unit", "", "meaning"),
        ([f"`{c.name}`", TYPES[c.kind], c.unit, _notes(table, c), c.meaning] for c in table.columns),
    )
    checks = "".join(f"- {words}\n" for words in table.checks)
    rows = f"\nDefault rows:\n\n{_grid(list(table.rows[0]), _cells(table))}" if table.rows else ""
    head = f"## ml_config.{table.name}\n\n{table.meaning} For {whose}. Key: {_codes(table.key)}.\n\n"
    return f"{head}{grid}\nRefused unless:\n\n{checks}{_examples(table)}{rows}"


def _examples(table: ConfigTable) -> str:
    if not table.examples:
        return ""
    edits = "\n\n".join(f"-- {words}\n{statement};" for words, statement in table.examples.items())
    return f"\nEdits, as SQL:\n\n```sql\n{edits}\n```\n"


def _cells(table: ConfigTable) -> Iterable[Sequence[str]]:
    return ([str(value).lower() if isinstance(value, bool) else str(value) for value in r.values()] for r in table.rows)


def _notes(table: ConfigTable, column: ConfigColumn) -> str:
    notes = [
        *(["required"] if column.required or column.name in table.key else []),
        *([f"default {column.default}"] if column.default else []),
        *([f"→ `{column.references}`"] if column.references else []),
    ]
    return ", ".join(notes)


def _published(spec: Capability, table: Published) -> str:
    grid = _grid(
        ("column", "type", "unit", "", "meaning"),
        (
            [f"`{c.name}`", COLUMN_TYPES[c.kind], c.unit, "may be null" if c.nullable else "", c.meaning]
            for c in table.columns
        ),
    )
    lane = ""
    if spec.live and table.name in (spec.live.publishes, *spec.live.also):
        lane = f" Kept between nights: new rows of {', '.join(f'`shop.{name}`' for name in spec.live.keys)}, `{spec.live.schedule}`."
    return f"## ml.{table.name}\n\n{table.meaning} Made by {spec.name}. Key: {_codes(table.key)}.{lane}\n\n{grid}"


def _row(column: Column) -> Sequence[str]:
    notes = [
        *(["required"] if column.required else []),
        *(["personal"] if column.personal else []),
        *([f"→ `{column.references}`"] if column.references else []),
        *([f"[words](#{column.words.replace('.', '')})"] if column.words else []),
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
