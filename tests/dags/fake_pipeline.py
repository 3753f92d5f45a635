# ruff: noqa: D103 - each function is the fake of the one of the same name
"""A small ``ml.pipeline`` that needs no shop: same functions, and a fault for each night that asks for one."""

from __future__ import annotations

from ml.core.errors import ContractError, DataRefused
from ml.registry import capability

SHARDS = 3
ROWS = 10


def extract(settings, night, *, fresh=False, sample=None, progress=print):
    if night.year == 1999:
        raise ContractError("The shop's tables do not fit the contract.", came="shop.order is missing", do="make it")
    return f"{night}/001"


def validate(settings, ref, *, accept_growth=False):
    return {"rows": 100, "quarantined": 1, "left_out": 2, "tables": {}}


def train(settings, ref, name, *, force=False, thorough=False):
    return {"status": "promote" if force else "champion", "version": 3, "why": "it is better", "run_id": "r"}


def prepare(settings, ref, name, *, force=False):
    if ref.startswith("2001"):
        return {"status": "waiting", "why": f"{name} waits for shop.event", "shards": 0}
    return train(settings, ref, name, force=force) | {"shards": SHARDS, "units": 1000}


def score(settings, ref, name, shard, shards):
    if ref.startswith("2002") and shard == 1:
        raise DataRefused("This shard cannot be scored.", came="shard 1", do="look")
    return {"version": 3, "rows": {table.name: ROWS for table in capability(name).sharded}}


def score_all(settings, ref, name):
    lost = 1 if ref.startswith("2005") else 0
    return {"version": 3, "rows": dict.fromkeys(_tables(name), SHARDS * ROWS - lost)}


def publish(settings, ref, name, *, publish_past=False, accept_growth=False):
    if ref.startswith("2003") and not publish_past:
        return {"status": "rehearsal", "why": "this night is older than what the shop reads"}
    lost = 1 if ref.startswith("2004") else 0
    rows = SHARDS * ROWS - lost
    return {
        "status": "published",
        "batches": {t: {"table": t, "rows": rows, "batch_id": 7} for t in _tables(name)},
        "replaced": "",
    }


def monitor(settings, ref, names=None):
    late = ref.startswith("2006")
    return {
        "figures": 5,
        "alerts": ["Nightshift: prices are unusual."] if late else [],
        "learn": {"recommender": "it did worse"} if late else {},
        "failed": {},
    }


def report(settings, ref):
    return {"ref": ref}


def maintain(settings):
    return {"batches": ["a", "b"], "snapshots": [], "quarantine_rows": 4, "logs": 0}


def _tables(name):
    return [table.name for table in capability(name).publishes]


LANE = iter(
    [
        {"status": "waiting", "why": "ml.order_watch shows no batch yet"},
        {"status": "done", "new": 0, "scored": 0, "dropped": 0},
        {"status": "done", "new": 2, "scored": 2, "dropped": 1},
    ]
)


def score_new(settings, name, *, again=False):
    return {"run": 5, "as_of": "now", "version": 3, "quarantined": 0, "seconds": {}} | next(LANE)


STEPS = (extract, validate, train, prepare, score, score_all, publish, monitor, report, maintain, score_new)
