"""EverShop: a product per variant, states of payment and of shipping beside the order's own."""

from __future__ import annotations

from ml.shop.platforms._platform import EACH, Platform, Version

PLATFORM = Platform.of(
    __file__,
    "EverShop",
    people=True,
    reads={
        "customer": "customer_id email created_at",
        "product": "product_id price status visibility?boolean created_at category_id?integer variant_group_id?integer",
        "product_description": "product_description_product_id name description",
        "category_description": "category_description_category_id name",
        "product_inventory": "product_inventory_product_id qty manage_stock stock_availability",
        "order": "order_id status?varchar currency customer_id customer_email user_ip shipping_fee_incl_tax grand_total "
        "shipping_address_id billing_address_id payment_method shipment_status payment_status created_at updated_at cart_id",
        "order_address": "order_address_id country address_1 postcode city",
        "order_item": "order_item_id order_item_order_id product_id qty line_total_with_discount_incl_tax",
        "payment_transaction": "payment_transaction_id payment_transaction_order_id amount payment_action created_at",
        "cart": "cart_id customer_id",
        "cart_item": "cart_id product_id qty created_at",
        "attribute": "attribute_id attribute_code",
        "product_attribute_value_index": "attribute_id product_id",
    },
    versions=(
        Version(
            "1.2 to 2", ("order_item.line_total_with_discount_incl_tax", "product_inventory", "order.payment_status")
        ),
        Version(
            "1.0 or 1.1",
            ("order_item.order_item_order_id", "order.grand_total", "product_description"),
            ("order_item.line_total_with_discount_incl_tax",),
            why="upgrade to 2, whose orders keep what a line cost after its discount",
        ),
    ),
    variants=EACH,
    checked="2.2.1, installed from npm: `./nightshift bench shops --shop evershop`",
    remarks=(
        "Each variant is a product of its own, as EverShop keeps it; with --variants together those of a group are its first.",
        "An order whose card or PayPal payment is pending or failed is not a sale yet; one that is paid on delivery is.",
    ),
)
