"""Products, and aspects of them, that turned bad: tested for chance, and corrected for how many were tested.

Each product (and the shop as a whole) is tested on its reviews as a whole and on each aspect: are there more bad reviews
among those of the last 3, 7, 14 or 28 days than the same product's year before lets expect? Fisher's exact test, one-sided,
the least of the four p-values times four (Bonferroni), then Benjamini & Hochberg (JRSS B 1995) over all tests that could
have been significant at all given how many reviews and bad ones there are (Gilbert, JRSS C 2005). On an unchanged shop a
night has an alert, right or wrong, with a chance of at most ``false_alarms``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ml.capabilities.sentiment.opinion import Floats, Ints, Opinions
from ml.capabilities.sentiment.spec import Params


class Counts(NamedTuple):
    """Counts of shape (n_products + 1, n_aspects + 1); row 0 is the shop, column 0 the reviews as a whole."""

    n: Ints
    bad: Ints
    n_before: Ints
    bad_before: Ints


def rows(opinions: Opinions, params: Params) -> dict[str, pa.Array]:
    """Make the rows of ``sentiment_alert``, by product id and aspect."""
    from scipy.stats import false_discovery_control

    spans = [counts(opinions, days, params) for days in params.alert_days]
    p_values = np.stack([p_value(span) for span in spans])
    possible = np.stack([least_p_value(span) for span in spans])
    of_all = len(spans)
    p, could = np.minimum(1, of_all * p_values.min(axis=0)), of_all * possible.min(axis=0) <= params.false_alarms
    q = np.ones_like(p)
    q[could] = false_discovery_control(p[could])
    enough = np.stack([span.bad >= params.alert_least for span in spans])
    which = np.where(enough, p_values, 2.0).argmin(axis=0)
    found = np.argwhere((q <= params.false_alarms) & enough.any(axis=0))
    return _columns(opinions, spans, which, p, q, found, params)


def counts(opinions: Opinions, days: int, params: Params) -> Counts:
    """Reviews and bad ones in the last ``days`` and in the year before, of those whose words the model knows."""
    recent = opinions.read & (opinions.age_days < days)
    before = opinions.read & ~recent & (opinions.age_days < days + params.before_days)
    shape = (len(opinions.products) + 1, len(opinions.aspects) + 1)
    criticised = opinions.aspect_score <= -params.aspect_sure
    found = []
    for part in (recent, before):
        n, bad = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        n[:] = np.bincount(opinions.product[part] + 1, minlength=shape[0])[:, None]
        bad[:, 0] = np.bincount(opinions.product[part & opinions.negative] + 1, minlength=shape[0])
        clause = criticised & part[opinions.review]
        key = (opinions.product[opinions.review[clause]] + 1) * shape[1] + opinions.aspect[clause] + 1
        bad += np.bincount(key, minlength=shape[0] * shape[1]).reshape(shape)
        # Row 0 held the reviews of no product; the shop's are all, an account's equal ones once.
        every = part if opinions.once is None else part & opinions.once
        n[0], bad[0, 0] = every.sum(), (every & opinions.negative).sum()
        bad[0, 1:] = np.bincount(opinions.aspect[criticised & every[opinions.review]], minlength=shape[1] - 1)
        found += [n, bad]
    return Counts(*found)


def p_value(tests: Counts) -> Floats:
    """P(X >= bad), X hypergeometric: ``n`` reviews drawn from ``n + n_before`` of which ``bad + bad_before`` are bad."""
    from scipy.stats import hypergeom

    p = np.ones(tests.n.shape)
    some = (tests.bad > 0) & (tests.bad * tests.n_before > tests.bad_before * tests.n)
    n, bad, n_before, bad_before = (part[some] for part in tests)
    p[some] = hypergeom.sf(bad - 1, n + n_before, bad + bad_before, n)
    return np.clip(p, 0.0, 1.0)


def least_p_value(tests: Counts) -> Floats:
    """The p-value if as many as can be of the bad reviews were recent ones: P(X = min(n, K))."""
    from scipy.stats import hypergeom

    n, whole, bad = tests.n, tests.n + tests.n_before, tests.bad + tests.bad_before
    return np.asarray(hypergeom.pmf(np.minimum(n, bad), whole, bad, n))


def _columns(
    opinions: Opinions,
    spans: list[Counts],
    which: npt.NDArray[np.intp],
    p: Floats,
    q: Floats,
    found: Ints,
    params: Params,
) -> dict[str, pa.Array]:
    names, aspects = ["", *opinions.products], ["", *opinions.aspects]
    records: list[dict[str, object]] = []
    for row, column in found.tolist():
        span = spans[which[row, column]]
        days = params.alert_days[which[row, column]]
        n, bad, n_before, bad_before = (int(part[row, column]) for part in span)
        share, before = bad / n, bad_before / max(1, n_before)
        what = aspects[column] or "the product"
        does = f"criticise {what}" if aspects[column] else "are negative"
        records.append(
            {
                "product_id": names[row],
                "aspect": aspects[column],
                "days": days,
                "n": n,
                "bad": bad,
                "share": share,
                "share_before": before,
                "p_value": float(p[row, column]),
                "q_value": float(q[row, column]),
                "quote": _quote(opinions, row - 1, column - 1, days, params),
                "reason": f"{bad} of {n} reviews of the last {days} days {does}; before it were {before:.0%}",
            }
        )
    kinds = {
        "days": pa.int64(),
        "n": pa.int64(),
        "bad": pa.int64(),
        "share": pa.float64(),
        "share_before": pa.float64(),
        "p_value": pa.float64(),
        "q_value": pa.float64(),
    }
    columns = (
        "product_id",
        "aspect",
        "days",
        "n",
        "bad",
        "share",
        "share_before",
        "p_value",
        "q_value",
        "quote",
        "reason",
    )
    return {name: pa.array([row[name] for row in records], kinds.get(name, pa.string())) for name in columns}


def _quote(opinions: Opinions, product: int, aspect: int, days: int, params: Params) -> str:
    """The most critical clause of the days: of the aspect, or of any; empty where none criticises."""
    candidates = (opinions.aspect_score <= -params.aspect_sure) & (opinions.age_days[opinions.review] < days)
    candidates &= (product < 0) | (opinions.product[opinions.review] == product)
    if aspect >= 0:
        candidates &= opinions.aspect == aspect
    places = np.flatnonzero(candidates)
    return str(opinions.quotes[int(places[opinions.aspect_score[places].argmin()])].as_py()) if len(places) else ""
