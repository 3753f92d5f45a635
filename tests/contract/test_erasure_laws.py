"""Laws of forgetting that every capability keeps, and the contract: nothing here knows a table by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml.adapters.erasure.needles import Needles
from ml.adapters.erasure.ownership import KEYS, OTHER, OWNED, WHO, Ownership
from ml.adapters.erasure.quotes import Quotes
from ml.adapters.erasure.search import Search
from ml.adapters.erasure.shared import leave
from ml.adapters.erasure.traces import Traces
from ml.contract.tables import TABLES
from tests.contract.cases import SEED, Case, saved

ASKED = 20


def found(case: Case) -> tuple[Ownership, Traces]:
    """Some customers of the sample, and what is theirs alone. Its values are not hashed, so each is its own hash."""
    tables = {name: _with_authors(name, table) for name, table in case.tables.items()}
    named = [table[WHO].combine_chunks() for name, table in tables.items() if WHO in table.column_names]
    everyone = pc.unique(pa.chunked_array(named)).drop_null().sort()
    chosen = np.random.default_rng(SEED).permutation(len(everyone))[:ASKED]
    ownership, traces = (
        Ownership(frozenset(everyone.take(pa.array(chosen)).to_pylist()), lambda values: values),
        Traces(),
    )
    others = []
    for name, table in tables.items():
        columns = {column: table[column] for column in table.column_names}
        owners = ownership.owners(columns) if name in OWNED else pa.nulls(len(table), pa.string())
        if name in OWNED:
            ownership.learn(TABLES[name], columns, owners)
            traces.take_up(TABLES[name], columns, owners)
        others.append(table.filter(pc.is_null(owners)))
    for rows in others:
        leave(traces, rows)
    return ownership, traces


def _with_authors(name: str, table: pa.Table) -> pa.Table:
    """A sample that names nobody gets a customer for each row: no feature may depend on who it is."""
    if WHO not in table.column_names or table[WHO].null_count < len(table) or not len(table):
        return table
    authors = pc.binary_join_element_wise("author", table[TABLES[name].key[0]], " ")
    return table.set_column(table.column_names.index(WHO), WHO, authors)


def test_a_model_holds_no_customer(case: Case, tmp_path: Path) -> None:
    """No id, personal value or text of a customer stands in a model's files."""
    _, traces = found(case)
    saved(case.young, tmp_path / "model")
    assert list(Search(traces, Needles.of(traces)).folder(tmp_path / "model")) == []


def test_every_published_row_of_a_customer_is_found(case: Case) -> None:
    """Rows that the rule takes out and quotes that it empties are all that the tables have of a customer."""
    ownership, traces = found(case)
    search, quotes = Search(traces, Needles.of(traces)), Quotes.of(case.capability.publishes, traces)
    taken = 0
    for name, rows in case.rows.items():
        owners = ownership.owners({column: rows[column] for column in rows.column_names}, traces.hashes)
        rest = quotes.blank(name, rows)[0].filter(pc.is_null(owners))
        taken += len(rows) - len(rest)
        hits = {column: search.column(column, rest[column]) for column in rest.column_names}
        assert not any(hits.values()), (name, hits)
    if not any({WHO, *KEYS} & set(table.column_names) for table in case.capability.publishes):
        return  # What is published of products alone names nobody.
    assert taken, "the sample publishes nothing of these customers"


def test_a_key_has_one_name() -> None:
    """What references a customer's row is called as the key of that row, a second customer other_: the rule goes by names."""
    for table in OWNED.values():
        for column, parent, key in table.references:
            if parent in OWNED:
                assert column in {key, OTHER if key == WHO else key}, f"{table.name}.{column}"
    assert len(KEYS) == len(set(KEYS.values()))
    assert set(OWNED) == set(TABLES) - {"product", "stock", "product_image", "supply", "purchase_order"}
