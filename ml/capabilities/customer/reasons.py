"""What moves a customer's chance, in words: the two groups of facts that move it most, each with its figures."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml.capabilities.customer.columns import NUMBERS
from ml.capabilities.customer.frame import DERIVED, Frame
from ml.capabilities.customer.learners import Boosted
from ml.capabilities.customer.model import CustomerValue
from ml.learn import trees

Floats = npt.NDArray[np.float64]

GROUPS: dict[str, tuple[str, ...]] = {
    "last order {days_since} days ago": (
        "days_since",
        "late",
        "history_alive",
        "history_chance_28",
        "history_chance_90",
        "history_orders_90",
        "orders_7",
        "orders_28",
        "last_gap",
    ),
    "{orders} orders, {orders_90} of them in 90 days": (
        "orders",
        "orders_90",
        "orders_365",
        "products",
        "categories",
        "lines",
        "pieces",
    ),
    "{mean_gap} days between orders": ("mean_gap", "gap_deviation"),
    "{mean_order} spent per order": (
        "spend",
        "spend_90",
        "spend_365",
        "mean_order",
        "largest_order",
        "last_order",
        "history_worth",
        "price_level",
    ),
    "customer for {days_known} days": ("days_known", "account_days"),
    "{season_orders} orders in this season of last year": ("season_orders", "season_spend"),
    "{views_28} products looked at in 28 days": ("views_7", "views_28", "carts_28", "days_since_event", "searches_28"),
    "{mails_90} messages in 90 days": ("mails_90", "mail_visits", "coupon_share"),
    "{circle_orders_90} orders of their circle in 90 days": ("circle", "circle_orders_90", "referred"),
}
"""Words -> the columns that move the chance under them. A column in no group is told by none."""

_NOTHING = "nothing stands out"


def reasons(model: CustomerValue, customers: pa.Table, rows: Frame) -> pa.Array:
    """One text for each row: what raises the 90 days' chance and what lowers it."""
    boosted = model.learners_.get("boosted")
    if not isinstance(boosted, Boosted):
        return pc.binary_join_element_wise(
            _filled(customers, "{orders} orders, {orders_90} of them in 90 days"),
            _filled(customers, "last order {days_since} days ago"),
            "; ",
        )
    parts = _parts(boosted, rows)
    words = [_filled(customers, template) for template in GROUPS]
    up, down = _pick(words, parts, customers), _pick(words, -parts, customers)
    raises = pc.binary_join_element_wise(pa.scalar("raises it: "), up, "", null_handling="emit_null")
    lowers = pc.binary_join_element_wise(pa.scalar("lowers it: "), down, "", null_handling="emit_null")
    return pc.coalesce(
        pc.binary_join_element_wise(raises, lowers, "; ", null_handling="emit_null"),
        raises,
        lowers,
        pa.scalar(_NOTHING),
    )


def _parts(boosted: Boosted, rows: Frame) -> Floats:
    """What each group moves the log-odds by, shape (n_customers, n_groups)."""
    where = {column: at for at, columns in enumerate(GROUPS.values()) for column in columns}
    names = [*NUMBERS, *DERIVED, *[""] * (rows.x.shape[1] - len(NUMBERS) - len(DERIVED))]
    group = np.array([where.get(name, len(GROUPS)) for name in names], np.int32)
    each = [trees.saabas(grown, rows.x, group, len(GROUPS) + 1) for grown in boosted.chances[-1].trees]
    return np.asarray(np.mean(each, axis=0)[:, :-1])


def _pick(words: list[pa.Array], parts: Floats, customers: pa.Table) -> pa.Array:
    """The words of the group with the largest part of each row; null where none is above 0."""
    best = parts.argmax(axis=1)
    table = pa.concat_arrays(words)
    at = best * len(customers) + np.arange(len(customers))
    return table.take(pa.array(at, mask=parts[np.arange(len(parts)), best] <= 0.01))


def _filled(customers: pa.Table, template: str) -> pa.Array:
    """The template with each row's figures; what is not known is '0'."""
    pieces: list[pa.Array | pa.Scalar] = []
    rest = template
    while "{" in rest:
        before, _, rest = rest.partition("{")
        name, _, rest = rest.partition("}")
        values = pc.fill_null(customers[name].combine_chunks().cast(pa.float64()), 0.0)
        pieces += [pa.scalar(before), pc.round(values).cast(pa.int64()).cast(pa.string())]
    return pc.binary_join_element_wise(*pieces, pa.scalar(rest), "")
