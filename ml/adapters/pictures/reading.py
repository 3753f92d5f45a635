"""Read the pictures of a snapshot: each once, the thumbnails beside the snapshots in the lake, what is none to quarantine.

``pictures/<number>.parquet`` of the lake has a row for each picture that one validation read first: its
address, what changes when it does (``tag``), and what :func:`ml.core.pictures.look_at` found. The clean ``product_image``
of a snapshot then knows each picture by the hash of its content.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import ibis
import pyarrow as pa
import pyarrow.compute as pc

from ml.adapters.lake import Lake
from ml.adapters.pictures.fetch import fetch, tag
from ml.adapters.quality.sieve import QUARANTINE
from ml.adapters.shop.reader import schema
from ml.contract.tables import PRODUCT_IMAGE
from ml.core.pictures import Picture, Unreadable, look_at

RULE = "pictures that can be read"
BUDGET_S = 3600.0
"""Time for pictures that are new; what is left is read in the next night."""
AT_ONCE = 16
LATER = "not read yet: there was no more time this night, it is read in the next"
STORE = pa.schema(
    [
        ("uri", pa.string()),
        ("tag", pa.string()),
        ("content_hash", pa.string()),
        ("width", pa.int64()),
        ("height", pa.int64()),
        ("thumbnail", pa.string()),
    ]
)


class Found(NamedTuple):
    """What the reading of a snapshot's pictures came to."""

    pictures: int
    read: int
    """For the first time."""
    unreadable: int

    def words(self) -> str:
        """For the night's summary; empty where all is well."""
        if not self.unreadable:
            return ""
        return (
            f"product_image: {self.unreadable:,} of {self.pictures:,} pictures cannot be read "
            "(ml_ops.quarantine and ml.picture_issue say why)"
        )


def read_pictures(lake: Lake, ref: str, folder: Path, budget_s: float = BUDGET_S) -> Found:
    """Fill ``content_hash``, ``width``, ``height`` and ``unread`` of the snapshot's clean ``product_image``.

    Pictures that were read before are not read again. ``content`` leaves the snapshot for the thumbnails' store.

    Parameters
    ----------
    folder : Path
        Where paths lead to; no file outside of it is read.
    """
    place = lake.join("snapshot", ref, "clean", PRODUCT_IMAGE.name)
    rows = lake.read_parquet(place)
    known, new, faults = _known(lake), [], {}
    keys = [
        (uri, tag(uri, content, folder))
        for uri, content in zip(rows["uri"].to_pylist(), rows["content"].to_pylist(), strict=True)
    ]
    wanted = {key: row for row, key in enumerate(keys) if key not in known}
    contents = rows["content"].take(pa.array(list(wanted.values()), pa.int64())).to_pylist()
    for key, outcome in _looked_at(list(wanted), contents, folder, budget_s):
        if isinstance(outcome, str):
            faults[key] = outcome
        else:
            new.append(key + outcome)
            known[key] = outcome[:3]
    if new:
        table = pa.table(dict(zip(STORE.names, zip(*new, strict=True), strict=True)), schema=STORE)
        lake.write_batches(lake.join("pictures", f"{_next(lake):06d}.parquet"), table.to_batches())
    filled = _filled(rows, keys, known, faults)
    lake.write_stream(place, schema(PRODUCT_IMAGE), filled.to_batches())
    _quarantine(lake, ref, filled)
    return Found(len(rows), len(new), filled.num_rows - filled["unread"].null_count)


def with_thumbnails(backend: Any, lake: Lake, images: ibis.Table) -> ibis.Table:
    """The table ``product_image`` with ``content`` the thumbnail of each picture that was read."""
    if not lake.names("pictures"):
        return images
    store = lake.table(backend, "pictures")
    kept = store.group_by("content_hash").aggregate(_thumbnail=store["thumbnail"].min())
    joined = images.drop("content").left_join(kept, "content_hash").rename(content="_thumbnail")
    return joined.select(*images.columns)


def _next(lake: Lake) -> int:
    """Number of the next file of the store: what was read before is never written over."""
    return 1 + max((int(name.split(".")[0]) for name in lake.names("pictures") if name.endswith(".parquet")), default=0)


def _known(lake: Lake) -> dict[tuple[str, str], tuple[str, int, int]]:
    """Every picture that was read: by address and tag, its hash, width and height."""
    if not lake.names("pictures"):
        return {}
    with closing(lake.duckdb()) as connection:
        rows = connection.sql(
            f"SELECT uri, tag, content_hash, width, height FROM read_parquet({lake.sql('pictures')})"  # noqa: S608
        ).fetchall()
    return {(uri, mark): (digest, width, height) for uri, mark, digest, width, height in rows}


def _looked_at(
    keys: Sequence[tuple[str, str]], contents: Sequence[str | None], folder: Path, budget_s: float
) -> Iterator[tuple[tuple[str, str], Picture | str]]:
    """Fetch many at once, and look at each: the picture, or why there is none."""
    until = time.monotonic() + budget_s

    def one(pair: tuple[tuple[str, str], str | None]) -> Picture | str:
        (uri, _), content = pair
        if time.monotonic() > until:
            return LATER
        try:
            return look_at(fetch(uri, content, folder))
        except Unreadable as error:
            return str(error)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield from zip(keys, pool.map(one, zip(keys, contents, strict=True)), strict=True)


def _filled(
    rows: pa.Table,
    keys: Sequence[tuple[str, str]],
    known: Mapping[tuple[str, str], tuple[str, int, int]],
    faults: Mapping[tuple[str, str], str],
) -> pa.Table:
    nothing = (None, None, None)
    found = [known.get(key, nothing) for key in keys]
    columns = {name: rows[name] for name in ("product_id", "image_no")}
    # A file that lies in its address is too long for one.
    columns["uri"] = pc.utf8_slice_codeunits(rows["uri"], 0, 1000)
    columns["content"] = pa.nulls(len(rows), pa.string())
    for place, name in enumerate(("content_hash", "width", "height")):
        columns[name] = pa.array([one[place] for one in found], schema(PRODUCT_IMAGE).field(name).type)
    columns["unread"] = pa.array([faults.get(key) for key in keys], pa.string())
    return pa.table(columns, schema=schema(PRODUCT_IMAGE))


def _quarantine(lake: Lake, ref: str, filled: pa.Table) -> None:
    """Add the pictures that are none to the table's quarantine: left out of learning, the row stays, without a picture."""
    path = lake.join("snapshot", ref, "quarantine", f"{PRODUCT_IMAGE.name}.parquet")
    refused = filled.filter(pc.is_valid(filled["unread"])).select(["product_id", "image_no", "uri", "unread"])
    lines = [
        {
            "table_name": PRODUCT_IMAGE.name,
            "row_key": f"{row['product_id']}/{row['image_no']}",
            "rule": RULE,
            "severity": "left out",
            "row": json.dumps(row),
        }
        for row in refused.to_pylist()
    ]
    before = lake.read_parquet(path).cast(QUARANTINE)
    together = pa.concat_tables([before, pa.Table.from_pylist(lines, schema=QUARANTINE)])
    with lake.writer(path, QUARANTINE) as writer:
        writer.write_table(together)
