"""A simulated shop of any size, and the truth that was planted in it.

Made by chunks of at most ``CHUNK`` customers. Each chunk and subject has a random stream of its own, derived from the
seed, so the order in which chunks are made does not matter, memory is bounded by a chunk, the catalogue and the weekly
sales, and the same options give the same bytes. Rings and families live inside one chunk.

How a product is picked, and the formula of an oracle, is in :mod:`ml.shop.sources.demo.choice`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa

from ml.contract.tables import TABLES
from ml.shop.sources.demo.behaviour import purchases, repeat_table
from ml.shop.sources.demo.calls import spoken
from ml.shop.sources.demo.campaigns import campaign_tables, mailings
from ml.shop.sources.demo.catalogue import Catalogue, catalogue, product_table, truth_tables
from ml.shop.sources.demo.changes import changed, last_day
from ml.shop.sources.demo.clock import Clock, clock
from ml.shop.sources.demo.columns import Rows
from ml.shop.sources.demo.customers import LANGUAGES, customer_ids, customer_tables, customer_truth, people
from ml.shop.sources.demo.fate import fates, outcome_table
from ml.shop.sources.demo.faults import FAULTS, plant
from ml.shop.sources.demo.fraud import fraud_table, traces
from ml.shop.sources.demo.options import CHUNK, END, Options
from ml.shop.sources.demo.orders import order_tables
from ml.shop.sources.demo.pictures import picture_tables
from ml.shop.sources.demo.plants import planted
from ml.shop.sources.demo.reviews import opinions, review_tables
from ml.shop.sources.demo.searches import search_log, search_truth
from ml.shop.sources.demo.service import ticket_tables
from ml.shop.sources.demo.sessions import session_tables
from ml.shop.sources.demo.spool import Spool
from ml.shop.sources.demo.stock import Sales, stock_batches
from ml.shop.sources.demo.supply import shipment_table, supply_batches
from ml.shop.sources.demo.truth import TRUTH

__all__ = ["CHUNK", "END", "TRUTH", "TRUTH_SCHEMA", "Options", "tables"]

TRUTH_SCHEMA = "demo_truth"
"""Schema of the tables in ``TRUTH``, whose names come as ``demo_truth.<table>``."""


NOT_MADE = ("customer_link",)
"""Tables of the contract that the simulation does not have."""


def tables(
    *,
    customers: int = 2000,
    seed: int = 7,
    end: date = END,
    days: int = 730,
    faults: float = 0.0005,
    change: str = "",
    plants: str = "",
    recordings: str = "",
) -> Iterator[tuple[str, Iterable[pa.RecordBatch]]]:
    """Yield each table of the contract (but :data:`NOT_MADE`) in its order, then those of ``demo_truth``.

    The batches of a table can be read as long as the iterator has not gone on to the next table.

    Parameters
    ----------
    customers, seed, end, days, faults, change, plants, recordings
        See :class:`~ml.shop.sources.demo.options.Options`.

    Raises
    ------
    NightshiftError
        If an option is out of its range; at once, not at the first table.
    """
    return _tables(Options(customers, seed, end, days, faults, change, plants, recordings))


def _tables(options: Options) -> Iterator[tuple[str, Iterable[pa.RecordBatch]]]:
    with TemporaryDirectory(prefix="nightshift-demo-") as folder, Spool(Path(folder)) as spool:
        shop, hours = catalogue(options), clock(options)
        sales = Sales(options, shop.products)
        spool.add(*product_table(shop, options))
        for name, rows in truth_tables(shop):
            spool.add(name, rows)
        for name, rows in picture_tables(options, shop):
            spool.add(name, rows)
        spool.add(*search_truth())
        for chunk in range(options.chunks):
            for name, rows in _chunk(options, chunk, shop, hours, sales):
                _keep(options, chunk, spool, name, rows)
        for name, rows in stock_batches(options, shop, sales):
            spool.add(name, rows)
        for name, rows in supply_batches(options, shop, sales):
            spool.add(name, rows)
        spool.close()
        day = last_day(options.stop, spool.read("order"), spool.read("product")) if options.change else None
        for name in TABLES:
            if name not in NOT_MADE:
                rows = (
                    planted(options, name, spool.read(name), spool.read("order"))
                    if options.plants
                    else spool.read(name)
                )
                yield name, changed(options.change, name, rows, day) if day else rows
        for name in TRUTH:
            yield f"{TRUTH_SCHEMA}.{name}", spool.read(name)


def _chunk(options: Options, chunk: int, shop: Catalogue, hours: Clock, sales: Sales) -> Iterator[Rows]:
    """Everything that the customers of a chunk do."""
    them = people(options, chunk, shop.clusters)
    sent = mailings(options, chunk, them)
    bought, repeats = purchases(options, chunk, shop, them, hours, sent)
    left = traces(options, them, bought)
    fate = fates(options, shop, bought, left)
    sales.add(bought)
    yield from customer_tables(options, chunk, them)
    yield from customer_truth(them)
    yield from campaign_tables(them, sent)
    yield from order_tables(options, them, bought, left, fate)
    yield outcome_table(options, bought, fate)
    yield shipment_table(options, bought, left, fate)
    yield from session_tables(options, shop, them, hours, bought)
    yield from search_log(options, shop, them, hours, chunk)
    yield from review_tables(options, them, bought, opinions(options, shop, bought, fate))
    for name, rows in ticket_tables(options, them, bought, fate):
        if options.recordings and name == "ticket":
            english = customer_ids(them.number[them.language == LANGUAGES.index("en")]).to_pylist()
            yield spoken(options, chunk, (name, rows), frozenset(english))
        else:
            yield name, rows
    yield repeat_table(them, repeats)
    yield fraud_table(bought, left)


def _keep(options: Options, chunk: int, spool: Spool, name: str, rows: pa.RecordBatch) -> None:
    if name in FAULTS:
        rows, truth = plant(options, chunk, name, rows)
        spool.add("fault", truth)
    spool.add(name, rows)
