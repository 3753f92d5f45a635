"""How near the recommender comes to who knows what was planted in the demo shop."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from bench import Row
from bench._window import HORIZON, Shop, Window
from ml.capabilities.recommender.model import Recommender
from ml.capabilities.recommender.ranking.lists import Lists
from ml.capabilities.recommender.spec import Params

SHARE = 0.9
PRIOR = 1.0
"""A customer's taste is drawn to an even one as if by so many products."""
# The shop's documented formula (docstring of ml.shop.sources.demo.choice), at the middle of the window.
_CHANCE = """
SELECT customer_id, product_id, sum(theta.weight * phi.weight) * any_value(
    CASE WHEN sold_from < $last AND $first < sold_until THEN 1 ELSE 0 END
    * (1 - season_strength + season_strength * pow(
        0.5 + 0.5 * cos(2 * pi() * ((epoch($at) / 86400) % 365.25 - season_peak_day) / 365.25), 2))
    * CASE WHEN half_life_days = 0 THEN 1
      ELSE 0.25 + 0.75 * pow(2, -greatest(0, epoch($at) - epoch(sold_from)) / 86400 / half_life_days) END) AS chance
FROM {tastes} theta
JOIN wanted USING (customer_id)
JOIN demo_truth.product_taste phi USING (cluster)
JOIN demo_truth.product_trait USING (product_id)
JOIN product USING (product_id)
JOIN demo_truth.category_trait USING (category)
GROUP BY customer_id, product_id
"""


def rows(shop: Shop, window: Window, fitted: Recommender, ours: Mapping[str, Any], params: Params) -> Iterator[Row]:
    """The share of two oracles' NDCG@10 that ours reaches; they rank the same candidates.

    Both know what each taste buys, when. One also knows each customer's taste, which no shop can; the other must tell it
    from what the customer bought and looked at.
    """
    from bench.recommender import judged

    shop.backend.con.register("seen_taste", _seen(shop, window))
    oracles = {
        "an oracle that knows the tastes": (_chances(shop, window, "demo_truth.customer_taste"), SHARE),
        "one that must tell them from what was seen": (_chances(shop, window, "seen_taste"), None),
    }
    for task in ("all", "new"):
        lists = Lists(fitted, window.features, window.users.astype(np.int32), params, new=task == "new")
        ends, items = lists.candidates(0, len(window.users))
        row = np.repeat(np.arange(len(ends) - 1), np.diff(ends))
        for name, (chance, target) in oracles.items():
            scores = np.full(chance.shape, -np.inf)
            scores[row, items] = chance[row, items]
            best = judged(window.lists(scores, new=task == "new"), window, task).figures["ndcg@10"]
            reached = ours[task].figures["ndcg@10"]
            yield Row(
                f"demo, {task}: NDCG@10 of the same candidates", "ndcg", reached, name, best, reached / best, target
            )


def _seen(shop: Shop, window: Window) -> pa.Table:
    """Each unit's taste by expectation and maximisation over the products that it bought or looked at, φ being known."""
    products = window.features["product"].sort_by("product_no")["product_id"].combine_chunks()
    phi = shop.backend.con.execute("SELECT cluster, product_id, weight FROM demo_truth.product_taste").to_arrow_table()
    place = pc.index_in(phi["product_id"], products)
    known = pc.is_valid(place).to_numpy()
    clusters = phi["cluster"].to_numpy().astype(np.int64)
    taste = np.zeros((len(products), int(clusters.max()) + 1))
    taste[place.filter(pa.array(known)).to_numpy(), clusters[known]] = phi["weight"].to_numpy()[known]
    log, found = window.log, []
    for row, user in enumerate(window.users):
        bought = log.product[log.indptr[user] : log.indptr[user + 1]]
        seen = np.unique(np.r_[bought, log.look_product[log.look_indptr[user] : log.look_indptr[user + 1]]])
        found += [(row, product) for product in seen]
    row, product = np.array(found).T
    theta = np.full((len(window.users), taste.shape[1]), 1 / taste.shape[1])
    for _ in range(50):
        part = theta[row] * taste[product]
        part /= np.maximum(part.sum(1, keepdims=True), 1e-300)
        theta = np.full_like(theta, PRIOR / taste.shape[1])
        np.add.at(theta, row, part)
        theta /= theta.sum(1, keepdims=True)
    ids = window.features["customer"].sort_by("customer_no")["customer_id"].combine_chunks()
    unit, cluster = np.divmod(np.arange(theta.size), taste.shape[1])
    return pa.table(
        {
            "customer_id": ids.take(pa.array(window.users[unit])),
            "cluster": cluster,
            "weight": theta.ravel(),
        }
    )


def _chances(shop: Shop, window: Window, tastes: str) -> npt.NDArray[np.float64]:
    """How likely each unit picks each product on an occasion, shape (n_units, n_products)."""
    customers = window.features["customer"].sort_by("customer_no")["customer_id"].combine_chunks()
    products = window.features["product"].sort_by("product_no")["product_id"].combine_chunks()
    wanted = customers.take(pa.array(window.users))
    connection = shop.backend.con
    connection.register("wanted", pa.table({"customer_id": wanted}))
    moments = {"first": window.start, "at": window.start + HORIZON / 2, "last": window.start + HORIZON}
    table = connection.execute(_CHANCE.format(tastes=tastes), moments).to_arrow_table()
    chances = np.zeros((len(wanted), len(products)))
    places = [
        pc.index_in(table[name], ids).to_numpy() for name, ids in (("customer_id", wanted), ("product_id", products))
    ]
    known = ~np.isnan(np.asarray(places[1], float))
    chances[places[0][known].astype(np.int64), places[1][known].astype(np.int64)] = table["chance"].to_numpy()[known]
    return chances
