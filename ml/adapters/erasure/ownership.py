"""Whose row is it? One rule for the shop's tables, the published ones and quarantine: by the names of the contract's keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import reduce

import pyarrow as pa
import pyarrow.compute as pc

from ml.contract.table import Table
from ml.contract.tables import CUSTOMER, TABLES

WHO = CUSTOMER.key[0]
"""The column that names a customer, in the contract and in every table of ours."""
OTHER = f"other_{WHO}"
"""The column that names a second customer in a row (who belongs together, who is alike): the row is the other's too."""


def _owned() -> dict[str, Table]:
    """The tables whose rows belong to a customer: they name one, or reference a row that belongs to one."""
    found: dict[str, Table] = {}
    for name, table in TABLES.items():  # each after those that it references
        if WHO in table.column_names or any(parent in found for _, parent, _ in table.references):
            found[name] = table
    return found


OWNED = _owned()
KEYS = {table.key[0]: name for name, table in OWNED.items() if len(table.key) == 1 and table.key[0] != WHO}
"""Column -> table: what names one row of a customer's (an order, a review, …), wherever a column is called so."""

CONTACTS = tuple(
    column.name
    for column in CUSTOMER.columns
    if column.personal and any(column.name in table.column_names for table in OWNED.values() if table is not CUSTOMER)
)
"""Personal columns of the account that other tables have too: a guest's row with the same value is the same person's."""

Columns = Mapping[str, pa.Array | pa.ChunkedArray]
Owners = dict[str, str]


@dataclass
class Ownership:
    """Who owns which keys and values, as far as rows that were looked at told.

    A customer is known by the keyed hash of the id alone.

    Parameters
    ----------
    customers : frozenset of str
        Keyed hashes of the ids.
    hashed : callable
        The keyed hash of an array of texts.
    keys : dict of str to dict
        By column of :data:`KEYS`, a key -> its owner.
    contacts : dict of str to dict
        By column of :data:`CONTACTS`, a keyed hash -> its owner.
    """

    customers: frozenset[str]
    hashed: Callable[[pa.Array], pa.Array]
    keys: dict[str, Owners] = field(default_factory=dict)
    contacts: dict[str, Owners] = field(default_factory=dict)

    def owners(self, columns: Columns, values: Owners | None = None) -> pa.Array:
        """Give each row's owner, or null.

        A row that names another customer is never taken, whatever else it holds; one that names two is either's.

        Parameters
        ----------
        columns : mapping of str to Array
            The row's columns; those that are not texts are not looked at.
        values : dict, optional
            Values that only one customer has (a device's hash) -> their owner: a row that holds one is that customer's.
        """
        texts = {name: _whole(column) for name, column in columns.items() if _is_text(column)}
        length = len(next(iter(columns.values()), ()))
        found = [_owner(texts[name], known) for name, known in (self.keys | self.contacts).items() if name in texts]
        if values:
            found += [
                _owner(c, values) for name, c in texts.items() if name not in self.keys and name not in {WHO, OTHER}
            ]
        loose = reduce(pc.coalesce, found, pa.nulls(length, pa.string()))
        if WHO not in texts:
            return loose
        named = self._named(texts[WHO])
        if OTHER in texts:
            named = pc.coalesce(named, self._named(texts[OTHER]))
        return pc.if_else(pc.is_valid(texts[WHO]), named, loose)

    def _named(self, ids: pa.Array) -> pa.Array:
        hashed = self.hashed(ids)
        return pc.if_else(pc.is_in(hashed, pa.array(sorted(self.customers), pa.string())), hashed, None)

    def learn(self, table: Table, columns: Columns, owners: pa.Array) -> None:
        """Take up the keys and contacts of the rows of a contract table that have an owner."""
        names = [name for name in table.key if name in KEYS and KEYS[name] == table.name]
        for known, wanted in ((self.keys, names), (self.contacts, CONTACTS if table is CUSTOMER else ())):
            for name in wanted:
                if name in columns:
                    known.setdefault(name, {}).update(owned(columns[name], owners))


def owned(values: pa.Array | pa.ChunkedArray, owners: pa.Array) -> Owners:
    """Values of the rows that have an owner -> that owner."""
    known = pc.and_(pc.is_valid(owners), pc.is_valid(_whole(values)))
    return dict(zip(_whole(values).filter(known).to_pylist(), owners.filter(known).to_pylist(), strict=True))


def count(owners: pa.Array) -> dict[str, int]:
    """Rows by owner."""
    found = pc.value_counts(owners.drop_null())
    return dict(zip(found.field("values").to_pylist(), found.field("counts").to_pylist(), strict=True))


def needed(names: Iterable[str]) -> list[str]:
    """Which of a table's columns tell the owner."""
    return [name for name in names if name in {WHO, OTHER} or name in KEYS or name in CONTACTS]


def _owner(values: pa.Array, known: Owners) -> pa.Array:
    keys, owners = pa.array(known.keys(), pa.string()), pa.array(known.values(), pa.string())
    return owners.take(pc.index_in(values, keys))


def _is_text(column: pa.Array | pa.ChunkedArray) -> bool:
    return bool(pa.types.is_string(column.type) or pa.types.is_large_string(column.type))


def _whole(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    flat = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    flat = pa.concat_arrays(flat.chunks) if isinstance(flat, pa.ChunkedArray) else flat
    return flat.cast(pa.string())
