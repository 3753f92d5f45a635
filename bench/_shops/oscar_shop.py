"""A real django-oscar, in an environment of its own: migrated, filled through its own API, and what was done as JSON.

``python oscar_shop.py HOST DATABASE ORDERS FILE``. What an order should say is taken from the checkout, before it is kept.
"""

from __future__ import annotations

import json
import random
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from oscar import defaults

APPS = (
    "admin",
    "auth",
    "contenttypes",
    "sessions",
    "messages",
    "staticfiles",
    "sites",
    "flatpages",
)
PARTS = (
    "analytics",
    "checkout",
    "address",
    "shipping",
    "catalogue",
    "catalogue.reviews",
    "communication",
    "partner",
    "basket",
    "payment",
    "offer",
    "order",
    "customer",
    "search",
    "voucher",
    "wishlists",
    "dashboard",
)
BOARDS = (
    "reports",
    "users",
    "orders",
    "catalogue",
    "offers",
    "partners",
    "pages",
    "ranges",
    "reviews",
    "vouchers",
    "communications",
    "shipping",
)
OSCAR = (
    "oscar.config.Shop",
    *(f"oscar.apps.{part}.apps.{part.title().replace('.', '')}Config" for part in PARTS),
    *(f"oscar.apps.dashboard.{board}.apps.{board.title()}DashboardConfig" for board in BOARDS),
    "widget_tweaks",
    "haystack",
    "treebeard",
    "django_tables2",
)
TAX, SHIPPING = Decimal("1.20"), (Decimal(4), Decimal("4.80"))
PIPELINE = {
    "Pending": ("Being processed", "Cancelled"),
    "Being processed": ("Complete", "Cancelled"),
    "Cancelled": (),
    "Complete": (),
}


def begin(host: str, database: str) -> None:
    """Configure Django and run the migrations."""
    chosen = {name: getattr(defaults, name) for name in dir(defaults) if name.startswith("OSCAR")}
    chosen |= {"OSCAR_INITIAL_ORDER_STATUS": "Pending", "OSCAR_ORDER_STATUS_PIPELINE": PIPELINE}
    settings.configure(
        SECRET_KEY="a key of the benchmark",  # noqa: S106
        USE_TZ=True,
        TIME_ZONE="UTC",
        SITE_ID=1,
        ROOT_URLCONF="__main__",
        INSTALLED_APPS=[f"django.contrib.{app}" for app in APPS] + list(OSCAR),
        DATABASES={
            "default": {"ENGINE": "django.db.backends.postgresql", "NAME": database, "USER": "postgres", "HOST": host}
        },
        HAYSTACK_CONNECTIONS={"default": {"ENGINE": "haystack.backends.simple_backend.SimpleEngine"}},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        **chosen,
    )
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


urlpatterns: list[Any] = []


