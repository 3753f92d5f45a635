"""The allow and deny lists that the shop's staff keeps: they decide before the model does."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml.capabilities.risk.money import ALLOW, BLOCK, Choices

PLACES = {
    "order": ("order_id",),
    "customer": ("customer_id",),
    "device": ("device",),
    "card": ("card", "last_card"),
    "address": ("address",),
    "ip": ("ip",),
    "email": ("email",),
    "country": ("shipping_country", "billing_country"),
}
"""Where an order has what an entry names. For a country or card either of two will do."""

NONE = -1


def decisions(order: pa.Table, rule: pa.Table) -> tuple[Choices, pa.Array]:
    """What the lists say of each order.

    Parameters
    ----------
    order : pyarrow.Table
        Rows of the features' ``order``.
    rule : pyarrow.Table
        ``kind`` (allow or deny), ``entity`` (a key of ``PLACES``), ``value``, ``note``.

    Returns
    -------
    decision : ndarray of shape (n_orders,), int64
        ``ALLOW``, ``BLOCK``, or ``NONE`` where no entry fits. Of two that fit deny wins, then the one first in the
        order of entity and value: a fraudster must not pass for using an honest customer's address.
    words : pyarrow.Array of text
        The entry, such as ``deny device 7f3a…: ring of May``; null where none fits.
    """
    at = np.full(len(order), NONE, np.int64)
    entries = rule.sort_by([(name, "ascending") for name in ("entity", "value", "note")])
    for kind in ("deny", "allow"):
        for entity, columns in PLACES.items():
            chosen = np.flatnonzero(_equal(entries["kind"], kind) & _equal(entries["entity"], entity))
            if not len(chosen):
                continue
            values = entries["value"].take(pa.array(chosen)).combine_chunks()
            for column in columns:
                found = pc.index_in(order[column].combine_chunks().cast(pa.string()), values)
                matched = pc.is_valid(found).to_numpy(zero_copy_only=False) & (at == NONE)
                at[matched] = chosen[pc.fill_null(found, 0).to_numpy(zero_copy_only=False)[matched]]
    entry = pa.array(at, mask=at == NONE)
    deny = pc.fill_null(pc.equal(entries["kind"], "deny").combine_chunks().take(entry), False)
    decision = np.where(at == NONE, NONE, np.where(deny.to_numpy(zero_copy_only=False), BLOCK, ALLOW))
    return decision, _words(entries).take(entry)


def _equal(column: pa.ChunkedArray, value: str) -> npt.NDArray[np.bool_]:
    found: npt.NDArray[np.bool_] = pc.fill_null(pc.equal(column, value), False).to_numpy()
    return found


def _words(rule: pa.Table) -> pa.Array:
    entry = pc.binary_join_element_wise(rule["kind"], rule["entity"], rule["value"], " ")
    note = pc.if_else(pc.equal(rule["note"], ""), pa.scalar(None, pa.string()), rule["note"])
    words = pc.binary_join_element_wise(entry, note, ": ", null_handling="skip")
    return words.combine_chunks() if isinstance(words, pa.ChunkedArray) else words
