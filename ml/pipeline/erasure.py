"""Forget a customer: out of the lake, the tables, the books, the logs and the models; and a search that proves it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from ml.adapters import postgres
from ml.adapters.books.locks import exclusive
from ml.adapters.books.nights import LAKE
from ml.adapters.erasure import database, models, requests, shared, traces
from ml.adapters.erasure.lake_rows import LakeErasure
from ml.adapters.erasure.needles import Needles, distinctive
from ml.adapters.erasure.ownership import WHO, Ownership
from ml.adapters.erasure.quotes import Quotes
from ml.adapters.erasure.search import Hit, Search
from ml.adapters.lake import Lake
from ml.adapters.shop.pseudonym import Pseudonym
from ml.core.errors import NightshiftError
from ml.pipeline.context import Progress
from ml.pipeline.setup import migrate
from ml.registry import CAPABILITIES, CONFIG
from ml.settings import Settings

WAIT_S = 3600.0
PLAN = ("erasure", "plan.json")
"""What is looked for, kept in the lake until all of it is gone: a run that was killed has already lost some of it."""


def receive(settings: Settings) -> frozenset[str]:
    """Write down the shop's new requests; keyed hashes of the ids of all who ever asked."""
    _received(settings, many=False)
    return forgotten(settings)


def _received(settings: Settings, *, many: bool) -> list[str]:
    """Write down the shop's new requests, unless they are unbelievably ``many``; the ids of all of them."""
    received = requests.from_shop(settings.shop_url, settings.timezone)
    hashed, known = Pseudonym(settings.hash_key).hashed, forgotten(settings)
    ids = [customer for customer, _ in received]
    new = {c for c, h in zip(ids, hashed(pa.array(ids, pa.string())).to_pylist(), strict=True) if h not in known}
    if not many:
        requests.refuse_many(settings.shop_url, [(c, when) for c, when in received if c in new])
    requests.receive(settings.database_url, received, hashed)
    return ids


def forgotten(settings: Settings) -> frozenset[str]:
    """Keyed hashes of the ids of all who ever asked: their rows are left out when the shop is read."""
    return requests.forgotten(settings.database_url)


def erase(
    settings: Settings,
    customers: Sequence[str] = (),
    *,
    many: bool = False,
    wait_s: float = WAIT_S,
    progress: Progress = lambda _: None,
) -> list[dict[str, Any]]:
    """Erase everybody whose request is open. Killed, it is finished by the next run.

    Parameters
    ----------
    customers : sequence of str
        Ids for which the shop asks now, beside those in ``shop.erasure``; somebody who was erased before is erased again.
    many : bool
        Believe ``shop.erasure`` however many of the customers it names.
    wait_s : float
        How long to wait for the steps of a night that are at work.

    Returns
    -------
    list of dict
        The receipts: rows of ``ml_ops.erasure``.

    Raises
    ------
    Busy
        A night's step, or another erasure, is still at work.
    DataRefused
        ``shop.erasure`` names unbelievably many.
    NightshiftError
        Something is still found afterwards: the request stays open.
    """
    url, hashed = settings.database_url, Pseudonym(settings.hash_key).hashed
    migrate(url)
    received = _received(settings, many=many)
    _ask(settings, customers)
    if not (wanted := requests.open_requests(url)):
        return []
    progress("wait for the steps at work")
    with exclusive(url, LAKE, wait_s):
        requests.begin(url, wanted)
        ids = [*received, *customers]
        ids = [c for c, h in zip(ids, hashed(pa.array(ids, pa.string())).to_pylist(), strict=True) if h in wanted]
        return _Erasure(settings, wanted, ids, progress).run()


def _ask(settings: Settings, customers: Sequence[str]) -> None:
    hashes = Pseudonym(settings.hash_key).hashed(pa.array(customers, pa.string())).to_pylist()
    known = forgotten(settings)
    new = [(c, datetime.now(UTC)) for c, h in zip(customers, hashes, strict=True) if h not in known]
    requests.receive(settings.database_url, new, Pseudonym(settings.hash_key).hashed)
    requests.reopen(settings.database_url, [h for h in hashes if h in known])


def look_for(settings: Settings, customer: str, words: Sequence[str] = ()) -> dict[str, Any]:
    """Look for a customer everywhere; changes nothing.

    Parameters
    ----------
    words : sequence of str
        Further values to look for (an e-mail address, a text), where the shop has deleted them.

    Returns
    -------
    dict
        ``hits`` by place, ``looked_for`` (how many values of each kind), ``kept`` (rows of the staff's tables), and
        ``vague``: how many ids mean other things elsewhere and were looked for in their columns only.
    """
    migrate(settings.database_url)
    owner = Pseudonym(settings.hash_key).hashed(pa.array([customer], pa.string()))[0].as_py()
    found = _gather(settings, frozenset([owner]), [customer])
    found.traces.texts.update(dict.fromkeys(words, owner))
    hits = Counter({hit.place: hit.count for hit in _search(settings, found)})
    ids = [value for owners in found.traces.ids.values() for value in owners]
    return {
        "hits": dict(hits),
        "looked_for": {
            "ids": len(ids),
            "hashes": len(found.traces.hashes),
            "personal values": len(found.traces.plain),
            "texts": len(found.traces.texts),
        },
        "vague": sum(not distinctive(value) for value in ids),
        "kept": found.kept,
    }


