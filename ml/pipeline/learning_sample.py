"""What learning holds in memory: all customers, or as many as there is room for, drawn by a hash of their ids."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml.core.capability import Features, Window
from ml.core.spec import Capability
from ml.kernels.hashing import lots
from ml.pipeline.context import LazyTables, Night
from ml.pipeline.features import TRUTH

log = logging.getLogger("nightshift")

TIMES = 10.0
"""Memory that a fit takes beyond what it takes of any table, in sizes of the tables: between 10 % and all of the customers of
Online Retail (``./nightshift bench sample --shop "online_retail customer"``); other capabilities were not measured."""
CUSTOMERS = "customer"
_GIB = 2**30


@dataclass(frozen=True)
class Draw:
    """The customers that a version learns from.

    Parameters
    ----------
    share : float
        Of all customers, in (0, 1]. A customer is drawn where the hash of the id, as a number in [0, 1), lies below: the
        same ones every night, whichever engine made the features, and those of a smaller share are among those of a larger.
    customers : int
        How many the shop has.
    why : str
        What set the share.
    """

    share: float = 1.0
    customers: int = 0
    why: str = ""

    @property
    def weight(self) -> float:
        """For how many customers each that was drawn stands: the same for all, since all have the same chance."""
        return 1 / self.share

    @property
    def words(self) -> str:
        """The draw as a sentence; empty where all are learned from."""
        if self.share >= 1:
            return ""
        return (
            f"It learned from {self.share:.1%} of {self.customers:,} customers, drawn by a hash of their ids, "
            f"each standing for {self.weight:,.1f} ({self.why})."
        )

    @property
    def facts(self) -> dict[str, float]:
        """For the version's figures; empty where all are learned from."""
        return {"learning_share": self.share, "customer_weight": self.weight} if self.share < 1 else {}


class Drawn(Features):
    """Feature tables of which those in ``columns`` are read with the drawn customers' rows only, a piece at a time.

    Parameters
    ----------
    whole : LazyTables
    columns : mapping of str to tuple of str
        As :attr:`~ml.core.spec.Capability.draws`.
    share : float
    """

    def __init__(self, whole: LazyTables, columns: Mapping[str, tuple[str, ...]], share: float) -> None:
        self._whole, self._columns, self._share = whole, columns, share
        self._read: dict[str, pa.Table] = {}
        earlier = [(window.as_of, Drawn(_lazy(window.features), columns, share)) for window in whole.windows]
        self.windows = tuple(Window(at, tables, tables[TRUTH]) for at, tables in earlier)

    def __getitem__(self, name: str) -> pa.Table:
        if name not in self._columns:
            return self._whole[name]
        if name not in self._read:
            numbers = _numbers(self._whole) if "customer_no" in self._columns[name] else None
            self._read[name] = self._whole.kept(
                name, lambda rows: chosen(rows, self._columns[name], self._share, numbers)
            )
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._whole)

    def __len__(self) -> int:
        return len(self._whole)


def chosen(
    rows: pa.RecordBatch, columns: tuple[str, ...], share: float, numbers: npt.NDArray[np.float64] | None = None
) -> npt.NDArray[np.bool_]:
    """Which rows are of drawn customers, by the first of ``columns`` that a row has a value in; without any it is left out.

    ``numbers`` are the lots by ``customer_no``, in tables that know a customer by that.
    """
    if numbers is not None:
        customer_no = rows["customer_no"].to_numpy(zero_copy_only=False)
        known = (customer_no >= 0) & (customer_no < len(numbers))
        found: npt.NDArray[np.bool_] = known.copy()
        found[known] = numbers[customer_no[known]] < share
        return found
    ids = pc.coalesce(*(rows[name].cast(pa.string()) for name in columns)).dictionary_encode()
    encoded = ids if isinstance(ids, pa.DictionaryArray) else ids.combine_chunks()
    below = np.append(lots(encoded.dictionary.to_pylist()) < share, False)
    return np.asarray(below[pc.fill_null(encoded.indices, len(below) - 1).to_numpy(zero_copy_only=False)], np.bool_)


def draw(night: Night, capability: Capability, features: Features) -> Draw:
    """How large a share of the customers this machine learns from: ``NIGHTSHIFT_LEARN_CUSTOMERS``, else all of them.

    On Spark, for shops that one machine does not hold, it is otherwise what memory allows.
    """
    most = night.settings.learn_customers
    if not capability.draws or not (most or night.settings.engine == "spark"):
        return Draw()
    manifest = night.manifest["tables"]
    customers = int(manifest.get(CUSTOMERS, manifest.get("order", {"rows": 0}))["rows"])
    if most:
        share, why = most / max(1, customers), f"NIGHTSHIFT_LEARN_CUSTOMERS={most}"
    else:
        share = _room(capability, _lazy(features), night.settings.memory_gb)
        why = f"what {night.settings.memory_gb:g} GiB hold; NIGHTSHIFT_LEARN_CUSTOMERS sets it"
    return Draw(min(1.0, share), customers, why)


def sampled(night: Night, capability: Capability, features: LazyTables) -> tuple[Features, Draw]:
    """The features that a fit reads, and how they were drawn; the same features where all customers have room."""
    drawn = draw(night, capability, features)
    if drawn.share >= 1:
        return features, drawn
    log.info("%s: %s", capability.name, drawn.words)
    return Drawn(features, capability.draws, drawn.share), drawn


def _room(capability: Capability, features: LazyTables, memory_gb: float) -> float:
    """The share that fits: what is not drawn is held as a whole, whatever the share."""
    every = [features, *(_lazy(window.features) for window in features.windows)]
    size = {
        drawn: sum(one.size(n) for one in every for n in one if (n in capability.draws) is drawn)
        for drawn in (True, False)
    }
    left = memory_gb * _GIB / TIMES - size[False]
    return max(0.01, left / max(1, size[True]))


def _numbers(features: Mapping[str, pa.Table]) -> npt.NDArray[np.float64]:
    customers = features[CUSTOMERS].sort_by("customer_no")
    return lots(customers["customer_id"].to_pylist())


def _lazy(features: Any) -> LazyTables:
    assert isinstance(features, LazyTables)
    return features
