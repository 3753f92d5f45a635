"""Medusa 2: orders with versions, amounts beside their exact JSON, soft deletes, guests as customers without an account."""

from __future__ import annotations

from ml.shop.platforms._platform import TOGETHER, Platform, Version

PLATFORM = Platform.of(
    __file__,
    "Medusa",
    reads={
        "customer": "id email has_account created_at deleted_at company_name?text metadata?jsonb",
        "product": "id title description status is_giftcard created_at deleted_at metadata?jsonb",
        "product_variant": "id product_id deleted_at manage_inventory allow_backorder title?text",
        "product_category?": "id?text name?text mpath?text deleted_at?timestamptz",
        "product_category_product?": "product_id?text product_category_id?text",
        "order": "id customer_id version status is_draft_order currency_code created_at canceled_at email deleted_at "
        "shipping_address_id billing_address_id metadata?jsonb",
        "order_address": "id country_code address_1 postal_code city",
        "order_item": "id order_id version item_id quantity raw_quantity deleted_at return_received_quantity "
        "unit_price?numeric raw_unit_price?jsonb",
        "order_line_item": "id product_id unit_price raw_unit_price is_tax_inclusive variant_id?text",
        "order_line_item_tax_line": "item_id rate deleted_at?timestamptz",
        "order_line_item_adjustment": "item_id amount deleted_at?timestamptz version?integer is_tax_inclusive?boolean",
        "order_shipping": "order_id version shipping_method_id deleted_at return_id?text",
        "order_shipping_method": "id amount raw_amount is_tax_inclusive",
        "order_shipping_method_tax_line": "shipping_method_id rate deleted_at?timestamptz",
        "order_shipping_method_adjustment": "shipping_method_id amount deleted_at?timestamptz version?integer",
        "order_credit_line?": "order_id?text amount?numeric deleted_at?timestamptz version?integer",
        "return?": "order_id?text received_at?timestamptz deleted_at?timestamptz canceled_at?timestamptz",
        "price?": "price_set_id?text currency_code?text amount?numeric price_list_id?text rules_count?integer "
        "deleted_at?timestamptz min_quantity?numeric",
        "product_variant_price_set?": "variant_id?text price_set_id?text deleted_at?timestamptz",
        "store_currency?": "currency_code?text is_default?boolean deleted_at?timestamptz",
        "product_variant_inventory_item?": "variant_id?text inventory_item_id?text required_quantity?integer "
        "deleted_at?timestamptz",
        "inventory_level?": "inventory_item_id?text stocked_quantity?numeric reserved_quantity?numeric "
        "updated_at?timestamptz deleted_at?timestamptz",
        "cart?": "id?text customer_id?text completed_at?timestamptz deleted_at?timestamptz",
        "cart_line_item?": "cart_id?text product_id?text quantity?numeric created_at?timestamptz deleted_at?timestamptz "
        "variant_id?text",
        "order_cart?": "order_id?text cart_id?text deleted_at?timestamptz",
    },
    versions=(
        Version("2", ("order.version", "order_item.item_id", "order_line_item.raw_unit_price", "order_change")),
        Version(
            "1",
            ("order.fulfillment_status", "line_item.order_id", "money_amount"),
            why="move to Medusa 2, or write the views by hand (docs/connect-your-shop.md)",
        ),
    ),
    variants=TOGETHER,
    checked="2.21, installed from npm: `./nightshift bench shops --shop medusa`",
    remarks=(
        "An order counts in its present version; a sold order that waits as pending is a sale.",
        "A variant counts as its product; with --variants each it is a product of its own.",
        "Prices are those of the shop's first currency without rules or price lists.",
    ),
)
