"""Two e-mail campaigns a year with a control arm drawn by lot, and how much the e-mail helps with whom."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ml.contract.tables import CAMPAIGN
from ml.core.units import DAY_S
from ml.shop.sources.demo import columns as col
from ml.shop.sources.demo.columns import Bools, Floats, Ints, Rows
from ml.shop.sources.demo.customers import RING, SILENT, People, accepts_marketing, customer_ids
from ml.shop.sources.demo.options import Options
from ml.shop.sources.demo.truth import CAMPAIGN_UPLIFT

ORDER_GIVEN_VISIT = 0.25
_EVERY = 182 * DAY_S

KINDS = ("persuadable", "sure", "lost", "annoyed")
HELPED, COMES = 0.1, 0.15
"""Whom the e-mail helps by so much is persuadable; who else comes anyway with this chance is sure."""


@dataclass(frozen=True)
class Mailing:
    """One row a customer in a campaign. ``who`` is the position in the chunk."""

    campaign: Ints
    who: Ints
    sent: Ints
    treated: Bools
    visit_control: Floats
    visit_treated: Floats
    order_given_visit: Floats
    visited: Bools
    visited_at: Ints
    ordered: Bools


def mailings(options: Options, chunk: int, them: People) -> Mailing:
    """Draw who is in which campaign, what is sent, and who comes and buys because of it or anyway."""
    rng, n = options.rng("campaign", chunk), len(them.number)
    sent_at = np.arange(options.start + _EVERY // 2 + 9 * 3600, options.stop, _EVERY)
    campaign, who = np.divmod(np.arange(len(sent_at) * n), n)
    reachable = accepts_marketing(them)[who] & (them.registered[who] < sent_at[campaign]) & (them.persona[who] != RING)
    chosen = reachable & (rng.random(len(who)) < 0.35)
    campaign, who = campaign[chosen], who[chosen]
    sent, treated = sent_at[campaign], rng.random(len(who)) < 0.6
    control, uplift = chances(them, who, sent)
    visited_at = sent + 600 + (rng.exponential(2.0, len(who)) * DAY_S).astype(np.int64)
    came = rng.random(len(who)) < np.where(treated, control + uplift, control)
    buys = np.where(them.persona[who] == SILENT, 0.0, ORDER_GIVEN_VISIT)
    visited = came & (visited_at < np.minimum(options.stop, sent + 14 * DAY_S))
    ordered = visited & (rng.random(len(who)) < buys)
    return Mailing(campaign, who, sent, treated, control, control + uplift, buys, visited, visited_at, ordered)


def chances(them: People, who: Ints, sent: Ints) -> tuple[Floats, Floats]:
    """Chance of a visit without the e-mail, and what the e-mail adds.

    It helps most with the moderately active and the new, and drives the wholesale customers away a little.
    """
    active = np.log1p(them.orders_per_year[who])
    control = np.clip(0.04 + 0.07 * active, 0.02, 0.4)
    new = (sent - them.registered[who]) < 365 * DAY_S
    helps = 0.22 * np.exp(-(((active - 0.9) / 0.5) ** 2)) * np.where(new, 1.4, 0.8)
    return control, np.where(them.segment[who] == 2, -0.03, helps).clip(-control, 1 - control)


def kinds(sent: Mailing) -> Ints:
    """Position in ``KINDS`` of each row, by what was planted."""
    helps = sent.visit_treated - sent.visit_control
    return np.asarray(
        np.select([helps < 0, helps >= HELPED, sent.visit_control >= COMES], [3, 0, 1], default=2), np.int64
    )


def campaign_tables(them: People, sent: Mailing) -> Iterator[Rows]:
    """The contract table ``campaign`` and its truth."""
    name, who = col.ids("M", sent.campaign + 1), customer_ids(them.number[sent.who])
    yield col.rows(
        CAMPAIGN,
        campaign_id=name,
        customer_id=who,
        arm=col.pick(["control", "email"], sent.treated.astype(np.int64)),
        sent_at=col.times(sent.sent),
        visited_at=col.times(sent.visited_at, sent.visited),
    )
    yield col.rows(
        CAMPAIGN_UPLIFT,
        campaign_id=name,
        customer_id=who,
        visit_control=sent.visit_control,
        visit_treated=sent.visit_treated,
        order_given_visit=sent.order_given_visit,
        kind=col.pick(KINDS, kinds(sent)),
    )
