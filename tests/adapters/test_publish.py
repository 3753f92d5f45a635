"""Publishing: the shop always sees one whole batch, and can go back."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import psycopg2
import pyarrow as pa
import pytest

from ml.adapters import postgres
from ml.adapters.batches import view
from ml.adapters.batches.publish import Publication, publish, retention, rollback
from ml.adapters.lake import Lake
from ml.core.errors import Busy, ContractError, DataRefused, NightshiftError
from ml.core.spec import PublishedColumn
from ml.settings import PROJECT, Settings
from tests.adapters.shelf import RECOMMENDATION, SIMILAR, put, rows, shelve


@pytest.fixture
def shop(settings: Settings) -> tuple[str, str]:
    """Database and lake."""
    return settings.database_url, settings.lake_uri


def seen(url: str, table: str = "recommendation") -> dict:
    """What the shop sees: rows, batches and marks."""
    key = "reason" if table == "recommendation" else "split_part(product_id, 'x', 1)"
    return postgres.query(
        url,
        f"SELECT count(*) AS rows, min(batch_id) AS batch, count(DISTINCT batch_id) AS batches, min({key}) AS mark, "
        f"min(model_version) AS model, min(as_of)::date::text AS as_of FROM ml.{table}",
    )[0]


def story(url: str) -> list[tuple[str, int, str]]:
    """Every batch's table, day and status, in order."""
    found = postgres.query(url, "SELECT table_name, night, status FROM ml_ops.batch ORDER BY batch_id")
    return [(row["table_name"], row["night"].day, row["status"]) for row in found]


def batch_tables(url: str) -> list[str]:
    """Names of the tables in ml_batch."""
    return [
        row["relname"]
        for row in postgres.query(
            url,
            "SELECT relname FROM pg_class WHERE relnamespace = 'ml_batch'::regnamespace AND relkind = 'r' ORDER BY 1",
        )
    ]


def test_the_shop_sees_the_batch_with_its_origin(shop):
    """Every row of the view says batch, model version and as-of time; all files' rows are there."""
    first, second = shelve(*shop, day=1)
    assert (first.rows, first.status, second.rows) == (10, "published", 10)
    expected = {"rows": 10, "batch": first.batch_id, "batches": 1, "mark": "day1", "model": 1, "as_of": "2026-01-01"}
    assert seen(shop[0]) == expected


def test_a_night_publishes_once(shop):
    """The same night with the same inputs changes nothing."""
    before = shelve(*shop, day=1)
    again = shelve(*shop, day=1)
    assert [(b.batch_id, b.rows, b.status) for b in again] == [(b.batch_id, b.rows, "unchanged") for b in before]
    assert len(story(shop[0])) == 2


def test_other_inputs_publish_anew(shop):
    """The same night with another model publishes a new batch of that night."""
    shelve(*shop, day=1)
    shelve(*shop, day=1, mark="other")
    assert seen(shop[0])["mark"] == "other"
    assert story(shop[0])[::2] == [("recommendation", 1, "superseded"), ("recommendation", 1, "published")]


def test_an_older_night_can_be_shown_again(shop):
    """A night whose batch was superseded is shown again when it is run again, without loading."""
    first = shelve(*shop, day=1)
    shelve(*shop, day=2)
    again = shelve(*shop, day=1)
    assert [b.batch_id for b in again] == [b.batch_id for b in first]
    assert again[0].load_seconds == 0
    assert seen(shop[0])["mark"] == "day1"
    assert rollback(shop[0], "recommendation")["tables"]["recommendation"]["night"].day == 2


def test_tables_of_a_capability_go_together(shop):
    """A fault in the second table leaves both tables as they were."""
    shelve(*shop, day=1)
    tables = rows(20, "day2")
    tables[SIMILAR] = pa.concat_tables([tables[SIMILAR], tables[SIMILAR]])
    with pytest.raises(DataRefused, match=r"key of similar_product is not unique(.|\n)*\(product_id\)=\(day2"):
        shelve(*shop, day=2, tables=tables)
    assert seen(shop[0])["mark"] == seen(shop[0], "similar_product")["mark"][:4] == "day1"
    assert [status for *_, status in story(shop[0])] == ["published", "published", "failed", "failed"]
    assert len(batch_tables(shop[0])) == 2


