"""WooCommerce in the tables of WordPress: orders of their own tables (HPOS) or, before, as posts."""

from __future__ import annotations

from ml.shop.platforms._platform import Platform, Version

_ORDERS = "'shop_order', 'shop_order_refund'"
_PRODUCT = "'_price', '_stock', '_manage_stock', '_stock_status'"
_ORDER = (
    "'_order_total', '_order_currency', '_customer_user', '_billing_email', '_order_shipping', '_order_shipping_tax', "
    "'_payment_method', '_customer_ip_address', '_billing_country', '_shipping_country', '_refund_amount'"
)

PLATFORM = Platform.of(
    __file__,
    "WooCommerce",
    reads={
        "options": "option_name option_value",
        "posts": "ID post_type post_status post_title post_content post_parent post_date_gmt post_modified_gmt",
        "postmeta": "post_id meta_key meta_value",
        "users": "ID user_email user_registered",
        "terms": "term_id name",
        "term_taxonomy": "term_taxonomy_id term_id taxonomy parent",
        "term_relationships": "object_id term_taxonomy_id",
        "comments": "comment_ID comment_post_ID comment_author_email user_id comment_date_gmt comment_content comment_approved comment_type",
        "commentmeta": "comment_id meta_key meta_value",
        "woocommerce_order_items": "order_item_id order_item_name order_item_type order_id",
        "woocommerce_order_itemmeta": "order_item_id meta_key meta_value",
        "wc_orders?": "id?text status?text currency?text type?text total_amount?text customer_id?text billing_email?text "
        "date_created_gmt?text date_updated_gmt?text parent_order_id?text payment_method?text ip_address?text",
        "wc_order_addresses?": "order_id?text address_type?text country?text address_1?text postcode?text city?text",
        "wc_order_operational_data?": "order_id?text shipping_total_amount?text shipping_tax_amount?text",
    },
    versions=(
        Version(
            "3.0 to 10, orders in their own tables or as posts",
            ("posts.post_type", "woocommerce_order_items", "woocommerce_order_itemmeta"),
        ),
    ),
    checked=(
        "one file of its source, of one commit, whose release was not noted (the orders' own tables in "
        "`OrdersTableDataStore.php` 000233cc); no other column was held against a source"
    ),
    remarks=(
        "Orders are read from where WooCommerce keeps them now: its own tables (HPOS), or the posts.",
        "A variation counts as its product. An order on hold waits for its payment, and is no sale yet.",
        "Read again before each night: WooCommerce's server is asked once, and what it said is kept here.",
    ),
    mysql=True,
    only={
        "options": "option_name IN ('woocommerce_custom_orders_table_enabled', 'woocommerce_currency', 'woocommerce_version')",
        "posts": f"post_type IN ('product', 'product_variation', {_ORDERS})",
        "postmeta": f"meta_key IN ({_PRODUCT}, {_ORDER})",
        "term_taxonomy": "taxonomy = 'product_cat'",
        "comments": "comment_type IN ('review', '')",
        "commentmeta": "meta_key = 'rating'",
        "woocommerce_order_itemmeta": "meta_key IN ('_product_id', '_variation_id', '_qty', '_line_total', '_line_tax', 'discount_amount')",
    },
)
