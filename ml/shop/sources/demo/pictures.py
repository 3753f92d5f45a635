"""Pictures of the products, drawn by category and colour, with faults planted in some."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import numpy as np

from ml.capabilities.visual.drawing import COLOURS, draw, png
from ml.contract.tables import PRODUCT_IMAGE
from ml.shop.sources.demo import columns as col
from ml.shop.sources.demo.catalogue import Catalogue, product_ids
from ml.shop.sources.demo.columns import Rows
from ml.shop.sources.demo.options import Options
from ml.shop.sources.demo.truth import PICTURE

SIZE = (72, 96)
FAULTS = ("", "missing", "blank", "tiny", "broken", "duplicate")
SHARES = (0.93, 0.015, 0.01, 0.01, 0.005, 0.03)
ROWS = 1_000


def picture_tables(options: Options, shop: Catalogue) -> Iterator[Rows]:
    """The contract table ``product_image`` with the files in it, and what was planted, a thousand products at a time."""
    rng, names = options.rng("pictures"), list(COLOURS)
    colours = rng.integers(0, len(names), shop.products)
    faults = col.number_of(rng, SHARES, shop.products)
    last: tuple[int, str] | None = None
    """A whole picture before, and whose: what a duplicate repeats."""
    for start in range(0, shop.products, ROWS):
        files: list[str | None] = []
        twins: list[int] = []
        for product in range(start, min(start + ROWS, shop.products)):
            fault, twin = FAULTS[faults[product]], -1
            kind = int(shop.category[product] * 4 + shop.noun[product])
            size = (20, 27) if fault == "tiny" else SIZE
            file: str | None = png(draw(kind, names[colours[product]], rng, size))
            if fault == "missing":
                file = None
            elif fault == "blank":
                file = png(np.full((SIZE[1], SIZE[0], 3), 236 + product % 20, np.uint8))
            elif fault == "broken":
                file = base64.b64encode(base64.b64decode(file or "")[:-200]).decode("ascii")
            elif fault == "duplicate" and last:
                twin, file = last
            elif not fault and file:
                last = (product, file)
            files.append(file)
            twins.append(twin)
        yield from _rows(
            start,
            files,
            twins,
            [names[c] for c in colours[start : start + ROWS]],
            [FAULTS[f] for f in faults[start : start + ROWS]],
        )


def _rows(
    start: int, files: list[str | None], twins: list[int], colours: list[str], faults: list[str]
) -> Iterator[Rows]:
    products = np.arange(start, start + len(files))
    pictured = np.array([file is not None for file in files])
    ids = product_ids(products[pictured])
    yield col.rows(
        PRODUCT_IMAGE,
        product_id=ids,
        image_no=np.ones(len(ids), np.int64),
        uri=col.join(ids, ".png"),
        content=[file for file in files if file],
    )
    twin = np.array(twins)
    yield col.rows(
        PICTURE,
        product_id=product_ids(products),
        colour=colours,
        fault=[fault if fault != "duplicate" or of >= 0 else "" for fault, of in zip(faults, twins, strict=True)],
        twin=_twins(twin),
    )


def _twins(twin: col.Ints) -> list[str]:
    ids = product_ids(np.maximum(twin, 0)).to_pylist()
    return [which if of >= 0 else "" for which, of in zip(ids, twin.tolist(), strict=True)]
