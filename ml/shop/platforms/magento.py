"""Magento 2 and Adobe Commerce on premises: attributes in tables of their own, a line more for each chosen variant."""

from __future__ import annotations

from ml.shop.platforms._platform import Platform, Version

_LINE = "row_total tax_amount discount_amount discount_tax_compensation_amount"

PLATFORM = Platform.of(
    __file__,
    "Magento",
    reads={
        "eav_attribute": "attribute_id attribute_code entity_type_id",
        "eav_entity_type": "entity_type_id entity_type_code",
        "customer_entity": "entity_id email created_at",
        "catalog_product_entity": "entity_id sku type_id created_at",
        "catalog_product_entity_varchar": "attribute_id store_id entity_id value",
        "catalog_product_entity_text": "attribute_id store_id entity_id value",
        "catalog_product_entity_int": "attribute_id store_id entity_id value",
        "catalog_product_entity_decimal": "attribute_id store_id entity_id value",
        "catalog_category_product": "category_id product_id",
        "catalog_category_entity": "entity_id level",
        "catalog_category_entity_varchar": "attribute_id store_id entity_id value",
        "catalog_product_super_link": "product_id parent_id",
        "cataloginventory_stock_item": "product_id qty is_in_stock manage_stock",
        "sales_order": "entity_id state status customer_id customer_email created_at updated_at base_grand_total base_currency_code "
        "base_shipping_amount base_shipping_tax_amount base_shipping_discount_amount "
        "base_shipping_discount_tax_compensation_amnt base_total_refunded remote_ip",
        "sales_order_item": "item_id order_id parent_item_id product_id qty_ordered "
        + " ".join(f"base_{name}" for name in _LINE.split()),
        "sales_order_address": "parent_id address_type country_id street postcode city",
        "sales_order_payment": "entity_id parent_id method base_amount_ordered",
        "review?": "review_id?text entity_pk_value?text created_at?text status_id?text",
        "review_detail?": "review_id?text title?text detail?text customer_id?text",
        "rating_option_vote?": "review_id?text value?text",
    },
    versions=(
        Version(
            "2", ("sales_order.base_grand_total", "sales_order_item.parent_item_id", "catalog_product_entity.entity_id")
        ),
        Version(
            "2 as Adobe Commerce with staged content",
            ("sales_order.base_grand_total", "catalog_product_entity.row_id", "catalog_product_entity_varchar.row_id"),
            ("catalog_product_entity_varchar.entity_id",),
            why="its catalogue has versions (row_id): export it to files (./nightshift shop load magento)",
        ),
        Version(
            "1",
            ("sales_flat_order", "sales_flat_order_item"),
            why="move to Magento 2, or export to files (./nightshift shop load tables)",
        ),
    ),
    checked=(
        "orders and addresses in one file of its source, of one commit, whose release was not noted "
        "(`Sales/etc/db_schema.xml` 04354085); no other column was held against a source"
    ),
    remarks=(
        "Amounts are those of the base currency. A configurable product's line counts once, with its price.",
        "A closed order is refunded, a holded one waits.",
    ),
    mysql=True,
)
