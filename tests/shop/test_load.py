"""Loading a shop into a real Postgres: whole or not at all, and never over somebody's tables."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from ml.adapters import postgres
from ml.contract.tables import TABLES
from ml.core.errors import Busy, ContractError, NightshiftError
from ml.settings import PROJECT, Settings
from ml.shop import ddl, swap
from ml.shop.load import TRUTH, load, loaded, restore
from ml.shop.sources import SOURCES
from ml.shop.template import template
from tests.shop.sources.test_tables import FITTING, write

COLUMNS = "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'shop' ORDER BY 1, ordinal_position"


def execute(settings: Settings, *statements: str) -> None:
    """Run statements as the shop's owner would."""
    with postgres.transaction(settings.shop_url) as cursor:
        for statement in statements:
            cursor.execute(statement)


def count(settings: Settings, table: str = 'shop."order"') -> int:
    """Rows of a table."""
    return int(postgres.query(settings.shop_url, f"SELECT count(*) AS n FROM {table}")[0]["n"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small shop as files."""
    return write(tmp_path / "files", FITTING)


def test_ddl_makes_every_table_with_its_comments(settings: Settings) -> None:
    """Every contract table and column exists under its name, says what it means, and enforces nothing."""
    with closing(postgres.connect(settings.shop_url)) as connection, connection:
        ddl.create(connection)
    found = [(row["table_name"], row["column_name"]) for row in postgres.query(settings.shop_url, COLUMNS)]
    assert found == [(name, c.name) for name in sorted(TABLES) for c in TABLES[name].columns]
    comment = postgres.query(settings.shop_url, "SELECT col_description('shop.\"order\"'::regclass, 3) AS said")
    assert comment == [{"said": "When it was placed. Unit: UTC. Required."}]
    constraints = "SELECT count(*) AS n FROM pg_constraint WHERE connamespace = 'shop'::regnamespace"
    assert postgres.query(settings.shop_url, constraints) == [{"n": 0}]


def test_a_load_reports_what_is_there(settings: Settings, folder: Path) -> None:
    """Rows by table, the day of the last order, and a mark that says from what."""
    seen: list[tuple[str, int]] = []
    report = load(settings, "tables", folder, progress=lambda table, rows: seen.append((table, rows)))
    assert report.rows == {"customer": 2, "product": 2, "order": 2, "order_item": 2}
    assert report.last_order == date(2026, 7, 2)
    assert seen == list(report.rows.items())
    mark = loaded(settings)
    assert mark is not None
    assert (mark.source, mark.rows) == ("tables", report.rows)
    assert postgres.query(settings.shop_url, "SELECT price, category FROM shop.product ORDER BY 1") == [
        {"price": 1.5, "category": None},
        {"price": None, "category": None},
    ]


def test_the_very_same_is_loaded_once(settings: Settings, folder: Path) -> None:
    """A second load of the same data and options is skipped; changed data, options or a wish load again."""
    load(settings, "tables", folder)
    assert load(settings, "tables", folder).skipped
    assert not load(settings, "tables", folder, again=True).skipped
    assert not load(settings, "tables", folder, timezone="Europe/Paris").skipped
    (folder / "order.csv").write_text(FITTING["order"] + "o3,,2026-08-01\n", encoding="utf-8")
    assert load(settings, "tables", folder, timezone="Europe/Paris").rows["order"] == 3


def test_a_failed_load_leaves_the_old_shop(settings: Settings, folder: Path) -> None:
    """An error in the last table keeps every old row and leaves no other schema behind."""
    load(settings, "tables", folder)
    (folder / "order.csv").write_text(FITTING["order"] + "o3,,2026-08-01\n", encoding="utf-8")
    (folder / "order_item.csv").write_text(FITTING["order_item"] + "o3,x,p1,1,1\n", encoding="utf-8")
    with pytest.raises(ContractError, match=r"column line_no(.|\n)*line 4 'x'"):
        load(settings, "tables", folder)
    assert count(settings) == 2
    left = "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'shop%' OR nspname LIKE 'demo%'"
    assert postgres.query(settings.shop_url, left) == [{"nspname": "shop"}]


def test_a_shop_that_is_not_ours_is_never_replaced_unasked(settings: Settings, folder: Path) -> None:
    """Its tables stay; with replace they are renamed, not dropped."""
    execute(settings, "CREATE SCHEMA shop", "CREATE VIEW shop.customer AS SELECT 'mine' AS customer_id")
    with pytest.raises(ContractError, match=r"not filled by Nightshift(.|\n)*customer(.|\n)*--replace"):
        load(settings, "tables", folder)
    report = load(settings, "tables", folder, replace=True)
    kept = report.notes[0].split()[-1]
    assert kept.startswith("shop_before_")
    assert postgres.query(settings.shop_url, f"SELECT * FROM {kept}.customer") == [{"customer_id": "mine"}]
    assert count(settings, "shop.customer") == 2


def test_an_empty_schema_is_filled(settings: Settings, folder: Path) -> None:
    """A schema shop with nothing in it is nobody's."""
    execute(settings, "CREATE SCHEMA shop")
    assert load(settings, "tables", folder).notes == ()


def test_what_depends_on_our_shop_is_not_dropped_with_it(settings: Settings, folder: Path) -> None:
    """A view over the loaded shop stops the next load with its name; with replace it keeps the old tables."""
    load(settings, "tables", folder)
    execute(settings, "CREATE VIEW public.mine AS SELECT * FROM shop.customer")
    with pytest.raises(ContractError, match=r"depends on schema shop(.|\n)*view mine"):
        load(settings, "tables", folder, again=True)
    assert len(load(settings, "tables", folder, again=True, replace=True).notes) == 1
    assert count(settings, "public.mine") == 2


def test_another_sources_shop_is_replaced_only_when_asked_and_can_be_brought_back(
    settings: Settings, fake: ModuleType, folder: Path
) -> None:
    """A load of another source is refused; with replace the shop before is one command away, and so is the new one."""
    load(settings, "tables", folder)
    fake.tables = whole(("order", [orders("a")]), (f"{TRUTH}.fault", []))  # type: ignore[attr-defined]
    with pytest.raises(ContractError, match=r"holds another shop(.|\n)*tables with 8 rows, not fake(.|\n)*--replace"):
        load(settings, "fake")
    assert count(settings) == 2
    (note,) = load(settings, "fake", replace=True).notes
    assert (count(settings), "shop restore" in note) == (1, True)
    name, marker = restore(settings)
    assert (name, marker, count(settings)) == (note.split()[-1], loaded(settings), 2)
    assert marker is not None
    assert marker.source == "tables"
    assert restore(settings)[1] != marker
    assert (count(settings), count(settings, f"{TRUTH}.fault")) == (1, 0)


def test_one_shop_of_ours_is_kept_and_every_one_of_others(settings: Settings, folder: Path) -> None:
    """The third load forgets the first, but never a schema that Nightshift did not fill; each can be named."""
    execute(settings, "CREATE SCHEMA shop", "CREATE TABLE shop.customer AS SELECT 'mine' AS customer_id")
    for _ in range(4):
        load(settings, "tables", folder, again=True, replace=True)
    with postgres.transaction(settings.shop_url) as cursor:
        cursor.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'shop%' ORDER BY 1")
        present, theirs, ours = (row["nspname"] for row in cursor.fetchall())
    with pytest.raises(NightshiftError, match=f"no shop shop_before_x(.|\n)*{ours}, {theirs}"):
        restore(settings, "shop_before_x")
    assert restore(settings, theirs) == (theirs, None)
    assert (present, count(settings, "shop.customer")) == ("shop", 1)


def test_without_a_shop_before_there_is_nothing_to_restore(settings: Settings, folder: Path) -> None:
    """The message says so, and the present shop stays."""
    load(settings, "tables", folder)
    with pytest.raises(NightshiftError, match="no shop before this one"):
        restore(settings)
    assert count(settings) == 2


def test_names_and_options_are_checked(settings: Settings, folder: Path) -> None:
    """An unknown source, an unknown option and missing data are errors that say what there is."""
    with pytest.raises(NightshiftError, match=r"no source 'shopfy'(.|\n)*online_retail: UCI"):
        load(settings, "shopfy")
    with pytest.raises(NightshiftError, match=r"does not have these options(.|\n)*came: size(.|\n)*options: timezone"):
        load(settings, "tables", folder, size=3)
    with pytest.raises(NightshiftError, match="reads files"):
        load(settings, "olist")
    with pytest.raises(NightshiftError, match="no such file or folder"):
        load(settings, "olist", folder / "nowhere")


def test_a_login_that_may_not_create_is_told(settings: Settings, folder: Path) -> None:
    """Loading without the right says why not and what to do, not a traceback of the driver."""
    reader = replace(settings, shop_url=f"{settings.shop_url}&options=-c%20role%3Dshop_reader")
    with pytest.raises(NightshiftError, match=r"may not create schemas(.|\n)*permission denied(.|\n)*GRANT CREATE"):
        load(reader, "tables", folder)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A source made here; tests give it ``tables``."""
    module = ModuleType("ml.shop.sources.fake")
    module.__file__ = __file__
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(SOURCES, "fake", "A source of a test.")
    return module


def orders(*ids: str) -> pa.RecordBatch:
    """Orders of 2026."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return pa.RecordBatch.from_pydict({"order_id": list(ids), "ordered_at": [at] * len(ids)})


def whole(*given: tuple[str, list[pa.RecordBatch]]) -> Callable[[], Iterator[tuple[str, list[pa.RecordBatch]]]]:
    """A source's ``tables``: those that are given, and one row of each other that a shop cannot be without."""
    rest = {name: {TABLES[name].key[0]: ["x"]} for name in ("customer", "product", "order_item")}
    rest = {name: row for name, row in rest.items() if name not in dict(given)}
    return lambda: iter([*given, *((name, [pa.RecordBatch.from_pydict(row)]) for name, row in rest.items())])


def test_a_source_without_rows_of_a_required_table_is_refused(
    settings: Settings, fake: ModuleType, folder: Path
) -> None:
    """An empty required table would leave a shop that nobody can work on: what was there stays."""
    load(settings, "tables", folder)
    fake.tables = lambda: iter([("order", [orders("a", "b")]), ("product", [])])  # type: ignore[attr-defined]
    with pytest.raises(
        ContractError, match=r"cannot be without(.|\n)*fake holds none of customer, product, order_item"
    ):
        load(settings, "fake", replace=True)
    template(folder / "empty")
    with pytest.raises(ContractError, match=r"customer.csv: holds no row(.|\n)*order_item.csv: holds no row"):
        load(settings, "tables", folder / "empty")
    assert count(settings) == 2


def test_optional_tables_exist_only_if_given(settings: Settings, fake: ModuleType) -> None:
    """A source makes the tables that it has and no other."""
    fake.tables = whole(("order", [orders("a", "b")]))  # type: ignore[attr-defined]
    assert load(settings, "fake").rows == {"order": 2, "customer": 1, "product": 1, "order_item": 1}
    tables = {row["table_name"] for row in postgres.query(settings.shop_url, COLUMNS)}
    assert tables == {"customer", "product", "order", "order_item"}


@pytest.mark.parametrize(("length", "indexes"), [(10, 1), (200_000, 0)])
def test_what_is_looked_up_live_is_indexed_where_it_can_be(
    settings: Settings, fake: ModuleType, length: int, indexes: int
) -> None:
    """Products are indexed by their id; ids that are too long for an index are loaded all the same."""
    rng = np.random.default_rng(1)
    ids = ["".join(rng.choice(list("abcdefghijklmnop"), length)) for _ in range(3)]
    fake.tables = whole(("product", [pa.record_batch({"product_id": ids})]), ("order", [orders("a")]))  # type: ignore[attr-defined]
    load(settings, "fake")
    assert count(settings, "shop.product") == 3
    found = postgres.query(settings.shop_url, "SELECT count(*) AS n FROM pg_indexes WHERE schemaname = 'shop'")
    assert found == [{"n": indexes}]


def test_nul_in_text_becomes_the_replacement_character(settings: Settings, fake: ModuleType) -> None:
    """Postgres cannot store NUL: it is replaced and said, emoji and SQL pass."""
    fake.tables = whole(("order", [orders("a\0b", "🎁'; DROP TABLE shop.customer; --")]))  # type: ignore[attr-defined]
    report = load(settings, "fake")
    assert report.notes == ("1 values of order.order_id held NUL, which Postgres cannot store; it became �",)
    found = postgres.query(settings.shop_url, 'SELECT order_id FROM shop."order"')
    assert [row["order_id"] for row in found] == ["a\ufffdb", "🎁'; DROP TABLE shop.customer; --"]


@pytest.mark.parametrize(
    ("name", "batch", "message"),
    [
        ("orders", orders("a"), "a table that the contract does not have"),
        (
            "order",
            pa.RecordBatch.from_pydict({"id": ["a"]}),
            r"columns that the contract does not have(.|\n)*order: id",
        ),
    ],
)
def test_a_source_that_breaks_the_contract_is_told(
    settings: Settings, fake: ModuleType, name: str, batch: pa.RecordBatch, message: str
) -> None:
    """A table or column that the contract does not have is a fault of the source."""
    fake.tables = lambda: iter([(name, [batch])])  # type: ignore[attr-defined]
    with pytest.raises(ContractError, match=message):
        load(settings, "fake")


def test_two_loads_at_once_are_one_and_a_message(settings: Settings, fake: ModuleType) -> None:
    """The second is refused at once while the first goes on."""
    inside, go_on = threading.Event(), threading.Event()

    def slowly() -> Iterator[tuple[str, Iterable[pa.RecordBatch]]]:
        inside.set()
        assert go_on.wait(30)
        yield from whole(("order", [orders("a")]))()

    fake.tables = slowly  # type: ignore[attr-defined]
    first = threading.Thread(target=load, args=(settings, "fake"))
    first.start()
    assert inside.wait(30)
    with pytest.raises(Busy, match="Another load"):
        load(settings, "fake")
    go_on.set()
    first.join(30)
    assert count(settings) == 1


def test_a_reader_sees_the_old_shop_or_the_new_one(settings: Settings, fake: ModuleType) -> None:
    """A repeatable-read transaction from before the swap reads frozen rows of the new shop, never an empty one."""
    fake.tables = whole(("order", [orders("a", "b")]))  # type: ignore[attr-defined]
    load(settings, "fake")
    with closing(postgres.connect(settings.shop_url)) as reader:
        reader.set_session(isolation_level="REPEATABLE READ", readonly=True)
        with reader.cursor() as cursor:
            cursor.execute("SELECT 1")
            fake.tables = whole(("order", [orders("a", "b", "c")]))  # type: ignore[attr-defined]
            load(settings, "fake", again=True)
            cursor.execute('SELECT count(*) FROM shop."order"')
            assert cursor.fetchone() == (3,)


def test_a_reader_that_holds_the_old_tables_is_waited_for(
    settings: Settings, fake: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it reads, no swap: the load gives up with a message, and the reader's shop stays whole."""
    fake.tables = whole(("order", [orders("a", "b")]))  # type: ignore[attr-defined]
    load(settings, "fake")
    monkeypatch.setattr(swap, "TRIES", 1)
    monkeypatch.setattr(swap, "LOCK_TIMEOUT_MS", 50)
    with closing(postgres.connect(settings.shop_url)) as reader, reader.cursor() as cursor:
        cursor.execute('SELECT count(*) FROM shop."order"')
        with pytest.raises(Busy, match="being read"):
            load(settings, "fake", again=True)
        cursor.execute('SELECT count(*) FROM shop."order"')
        assert cursor.fetchone() == (2,)
    assert not load(settings, "fake", again=True).skipped


KILLED = """
import sys, time
from types import ModuleType
import pyarrow as pa
from ml.settings import PROJECT, Settings
from ml.shop.load import load
from ml.shop.sources import SOURCES

def tables():
    yield "customer", [pa.RecordBatch.from_pydict({"customer_id": ["new"]})]
    print("half", flush=True)
    time.sleep(60)

module = ModuleType("ml.shop.sources.fake")
module.tables, module.__file__ = tables, sys.argv[1]
sys.modules[module.__name__], SOURCES["fake"] = module, ""
load(Settings.from_env({"NIGHTSHIFT_HOME": "/", "NIGHTSHIFT_DATABASE_URL": sys.argv[2], "NIGHTSHIFT_HASH_KEY": "k"}), "fake", replace=True)
"""


def test_a_load_killed_half_way_leaves_the_old_shop(settings: Settings, folder: Path) -> None:
    """After kill -9 the old shop is whole, nothing else is left, and the next load is not in the way."""
    load(settings, "tables", folder)
    line = [sys.executable, "-c", KILLED, __file__, settings.shop_url]
    with subprocess.Popen(line, cwd=PROJECT, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"half\n"
        child.kill()
    assert count(settings) == 2
    for _ in range(100):  # the server notices the dead client when it next writes to it
        with contextlib.suppress(Busy):
            assert not load(settings, "tables", folder, again=True).skipped
            break
        time.sleep(0.1)
    schemas = "SELECT count(*) AS n FROM pg_namespace WHERE nspname LIKE 'shop%'"
    assert postgres.query(settings.shop_url, schemas) == [{"n": 2}]  # it and the one before


@pytest.mark.real
@pytest.mark.parametrize(
    ("source", "path", "orders_known"),
    [("online_retail", "uci_online_retail", 22_190), ("olist", "olist/subset_8135_orders", 8135)],
)
def test_published_shops_load(settings: Settings, published: Path, source: str, path: str, orders_known: int) -> None:
    """Every item of a published shop finds its order and product in Postgres; known customers are there."""
    load(settings, source, published / path)
    sql: Any = """
        SELECT count(*) FILTER (WHERE o.order_id IS NULL OR p.product_id IS NULL) AS orphans,
               (SELECT count(*) FROM shop."order" JOIN shop.customer USING (customer_id)) AS known
        FROM shop.order_item i LEFT JOIN shop."order" o USING (order_id) LEFT JOIN shop.product p USING (product_id)
    """
    assert postgres.query(settings.shop_url, sql) == [{"orphans": 0, "known": orders_known}]
