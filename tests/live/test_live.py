"""The lane between nights: a new order has its row within one run, one row an order, whatever happens."""

from __future__ import annotations

from tests.live.conftest import Shop, at


def test_a_new_order_gets_its_row_beside_the_batch(watched: Shop) -> None:
    """A new order is scored once by the model that serves, from what the night and the lane know together."""
    before = watched.seen()
    watched.place("n1", at(10), items=3)
    watched.add("payment", payment_id="b1", order_id="n1", method="card", amount=6, paid_at=at(10.01))

    told = watched.run(10.1)

    assert (told["status"], told["new"], told["scored"], told["quarantined"]) == ("done", 1, 1, 0)
    rows = watched.seen()
    assert {key: row for key, row in rows.items() if key != "n1"} == before
    row = rows["n1"]
    assert (row["orders"], row["items"], row["paid"]) == (1, 3, 6)
    assert (row["batch_id"], row["model_version"], row["as_of"]) == (-told["run"], 1, at(10.1))
    assert watched.run(10.2)["new"] == 0
    assert watched.seen() == rows