class Shop:
    """Catalogue, buyers and orders, with what was done to each in ``did``."""

    def __init__(self, seed: int) -> None:
        from django.contrib.auth.models import User
        from oscar.apps.catalogue.models import Category, Product, ProductClass
        from oscar.apps.partner import strategy
        from oscar.apps.partner.models import Partner, StockRecord

        class Taxed(strategy.UseFirstStockRecord, strategy.FixedRateTax, strategy.StockRequired, strategy.Structured):  # type: ignore[misc]
            rate = TAX - 1

        self.rng, self.strategy = random.Random(seed), Taxed()
        self.did: dict[str, Any] = {"orders": {}, "products": {}, "stock": {}, "people": {}, "reviews": {}}
        kind = ProductClass.objects.create(name="Goods")
        root = Category.add_root(name="Kitchen")
        below = root.add_child(name="Cups")
        partner = Partner.objects.create(name="Us")
        self.buyable: list[tuple[Any, int]] = []
        for n in range(12):
            product = Product.objects.create(
                title=f"Thing {n}",
                structure="parent" if n % 3 == 0 else "standalone",
                product_class=kind,
                is_public=n != 10,
            )
            product.categories.add(root, below)
            variants = (
                [Product.objects.create(structure="child", parent=product) for _ in range(2)]
                if n % 3 == 0
                else [product]
            )
            for variant in variants:
                price = Decimal(self.rng.randrange(200, 9000)) / 100
                StockRecord.objects.create(
                    product=variant,
                    partner=partner,
                    partner_sku=f"s{variant.id}",
                    price=price,
                    price_currency="EUR",
                    num_in_stock=100_000,
                )
                self.buyable.append((variant, product.id))
            self.did["products"][product.id] = {"title": f"Thing {n}", "category": "Cups", "active": n != 10}
        self.users = [User.objects.create_user(f"u{n}", f"u{n}@mail.example") for n in range(10)]
        self.voucher = self._voucher()

    def _voucher(self) -> Any:
        from django.utils import timezone
        from oscar.apps.offer import models
        from oscar.apps.voucher.models import Voucher

        everything = models.Range.objects.create(name="all", includes_all_products=True)
        condition = models.CountCondition.objects.create(range=everything, type="Count", value=1)
        benefit = models.PercentageDiscountBenefit.objects.create(range=everything, type="Percentage", value=10)
        offer = models.ConditionalOffer.objects.create(
            name="ten", offer_type="Voucher", condition=condition, benefit=benefit
        )
        now = timezone.now()
        voucher = Voucher.objects.create(
            name="TEN",
            code="TEN",
            usage="Multi-use",
            start_datetime=now - timezone.timedelta(days=9),
            end_datetime=now + timezone.timedelta(days=9),
        )
        voucher.offers.add(offer)
        return voucher

    def order(self, number: int) -> None:
        """Fill a basket, place it, and move the order on."""
        from django.contrib.auth.models import AnonymousUser
        from oscar.apps.basket.models import Basket
        from oscar.apps.checkout.calculators import OrderTotalCalculator
        from oscar.apps.offer.applicator import Applicator
        from oscar.apps.order.utils import OrderCreator
        from oscar.apps.shipping.methods import FixedPrice

        user = None if number % 4 == 0 else self.rng.choice(self.users)
        # A guest's address is sometimes that of an account, in capitals, sometimes of nobody.
        guest = "" if user else self.rng.choice([f"U{number % 10}@Mail.Example", f"guest{number % 7}@mail.example"])
        basket = Basket.objects.create(owner=user)
        basket.strategy = self.strategy
        bought = self.rng.sample(self.buyable, self.rng.randrange(1, 4))
        for variant, _ in bought:
            basket.add_product(variant, self.rng.randrange(1, 5))
        if number % 5 == 0:
            basket.vouchers.add(self.voucher)
        Applicator().apply(basket, user or AnonymousUser(), None)
        # What the checkout shows, before anything is kept of the order.
        of = {variant.id: product for variant, product in self.buyable}
        lines = [
            [of[x.product_id], x.quantity, float(x.line_price_incl_tax_incl_discounts)] for x in basket.all_lines()
        ]
        method = FixedPrice(*SHIPPING)
        charge = method.calculate(basket)
        total = OrderTotalCalculator().calculate(basket, charge)
        order = OrderCreator().place_order(
            basket,
            total,
            shipping_method=method,
            shipping_charge=charge,
            user=user or AnonymousUser(),
            order_number=f"N{number}",
            guest_email=guest,
        )
        basket.submit()
        status = self.rng.choice(["placed", "paid", "delivered", "cancelled"])
        for step in {
            "paid": ["Being processed"],
            "delivered": ["Being processed", "Complete"],
            "cancelled": ["Cancelled"],
        }.get(status, []):
            order.set_status(step)
        self.did["orders"][order.id] = {
            "lines": lines,
            "shipping": float(SHIPPING[1]),
            "status": status,
            "email": (user.email if user else guest).lower(),
            "total": float(total.incl_tax),
        }

    def delete(self) -> None:
        """Take a product that was bought out of the catalogue."""
        gone = next(product for _, product in self.buyable if product not in (self.buyable[0][1], self.buyable[1][1]))
        from oscar.apps.catalogue.models import Product

        Product.objects.get(id=gone).delete()
        del self.did["products"][gone]
        for order in self.did["orders"].values():
            order["lines"] = [[None if line[0] == gone else line[0], *line[1:]] for line in order["lines"]]


def main() -> None:
    """Make the shop and say what was done."""
    host, database, orders, file = sys.argv[1:5]
    begin(host, database)
    shop = Shop(7)
    for number in range(int(orders)):
        shop.order(number)
    shop.delete()
    Path(file).write_text(json.dumps(shop.did), encoding="utf-8")


if __name__ == "__main__":
    main()