@pytest.mark.parametrize(
    ("column", "value", "error", "says"),
    [
        ("reason", "a\0b", DataRefused, r"NUL character(.|\n)*row 1, column reason"),
        ("customer_id", None, DataRefused, r"refuses a row(.|\n)*customer_id"),
        ("rank", "first", ContractError, r"Column rank does not fit"),
    ],
)
def test_a_bad_value_is_named(shop, column, value, error, says):
    """A value that the table cannot hold stops the publication with column and row; yesterday stays."""
    shelve(*shop, day=1)
    tables = rows(20, "day2")
    table = tables[RECOMMENDATION]
    tables[RECOMMENDATION] = table.set_column(
        table.schema.get_field_index(column), column, pa.array([value] * 20, pa.string())
    )
    with pytest.raises(error, match=says):
        shelve(*shop, day=2, tables=tables)
    assert seen(shop[0])["mark"] == "day1"


def test_other_columns_are_named(shop):
    """Predictions with missing or unknown columns are refused with their names."""
    tables = rows(10, "day1")
    tables[SIMILAR] = tables[SIMILAR].rename_columns(["product_id", "seen"])
    with pytest.raises(ContractError, match=r"missing: seen_at; unknown: seen "):
        shelve(*shop, day=1, tables=tables)


def test_hostile_text_passes_unchanged(shop):
    """SQL, quotes, emoji, percent signs, long text, not-a-number and infinity come back as they went in."""
    texts = ["'; DROP SCHEMA ml CASCADE; --", '"\\', "😀 ﷽ \u202eabc", "%s %(x)s {}", "", "\n\t", "x" * 100_000, None]
    numbers = [float("nan"), float("inf"), float("-inf"), 5e-324, -0.0, 1e308, None, 0.1]
    table = pa.table(
        {
            "customer_id": [f"{n}'\"" for n in range(8)],
            "rank": pa.array([1] * 8).cast(pa.int8()),
            "score": numbers,
            "reason": pa.array(texts).dictionary_encode(),
        }
    )
    shelve(*shop, day=1, tables={RECOMMENDATION: table})
    found = postgres.query(shop[0], "SELECT reason, score FROM ml.recommendation ORDER BY customer_id")
    assert [row["reason"] for row in found] == texts
    assert repr([row["score"] for row in found]) == repr(numbers)


def test_a_poller_never_sees_an_empty_or_mixed_batch(shop):
    """During 200 swaps each read, also in a snapshot taken before the swap, finds exactly one whole batch."""
    url, uri = shop
    shelve(url, uri, day=1)
    shelve(url, uri, day=2)
    sizes = {b["batch_id"]: b["rows"] for b in postgres.query(url, "SELECT batch_id, rows FROM ml_ops.batch")}
    stop, wrong, reads = threading.Event(), [], []

    def poll(isolation: str) -> None:
        with closing(postgres.connect(url)) as connection, connection.cursor() as cursor:
            connection.set_session(isolation_level=isolation, readonly=True)
            while not stop.wait(0.001):
                cursor.execute("SELECT 1")  # the snapshot of a REPEATABLE READ transaction is taken here
                cursor.execute("SELECT batch_id, count(*) FROM ml.recommendation GROUP BY 1")
                found = cursor.fetchall()
                connection.rollback()
                reads.append(found)
                if len(found) != 1 or sizes[found[0][0]] != found[0][1]:
                    wrong.append(found)

    pollers = [threading.Thread(target=poll, args=(level,)) for level in ("READ COMMITTED", "REPEATABLE READ")]
    for poller in pollers:
        poller.start()
    folders = put(Lake(uri), "2026-01-01/001", rows(10, "day1"))  # not read: both batches are there
    for swap in range(200):
        shelve(url, uri, day=1 + swap % 2, folders=folders)
    stop.set()
    for poller in pollers:
        poller.join()
    assert wrong == []
    assert {found[0][0] for found in reads} == {1, 3}


