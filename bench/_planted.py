"""How near the recommender comes to who knows what was planted in the demo shop."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from bench import Row
from bench._window import HORIZON, Shop, Window
from ml.capabilities.recommender.lists import Lists
from ml.capabilities.recommender.model import Recommender
from ml.capabilities.recommender.spec import Params

SHARE = 0.9
# The shop's documented formula (docstring of ml.shop.sources.demo.choice), at the middle of the window.
_CHANCE = """
SELECT customer_id, product_id, sum(theta.weight * phi.weight) * any_value(
    CASE WHEN sold_from < $last AND $first < sold_until THEN 1 ELSE 0 END
    * (1 - season_strength + season_strength * pow(
        0.5 + 0.5 * cos(2 * pi() * ((epoch($at) / 86400) % 365.25 - season_peak_day) / 365.25), 2))
    * CASE WHEN half_life_days = 0 THEN 1
      ELSE 0.25 + 0.75 * pow(2, -greatest(0, epoch($at) - epoch(sold_from)) / 86400 / half_life_days) END) AS chance
FROM demo_truth.customer_taste theta
JOIN wanted USING (customer_id)
JOIN demo_truth.product_taste phi USING (cluster)
JOIN demo_truth.product_trait USING (product_id)
JOIN product USING (product_id)
JOIN demo_truth.category_trait USING (category)
GROUP BY customer_id, product_id
"""


def rows(shop: Shop, window: Window, fitted: Recommender, ours: Mapping[str, Any], params: Params) -> Iterator[Row]:
    """The share of the oracle's NDCG@10 that ours reaches; the oracle ranks the same candidates."""
    from bench.recommender import judged

    chance = _chances(shop, window)
    for task in ("all", "new"):
        lists = Lists(fitted, window.features, window.users.astype(np.int32), params, new=task == "new")
        ends, items = lists.candidates(0, len(window.users))
        scores = np.full(chance.shape, -np.inf)
        row = np.repeat(np.arange(len(ends) - 1), np.diff(ends))
        scores[row, items] = chance[row, items]
        oracle = judged(window.lists(scores, new=task == "new"), window, task)
        mine, best = ours[task].figures["ndcg@10"], oracle.figures["ndcg@10"]
        yield Row(
            f"demo, {task}: NDCG@10 of the same candidates", "ndcg", mine, "an oracle that knows the tastes", best,
            mine / best, SHARE,
        )  # fmt: skip


def _chances(shop: Shop, window: Window) -> npt.NDArray[np.float64]:
    """How likely each unit picks each product on an occasion, shape (n_units, n_products)."""
    import pyarrow as pa
    import pyarrow.compute as pc

    customers = window.features["customer"].sort_by("customer_no")["customer_id"].combine_chunks()
    products = window.features["product"].sort_by("product_no")["product_id"].combine_chunks()
    wanted = customers.take(pa.array(window.users))
    connection = shop.backend.con
    connection.register("wanted", pa.table({"customer_id": wanted}))
    moments = {"first": window.start, "at": window.start + HORIZON / 2, "last": window.start + HORIZON}
    table = connection.execute(_CHANCE, moments).to_arrow_table()
    made = np.zeros((len(wanted), len(products)))
    places = [
        pc.index_in(table[name], ids).to_numpy() for name, ids in (("customer_id", wanted), ("product_id", products))
    ]
    known = ~np.isnan(np.asarray(places[1], float))
    made[places[0][known].astype(np.int64), places[1][known].astype(np.int64)] = table["chance"].to_numpy()[known]
    return made
