"""Saleor 3: channels with their own currency, orders whose variants may be deleted, texts as blocks of JSON."""

from __future__ import annotations

from ml.shop.platforms._platform import TOGETHER, Platform, Version

PLATFORM = Platform.of(
    __file__,
    "Saleor",
    people=True,
    reads={
        "account_user": "id email date_joined",
        "account_address": "id country street_address_1 postal_code city",
        "channel_channel": "id slug currency_code is_active?boolean",
        "product_category": "id name",
        "product_product": "id name description category_id created_at?timestamptz metadata?jsonb",
        "product_productchannellisting": "product_id channel_id is_published published_at?timestamptz",
        "product_productvariant": "id product_id track_inventory name?varchar",
        "product_productvariantchannellisting": "variant_id channel_id price_amount",
        "order_order": "id created_at status user_id user_email currency total_gross_amount shipping_price_gross_amount "
        "shipping_address_id billing_address_id metadata?jsonb",
        "order_orderline": "id order_id variant_id quantity unit_price_gross_amount total_price_gross_amount?numeric created_at?timestamptz",
        "order_orderevent": "order_id type date",
        "warehouse_stock": "product_variant_id quantity quantity_allocated?integer",
        "django_migrations?": "app?text name?text",
    },
    versions=(
        Version(
            "3.4 and newer",
            ("order_order.created_at", "order_order.total_gross_amount", "product_productchannellisting"),
        ),
        Version(
            "3.3 or older",
            ("order_order.created", "order_orderline.order_id", "product_productvariant"),
            why="upgrade to 3.4 or newer, or write the views by hand (docs/connect-your-shop.md)",
        ),
    ),
    variants=TOGETHER,
    checked=(
        "single files of its source, each of one commit, whose release was not noted "
        "(`saleor/order/models.py` 000eff17, `saleor/product/models.py` 0033e0d2); no other column was held "
        "against a source"
    ),
    remarks=(
        "A variant counts as its product; with --variants each it is a product of its own.",
        "A line of a deleted variant has no product any more: it is left out, and counted.",
        "Each channel has a currency: name what a foreign one is worth with --rate, or the check refuses to add them up.",
        "Prices are the lowest of the channels in the currency of most orders.",
    ),
)
