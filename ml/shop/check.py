"""Look at a shop before anything runs: what each capability has, what it lacks, and what would be refused and why.

The shop is read as a night would read it, into a temporary folder that goes away; nothing is written to a database.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from ml.adapters import postgres, quality
from ml.adapters.books import config, config_faults
from ml.adapters.lake import Lake
from ml.adapters.shop import extract
from ml.adapters.shop.pseudonym import Pseudonym
from ml.contract.tables import TABLES
from ml.core.spec import Capability
from ml.registry import CAPABILITIES, CONFIG
from ml.settings import PROJECT, Settings
from ml.shop import words
from ml.shop.ddl import quoted
from ml.shop.findings import Shop, findings, numbers
from ml.shop.names import unknown_names
from ml.shop.people import one_person
from ml.shop.report import CapabilityCheck, Fact, Report, RuleCheck, TableCheck, counted
from ml.shop.sources._files import blocks

SUITES = PROJECT / "expectations" / "shop"
REF = "check/001"
FEW = 0.9
"""Below this share of orders with a customer, or of products with a title, there is advice."""

STALE_DAYS = 7
_THERE = """
    SELECT c.relname AS name FROM pg_class c
    WHERE c.relnamespace = to_regnamespace('shop') AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
      AND has_table_privilege(c.oid, 'SELECT')
"""
_CONFIG = """
    SELECT c.relname AS name FROM pg_class c
    WHERE c.relnamespace = to_regnamespace('ml_config') AND c.relkind = 'r' AND has_table_privilege(c.oid, 'SELECT')
