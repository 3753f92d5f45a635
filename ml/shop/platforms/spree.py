"""Spree and Solidus: carts among the orders, master variants, adjustments of lines, shipments and orders."""

from __future__ import annotations

from ml.shop.platforms._platform import Platform, Version

PLATFORM = Platform.of(
    __file__,
    "Spree",
    reads={
        "spree_users?": "id?bigint email?text created_at?timestamp deleted_at?timestamp",
        "spree_addresses": "id address1 zipcode city country_id",
        "spree_countries": "id iso",
        "spree_products": "id name description available_on deleted_at created_at discontinue_on?timestamp status?text",
        "spree_product_translations?": "spree_product_id?bigint name?text description?text locale?text",
        "spree_variants": "id product_id is_master deleted_at track_inventory",
        "spree_prices": "variant_id amount currency deleted_at country_iso?text",
        "spree_stock_items": "variant_id count_on_hand backorderable deleted_at updated_at",
        "spree_taxons": "id name depth?integer",
        "spree_products_taxons": "product_id taxon_id",
        "spree_orders": "id state total user_id completed_at email currency shipment_state payment_state canceled_at?timestamp "
        "ship_address_id bill_address_id last_ip_address channel?text created_at",
        "spree_line_items": "id order_id variant_id quantity price adjustment_total created_at",
        "spree_shipments": "id order_id cost adjustment_total state shipped_at?timestamp",
        "spree_reviews?": "id?bigint product_id?bigint user_id?bigint rating?integer title?text review?text created_at?timestamp",
    },
    versions=(
        Version(
            "Solidus 2 to 4", ("spree_orders.frontend_viewable", "spree_line_items.adjustment_total", "spree_shipments")
        ),
        Version(
            "4.4 to 5", ("spree_orders.completed_at", "spree_line_items.adjustment_total", "spree_products.status")
        ),
        Version(
            "3.1 to 4.3",
            ("spree_orders.completed_at", "spree_line_items.adjustment_total", "spree_products.discontinue_on"),
        ),
        Version(
            "2 or older",
            ("spree_orders.completed_at", "spree_line_items"),
            why="upgrade to 3.1 or newer, or write the views by hand (docs/connect-your-shop.md)",
        ),
    ),
    checked="4.3: orders, products and prices of `core/db/migrate/20210914000000_spree_four_three.rb` (28b10a85)",
    remarks=(
        "An order counts once it is completed; what is not is a cart. A variant counts as its product.",
        "Adjustments of a whole order are spread over its lines by their amount.",
        "Accounts are read from spree_users; where your application keeps them elsewhere, buyers are known by their e-mail.",
    ),
)
