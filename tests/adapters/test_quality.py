"""Every failing row is found, kept apart and told; a batch for the shop is audited without mercy."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from ml.adapters import quality
from ml.adapters.lake import Lake
from ml.adapters.quality.suite import Suite
from ml.adapters.shop.reader import schema
from ml.capabilities.recommender.published import RECOMMENDATION
from ml.contract.tables import TABLES
from ml.core.errors import NightshiftError
from ml.registry import CAPABILITIES
from ml.settings import PROJECT

SUITES = PROJECT / "expectations"
REF = "2026-01-01/001"
AS_OF = datetime(2026, 1, 1, tzinfo=UTC)
Rows = list[dict[str, Any]]


def snapshot(lake: Lake, tables: dict[str, Rows], rows_per_file: int = 1000) -> dict[str, Any]:
    """Write raw tables and their manifest, as the extract does."""
    manifest: dict[str, Any] = {"as_of": AS_OF.isoformat(), "tables": {}}
    for name, rows in tables.items():
        columns = schema(TABLES[name])
        table = pa.Table.from_pylist([{c: row.get(c) for c in columns.names} for row in rows], columns)
        lake.write_stream(lake.join("snapshot", REF, "raw", name), columns, table.to_batches(), rows_per_file)
        nulls = {column: table[column].null_count for column in columns.names}
        manifest["tables"][name] = {"rows": len(rows), "nulls": nulls}
    lake.write_json(lake.join("snapshot", REF, "manifest.json"), manifest)
    return manifest


def small(lines: int = 200) -> dict[str, Rows]:
    """A faultless shop with ``lines`` orders of one line."""
    return {
        "customer": [{"customer_id": f"c{i}"} for i in range(20)],
        "product": [{"product_id": f"p{i}", "price": 1.0} for i in range(20)],
        "order": [
            {"order_id": f"o{i}", "customer_id": f"c{i % 20}", "ordered_at": AS_OF - timedelta(hours=i + 1)}
            for i in range(lines)
        ],
        "order_item": [
            {"order_id": f"o{i}", "line_no": 1, "product_id": f"p{i % 20}", "quantity": 1.0, "unit_price": 2.0}
            for i in range(lines)
        ],
    }


def validate(lake: Lake, **options: Any) -> dict[str, quality.Verdict]:
    """Verdicts by table."""
    verdicts = quality.validate_snapshot(lake, REF, SUITES / "shop", threads=1, memory_gb=1, **options)
    return {verdict.table: verdict for verdict in verdicts}


def quarantine(lake: Lake, table: str) -> Rows:
    """Lines of a table's quarantine."""
    return list(lake.read_parquet("snapshot", REF, "quarantine", f"{table}.parquet").to_pylist())


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """An empty lake."""
    return Lake(str(tmp_path / "lake"))


def test_faultless_snapshot_passes_unchanged(lake: Lake) -> None:
    """Without a fault, clean holds the raw rows in their order, quarantine nothing, and Data Docs a page a table."""
    snapshot(lake, small())

    verdicts = validate(lake)

    assert not quality.refusal(verdicts.values())
    for name in small():
        raw, clean = (lake.read_parquet("snapshot", REF, part, name) for part in ("raw", "clean"))
        assert clean.equals(raw)
        assert (verdicts[name].failed, verdicts[name].breaches, quarantine(lake, name)) == (0, (), [])
    docs = Path(lake.join("docs", REF))
    assert (docs / "index.html").is_file()
    assert {page.name for page in docs.iterdir()} == {"index.html", *(f"{name}.html" for name in small())}


def test_every_planted_fault_in_small_batches(lake: Lake) -> None:
    """On a table of many batches each planted fault is found with its rule, and the other rows all stay."""
    tables = small(1000)
    items = tables["order_item"]
    items[3]["unit_price"] = 1e9
    items[500]["quantity"] = 1e6
    items[501] |= {"quantity": 1e6, "unit_price": 1e9}
    items[999]["order_id"] = "nowhere"
    items[998]["line_no"] = None
    items[997]["unit_price"] = float("inf")
    items.append(items[10] | {"unit_price": 9.0})
    snapshot(lake, tables, rows_per_file=300)

    verdict = validate(lake, batch_rows=64)["order_item"]

    assert {(line["row_key"], line["rule"]) for line in quarantine(lake, "order_item")} == {
        ("o3/1", "unit_price below 10000000.0"),
        ("o500/1", "quantity at most 100000.0"),
        ("o501/1", "quantity at most 100000.0"),
        ("o501/1", "unit_price below 10000000.0"),
        ("nowhere/1", "order_id is in order"),
        ("o997/1", "unit_price below 10000000.0"),
        ("o997/1", "cells that hold a value of their kind"),
        ("o998/null", "line_no not null"),
        ("o10/1", "unique order_id, line_no"),
    }
    assert (verdict.rows, verdict.failed, verdict.refused) == (1001, 7, False)
    assert lake.read_parquet("snapshot", REF, "clean", "order_item").num_rows == 994


