"""What pictures add to the recommender: newcomers without words over real photos, and the demo's lists with and without."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from bench import Options, Row
from bench._window import HORIZON, Window, load
from ml.capabilities.recommender import model, score
from ml.capabilities.recommender.candidates import content, content_state
from ml.capabilities.recommender.evaluate import judge, ranked
from ml.capabilities.recommender.model import tonights_log
from ml.capabilities.recommender.ranking.lists import Lists
from ml.capabilities.recommender.spec import SPEC, Params
from ml.core.gate import difference
from ml.core.pictures import look_at

SEED, K = 7, 10
NEWCOMERS = 0.1
NIGHT = 20_000 * 86_400

Floats = npt.NDArray[np.float64]


def recommended(folder: Path, *, quick: bool) -> Iterator[Row]:
    """Rows of both."""
    yield from _newcomers(folder, quick=quick)
    yield from _demo(quick=quick)


def _newcomers(folder: Path, *, quick: bool) -> Iterator[Row]:
    """A tenth of the fashion products loses its words and comes after the fit: how many substitutes are of its type and colour."""
    styles = pq.read_table(folder / "styles.parquet").to_pylist()
    styles.sort(key=lambda row: hashlib.md5(f"recommender:{row['id']}".encode()).digest())  # noqa: S324 (an order, no secret)
    styles = styles[: 600 if quick else 4_000]
    images = pq.read_table(folder / "images_60x80.parquet").to_pylist()
    files = {row["id"]: row["image"]["bytes"] if isinstance(row["image"], dict) else row["image"] for row in images}
    new = round(len(styles) * NEWCOMERS)
    kind = np.array([row["articleType"] for row in styles])
    both = np.char.add(np.char.add(kind, "|"), np.array([str(row["baseColour"]) for row in styles]))
    found = {}
    for name, words, pictures in (
        ("picture alone", False, True),
        ("neither", False, False),
        ("words alone", True, False),
    ):
        features = _catalogue(styles, files, new, words=words, pictures=pictures)
        fitted = model.fit(
            {**features, "product": features["product"].slice(0, len(styles) - new)} if not words else features,
            _SMALL,
            SEED,
        )
        near = _substitutes(fitted, features, new)
        found[name] = [
            np.array([(same[rows] == same[len(styles) - new + i]).sum() / K for i, rows in enumerate(near)])
            for same in (both, kind)
        ]
    for part, what in enumerate(("type and colour", "type")):
        own = found["picture alone"][part]
        for peer in ("neither", "words alone"):
            other = found[peer][part]
            gap = difference(own, other, confidence=0.95, seed=SEED)
            yield Row(
                f"{new} of {len(styles):,} fashion products new and without words: similar_product, {what}",
                "P@10",
                float(own.mean()),
                peer,
                float(other.mean()),
                float(own.mean()) / max(float(other.mean()), 1e-9),
                note=str(gap),
            )


_SMALL = Params(ranker=False, topics=2, factors=2, linear_products=10)


def _substitutes(fitted: model.Recommender, features: Mapping[str, pa.Table], new: int) -> list[npt.NDArray[np.int64]]:
    """The first substitutes of each newcomer, as places in the catalogue; fewer where there are none."""
    near: list[list[int]] = [[] for _ in range(new)]
    place = {name: i for i, name in enumerate(features["product"]["product_id"].to_pylist())}
    old = len(place) - new
    for batch in score.score_all(fitted, features, {}, _SMALL)["similar_product"]:
        for row in batch.select(["product_id", "similar_product_id", "rank"]).to_pylist():
            if row["rank"] <= K and place[row["product_id"]] >= old:
                near[place[row["product_id"]] - old].append(place[row["similar_product_id"]])
    return [np.array(rows, np.int64) for rows in near]


def _catalogue(
    styles: list[dict[str, object]], files: Mapping[object, bytes], new: int, *, words: bool, pictures: bool
) -> dict[str, pa.Table]:
    """Feature tables of a shop that sold nothing yet; the last ``new`` products have words only if asked for."""
    n = len(styles)
    ids = [f"p{i:05d}" for i in range(n)]
    titled = [words or i < n - new for i in range(n)]
    empty = {
        "customer_no": "int32",
        "product_no": "int32",
        "order_no": "int32",
        "at": "int64",
        "quantity": "float32",
        "price": "float32",
    }
    tables = {
        "moment": pa.table({"as_of": pa.array([NIGHT], pa.int64())}),
        "customer": pa.table({"customer_no": pa.array([0], pa.int32()), "customer_id": ["c"], "segment": [""]}),
        "product": pa.table(
            {
                "product_no": pa.array(range(n), pa.int32()),
                "product_id": ids,
                "title": [
                    str(row["productDisplayName"]) if has_title else name
                    for row, name, has_title in zip(styles, ids, titled, strict=True)
                ],
                "category": [""] * n,
                "brand": [""] * n,
                "description": [""] * n,
                "price": pa.nulls(n, pa.float32()),
                "listed_at": pa.nulls(n, pa.int64()),
                "available": [True] * n,
            }
        ),
        "purchase": pa.table({name: pa.array([], kind) for name, kind in empty.items()}),
    }
    if pictures:
        shown = [look_at(files[row["id"]]).thumbnail for row in styles]
        tables["picture"] = pa.table({"product_no": pa.array(range(n), pa.int32()), "content": shown})
    return tables


def _demo(*, quick: bool) -> Iterator[Row]:
    """The demo's last 30 days: the source by content alone, and the whole recommender, with pictures and without."""
    shop = load(Options(quick=quick, shop="demo"))
    params: Params = SPEC.params
    window = Window(shop, shop.end - HORIZON, params)
    bare = {name: table for name, table in window.features.items() if name != "picture"}
    log, plain = tonights_log(window.features), tonights_log(bare)
    states = {
        "with": content.fit(log, log.until, content_state.Params(), SEED),
        "without": content.fit(plain, log.until, content_state.Params(), SEED),
    }
    users = window.users.astype(np.int32)
    lists = {
        name: content.propose(state, of, users, K)[0]
        for (name, state), of in zip(states.items(), (log, plain), strict=True)
    }
    took = np.bincount(window.truth.units, minlength=window.truth.n_units) > 0
    share = states["with"].share
    yield _paired(
        f"demo, {len(users):,} customers, by content alone (pictures' share as chosen: {share})",
        *(judge(lists[name], window.truth)[1][took] for name in ("with", "without")),
    )
    whole = {}
    for name, features in (("with", window.features), ("without", bare)):
        fitted = model.fit(features, replace(params, windows=3) if quick else params, SEED)
        whole[name] = judge(ranked(Lists(fitted, features, users, params)), window.truth)[1][took]
    yield _paired(f"demo, {len(users):,} customers, recommender", whole["with"], whole["without"])


def _paired(what: str, ours: Floats, other: Floats) -> Row:
    gap = difference(ours, other, confidence=0.95, seed=SEED)
    ratio = float(ours.mean()) / max(float(other.mean()), 1e-9)
    return Row(
        f"{what}: NDCG@10", "ndcg", float(ours.mean()), "without pictures", float(other.mean()), ratio, note=str(gap)
    )
