"""The shop platforms whose databases are known: one mapping each, a module and its ``.sql``, and its line below.

A module holds ``PLATFORM``: which tables and columns are read, and how its versions are told apart. The ``.sql`` beside it
holds one SELECT per contract table over the platform's own tables, and before them the views that these share.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ml.shop.platforms._platform import Platform

PLATFORMS: dict[str, str] = {
    "medusa": "Medusa 2 on Postgres.",
    "vendure": "Vendure 2 and 3 on Postgres.",
    "evershop": "EverShop on Postgres.",
    "saleor": "Saleor 3 on Postgres.",
    "oscar": "django-oscar 3 and 4 on Postgres.",
    "odoo": "Odoo 13 to 19 on Postgres: its sales and its web shop.",
    "spree": "Spree 3.1 to 5 and Solidus on Postgres.",
    "woocommerce": "WooCommerce in WordPress on MySQL or MariaDB: orders in their own tables or as posts.",
    "magento": "Magento 2 on MySQL or MariaDB.",
    "prestashop": "PrestaShop 1.6 to 9 on MySQL or MariaDB.",
    "shopware": "Shopware 6 on MySQL or MariaDB.",
}
"""Name -> what it is. The module has the same name."""


def platform(name: str) -> Platform:
    """The mapping of this name."""
    found: Platform = importlib.import_module(f"ml.shop.platforms.{name}").PLATFORM
    return found
