"""What is not a customer's alone: values and phrases that rows of others hold too."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from ml.adapters.erasure.needles import Needles
from ml.adapters.erasure.ownership import OWNED, Ownership
from ml.adapters.erasure.traces import Traces, columns_of, files, row_groups, snapshots
from ml.adapters.lake import Lake
from ml.contract.tables import TABLES


def leave_shared(lake: Lake, ownership: Ownership, traces: Traces) -> None:
    """Forget the values that rows of others hold in the latest whole snapshot: a product's title, a shared address."""
    whole = [ref for ref in snapshots(lake) if lake.exists("snapshot", ref, "manifest.json")]
    for table in TABLES.values() if whole else ():
        for path in files(lake, "snapshot", whole[-1], "raw", table.name):
            for part in row_groups(lake, path):
                has_owner = table.name in OWNED
                leave(traces, part.filter(pc.is_null(ownership.owners(columns_of(part)))) if has_owner else part)


def leave(traces: Traces, others: pa.Table) -> None:
    """Forget the values and the pieces of texts that these rows hold."""
    values = pa.array([*traces.hashes, *traces.texts], pa.string())
    phrases = Needles({}, Needles.of(traces).passages)
    for name in others.column_names:
        column = others[name]
        if not pa.types.is_string(column.type):
            continue
        traces.leave(pc.unique(column.filter(pc.is_in(column, values))).to_pylist())
        texts = pc.unique(column.filter(phrases.maybe(column)))
        traces.shared = sorted({*traces.shared, *(p for text in texts.to_pylist() for p in phrases.pieces_in(text))})
