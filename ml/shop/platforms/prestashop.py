"""PrestaShop: states by number, orders in the customer's currency, discounts of the whole order, times of the shop."""

from __future__ import annotations

from ml.shop.platforms._platform import Platform, Version

PLATFORM = Platform.of(
    __file__,
    "PrestaShop",
    reads={
        "configuration": "name value",
        "currency": "id_currency iso_code",
        "country": "id_country iso_code",
        "address": "id_address id_country address1 postcode city",
        "customer": "id_customer email date_add is_guest deleted",
        "product": "id_product price active date_add id_category_default id_manufacturer visibility?text state?text",
        "product_lang": "id_product id_lang name description",
        "category_lang": "id_category id_lang name",
        "manufacturer": "id_manufacturer name",
        "lang": "id_lang iso_code",
        "stock_available": "id_product id_product_attribute quantity out_of_stock",
        "orders": "id_order id_customer id_currency conversion_rate current_state total_paid_tax_incl total_shipping_tax_incl "
        "total_wrapping_tax_incl date_add id_address_delivery id_address_invoice payment",
        "order_detail": "id_order_detail id_order product_id product_quantity total_price_tax_incl",
        "order_state": "id_order_state paid shipped module_name",
        "order_state_lang": "id_order_state id_lang name",
        "order_history": "id_order id_order_state date_add",
    },
    versions=(
        Version(
            "1.6 to 9",
            ("orders.current_state", "order_detail.total_price_tax_incl", "stock_available", "order_state.paid"),
        ),
        Version(
            "1.4 or older",
            ("orders", "order_detail", "order_history"),
            ("stock_available",),
            why="upgrade to 1.6 or newer, or export to files (./nightshift shop load tables)",
        ),
    ),
    checked=(
        "order lines, states and products in one file of its source, of one commit, whose release was not "
        "noted (`install-dev/data/db_structure.sql` 00242955); no other column was held against a source"
    ),
    remarks=(
        "A state is told by the configuration (cancelled, refunded …), one of your own by its marks for paid and shipped.",
        "A state of your own without these marks is shown by its name.",
        "Amounts are the order's; its conversion rate makes them the shop's. Discounts of a whole order lie on its lines.",
    ),
    mysql=True,
    only={"configuration": "name LIKE 'PS\\_OS\\_%' OR name IN ('PS_LANG_DEFAULT', 'PS_TIMEZONE', 'PS_VERSION_DB')"},
)