def test_a_snapshot_from_before_the_batch_sees_it_whole(shop):
    """A REPEATABLE READ transaction older than a new batch reads all its rows, not none."""
    url, uri = shop
    shelve(url, uri, day=1)
    with closing(postgres.connect(url)) as connection, connection.cursor() as cursor:
        connection.set_session(isolation_level="REPEATABLE READ")
        cursor.execute("SELECT 1")
        shelve(url, uri, day=2)
        cursor.execute("SELECT count(*) FROM ml.recommendation")
        assert cursor.fetchone() == (20,)


@pytest.mark.parametrize(
    "die",
    [
        ("build", "build", False),
        ("build", "_index", False),
        ("build", "build", True),
        ("swap", "point", False),
        ("swap", "point", True),
    ],
    ids=["before-load", "after-load", "one-table-built", "before-swap", "one-table-swapped"],
)
def test_a_killed_publication_leaves_yesterday_and_a_retry_publishes_one(shop, tmp_path, die):
    """Killed by SIGKILL anywhere, the shop sees yesterday's whole batch; run again, it publishes exactly one more."""
    url, uri = shop
    shelve(url, uri, day=1)
    job = tmp_path / "job.json"
    job.write_text(json.dumps({"url": url, "uri": uri, "day": 2, "die": die}))
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("shelf.py")), str(job)],
        env={"PYTHONPATH": str(PROJECT)},
        check=False,
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert (seen(url)["mark"], seen(url)["rows"]) == ("day1", 10)
    assert [b.status for b in shelve(url, uri, day=2)] == ["published", "published"]
    assert (seen(url)["mark"], seen(url)["rows"]) == ("day2", 20)
    assert [status for *_, status in story(url)] == ["superseded"] * 2 + ["failed"] * 2 + ["published"] * 2
    assert len(batch_tables(url)) == 4


def test_two_at_once_publish_one(shop):
    """Of two publications of the same night at the same time one loads and the other finds it done."""
    url, uri = shop
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda one: shelve(url, f"{uri}{one}", day=1), range(2)))
    assert sorted(result[0].status for result in results) == ["published", "unchanged"]
    assert len(batch_tables(shop[0])) == 2


def test_rollback_brings_back_all_tables_of_the_batch_before(shop):
    """Rollback shows the batch before for every table that was published together, and then the one before that."""
    url, uri = shop
    for day in (1, 2, 3):
        shelve(url, uri, day=day)
    for day in (2, 1):
        moved = rollback(url, "similar_product")["tables"]
        assert {name: move["night"].day for name, move in moved.items()} == {
            "recommendation": day,
            "similar_product": day,
        }
        assert (seen(url)["mark"], seen(url)["rows"], seen(url)["as_of"]) == (f"day{day}", 10 * day, f"2026-01-0{day}")
    with pytest.raises(NightshiftError, match="no batch of similar_product before"):
        rollback(url, "similar_product")


def test_rollback_of_an_unknown_table_lists_those_that_there_are(shop):
    """The message names what can be rolled back."""
    shelve(*shop, day=1)
    with pytest.raises(NightshiftError, match=r"choose one of recommendation, similar_product"):
        rollback(shop[0], "order_risk")


def test_what_was_rolled_back_stays_so(shop):
    """A re-run of the night does not bring back what a person took back, unless forced; the next night publishes."""
    url, uri = shop
    shelve(url, uri, day=1)
    shelve(url, uri, day=2)
    rollback(url, "recommendation")
    assert [b.status for b in shelve(url, uri, day=2)] == ["rolled_back"] * 2
    assert seen(url)["mark"] == "day1"
    shelve(url, uri, day=2, force=True)
    assert seen(url)["mark"] == "day2"
    rollback(url, "recommendation")
    shelve(url, uri, day=3)
    assert seen(url)["mark"] == "day3"
    assert rollback(url, "recommendation")["tables"]["recommendation"]["night"].day == 1


