"""Odoo: quotations among the orders, sections and deliveries among the lines, titles as JSON from version 16 on."""

from __future__ import annotations

from ml.shop.platforms._platform import Platform, Version

PLATFORM = Platform.of(
    __file__,
    "Odoo",
    reads={
        "res_partner": "id create_date email?text country_id?integer customer_rank?integer",
        "res_country?": "id?integer code?text",
        "res_currency?": "id?integer name?text",
        "product_template": "id name list_price active?boolean sale_ok?boolean categ_id?integer create_date?timestamp "
        "description_sale?jsonb",
        "product_product": "id product_tmpl_id",
        "product_category?": "id?integer name?text",
        "sale_order": "id partner_id date_order state amount_total currency_id?integer currency_rate?numeric "
        "partner_shipping_id?integer partner_invoice_id?integer website_id?integer write_date?timestamp create_date?timestamp",
        "sale_order_line": "id order_id sequence product_id product_uom_qty price_unit display_type price_total?numeric "
        "is_delivery?boolean is_downpayment?boolean",
        "stock_quant?": "product_id?integer location_id?integer quantity?numeric reserved_quantity?numeric write_date?timestamp",
        "stock_location?": "id?integer usage?text",
        "ir_module_module?": "name?text latest_version?text",
    },
    versions=(
        Version("13 to 19", ("sale_order.amount_total", "sale_order_line.display_type", "product_template.list_price")),
        Version(
            "11 or older",
            ("sale_order.amount_total", "sale_order_line.product_uom_qty", "product_template"),
            ("sale_order_line.display_type",),
            why="upgrade to 13 or newer, or write the views by hand (docs/connect-your-shop.md)",
        ),
    ),
    checked=(
        "one file of its source, of one commit, whose release was not noted "
        "(`addons/sale/models/sale_order_line.py` 0056e092); no other column was held against a source"
    ),
    remarks=(
        "A quotation, sent or not, is no sale; sections, notes and down payments are no lines; a delivery is the order's shipping.",
        "A reward or discount that is a line of its own lies on the other lines by their amount.",
        "A variant counts as its template. Orders of the point of sale are not read.",
        "Titles are in English, or the first language that is there; another: --language fr_FR.",
    ),
)
