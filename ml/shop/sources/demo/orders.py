"""The order, its lines, payments and coupons as contract tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml.contract.tables import COUPON, ORDER, ORDER_ITEM, PAYMENT
from ml.core.units import DAY_S
from ml.shop.sources.demo import columns as col
from ml.shop.sources.demo.behaviour import CHANNELS, Purchases
from ml.shop.sources.demo.catalogue import product_ids
from ml.shop.sources.demo.columns import Bools, Floats, Ints, Rows
from ml.shop.sources.demo.customers import COUNTRIES, People, customer_ids, emails
from ml.shop.sources.demo.fate import STATUS, Fate, status
from ml.shop.sources.demo.fraud import Traces
from ml.shop.sources.demo.options import Options

METHODS = ("card", "transfer", "wallet", "boleto", "voucher")
CODES = ("WELCOME10", "SUMMER10", "THANKYOU10", "NIGHT10")
_STREETS = ("Elm Street", "Harbour Road", "Mill Lane", "Station Way", "Church Hill", "Orchard Close", "Kings Walk")
_CARD, _TRANSFER, _WALLET, _BOLETO, _VOUCHER = range(5)


@dataclass(frozen=True)
class Bill:
    """Money of each order."""

    discount: Floats
    shipping: Floats
    total: Floats


def order_tables(options: Options, them: People, bought: Purchases, left: Traces, fate: Fate) -> Iterator[Rows]:
    """Yield order, order_item, payment and coupon."""
    rng = options.rng("orders", bought.chunk)
    goods = np.bincount(bought.line_order, bought.quantity * bought.unit_price, len(bought.t))
    discount = np.where(rng.random(len(goods)) < 0.08, np.round(goods * 0.1, 2), 0.0)
    shipping = np.where(goods < 60, 4.9, 0.0)
    bill = Bill(discount, shipping, np.round(goods - discount + shipping, 2))
    yield _orders(rng, options, them, bought, left, fate, bill)
    yield _lines(bought)
    yield _payments(rng, options, them, bought, left, fate, bill.total)
    yield _coupons(rng, bought, bill)


def _orders(
    rng: np.random.Generator, options: Options, them: People, bought: Purchases, left: Traces, fate: Fate, bill: Bill
) -> Rows:
    """One in a hundred orders as a guest; store and phone leave neither device nor IP."""
    online = bought.channel < 2
    return col.rows(
        ORDER,
        order_id=col.ids("O", bought.numbers),
        customer_id=customer_ids(them.number[bought.who], rng.random(len(bought.t)) > 0.01),
        ordered_at=col.times(bought.t),
        status=col.pick(STATUS, status(options, bought, fate)),
        total=bill.total,
        shipping=bill.shipping,
        channel=col.pick(CHANNELS, bought.channel),
        shipping_country=col.pick(COUNTRIES, left.ships_to),
        billing_country=col.pick(COUNTRIES, left.billed_in),
        shipping_address=_addresses(left.address),
        email=emails(them.number[bought.who]),
        ip=_ips(left.ip, online),
        device_id=col.tokens("d", left.device, online),
        known_at=col.times(fate.known, fate.late),
    )


def _lines(bought: Purchases) -> Rows:
    return col.rows(
        ORDER_ITEM,
        order_id=col.ids("O", bought.numbers[bought.line_order]),
        line_no=bought.line_no,
        product_id=product_ids(bought.product),
        quantity=bought.quantity,
        unit_price=bought.unit_price,
    )


def _coupons(rng: np.random.Generator, bought: Purchases, bill: Bill) -> Rows:
    used = np.flatnonzero(bill.discount > 0)
    return col.rows(
        COUPON,
        coupon_id=col.ids("K", bought.numbers[used]),
        order_id=col.ids("O", bought.numbers[used]),
        code=col.pick(CODES, rng.integers(0, len(CODES), len(used))),
        discount=bill.discount[used],
    )


def _payments(
    rng: np.random.Generator, options: Options, them: People, bought: Purchases, left: Traces, fate: Fate, total: Floats
) -> Rows:
    """One payment an order, two where a voucher pays a part; a transfer comes a day or more later."""
    n = len(bought.t)
    method = np.array([_CARD, _TRANSFER, _WALLET])[col.number_of(rng, (0.72, 0.14, 0.14), n)]
    brazil = them.country[bought.who] == COUNTRIES.index("BR")
    method = np.where(brazil & (rng.random(n) < 0.25), _BOLETO, method)
    method = np.where(bought.fraud >= -1, _CARD, method)
    part = np.where(rng.random(n) < 0.03, np.round(total * 0.3, 2), 0.0)
    later = (method == _TRANSFER) | (method == _BOLETO)
    paid = fate.known + np.where(later, rng.integers(DAY_S // 2, 4 * DAY_S, n), 0)
    instalments = np.where(brazil & (method == _CARD), rng.integers(1, 11, n), 1)
    main, extra = np.flatnonzero(paid < options.stop), np.flatnonzero(part > 0)
    row = np.r_[main, extra]
    voucher = np.arange(len(row)) >= len(main)
    card = (method[row] == _CARD) & ~voucher
    return col.rows(
        PAYMENT,
        payment_id=col.ids("Y", bought.numbers[row] * 2 + voucher),
        order_id=col.ids("O", bought.numbers[row]),
        method=col.pick(METHODS, np.where(voucher, _VOUCHER, method[row])),
        amount=np.where(voucher, part[row], np.round(total[row] - part[row], 2)),
        instalments=np.where(voucher, 1, instalments[row]),
        card=col.tokens("c", left.card[row], card),
        paid_at=col.times(paid[row], later[row] & ~voucher),
    )


def _addresses(number: Ints) -> pa.Array:
    mixed = (number * 2_654_435_761) % 2**32
    house = pa.array(mixed % 180 + 1).cast(pa.string())
    code = pc.utf8_lpad(pa.array(mixed // 180 % 100_000).cast(pa.string()), 5, "0")
    flat = pa.array(number % 997).cast(pa.string())
    street = col.pick(_STREETS, mixed // 7 % len(_STREETS))
    return col.join(col.join(house, street, by=" "), col.join("Flat", flat, by=" "), code, by=", ")


def _ips(number: Ints, where: Bools) -> pa.Array:
    """Addresses in 10.0.0.0/8, so that none is anybody's."""
    mixed = (number * 2_654_435_761) % 2**32
    parts = (pa.array(mixed >> shift & 255, mask=~where).cast(pa.string()) for shift in (24, 16, 8))
    return col.join("10", *parts, by=".")
