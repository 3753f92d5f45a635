"""Marketing on Hillstrom's trial and on the demo shop: uplift beside its peers, the allocation beside one that knows all."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

import ibis
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bench import Options, Row
from ml.capabilities.marketing import features, model
from ml.capabilities.marketing.allocation import allocate
from ml.capabilities.marketing.config import ACTION
from ml.capabilities.marketing.score import DEFAULTS
from ml.capabilities.marketing.spec import SPEC, Params
from ml.contract.tables import TABLES
from ml.core.batches import ARROW
from ml.core.capability import Known
from ml.learn import uplift
from ml.learn.metrics.uplift import qini, qini_interval, uplift_at
from ml.shop.sources import demo

Floats = npt.NDArray[np.float64]
SEED = 7
CUSTOMERS = 20_000
AS_OF = datetime.combine(demo.END, datetime.min.time(), UTC)
BUDGET_SHARE = 0.25
"""The budget allows a message to this share of the customers."""


def run(options: Options) -> Iterator[Row]:
    """Needs ``--data`` with the folder ``hillstrom``; quick: a small demo shop and fewer rows to allocate."""
    yield from _hillstrom((options.data or Path("data")) / "hillstrom" / "hillstrom.parquet")
    yield from _demo(5_000 if options.quick else CUSTOMERS)
    yield _allocation(50_000 if options.quick else 1_000_000)


def _hillstrom(path: Path) -> Iterator[Row]:
    table = pq.read_table(path)
    x = _columns(table)
    half = np.array(
        [
            int(hashlib.md5(f"uplift:{row}".encode(), usedforsecurity=False).hexdigest(), 16) % 2
            for row in range(len(table))
        ]
    )
    segment, y = table["segment"].to_numpy(zero_copy_only=False), table["visit"].to_numpy().astype(np.float64)
    for arm, name in (("Womens E-Mail", "women's mail"), ("Mens E-Mail", "men's mail")):
        treated = segment == arm
        included = treated | (segment == "No E-Mail")
        train, test = included & (half == 0), included & (half == 1)
        chance = np.full(int(train.sum()), treated[train].mean())
        choice = uplift.choose(x[train], treated[train], y[train], chance, SPEC.params, SEED)
        score = choice.line.of(choice.fitted.predict(x[test]))
        what = f"Hillstrom, {name}, {int(test.sum()):,} customers"
        if not choice.line.slope:
            gain, error = uplift.difference(y[test], treated[test])
            yield Row(
                f"{what}: no difference claimed, treat all",
                "visits",
                gain,
                "nobody",
                0.0,
                1.0,
                None,
                note=f"mean uplift {gain:.3f} ± {1.96 * error:.3f}; proven at most {max(choice.proven.values()):.1f} errors",
            )
            continue
        reached, (low, high) = (
            1000 * qini(score, treated[test], y[test]),
            qini_interval(score, treated[test], y[test], SEED),
        )
        note = f"{choice.name} [{1000 * low:.1f}, {1000 * high:.1f}], top 30 %: {uplift_at(score, treated[test], y[test], 0.3):.3f}"
        yield Row(f"{what}: Qini x 1000", "visits", reached, "target", 7.6, reached / 7.6, 1.0, note=note)
        for peer, theirs in _peers(x[train], treated[train], y[train], x[test]).items():
            other = 1000 * qini(theirs, treated[test], y[test])
            yield Row(f"{what}: Qini x 1000", "visits", reached, peer, other, reached / max(other, 1e-9), None)


def _peers(
    x: npt.NDArray[np.float32], treated: npt.NDArray[np.bool_], y: Floats, new: npt.NDArray[np.float32]
) -> dict[str, Floats]:
    """Two linear models, two of LightGBM as it comes, and an outcome model, which is no uplift."""
    from lightgbm import LGBMClassifier

    two = uplift.fit_learner("two", x, treated, y, np.full(len(y), 0.5), uplift.ridge).predict(new)
    boosted = [
        LGBMClassifier(n_jobs=1, verbosity=-1, random_state=SEED).fit(x[rows], y[rows]) for rows in (treated, ~treated)
    ]
    a, b = (np.asarray(each.predict_proba(new))[:, 1] for each in boosted)
    return {"two linear models": two, "two LightGBM": a - b, "outcome model (LightGBM)": a}


def _columns(table: pa.Table) -> npt.NDArray[np.float32]:
    numbers = [table[name].to_numpy().astype(np.float64) for name in ("recency", "mens", "womens", "newbie")]
    numbers.append(np.log1p(table["history"].to_numpy()))
    for name in ("zip_code", "channel"):
        values = table[name].to_numpy(zero_copy_only=False)
        numbers += [values == value for value in sorted(set(values.tolist()))]
    return np.stack(numbers, axis=1).astype(np.float32)


def _demo(customers: int) -> Iterator[Row]:
    """Profit of the allocation, by the planted chances, beside one that knows them, treat-all and treat-none."""
    tables: dict[str, pa.Table] = {}
    truth: pa.Table | None = None
    for name, batches in demo.tables(customers=customers, seed=SEED, faults=0.0):
        if name in (*SPEC.needs, *SPEC.wants):
            tables[name] = _whole(name, pa.Table.from_batches(list(batches)))
        if name == f"{demo.TRUTH_SCHEMA}.campaign_uplift":
            truth = pa.Table.from_batches(list(batches))
    assert truth is not None
    known = _known(tables, SPEC.params)
    # Judged on the people of the last campaign, of which the model has not seen what followed.
    mail = known["mail"]
    last = pc.max(mail["campaign_id"]).as_py()
    fitted = model.fit(
        Known(dict(known) | {"mail": mail.filter(pc.not_equal(mail["campaign_id"], last))}), SPEC.params, SEED
    )
    people = mail.filter(pc.equal(mail["campaign_id"], last)).sort_by("customer_id")
    change, ordering = _planted(truth, people)
    arm = next(iter(fitted.arms_))
    value, message = fitted.order_value(people), float(ACTION.rows[0]["message_cost"]) + 0.25
    real = change * ordering * value * DEFAULTS["margin_share"] - message
    predicted = fitted.effect(arm, people).orders * value * DEFAULTS["margin_share"] - message
    early = mail.filter(pc.not_equal(mail["campaign_id"], last))
    seen = _seen(early, np.prod(_planted(truth, early), axis=0), people) * value * DEFAULTS["margin_share"] - message
    cost = np.full((len(real), 1), message)
    budget, most = BUDGET_SHARE * len(real) * message, np.array([np.inf])
    for what, limit in (("without a limit", np.inf), (f"a message to {BUDGET_SHARE:.0%}", budget)):
        ours, best, reach = (
            real[allocate(each[:, None], cost, limit, most) >= 0].sum() for each in (predicted, real, seen)
        )
        some = real[
            np.random.default_rng(SEED).permutation(len(real))[: int(limit / message) if np.isfinite(limit) else None]
        ]
        yield Row(
            f"demo shop, {len(real):,} customers, profit {what}",
            "EUR",
            float(ours),
            "one that knows each uplift",
            float(best),
            float(ours / best),
            0.95,
            note=f"all, or as many by lot: {some.sum():.0f}; nobody: 0; learner {fitted.arms_[arm].name}, "
            f"orders a visit {fitted.arms_[arm].per_visit:.2f} (planted .25)",
        )
        yield Row(
            f"demo shop, {len(real):,} customers, profit {what}",
            "EUR",
            float(ours),
            "the planted uplift learned from the same columns: no trial tells more",
            float(reach),
            float(ours / reach),
            None,
            note=f"which is {reach / best:.2f} of one that knows each uplift",
        )


def _planted(truth: pa.Table, rows: pa.Table) -> tuple[Floats, Floats]:
    """What a message changes of the chance to come, and the chance to order of who comes, of each row of ``rows``."""
    keys = [
        pc.binary_join_element_wise(*(each[name].combine_chunks() for name in ("campaign_id", "customer_id")), "|")
        for each in (rows, truth)
    ]
    matched = truth.take(pc.index_in(*keys))
    change = matched["visit_treated"].to_numpy() - matched["visit_control"].to_numpy()
    return change, matched["order_given_visit"].to_numpy()


def _seen(known: pa.Table, truth: Floats, new: pa.Table) -> Floats:
    """The part of the planted truth that the columns tell: boosted trees on the truth itself, which no shop has."""
    from lightgbm import LGBMRegressor

    grown = LGBMRegressor(
        n_estimators=400, learning_rate=0.05, min_child_samples=50, n_jobs=1, verbosity=-1, random_state=SEED
    ).fit(model.matrix(known), truth)
    return np.asarray(grown.predict(model.matrix(new)), np.float64)


def _known(tables: dict[str, pa.Table], params: Params) -> dict[str, pa.Table]:
    backend = ibis.duckdb.connect()
    built = features.build({name: ibis.memtable(table) for name, table in tables.items()}, AS_OF, params)
    return {name: backend.to_pyarrow(table) for name, table in built.items()}


def _whole(name: str, table: pa.Table) -> pa.Table:
    return pa.table(
        {
            c.name: table[c.name].cast(ARROW[c.kind])
            if c.name in table.column_names
            else pa.nulls(len(table), ARROW[c.kind])
            for c in TABLES[name].columns
        }
    )


def _allocation(n: int) -> Row:
    rng: Any = np.random.default_rng(SEED)
    profit, cost = rng.normal(0.5, 1, (n, 10)), rng.uniform(0.1, 1, (n, 10))
    most = np.where(np.arange(10) % 3 == 0, n / 50, np.inf)
    start = perf_counter()
    allocate(profit, cost, 0.1 * n, most)
    taken, limit = perf_counter() - start, 60.0 * n / 1_000_000
    return Row(f"allocation of {n:,} customers x 10 actions", "s", taken, "limit", limit, limit / taken, 1.0)