@dataclass
class _Found:
    """Whose what is."""

    ownership: Ownership
    traces: traces.Traces
    kept: Mapping[str, int] = field(default_factory=dict)
    in_lake: bool = True
    """Some snapshot has, or had before a run that was killed, a row of theirs."""

    @property
    def needles(self) -> Needles:
        return Needles.of(self.traces)


def _gather(settings: Settings, customers: frozenset[str], ids: Sequence[str]) -> _Found:
    """Find what there is of the customers, in the lake and in the shop."""
    lake, hashed = Lake(settings.lake_uri), Pseudonym(settings.hash_key).hashed
    ownership, found = Ownership(customers, hashed), traces.Traces()
    resumed = lake.exists(*PLAN)
    if resumed:
        plan = lake.read_json(*PLAN)
        found.merge(traces.Traces(**plan["traces"]))
        ownership.keys, ownership.contacts = plan["keys"], plan["contacts"]
    found.merge(traces.in_shop(settings.shop_url, ownership, ids))
    in_lake = traces.in_lake(lake, ownership)
    found.merge(in_lake)
    if more := set(found.ids.get(WHO, {})) - set(ids):
        found.merge(traces.in_shop(settings.shop_url, ownership, sorted(more)))
    own = dict(zip(ids, hashed(pa.array(ids, pa.string())).to_pylist(), strict=True))
    found.ids.setdefault(WHO, {}).update(own)
    found.hashes.update({customer: customer for customer in customers})
    shared.leave_shared(lake, ownership, found)
    kept = database.kept(settings.database_url, ownership, found)
    hashes = hashed(pa.array(list(found.plain), pa.string())).to_pylist()
    found.plain = {value: found.plain[value] for value, h in zip(found.plain, hashes, strict=True) if h in found.hashes}
    return _Found(ownership, found, kept, resumed or bool(in_lake.ids))


def _search(settings: Settings, found: _Found) -> Iterator[Hit]:
    search = _searcher(found)
    yield from search.lake(Lake(settings.lake_uri))
    yield from search.database(settings.database_url)
    yield from search.folder(settings.home / "logs")
    yield from search.folder(settings.home / "models")
    yield from (hit for _, hit in models.hits(settings.mlflow_uri, CAPABILITIES, search))


def _searcher(found: _Found) -> Search:
    return Search(found.traces, found.needles, {table.name for table in CONFIG})


class _Erasure:
    """One run, alone in the lake."""

    def __init__(self, settings: Settings, customers: frozenset[str], ids: Sequence[str], progress: Progress) -> None:
        self.settings, self.customers, self.ids, self.progress = settings, customers, ids, progress
        self.lake = Lake(settings.lake_uri)

    def run(self) -> list[dict[str, Any]]:
        self.progress("look for what there is of them")
        found = _gather(self.settings, self.customers, self.ids)
        plan = {"keys": found.ownership.keys, "contacts": found.ownership.contacts, "traces": found.traces.as_json()}
        self.lake.write_json(self.lake.join(*PLAN), plan)
        self.progress("erase in the database")
        quotes = Quotes.of((t for c in CAPABILITIES.values() for t in c.publishes), found.traces)
        parts = (found.ownership, found.traces, found.needles, quotes)
        database.DatabaseErasure(self.settings.database_url, *parts).run()
        self.progress("erase in the lake")
        lake = LakeErasure(self.lake, *parts, known=found.in_lake)
        lake.run()
        self._receipts(lake.removed)
        self.progress("erase in logs and models")
        self._receipts({"logs": self._logs(found.needles)})
        withdrawn = self._models(_searcher(found))
        self.progress("search")
        if hits := list(_search(self.settings, found)):
            raise NightshiftError(
                "Something of a customer who asked to be forgotten is still there; the request stays open.",
                came="\n".join(f"{hit.place}: {hit.count}" for hit in hits[:20]),
                do="run ./nightshift erase again (a process that wrote meanwhile is done then); "
                "if a place stays, delete that file or row by hand",
            )
        receipts = requests.close(self.settings.database_url, self.customers, withdrawn, found.kept)
        self.lake.remove(PLAN[0])
        return receipts

    def _receipts(self, removed: Mapping[str, Mapping[str, int]]) -> None:
        with postgres.transaction(self.settings.database_url) as cursor:
            requests.add(cursor, removed)

    def _logs(self, needles: Needles) -> dict[str, int]:
        """Strike them out of our logs, in place: a process may be writing to one."""
        struck: Counter[str] = Counter()
        folder = self.settings.home / "logs"
        for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
            if path.is_file() and not path.is_symlink():
                struck.update(_strike(path, needles))
        return dict(struck)

    def _models(self, search: Search) -> list[dict[str, Any]]:
        """Withdraw the versions whose files hold one of them; the next night learns anew."""
        uri, cache = self.settings.mlflow_uri, self.settings.home / "models"
        found = [run for run, _ in models.hits(uri, CAPABILITIES, search)]
        for hit in search.folder(cache):
            Path(hit.place).unlink(missing_ok=True)  # a version with a missing file is fetched again
        return [v for run in found for v in models.withdraw(self.settings.database_url, uri, cache, run)]


def _strike(path: Path, needles: Needles) -> list[str]:
    """Strike in one file; returns the owners of what was struck."""
    with path.open("r+b") as file:
        struck, owners = needles.strike_bytes(file.read())
        if owners:
            file.seek(0)
            file.write(struck)
    return owners
