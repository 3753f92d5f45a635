"""django-oscar: products with children, orders of guests by e-mail, statuses that each shop names itself."""

from __future__ import annotations

from ml.shop.platforms._platform import TOGETHER, Platform, Version

PLATFORM = Platform.of(
    __file__,
    "django-oscar",
    people=True,
    reads={
        "auth_user": "id email date_joined",
        "catalogue_product": "id parent_id structure title description is_public date_created product_class_id",
        "catalogue_productclass": "id track_stock",
        "catalogue_category": "id name depth",
        "catalogue_productcategory": "product_id category_id",
        "partner_stockrecord": "product_id price num_in_stock num_allocated date_updated",
        "order_order": "id user_id guest_email status currency total_incl_tax shipping_incl_tax date_placed basket_id "
        "shipping_address_id billing_address_id",
        "order_line": "id order_id product_id quantity line_price_incl_tax",
        "order_shippingaddress": "id country_id line1 postcode line4",
        "order_billingaddress": "id country_id",
        "order_orderdiscount": "id order_id voucher_code amount",
        "order_orderstatuschange?": "order_id?integer new_status?text date_created?timestamptz",
        "basket_basket": "id owner_id",
        "basket_line": "basket_id product_id quantity date_created",
        "payment_source?": "id?integer order_id?integer amount_allocated?numeric amount_debited?numeric source_type_id?integer",
        "payment_sourcetype?": "id?integer code?text",
        "reviews_productreview?": "id?integer product_id?integer user_id?integer score?integer title?text body?text "
        "status?integer date_created?timestamptz",
        "catalogue_productattribute?": "id?integer code?text",
        "catalogue_productattributevalue?": "attribute_id?integer",
    },
    versions=(
        Version("3 and 4", ("order_order.guest_email", "order_line.line_price_incl_tax", "partner_stockrecord.price")),
        Version(
            "2 or older",
            ("order_order.guest_email", "order_line.line_price_incl_tax", "partner_stockrecord.price_excl_tax"),
            why="upgrade to 3, or write the views by hand (docs/connect-your-shop.md)",
        ),
    ),
    variants=TOGETHER,
    checked="the release that PyPI gives: `./nightshift bench shops --shop oscar`",
    remarks=(
        "A child counts as its parent, which is what a page shows; with --variants each it is a product of its own.",
        "An order is placed after its payment, so Pending and no status are sales; other words of your pipeline are shown.",
        "product.price is the stock record's, whose tax your strategy adds; prices of order lines have it.",
    ),
)