def test_rows_that_point_to_a_table_that_is_not_there_are_named(lake: Lake) -> None:
    """A shop may have messages and no table of tickets: they go to quarantine by the rule, and no file is called damaged."""
    message = {
        "message_id": "m1",
        "ticket_id": "t1",
        "author": "customer",
        "text": "hello",
        "written_at": AS_OF - timedelta(hours=1),
    }
    snapshot(lake, small() | {"ticket_message": [message]})
    assert validate(lake)["ticket_message"].failed == 1
    assert [line["rule"] for line in quarantine(lake, "ticket_message")] == ["ticket_id is in ticket"]


def test_orphans_cascade(lake: Lake) -> None:
    """A row that points to a quarantined row is quarantined too, down to the last child."""
    tables = small()
    tables["customer"].append({"customer_id": None})
    tables["order"][0]["total"] = 1e9
    tables["order"][1]["customer_id"] = None
    snapshot(lake, tables)

    validate(lake)

    assert [(line["row_key"], line["rule"]) for line in quarantine(lake, "order")] == [
        ("o0", "total below 100000000.0")
    ]
    assert [(line["row_key"], line["rule"]) for line in quarantine(lake, "order_item")] == [
        ("o0/1", "order_id is in order")
    ]


def test_of_duplicates_the_latest_known_stays(lake: Lake) -> None:
    """Of rows with one key the one that became known last stays; of equals exactly one; whatever the order."""
    tables = small()
    tables["order"][5]["status"] = "placed"
    corrected = tables["order"][5] | {"status": "paid", "known_at": AS_OF - timedelta(minutes=1)}
    tables["order"] = [corrected, *tables["order"], tables["order"][7], tables["order"][7]]
    snapshot(lake, tables)

    verdict = validate(lake)["order"]

    clean = {row["order_id"]: row["status"] for row in lake.read_parquet("snapshot", REF, "clean", "order").to_pylist()}
    assert (verdict.failed, len(clean), clean["o5"]) == (3, 200, "paid")


def test_quarantine_keeps_the_row_as_json(lake: Lake) -> None:
    """The row in quarantine is JSON that Postgres takes: no NaN, no NUL, times in ISO 8601, emoji and SQL as they were."""
    tables = small()
    title = '😀 \'); DROP TABLE x; -- \x00 "q"'
    tables["product"].append({"product_id": "bad", "title": title, "price": float("nan"), "listed_at": AS_OF})
    snapshot(lake, tables)

    validate(lake)

    line, unread = quarantine(lake, "product")
    assert (line["table_name"], line["row_key"], line["rule"]) == ("product", "bad", "text without NUL")
    assert unread["rule"] == "cells that hold a value of their kind"
    row = json.loads(line["row"])
    assert row["title"] == title.replace("\x00", "\ufffd")
    assert (row["price"], row["listed_at"]) == (None, "2026-01-01T00:00:00.000000Z")
    assert row["_unread"] == "price is nan"


def test_growth_is_judged_per_day_and_can_be_accepted(lake: Lake) -> None:
    """Ten times the rows overnight are refused, in a year not, and not when they are meant."""
    before = snapshot(lake, small(60))
    snapshot(lake, small(600))
    yesterday = before | {"as_of": (AS_OF - timedelta(days=1)).isoformat()}
    last_year = before | {"as_of": (AS_OF - timedelta(days=365)).isoformat()}

    assert "growth_per_day at most 3" in quality.refusal(validate(lake, previous_manifest=yesterday).values())
    assert not quality.refusal(validate(lake, previous_manifest=last_year).values())
    assert not quality.refusal(validate(lake, previous_manifest=yesterday, accept_growth=True).values())


def test_an_emptied_column_is_refused(lake: Lake) -> None:
    """A column that held values in the snapshot before and holds none now stops the night."""
    before = snapshot(lake, small()) | {"as_of": (AS_OF - timedelta(days=1)).isoformat()}
    tables = small()
    for row in tables["product"]:
        row["price"] = None
    snapshot(lake, tables)

    verdicts = validate(lake, previous_manifest=before)

    assert "emptied_columns at most 0: it is 1" in quality.refusal(verdicts.values())
    assert not verdicts["order"].refused


