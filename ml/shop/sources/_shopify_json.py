"""Shopify's JSON: the JSONL of a GraphQL bulk operation (children name their parent), or orders and products of its REST API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ml.shop.sources._json_stage import Row, added, address, at, listed, numeric, row

Json = Mapping[str, Any]

_NO_SALE = ("voided", "expired")


def flatten(value: Json) -> Iterator[Row]:
    """Make the rows of the stage that an object holds; none: it is not known."""
    kind = _kind(value)
    if kind in ("Order", "DraftOrder"):
        yield from _order(value, draft=kind == "DraftOrder")
    elif kind == "LineItem":
        yield _line(value, value.get("__parentId"))
    elif kind == "Refund":
        yield row("outcome", order_gid=value.get("__parentId"), kind="returned", known_at=at(value, "createdAt"))
    elif kind == "Product":
        yield from _product(value)
    elif kind == "ProductVariant":
        yield from _variant(value, _number(value.get("__parentId") or value.get("product_id")))
    elif kind == "Customer":
        yield _customer(value)
    elif kind in (
        "InventoryLevel",
        "InventoryItem",
        "Metafield",
        "MediaImage",
        "ProductImage",
        "OrderTransaction",
        "Collection",
    ):
        yield row("variant")  # known, and of no use here


def _kind(value: Json) -> str:
    """Tell what an object is: by its global id, or by the fields that only it has."""
    gid = str(value.get("admin_graphql_api_id") or value.get("id") or "")
    if gid.startswith("gid://shopify/"):
        return gid.split("/")[3]
    for name, fields in {
        "Order": ("line_items", "financial_status"),
        "ProductVariant": ("inventory_item_id", "price"),
        "Product": ("variants", "title"),
        "Customer": ("email", "orders_count"),
    }.items():
        if all(field in value for field in fields):
            return name
    if "__parentId" in value:
        parent = str(value["__parentId"])
        if "/Order/" in parent and "quantity" in value:
            return "LineItem"
        if "/Product/" in parent and "price" in value:
            return "ProductVariant"
        return "Metafield"
    return ""


def _number(gid: Any) -> str | None:
    """Give the number at the end of a global id, as Shopify's admin shows it."""
    return str(gid).rsplit("/", 1)[-1].split("?")[0] if gid not in (None, "") else None


def _money(value: Json, *names: str) -> float | None:
    """Read an amount in the shop's currency: a bag of money (GraphQL), or plain (REST)."""
    for name in names:
        found = value.get(name)
        if isinstance(found, Mapping):
            found = at(found, "shopMoney", "amount") or at(found, "shop_money", "amount") or found.get("amount")
        if (amount := numeric(found)) is not None:
            return amount
    return None


def _any(value: Json, *names: str) -> Any:
    return next((value[name] for name in names if value.get(name) not in (None, "")), None)


def _order(value: Json, *, draft: bool) -> Iterator[Row]:
    gid = value.get("id")
    total, shipping = (
        _money(value, "totalPriceSet", "total_price"),
        _money(value, "totalShippingPriceSet", "total_shipping_price_set"),
    )
    tip, subtotal = (
        _money(value, "totalTipReceivedSet", "total_tip_received"),
        _money(value, "subtotalPriceSet", "subtotal_price"),
    )
    to, bill = (value.get(f"{w}Address") or value.get(f"{w}_address") or {} for w in ("shipping", "billing"))
    no_sale = draft or value.get("test") in (True, "true")
    yield row(
        "order",
        order_id=_any(value, "name") or _number(gid),
        gid=gid,
        customer_ref=_number(at(value, "customer", "id")),
        mail=_any(value, "email", "contact_email") or at(value, "customer", "email"),
        phone=_any(value, "phone") or at(value, "customer", "phone"),
        ordered_at=_any(value, "processedAt", "createdAt", "processed_at", "created_at"),
        status="draft" if no_sale else _status(value),
        total=total,
        shipping=shipping,
        goods=added(total, -(shipping or 0), -(tip or 0)) if total is not None and subtotal is not None else None,
        before=subtotal,
        currency=_any(value, "currencyCode", "currency") or at(value, "totalPriceSet", "shopMoney", "currencyCode"),
        channel=_any(value, "sourceName", "source_name"),
        shipping_country=_any(to, "countryCodeV2", "countryCode", "country_code"),
        billing_country=_any(bill, "countryCodeV2", "countryCode", "country_code"),
        shipping_address=address(
            *(to.get(part) for part in ("address1", "zip", "city")), _any(to, "countryCodeV2", "country_code")
        ),
        ip=_any(value, "clientIp", "browser_ip"),
    )
    if cancelled := _any(value, "cancelledAt", "cancelled_at"):
        yield row("outcome", order_gid=gid, kind="cancelled", known_at=cancelled)
    for refund in listed(value, "refunds"):
        if not cancelled:
            yield row("outcome", order_gid=gid, kind="returned", known_at=_any(refund, "createdAt", "created_at"))
    for line in (*listed(value, "line_items"), *listed(value, "lineItems")):
        yield _line(line, gid)
    for number, coupon in enumerate(listed(value, "discount_codes")):
        yield row(
            "coupon",
            coupon_id=f"{gid}/{number}",
            order_gid=gid,
            code=coupon.get("code"),
            discount=numeric(coupon.get("amount")),
        )


