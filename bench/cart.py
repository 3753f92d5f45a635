"""The hidden line of a basket, on Online Retail: the capability beside EASE, cosine and popularity.

``--data FOLDER`` of UCI Online Retail. Baskets of 2011-11-11 to 2011-12-08 with two known products or more; of each the
product with the smallest hash is hidden and looked for among all that are not in the basket. What is chosen (EASE's
penalty, the weights of titles and of own purchases) is chosen on baskets before. ``--shop sessions``: visits alone;
``--shop live``: ``ml.cart`` to 16 clients.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from scipy.sparse import csr_array

from bench import Options, Row, _cart_live
from ml.capabilities.cart import addons, visits
from ml.capabilities.cart.evaluate import parts
from ml.capabilities.cart.model import Cart
from ml.capabilities.cart.spec import PARAMS
from ml.core.capability import Known
from ml.core.units import DAY_S
from ml.kernels.compiled import Csr
from ml.learn.metrics import binary
from ml.learn.params import BoostingParams
from ml.settings import PROJECT

SEED = 7
CUT, END = pd.Timestamp("2011-11-11"), pd.Timestamp("2011-12-09")
_FEES = r"POST|D|M|DOT|BANK CHARGES|C2|PADS|CRUK|S|AMAZONFEE"
_NO_CARTS = pa.table(
    {
        name: pa.array([], kind)
        for name, kind in {
            "cart_id": pa.string(),
            "product_id": pa.string(),
            "bought": pa.bool_(),
            "age_hours": pa.float64(),
            "lines": pa.float64(),
            "rate": pa.float64(),
            "orders": pa.float64(),
            "owned": pa.float64(),
        }.items()
    }
)
Floats = npt.NDArray[np.float64]


def run(options: Options) -> Iterator[Row]:
    """NDCG@10 and hit rate at 10, with a 95 % bootstrap interval of the difference to the best peer; then sessions."""
    if options.shop == "live":
        yield from _cart_live.rows(options)
        return
    data = options.data or PROJECT.parent / "shared" / "data"
    if options.shop in ("", "sessions"):
        yield from _visits(data / "online_shoppers")
    if options.shop == "sessions":
        return
    bought = _read(data / "uci_online_retail")
    past = bought[bought["at"] < CUT]
    if options.quick:
        past = past[past["at"] >= CUT - pd.Timedelta("60D")]
    features = _features(past)
    model = Cart(PARAMS).fit(features)
    later = bought[(bought["at"] >= CUT) & (bought["at"] < END)].drop_duplicates(["order_id", "product_id"])
    columns = ["order_id", "product_id", "customer_id"]
    every = addons.baskets(pa.Table.from_pandas(later[columns], preserve_index=False), model.products_)
    judged = every.several()
    rest, wanted = addons.hidden(judged)
    learned = addons.baskets(features["basket"], model.products_)
    flat = addons.Baskets(learned.x, learned.ids, learned.customers, np.zeros(len(learned.ids)))
    popular = np.asarray(learned.x[learned.age < 28].sum(axis=0)).ravel()
    found = {
        "ours": parts(model, features, judged, rest, model.products_),
        "EASE on baskets": [(1.0, csr_array(rest @ addons.complements(flat, 200.0, PARAMS)))],
        "cosine": [(1.0, csr_array(rest @ addons.cosine(learned, PARAMS)))],
        "28-day popularity": [(1.0, _same(popular, len(wanted)))],
    }
    values = {name: addons.ndcg(scores, rest, wanted) for name, scores in found.items()}
    ours = values.pop("ours")
    best = max(values, key=lambda name: values[name].mean())
    low, high = _interval(ours - values[best])
    note = f"{len(wanted):,} baskets, {len(model.products_):,} products; {model.weights_}"
    for name, value in values.items():
        words = f"{note}; difference [{low:+.3f}, {high:+.3f}]" if name == best else ""
        target = 1.0 if name == best else None
        yield Row("add-on NDCG@10", "", ours.mean(), name, value.mean(), ours.mean() / value.mean(), target, words)
    hit, peer = (ours > 0).mean(), (values[best] > 0).mean()
    yield Row("add-on hit rate at 10", "", hit, best, peer, hit / peer)
    if not options.quick:
        yield Row("add-on NDCG@10", "", ours.mean(), "the figure that was asked for", 0.215, ours.mean() / 0.215, 1.0)


def _read(folder: Path) -> pd.DataFrame:
    rows = pd.read_parquet(folder / "online_retail.parquet")
    rows = rows[(rows["Quantity"] > 0) & (rows["UnitPrice"] > 0) & rows["CustomerID"].notna()]
    code = rows["StockCode"].str.upper()
    lines = pd.DataFrame(
        {
            "order_id": rows["InvoiceNo"].astype(str),
            "product_id": code,
            "customer_id": rows["CustomerID"].astype(int).astype(str),
            "at": pd.to_datetime(rows["InvoiceDate"]),
            "title": rows["Description"],
        }
    )
    return lines[~code.str.fullmatch(_FEES)]


def _features(past: pd.DataFrame) -> Known:
    lines = past.drop_duplicates(["order_id", "product_id"])
    age = (CUT - lines["at"]).dt.total_seconds() / DAY_S
    faded = lines.assign(weight=2.0 ** (-age / PARAMS.again_half_life_days))
    again = faded.groupby(["customer_id", "product_id"], as_index=False)["weight"].sum()
    titles = past.groupby("product_id", as_index=False)["title"].first()
    columns = ["order_id", "product_id", "customer_id", "age_days"]
    return Known(
        {
            "basket": pa.Table.from_pandas(lines.assign(age_days=age)[columns], preserve_index=False),
            "again": pa.Table.from_pandas(again, preserve_index=False),
            "product": pa.Table.from_pandas(titles, preserve_index=False),
            "seen": _NO_CARTS,
        }
    )


def _same(values: Floats, n: int) -> Csr:
    return csr_array(csr_array(np.ones((n, 1), np.float32)) @ csr_array(values[None, :].astype(np.float32)))


def _interval(difference: Floats) -> tuple[float, float]:
    rng = np.random.default_rng(1)
    means = [difference[rng.integers(len(difference), size=len(difference))].mean() for _ in range(1000)]
    return float(np.quantile(means, 0.025)), float(np.quantile(means, 0.975))


_SESSIONS = (
    "Administrative",
    "Administrative_Duration",
    "Informational",
    "Informational_Duration",
    "ProductRelated",
    "ProductRelated_Duration",
    "BounceRates",
    "ExitRates",
    "PageValues",
    "SpecialDay",
    "Month",
    "OperatingSystems",
    "Browser",
    "Region",
    "TrafficType",
    "VisitorType",
    "Weekend",
)
_VISIT = BoostingParams(members=2, trees=250, leaves=15, learning_rate=0.03, min_leaf=30, column_share=0.5)


def _visits(folder: Path) -> Iterator[Row]:
    """Online shoppers: the session model (boosted trees as boxes) beside peers, with PageValues and without that leak."""
    table = pd.read_parquet(folder / "online_shoppers.parquet")
    y = table["Revenue"].astype(str).str.lower().isin({"true", "1"}).to_numpy()
    place = np.array([hashlib.md5(f"osi:{row}".encode(), usedforsecurity=False).hexdigest() for row in range(len(y))])
    test = np.zeros(len(y), bool)
    for side in (False, True):
        rows = np.flatnonzero(y == side)
        test[rows[np.argsort(place[rows])][: int(0.2 * len(rows))]] = True
    for what, names in (("with", _SESSIONS), ("without", tuple(n for n in _SESSIONS if n != "PageValues"))):
        x = np.stack(
            [
                pd.factorize(table[n], sort=True)[0]
                if table[n].dtype.kind in "ObT" or n in {"Month", "VisitorType"}
                else table[n].to_numpy()
                for n in names
            ],
            axis=1,
        ).astype(np.float64)
        score = {"ours": visits.grow(x[~test], y[~test], SEED, _VISIT).log_odds(x[test])} | _session_peers(x, y, test)
        for metric, of, targets in (
            ("ROC-AUC", binary.roc_auc, (0.937, 0.785)),
            ("PR-AUC", binary.average_precision, (0.765, 0.385)),
        ):
            label = y[test].astype(np.int64)
            figures = {name: float(of(label, each)) for name, each in score.items()}
            reached, best = figures.pop("ours"), max(figures, key=lambda name: figures[name])
            rng, draws = np.random.default_rng(SEED), []
            for _ in range(300):
                rows = rng.integers(0, len(label), len(label))
                draws.append(of(label[rows], score["ours"][rows]) - of(label[rows], score[best][rows]))
            low, high = np.quantile(draws, [0.025, 0.975])
            others = ", ".join(f"{name} {value:.3f}" for name, value in figures.items())
            yield Row(
                f"sessions, {what} PageValues: {metric}",
                "area",
                reached,
                best,
                figures[best],
                reached / figures[best],
                1.0,
                note=f"difference [{low:+.3f}, {high:+.3f}]; {others}; asked for {targets[what == 'without']}",
            )


def _session_peers(x: Floats, y: npt.NDArray[np.bool_], test: npt.NDArray[np.bool_]) -> dict[str, Floats]:
    from lightgbm import LGBMClassifier
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    peers = {
        "LightGBM": LGBMClassifier(random_state=SEED, n_jobs=1, verbosity=-1),
        "random forest": RandomForestClassifier(300, random_state=SEED, n_jobs=1),
        "logistic": make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)),
    }
    return {name: peer.fit(x[~test], y[~test]).predict_proba(x[test])[:, 1] for name, peer in peers.items()}
