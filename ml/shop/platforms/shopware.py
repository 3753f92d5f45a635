"""Shopware 6: ids as bytes, versions of every row, states of the order, its payment and its delivery."""

from __future__ import annotations

from ml.shop.platforms._platform import Platform, Version

_LIVE = "version_id = UNHEX('0FA91CE3E96A4BC2BE4BD9CE752C3425')"

PLATFORM = Platform.of(
    __file__,
    "Shopware",
    reads={
        "language": "id name",
        "currency": "id iso_code",
        "customer": "id email guest created_at",
        "product": "id parent_id active price available_stock is_closeout created_at",
        "product_translation": "product_id language_id name description",
        "product_category": "product_id category_id",
        "category": "id level",
        "category_translation": "category_id language_id name",
        "order": "id order_date_time amount_total shipping_total state_id currency_id currency_factor",
        "order_customer": "order_id customer_id email",
        "order_line_item": "id order_id parent_id product_id quantity total_price position",
        "order_transaction": "id order_id state_id created_at",
        "state_machine_state": "id technical_name",
    },
    versions=(
        Version("6", ("order.version_id", "order_line_item.order_version_id", "state_machine_state.technical_name")),
        Version(
            "5",
            ("s_order", "s_order_details"),
            why="move to Shopware 6, or export to files (./nightshift shop load tables)",
        ),
    ),
    checked=(
        "one file of its source, of one commit, whose release was not noted (`OrderLineItemDefinition.php` "
        "01f62a67); no other column was held against a source"
    ),
    remarks=(
        "Only the live version of a row counts. A variant counts as its product.",
        "Amounts are the order's; its currency factor makes them the shop's. Taxes of net orders lie on the lines.",
        "A promotion or credit, which is a line of its own, lies on the other lines by their amount.",
        "An order whose payment failed or was cancelled is cancelled.",
    ),
    mysql=True,
    only=dict.fromkeys(
        ("product", "category", "order", "order_customer", "order_line_item", "order_transaction"), _LIVE
    ),
)
