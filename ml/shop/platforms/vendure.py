"""Vendure: amounts in minor units, adjustments and tax lines as JSON, titles as translations, carts among the orders."""

from __future__ import annotations

from ml.shop.platforms._platform import TOGETHER, Platform, Version

PLATFORM = Platform.of(
    __file__,
    "Vendure",
    reads={
        "channel": "id code defaultLanguageCode defaultCurrencyCode?varchar pricesIncludeTax",
        "customer": "id createdAt deletedAt emailAddress userId",
        "product": "id createdAt deletedAt enabled",
        "product_translation": "baseId languageCode name description",
        "product_variant": "id productId deletedAt enabled trackInventory",
        "product_variant_translation?": "baseId?integer languageCode?varchar name?varchar",
        "product_variant_price": "variantId channelId price currencyCode?varchar",
        "collection": "id isRoot position",
        "collection_translation": "baseId languageCode name",
        "collection_product_variants_product_variant": "collectionId productVariantId",
        "order": "id type?varchar code state active orderPlacedAt customerId shippingAddress billingAddress currencyCode "
        "subTotalWithTax shippingWithTax createdAt",
        "order_line": "id orderId productVariantId quantity orderPlacedQuantity listPrice listPriceIncludesTax adjustments "
        "taxLines createdAt",
        "surcharge": "id orderId listPrice listPriceIncludesTax taxLines",
        "payment": "id orderId method amount state createdAt",
        "refund": "id paymentId total state",
        "history_entry": "orderId type data createdAt",
        "stock_level": "productVariantId stockOnHand stockAllocated updatedAt",
    },
    versions=(
        Version("2 and 3", ("order_line.orderPlacedQuantity", "stock_level.stockOnHand", "surcharge", "history_entry")),
        Version(
            "1",
            ("order_item.lineId", "product_variant.stockOnHand", "history_entry"),
            why="upgrade to Vendure 2, or write the views by hand (docs/connect-your-shop.md)",
        ),
    ),
    variants=TOGETHER,
    checked="3.7, installed from npm: `./nightshift bench shops --shop vendure`",
    remarks=(
        "Amounts are kept in hundredths, as Vendure's own strategy does for every currency.",
        "An order counts once it is placed; what is still being filled is a cart. Orders of sellers are parts of another.",
        "A variant counts as its product; with --variants each it is a product of its own.",
        "Titles are those of the default channel's language; another: --language.",
    ),
)