def test_a_long_reader_is_waited_for_and_then_named(shop):
    """The swap gives up after its patience with the reader's name; the reader and yesterday's batch are unharmed."""
    url, uri = shop
    shelve(url, uri, day=1)
    with closing(postgres.connect(url, application_name="webshop")) as reader, reader.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM ml.recommendation")
        with pytest.raises(Busy, match=r"webshop(.|\n)*idle in transaction"):
            shelve(url, uri, day=2, lock_timeout_s=0.05, patience_s=0.3)
        cursor.execute("SELECT count(*) FROM ml.recommendation")
        assert cursor.fetchone() == (10,)
        timer = threading.Timer(0.5, reader.rollback)
        timer.start()
        shelve(url, uri, day=2, lock_timeout_s=0.05)
        timer.join()
    assert seen(url)["mark"] == "day2"


def test_a_reader_of_another_login_is_named_by_a_plain_one(shop):
    """A login that does not see other logins' sessions names the process and the user that it waits for."""
    url, uri = shop
    shelve(url, uri, day=1)
    name = "plain_" + url.split("/")[3].split("?")[0]
    with postgres.transaction(url) as cursor:
        cursor.execute(f"CREATE ROLE {name} LOGIN; GRANT nightshift_publish TO {name}")
    try:
        with closing(postgres.connect(url)) as reader, reader.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM ml.recommendation")
            patience = view.Patience(0.05, 0.1)
            plain = url.replace("postgres:@", f"{name}@", 1)

            def locked() -> None:
                raise psycopg2.errors.LockNotAvailable

            with (
                postgres.transaction(plain) as plain_cursor,
                pytest.raises(Busy, match=r"process \d+ of postgres \(nightshift\)\n"),
            ):
                patience.run(plain_cursor, ["recommendation"], locked)
    finally:
        with postgres.transaction(url) as cursor:
            cursor.execute(f"DROP OWNED BY {name} CASCADE; DROP ROLE {name}")


def _wider(table):
    return replace(table, columns=(*table.columns, PublishedColumn("source", "text", "From where.", nullable=True)))


def test_new_columns_keep_grants_and_comments(shop):
    """A table that gets another column keeps its grants; older batches can still be shown."""
    url, uri = shop
    shelve(url, uri, day=1)
    with postgres.transaction(url) as cursor:
        cursor.execute("GRANT SELECT, INSERT ON ml.recommendation TO PUBLIC")
    wide = rows(20, "day2")
    wide = {_wider(RECOMMENDATION): wide[RECOMMENDATION].append_column("source", pa.nulls(20, pa.string()))}
    shelve(url, uri, day=2, tables=wide)
    grants = "SELECT array_agg(grantee || ' ' || privilege_type ORDER BY 1) AS all FROM information_schema.role_table_grants "
    grants += "WHERE table_schema = 'ml' AND table_name = 'recommendation' AND grantee IN ('PUBLIC', 'shop_reader')"
    expected = ["PUBLIC INSERT", "PUBLIC SELECT", "shop_reader SELECT"]
    assert sorted(postgres.query(url, grants)[0]["all"]) == expected
    comment = "SELECT col_description('ml.recommendation'::regclass, 3) AS a, col_description('ml.recommendation'::regclass, 5) AS b"
    assert postgres.query(url, comment) == [{"a": "How strongly. [0 to 1]", "b": "From where."}]
    rollback(url, "recommendation")
    assert seen(url)["mark"] == "day1"
    assert sorted(postgres.query(url, grants)[0]["all"]) == expected