"""


def check(
    settings: Settings,
    *,
    now: datetime | None = None,
    sample: int | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Report:
    """Check the shop of ``settings.shop_url`` against the contract, the suites and each capability's needs.

    Parameters
    ----------
    now : datetime, optional
        What counts as the present; the clock if not given.
    sample : int, optional
        Read only this many customers and what belongs to them: quicker on a large shop, shares stay about right.
    progress : callable
        Called with what is being done.

    Returns
    -------
    Report
        If the tables do not fit the contract, only the faults and the rows of the tables that are there.
    """
    now = now or datetime.now(UTC)
    faults, names = extract.faults(settings.shop_url), tuple(unknown_names(settings.shop_url))
    if faults:
        tables = _counted(settings.shop_url)
        capabilities = tuple(_capability(spec, tables, faults) for spec in CAPABILITIES.values())
        advice: tuple[str, ...] = ("Mend the faults first; docs/contract.md describes each column.",)
        return Report(tuple(map(str, faults)), tables, (), capabilities, advice, names=names)
    home = settings.home if settings.home.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="check-", dir=home) as folder:
        lake = Lake(folder)
        manifest = extract.extract(
            settings.shop_url,
            lake,
            REF,
            now,
            settings.hash_key,
            timezone=settings.timezone,
            sample=sample,
            now=now,
            config=_staff_tables(settings),
            progress=progress,
        )
        progress("Judging each row …")
        verdicts = quality.validate_snapshot(
            lake,
            REF,
            SUITES,
            None,
            accept_growth=True,
            currency=settings.currency,
            threads=settings.threads,
            memory_gb=settings.memory_gb,
        )
        progress("Measuring …")
        with closing(lake.duckdb(settings.threads, settings.memory_gb)) as db:
            for name in manifest["tables"]:
                files = lake.sql("snapshot", REF, "raw", name)
                db.execute(f"CREATE VIEW {quoted(name)} AS FROM read_parquet({files})")
            tables, facts = _measured(db, manifest, verdicts, now)
            recognised = tuple(numbers(Shop(db, manifest["tables"]), settings.timezone))
            odd = tuple(_odd(db, settings, manifest))
        idle = tuple(config_faults.faults(lake, REF, CONFIG, manifest["tables"], "raw"))
    capabilities = tuple(_capability(spec, tables, ()) for spec in CAPABILITIES.values())
    found = words.words(verdicts)
    advice = (*_advice(tables, facts, now, settings.timezone), *words.advice(found, facts))
    return Report(
        (), tables, facts, capabilities, advice, idle, numbers=recognised, findings=odd, names=names, words=found
    )


def _staff_tables(settings: Settings) -> dict[str, pa.Table]:
    """What the staff wrote; nothing where Nightshift has not been set up yet."""
    present = {row["name"] for row in postgres.query(settings.database_url, _CONFIG)}
    tables = [table for table in CONFIG if table.name in present]
    return config.read(settings.database_url, tables, Pseudonym(settings.hash_key).hashed)


def _counted(url: str) -> tuple[TableCheck, ...]:
    """Count the rows of the tables that are there, however broken."""
    present = {row["name"] for row in postgres.query(url, _THERE)}
    counts = {
        name: int(postgres.query(url, f"SELECT count(*) AS n FROM {quoted('shop', name)}")[0]["n"])  # noqa: S608  # quoted
        for name in TABLES
        if name in present
    }
    return tuple(TableCheck(name, table.required, counts.get(name)) for name, table in TABLES.items())


def _odd(db: Any, settings: Settings, manifest: Mapping[str, Any]) -> Iterator[str]:
    """What breaks no rule and is odd."""
    columns = {name: set(TABLES[name].column_names) - set(read["absent"]) for name, read in manifest["tables"].items()}
    yield from one_person(settings.shop_url, columns)
    minutes = CAPABILITIES["risk"].params.decide_minutes
    yield from findings(Shop(db, manifest["tables"]), Pseudonym(settings.hash_key), minutes)


def _measured(
    db: Any, manifest: Mapping[str, Any], verdicts: Iterable[quality.Verdict], now: datetime
) -> tuple[tuple[TableCheck, ...], tuple[Fact, ...]]:
    sql = blocks(Path(__file__).with_suffix(".sql"))
    judged = {verdict.table: verdict for verdict in verdicts}
    tables = []
    for name, table in TABLES.items():
        if name not in manifest["tables"]:
            tables.append(TableCheck(name, table.required, None))
            continue
        first, last, ahead = (None, None, 0)
        if table.event_time:
            span = sql["span"].replace("$table", quoted(name)).replace("$time", quoted(table.event_time))
            first, last, ahead = db.execute(span, {"now": now}).fetchall()[0]
        tables.append(_table(judged.get(name), name, manifest["tables"][name]["rows"], (first, last, ahead)))
    facts = [Fact(what, n, of) for what, n, of in db.execute(sql["facts"]).fetchall()]
    twice = [Fact(what, n, of) for what, n, of in db.execute(sql["twice"]).fetchall() if n]
    return tuple(tables), (*facts, *words.purchases(judged.values()), *twice)


def _table(
    verdict: quality.Verdict | None, name: str, rows: int, span: tuple[datetime | None, datetime | None, int]
) -> TableCheck:
    rules = tuple(
        RuleCheck(b.rule, b.column, b.rows, b.examples, b.reason, b.refuses, b.severity)
        for b in (verdict.breaches if verdict else ())
    )
    return TableCheck(
        name,
        TABLES[name].required,
        rows,
        refused=verdict.failed if verdict else 0,
        tolerated=verdict.tolerated if verdict else 0.0,
        rules=rules,
        first=span[0],
        last=span[1],
        ahead=span[2],
        left_out=verdict.left_out if verdict else 0,
    )


def _capability(spec: Capability, tables: Sequence[TableCheck], faults: Sequence[extract.Fault]) -> CapabilityCheck:
    """Say whether a capability can run, and every reason why not."""
    by_name = {table.name: table for table in tables}
    why = [str(fault) for fault in faults if fault.table in spec.tables]
    for name in (n for n in spec.needs if n not in {fault.table for fault in faults}):
        table = by_name[name]
        if table.rows is None:
            why.append(f"there is no shop.{name}")
        elif not table.rows:
            why.append(f"shop.{name} is empty")
    why += [_stop(table) for table in tables if table.stops]
    better = tuple(name for name in spec.wants if not by_name[name].rows)
    return CapabilityCheck(spec.name, spec.title, spec.question, tuple(why), better)


def _advice(tables: Sequence[TableCheck], facts: Sequence[Fact], now: datetime, timezone: str) -> Iterable[str]:
    share = {fact.what: fact.share for fact in facts}
    known, titled = share.get("orders with a known customer"), share.get("products with a title")
    if known is not None and known < FEW:
        yield (
            f"{1 - known:.1%} of the orders have no known customer. They count for what is popular and bought together, "
            "but nobody gets recommendations from them. Where order.customer_id is null, fill it where you can; where it "
            "holds an id that shop.customer does not have, write both alike (see 'Worth a look')."
        )
    if titled is not None and titled < FEW:
        yield f"{1 - titled:.1%} of the products have no title, so reasons would show their ids: fill product.title."
    for table in tables:
        if table.stops:
            yield f"{_stop(table)}: mend the rows or the view."
        if table.ahead:
            yield f"shop.{table.name}: {counted(table.ahead)} dated in the future, which would be quarantined."
    order = next(table for table in tables if table.name == "order")
    if order.last and (now - order.last).days > STALE_DAYS:
        day = order.last.astimezone(ZoneInfo(timezone)).date()
        yield (
            f"The last order is of {day}. If this shop is history, give the night the day after it: "
            f"./nightshift night --date {day + timedelta(days=1)}"
        )


def _stop(table: TableCheck) -> str:
    return f"shop.{table.name} would stop the night ({'; '.join(rule.rule for rule in table.rules if rule.stops)})"