def test_same_snapshot_gives_the_same_clean_files(lake: Lake) -> None:
    """Validating twice, with other batches and threads, writes the same bytes."""
    tables = small(5000)
    tables["order_item"][17]["quantity"] = 0.0
    snapshot(lake, tables, rows_per_file=1000)

    def content() -> list[bytes]:
        return [path.read_bytes() for path in sorted(Path(lake.join("snapshot", REF, "clean")).glob("*/*.parquet"))]

    validate(lake, batch_rows=700)
    first = content()
    quality.validate_snapshot(lake, REF, SUITES / "shop", threads=2, memory_gb=1)
    assert content() == first


def test_every_table_has_a_suite_with_reasons() -> None:
    """Every contract table and every published table has a suite; each of its rules says why."""
    published = [table.name for capability in CAPABILITIES.values() for table in capability.publishes]
    for folder, names in (("shop", list(TABLES)), ("ml", published)):
        for name in names:
            suite = Suite.load(SUITES / folder / f"{name}.json")
            assert suite.name == name
            assert suite.rows


def test_a_rule_without_a_reason_is_an_error(tmp_path: Path) -> None:
    """A suite whose rule has no reason is not read."""
    path = tmp_path / "x.json"
    rule = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "a"}}
    path.write_text(json.dumps({"name": "x", "expectations": [rule]}))

    with pytest.raises(NightshiftError, match="no reason"):
        Suite.load(path)


def batch(lake: Lake, **change: Any) -> str:
    """A folder with a good batch of recommendations of which row 1 is changed."""
    rows: Rows = [
        {
            "customer_id": f"c{i // 2}",
            "rank": 1 + i % 2,
            "product_id": f"p{i}",
            "score": 0.5,
            "reason": "often bought",
            "reason_code": "again",
            "propensity": 1.0,
        }
        for i in range(10)
    ]
    rows[1] |= change
    columns = pa.schema(
        [
            ("customer_id", "string"),
            ("rank", "int64"),
            ("product_id", "string"),
            ("score", "float64"),
            ("reason", "string"),
            ("reason_code", "string"),
            ("propensity", "float64"),
        ]
    )
    lake.write_batches("predictions/x/00000.parquet", pa.Table.from_pylist(rows, columns).to_batches())
    return "predictions/x"


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"rank": 1}, "unique customer_id, rank"),
        ({"product_id": None}, "product_id not null"),
        ({"score": float("nan")}, "score not null"),
        ({"score": float("inf")}, "score at least -1000000000000.0 and at most 1000000000000.0"),
        ({"rank": 0}, "rank at least 1 and at most 1000"),
    ],
)
def test_audit_fails_on_one_bad_row(lake: Lake, change: dict[str, Any], rule: str) -> None:
    """One row that breaks a rule refuses the whole batch and is named."""
    folder = batch(lake, **change)

    verdict = quality.audit(
        RECOMMENDATION, lake, folder, SUITES / "ml" / "recommendation.json", {"rows": 10, "coverage": 1}
    )

    assert [breach.rule for breach in verdict.breaches] == [rule]
    assert "c0/" in quality.refusal([verdict])


def test_audit_judges_the_batch_as_a_whole(lake: Lake) -> None:
    """A good batch passes, also without a batch before; a lost half of the customers or of the rows does not."""
    folder, suite = batch(lake), SUITES / "ml" / "recommendation.json"

    def audited(**facts: float) -> str:
        return quality.refusal(
            [quality.audit(RECOMMENDATION, lake, folder, suite, {"rows": 10, "coverage": 1} | facts)]
        )

    assert audited() == ""
    assert "coverage at least 0.95: it is 0.5" in audited(coverage=0.5)
    assert "rows_ratio" in audited(rows_ratio=0.2)
    assert "change at most 0.95: it is 1" in audited(change=1.0)


def test_a_lake_that_is_no_folder(tmp_path: Path) -> None:
    """Validation works on any fsspec lake, and puts Data Docs there."""
    lake = Lake(f"memory://{tmp_path.name}")
    tables = small()
    tables["order_item"][3]["unit_price"] = 1e9
    snapshot(lake, tables)

    verdicts = validate(lake)

    assert verdicts["order_item"].failed == 1
    assert lake.read_parquet("snapshot", REF, "clean", "order_item").num_rows == 199
    assert len(quarantine(lake, "order_item")) == 1
    assert "index.html" in lake.names("docs", REF)
