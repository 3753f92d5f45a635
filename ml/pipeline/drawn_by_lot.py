"""What the places that were drawn by lot say of the list of tonight, before any customer has seen it.

Some places of a list are given by lot to products of the ranking's rest; the row has the chance (``propensity``). A product
that a newer model ranks high and that a lot once showed tells what it does when it is shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import ibis
import numpy as np
import pyarrow as pa

from ml.adapters.lake import scanned
from ml.core.errors import DamagedFile
from ml.core.figures import Figure
from ml.core.spec import Capability, Published
from ml.learn.metrics.offpolicy import Estimate, doubly_robust, ips, snips
from ml.pipeline.bought import WHAT, WHO, lines_of
from ml.pipeline.context import Night

CHANCE = "propensity"
DRAWS = 200
SEED = 7
FEWEST = 30
"""Of fewer effective rows nothing is said: the interval would be a guess."""


def drawn_by_lot(
    night: Night, capability: Capability, batch: Mapping[str, Any], start: datetime, end: datetime, words: str
) -> list[Figure]:
    """Figures of each table of lists with a ``propensity``: how often what was drawn by lot was bought over ``[start, end)``.

    Once of all places drawn by lot, and three times of the products that tonight's list of the same customer holds: what a
    place would do that is given to one of them, drawn evenly. By the inverse propensity score (IPS; what no lot could show
    counts as not bought, so it is a lower bound), self-normalised (SNIPS: of those that a lot could show), and doubly robust
    (what no lot could show is as the share of the customers says who bought it in as long a time before the batch).

    Parameters
    ----------
    batch : mapping
        ``ref``, ``night`` and ``version`` of the batch.
    words : str
        The slice of the figures.

    References
    ----------
    Horvitz & Thompson, JASA 1952; Swaminathan & Joachims, "The self-normalized estimator for counterfactual learning",
    NeurIPS 2015; Dudík, Langford & Li, "Doubly robust policy evaluation and learning", ICML 2011.
    """
    if not {"order", "order_item"} <= set(night.manifest["tables"]):
        return []
    found: list[Figure] = []
    for table in capability.publishes:
        if table.key[0] == WHO and {WHAT, CHANCE} <= set(table.column_names):
            rows = _rows(night, capability, table, batch, start, end)
            if rows is not None and len(rows):
                found += _figures(rows, table, batch["night"], batch["version"], words)
    return found


def _figures(rows: pa.Table, table: Published, about: date, version: int, words: str) -> list[Figure]:
    names = ("reward", CHANCE, "wanted", "listed", "foretold", "foretold_list")
    reward, chance, wanted, listed, foretold, foretold_list = (np.asarray(rows[name], np.float64) for name in names)
    how: dict[str, Any] = {
        "seed": SEED,
        "draws": DRAWS,
        "unit": np.asarray(rows[WHO].combine_chunks().dictionary_encode().indices, np.int64),
    }
    estimates = {"bought of places drawn by lot": snips(reward, chance, chance, **how)}
    if wanted.any():
        even = wanted / np.maximum(listed, 1)
        estimates |= {
            "bought of tonight's list, by lot (SNIPS)": snips(reward, chance, wanted, **how),
            "bought of tonight's list, by lot (IPS)": ips(reward, chance, even, **how),
            "bought of tonight's list, by lot (doubly robust)": doubly_robust(
                reward, chance, even, foretold, foretold_list, **how
            ),
        }
    return [
        _figure(f"ml.{table.name}: {name}", estimate, about, version, words) for name, estimate in estimates.items()
    ]


def _figure(name: str, found: Estimate, about: date, version: int, words: str) -> Figure:
    units = round(found.effective_rows)
    sure = units >= FEWEST
    return Figure(
        "truth",
        name,
        found.value if sure else None,
        slice=words,
        low=found.low if sure else None,
        high=found.high if sure else None,
        units=units,
        about=about,
        version=version,
    )


def _rows(
    night: Night, capability: Capability, table: Published, batch: Mapping[str, Any], start: datetime, end: datetime
) -> pa.Table | None:
    """Each place that was drawn by lot: customer, propensity, reward (1: bought), wanted (1: tonight's list holds it).

    Beside them ``listed`` (products of tonight's list of the customer) and what is foretold of the place's product and of the
    mean one of that list.
    """
    lake = night.lake
    folder = lake.join("predictions", batch["ref"], capability.name, table.name)
    if not lake.exists(folder):
        return None
    tonight = night.path("predictions", capability.name, table.name)
    try:
        files, now = lake.scan(folder), lake.scan(tonight) if lake.exists(tonight) else []
    except DamagedFile:
        return None
    with night.backend() as backend:
        listed = scanned(backend, files)
        if CHANCE not in listed.columns:
            return None
        places = listed.filter(listed[CHANCE] < 1).select(WHO, WHAT, CHANCE)
        shop = {name: lake.table(backend, night.path("snapshot", "clean", name)) for name in ("order", "order_item")}
        places = _marked(places, lines_of(shop, start, end), "reward")
        none = listed.filter(ibis.literal(False))
        tonights = (scanned(backend, now) if now else none).select(WHO, WHAT).distinct()
        places = _foretold(_marked(places, tonights, "wanted"), tonights, lines_of(shop, start - (end - start), start))
        rows: pa.Table = places.order_by(WHO, WHAT).to_pyarrow()
        return rows


def _foretold(places: ibis.Table, tonights: ibis.Table, before: ibis.Table) -> ibis.Table:
    """The places with the length of tonight's list, and the share of the customers with a place who bought before."""
    here = before.semi_join(places.select(WHO).distinct(), WHO)
    people = places[WHO].nunique().name("people")
    rates = here.group_by(WHAT).aggregate(buyers=here[WHO].nunique()).cross_join(places.aggregate(people))
    rates = rates.select(WHAT, foretold=rates["buyers"] / rates["people"])
    each = _known(tonights, rates, WHAT, "foretold")
    lists = each.group_by(WHO).aggregate(listed=each.count().cast("float64"), foretold_list=each["foretold"].mean())
    known = _known(places, rates, WHAT, "foretold")
    return _known(known, lists, WHO, "listed", "foretold_list")


def _known(rows: ibis.Table, others: ibis.Table, key: str, *names: str) -> ibis.Table:
    """The rows with columns of the others that have the same key; 0 where there is none."""
    joined = rows.left_join(others, key)
    return joined.select(*(joined[name] for name in rows.columns), *(joined[n].fill_null(0.0).name(n) for n in names))


def _marked(places: ibis.Table, others: ibis.Table, name: str) -> ibis.Table:
    """The places with 1 in a column where the same customer and product are among the others."""
    pairs = others.select(WHO, WHAT).distinct().mutate(**{name: ibis.literal(1.0)})
    joined = places.left_join(pairs, [WHO, WHAT])
    return joined.select(*places.columns, joined[name].fill_null(0.0).name(name))