def test_a_view_of_the_shop_is_not_broken(shop):
    """A view that depends on the table lives through swaps; other columns are refused with its name."""
    url, uri = shop
    shelve(url, uri, day=1)
    with postgres.transaction(url) as cursor:
        cursor.execute('CREATE VIEW "the shops" AS SELECT customer_id FROM ml.recommendation')
    shelve(url, uri, day=2)
    assert postgres.query(url, 'SELECT count(*) AS n FROM "the shops"') == [{"n": 20}]
    wide = {_wider(RECOMMENDATION): rows(20, "x")[RECOMMENDATION].append_column("source", pa.nulls(20, pa.string()))}
    with pytest.raises(NightshiftError, match=r'depending: public."the shops"; columns: source text'):
        shelve(url, uri, day=3, tables=wide)
    assert seen(url)["mark"] == "day2"


def test_retention_keeps_what_is_seen_and_what_a_rollback_shows(shop):
    """Old batch tables go; never the visible one, its predecessor, or one that a view of the shop reads."""
    url, uri = shop
    for day in (1, 2, 3, 4, 5):
        shelve(url, uri, day=day, tables={SIMILAR: rows(10, f"day{day}")[SIMILAR]})
    shelve(url, uri, day=2, tables={SIMILAR: rows(10, "day2")[SIMILAR]})
    with postgres.transaction(url) as cursor:
        cursor.execute("CREATE VIEW direct AS SELECT product_id FROM ml_batch.similar_product_1")
    assert retention(url, keep=2) == ["similar_product_3", "similar_product_4"]
    assert batch_tables(url) == ["similar_product_1", "similar_product_2", "similar_product_5"]
    assert rollback(url, "similar_product")["tables"]["similar_product"]["night"].day == 5
    assert retention(url, keep=2) == []
    assert shelve(url, uri, day=3, tables={SIMILAR: rows(10, "day3")[SIMILAR]})[0].status == "published"


def test_the_shop_reader_reads_the_views_and_nothing_else(shop):
    """Role shop_reader selects from ml, and neither sees batches nor writes."""
    url, uri = shop
    shelve(url, uri, day=1)
    with postgres.transaction(url, role="shop_reader") as cursor:
        cursor.execute("SELECT count(*) AS n FROM ml.recommendation")
        assert cursor.fetchone()["n"] == 10
    for statement in ("SELECT * FROM ml_batch.recommendation_1", "DELETE FROM ml.recommendation", "TABLE ml_ops.batch"):
        with (
            pytest.raises(Exception, match="permission denied"),
            postgres.transaction(url, role="shop_reader") as cursor,
        ):
            cursor.execute(statement)


def test_the_publish_role_is_enough(shop):
    """A login with role nightshift_publish and nothing else publishes and rolls back on a database that an owner migrated."""
    url, uri = shop
    name = "publisher_" + url.split("/")[3].split("?")[0]
    with postgres.transaction(url) as cursor:
        cursor.execute(f"CREATE ROLE {name} LOGIN; GRANT nightshift_publish TO {name}")
    own = url.replace("postgres:@", f"{name}@", 1)
    try:
        assert postgres.migrate(own) == ()
        for day in (1, 2):
            shelve(own, uri, day=day)
        rollback(own, "recommendation")
        assert seen(url)["mark"] == "day1"
        assert retention(own, keep=0) == ["recommendation_3", "similar_product_4"]
    finally:
        with postgres.transaction(url) as cursor:
            cursor.execute(f"DROP OWNED BY {name} CASCADE; DROP ROLE {name}")


def test_nothing_to_publish_is_an_error(shop, tmp_path):
    """A folder without predictions says which step is missing."""
    job = Publication(date(2026, 1, 1), "x", "cap", 1, datetime(2026, 1, 1, tzinfo=UTC), "0")
    with pytest.raises(NightshiftError, match=r"nothing to publish for recommendation(.|\n)*run the step score"):
        publish(shop[0], Lake(str(tmp_path)), {RECOMMENDATION: str(tmp_path / "none")}, job)
