"""WooCommerce's REST API (wc/v3): orders, refunds, products, variations, customers and reviews as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ml.shop.sources._json_stage import Row, added, address, at, listed, numeric, row

Json = Mapping[str, Any]

RATES = ("_order_exchange_rate", "_wcpay_multi_currency_order_exchange_rate", "_woocs_order_rate", "wmc_order_rate")
"""Names under which plug-ins keep a rate of exchange. WCPay's and the like are units of the order's currency for one of the shop's."""


def flatten(value: Json) -> Iterator[Row]:
    """Make the rows of the stage that an object holds; none: it is not known."""
    if "line_items" in value and ("billing" in value or "currency" in value):
        yield from _order(value)
    elif "reviewer_email" in value or ("rating" in value and "review" in value):
        yield from _review(value)
    elif "regular_price" in value or "catalog_visibility" in value:
        yield from _product(value)
    elif "email" in value and ("billing" in value or "is_paying_customer" in value):
        yield _customer(value)
    elif "amount" in value and "line_items" in value:
        yield row("variant")  # a refund: its order names it
    elif "slug" in value or "code" in value:
        yield row("variant")  # a category, a tag, a coupon: of no use here


def _gmt(value: Json, name: str) -> Any:
    """Give a moment: the one in UTC if it is there, else the shop's own."""
    found = value.get(f"{name}_gmt")
    if found:
        return str(found) if str(found).endswith("Z") or "+" in str(found) else f"{found}Z"
    return value.get(name)


def _order(value: Json) -> Iterator[Row]:
    number, bill, to = value.get("id"), value.get("billing") or {}, value.get("shipping") or {}
    total = numeric(value.get("total"))
    shipping = added(numeric(value.get("shipping_total")), numeric(value.get("shipping_tax")))
    fees = sum(
        (numeric(fee.get("total")) or 0) + (numeric(fee.get("total_tax")) or 0) for fee in listed(value, "fee_lines")
    )
    returned = -sum(numeric(refund.get("total")) or 0 for refund in listed(value, "refunds"))
    status = value.get("status")
    if status in ("completed", "processing") and returned > 0:
        status = "partly_returned" if total is None or returned < total - 0.005 else "returned"
    yield row(
        "order",
        order_id=number,
        gid=number,
        customer_ref=value.get("customer_id") or None,
        mail=bill.get("email"),
        phone=bill.get("phone") if not bill.get("email") else None,
        ordered_at=_gmt(value, "date_created"),
        status=status,
        total=total,
        shipping=shipping,
        goods=None if total is None else round(total - (shipping or 0) - fees, 6),
        currency=value.get("currency"),
        exchange_rate=_rate(value),
        channel=_channel(value.get("created_via")),
        shipping_country=to.get("country") or None,
        billing_country=bill.get("country") or None,
        shipping_address=address(to.get("address_1"), to.get("postcode"), to.get("city"), to.get("country")),
        ip=value.get("customer_ip_address") or None,
    )
    for line in listed(value, "line_items"):
        yield _line(line, number)
    for coupon in listed(value, "coupon_lines"):
        off = added(numeric(coupon.get("discount")), numeric(coupon.get("discount_tax")))
        if coupon.get("code") and off:
            yield row(
                "coupon",
                coupon_id=coupon.get("id") or f"{number}/{coupon['code']}",
                order_gid=number,
                code=coupon["code"],
                discount=off,
            )
    if value.get("payment_method") and total is not None:
        yield row(
            "payment",
            payment_id=value.get("transaction_id") or f"{number}/1",
            order_gid=number,
            method=value["payment_method"],
            amount=total,
            paid_at=_gmt(value, "date_paid"),
        )
    if status in ("refunded", "cancelled") and (known := _gmt(value, "date_modified")):
        yield row("outcome", order_gid=number, kind={"refunded": "returned"}.get(status, status), known_at=known)


def _rate(value: Json) -> float | None:
    meta = {m.get("key"): m.get("value") for m in listed(value, "meta_data")}
    rate = next((numeric(meta[name]) for name in RATES if numeric(meta.get(name))), None)
    return 1 / rate if rate else None


def _channel(word: Any) -> str | None:
    return {"checkout": "web", "store-api": "web", "rest-api": None, "admin": "phone", "pos-rest-api": "store"}.get(
        str(word), word or None
    )


def _line(line: Json, number: Any) -> Row:
    quantity = numeric(line.get("quantity"))
    paid = added(numeric(line.get("total")), numeric(line.get("total_tax")))
    meta = {m.get("key") for m in listed(line, "meta_data")}
    return row(
        "line",
        order_gid=number,
        product_ref=line.get("product_id") or None,
        sku=line.get("sku") or None,
        title=line.get("parent_name") or line.get("name"),
        quantity=quantity,
        unit_price=paid / quantity if paid is not None and quantity else numeric(line.get("price")),
        service=bool(meta & {"_ywgc_amount", "wc_gc_giftcard_amount", "_wc_pre_paid_gift_card"}),
    )


def _product(value: Json) -> Iterator[Row]:
    product, parent = value.get("id"), value.get("parent_id") or None
    sku, stock = value.get("sku"), value.get("stock_quantity")
    price = numeric(value.get("price")) if value.get("price") not in (None, "") else numeric(value.get("regular_price"))
    owner = parent if parent and value.get("type", "variation") in ("variation", "subscription_variation") else product
    yield row(
        "variant",
        product_id=owner,
        alias=f"sku:{str(sku).lower()}" if sku else None,
        price=price,
        quantity=stock if stock is not None and value.get("manage_stock") in (True, "true") else None,
    )
    if owner != product:
        yield row("variant", product_id=owner, alias=f"id:{product}")
        return
    brands = [b.get("name") for b in listed(value, "brands")]
    named = [
        a.get("options")
        for a in listed(value, "attributes")
        if str(a.get("name")).lower() in ("brand", "marke", "marque")
    ]
    yield row(
        "product",
        product_id=product,
        title=value.get("name"),
        description=value.get("description") or value.get("short_description"),
        category=next((c.get("name") for c in reversed(listed(value, "categories"))), None),
        brand=next((b for b in (*brands, *(o[0] for o in named if o)) if b), None),
        price=price,
        active=value.get("status", "publish") == "publish" and value.get("catalog_visibility", "visible") != "hidden",
        service=value.get("type") in ("gift-card", "pw-gift-card", "gift_card") or at(value, "gift_card") is True,
        listed_at=_gmt(value, "date_created"),
    )
    for place, image in enumerate(listed(value, "images"), 1):
        yield row("image", product_id=product, image_no=place, uri=image.get("src"))


def _customer(value: Json) -> Row:
    return row(
        "customer",
        customer_ref=value.get("id"),
        mail=value.get("email") or at(value, "billing", "email"),
        phone=at(value, "billing", "phone"),
        registered_at=_gmt(value, "date_created"),
        country=at(value, "billing", "country") or at(value, "shipping", "country") or None,
        segment=value.get("role")
        if value.get("role") not in (None, "", "customer", "administrator", "subscriber", "shop_manager")
        else None,
    )


def _review(value: Json) -> Iterator[Row]:
    if value.get("status", "approved") not in ("approved", "hold"):
        yield row("variant")  # spam or trash
        return
    yield row(
        "review",
        review_id=value.get("id"),
        product_ref=value.get("product_id"),
        mail=value.get("reviewer_email"),
        stars=value.get("rating") or None,
        text=value.get("review"),
        written_at=_gmt(value, "date_created"),
    )