def _status(value: Json) -> str | None:
    financial = str(_any(value, "displayFinancialStatus", "financial_status") or "").lower()
    fulfilment = str(_any(value, "displayFulfillmentStatus", "fulfillment_status") or "").lower()
    if _any(value, "cancelledAt", "cancelled_at") or financial in _NO_SALE:
        return "cancelled"
    if financial in ("refunded", "partially_refunded"):
        return {"refunded": "returned"}.get(financial, "partly_returned")
    if fulfilment in ("fulfilled", "partially_fulfilled", "partial"):
        return "shipped"
    return {"paid": "paid", "partially_paid": "paid", "authorized": "placed"}.get(financial, financial or None)


def _line(value: Json, gid: Any) -> Row:
    quantity = numeric(value.get("quantity"))
    price = _money(value, "discountedUnitPriceAfterAllDiscountsSet", "discountedUnitPriceSet")
    if price is None:
        price, off = _money(value, "originalUnitPriceSet", "price", "originalUnitPrice"), _line_discount(value)
        price = price - off / quantity if price is not None and quantity else price
    title = _any(value, "title", "name")
    return row(
        "line",
        order_gid=gid,
        product_ref=_number(at(value, "product", "id") or value.get("product_id")),
        sku=value.get("sku"),
        title=title,
        brand=value.get("vendor"),
        quantity=quantity,
        unit_price=price,
        service=value.get("isGiftCard") or value.get("gift_card") or str(title).lower() == "tip",
    )


def _line_discount(value: Json) -> float:
    listed_here = [numeric(d.get("amount")) or 0.0 for d in listed(value, "discount_allocations")]
    return sum(listed_here) or _money(value, "totalDiscountSet", "total_discount") or 0.0


def _product(value: Json) -> Iterator[Row]:
    product, status = _number(value.get("id")), str(value.get("status") or "active").lower()
    yield row(
        "product",
        product_id=product,
        title=value.get("title"),
        description=_any(value, "descriptionHtml", "description", "body_html"),
        category=_any(value, "productType", "product_type") or at(value, "category", "name"),
        brand=value.get("vendor"),
        price=numeric(at(value, "priceRangeV2", "minVariantPrice", "amount")),
        active=status == "active" and bool(value.get("publishedAt", value.get("published_at", True))),
        service=value.get("isGiftCard"),
        listed_at=_any(value, "createdAt", "created_at"),
    )
    for variant in listed(value, "variants"):
        yield from _variant(variant, product)
    for number, image in enumerate((*listed(value, "images"), *listed(value, "media")), 1):
        if uri := _any(image, "src", "url", "originalSrc") or at(image, "image", "url"):
            yield row("image", product_id=product, image_no=number, uri=uri)


def _variant(value: Json, product: str | None) -> Iterator[Row]:
    sku = value.get("sku")
    stock = _any(value, "inventoryQuantity", "inventory_quantity")
    tracked = "inventory_management" not in value or value["inventory_management"]
    yield row(
        "variant",
        product_id=product,
        alias=f"sku:{str(sku).lower()}" if sku else None,
        price=numeric(value.get("price")),
        quantity=stock if stock is not None and tracked else None,
    )


def _customer(value: Json) -> Row:
    consent = at(value, "emailMarketingConsent", "marketingState") or at(value, "email_marketing_consent", "state")
    return row(
        "customer",
        customer_ref=_number(value.get("id")),
        mail=value.get("email") or at(value, "defaultEmailAddress", "emailAddress"),
        phone=value.get("phone"),
        registered_at=_any(value, "createdAt", "created_at"),
        country=at(value, "defaultAddress", "countryCodeV2") or at(value, "default_address", "country_code"),
        accepts_marketing=str(consent).lower() == "subscribed" if consent else value.get("accepts_marketing"),
    )
