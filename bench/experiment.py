"""Experiments: false positives when looked at every night, power, and off-policy estimates beside planted truth."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from bench import Options, Row
from ml.learn.experiments import always_valid, compare, detectable, foreseen
from ml.learn.intervals import wilson
from ml.learn.metrics.offpolicy import doubly_robust, ips, snips

NIGHTS, CUSTOMERS, BEFORE = 28, 2_000, 56
Floats = npt.NDArray[np.float64]


def run(options: Options) -> Iterator[Row]:
    """500 experiments (quick: 50) of 2,000 customers over 28 nights, each looked at after every night.

    Customers differ in how often they buy, for good: before the start, and in every night after it. The peer is the
    ordinary 95 % interval, looked at as often.
    """
    trials = 50 if options.quick else 500
    rng = np.random.default_rng(7)
    ours, theirs = _false(rng, trials)
    low, high = (float(b) for b in wilson(ours, trials))
    yield Row(
        f"A/A experiments called an effect in {NIGHTS} looks, of {trials}",
        "share",
        ours / trials,
        "limit",
        0.05,
        0.05 / max(ours / trials, 1 / trials),
        target=None if options.quick else 1.0,
        note=f"[{low:.1%}, {high:.1%}]",
    )
    yield Row(
        "the same",
        "share",
        ours / trials,
        "95 % interval at every look",
        theirs / trials,
        theirs / max(ours, 1),
    )
    found, size, narrower = _power(rng, trials // 2)
    low, high = (float(b) for b in wilson(found, trials // 2))
    yield Row(
        f"planted lift of the detectable size ({size:.1%}) found by the end",
        "share",
        found / (trials // 2),
        "promised",
        0.8,
        found / (trials // 2) / 0.8,
        target=None if options.quick else 1.0,
        note=f"[{low:.1%}, {high:.1%}]",
    )
    yield Row("width of the interval with CUPED", "ratio", narrower, "without", 1.0, 1 / narrower)
    yield from _off_policy(rng, 40 if options.quick else 200)


def _people(rng: np.random.Generator) -> tuple[Floats, Floats, Floats, npt.NDArray[np.bool_]]:
    """Each customer's rate of orders a night, money in the earlier and later half before the start, and arm."""
    rate = rng.gamma(0.6, 0.05, CUSTOMERS)
    earlier, later = (_money(rng, rate * BEFORE / 2) for _ in range(2))
    return rate, earlier, later, rng.random(CUSTOMERS) < 0.5


def _money(rng: np.random.Generator, rate: Floats) -> Floats:
    return rng.poisson(rate) * rng.lognormal(3.5, 0.5, len(rate))


def _false(rng: np.random.Generator, trials: int) -> tuple[int, int]:
    ours = theirs = 0
    for _ in range(trials):
        rate, earlier, later, arm = _people(rng)
        before = earlier + later
        planned = foreseen(earlier, later, 2 * NIGHTS / BEFORE) * (1 / arm.sum() + 1 / (~arm).sum())
        total, hit, peeked = np.zeros(CUSTOMERS), False, False
        for _ in range(NIGHTS):
            total += _money(rng, rate)
            effect = compare(total[arm], total[~arm], before[arm], before[~arm], planned)
            hit |= bool(effect.low > 0 or effect.high < 0)
            peeked |= abs(effect.effect) > 1.96 * effect.error
        ours, theirs = ours + hit, theirs + peeked
    return ours, theirs


def _power(rng: np.random.Generator, trials: int) -> tuple[int, float, float]:
    """Experiments with the detectable lift that were found, the lift as a share of the mean, and what CUPED narrows."""
    found, sizes, narrower = 0, [], []
    for _ in range(trials):
        rate, earlier, later, arm = _people(rng)
        before = earlier + later
        deviation = float(np.sqrt(foreseen(earlier, later, 2 * NIGHTS / BEFORE)))
        lift = detectable(deviation, int(arm.sum()), int((~arm).sum()))
        total, hit = np.zeros(CUSTOMERS), False
        planned = deviation**2 * (1 / arm.sum() + 1 / (~arm).sum())
        for _ in range(NIGHTS):
            total += _money(rng, rate) + np.where(arm, lift / NIGHTS, 0.0)
            effect = compare(total[arm], total[~arm], before[arm], before[~arm], planned)
            hit |= bool(effect.low > 0)
        plain = total[arm].var() / arm.sum() + total[~arm].var() / (~arm).sum()
        found += hit
        sizes.append(lift / max(total[~arm].mean(), 1e-9))
        narrower.append(always_valid(effect.error**2, planned) / always_valid(plain, planned))
    return found, float(np.mean(sizes)), float(np.mean(narrower))


def _off_policy(rng: np.random.Generator, trials: int) -> Iterator[Row]:
    """A logged lottery over ten products, judged for another order of them."""
    n, actions = 4_000, 10
    liked = 0.5 ** np.arange(1, actions + 1)
    logged = 0.7 * liked / liked.sum() + 0.3 / actions  # three places of ten by lot among all
    target = logged[::-1]
    estimates: dict[str, list[tuple[float, bool]]] = {
        "IPS": [],
        "SNIPS": [],
        "doubly robust": [],
        "mean of the log": [],
    }
    for trial in range(trials):
        worth = rng.beta(1, 8, (n, actions)) * np.linspace(0.5, 1.5, actions)
        truth = float((worth * target).sum(axis=1).mean())
        shown = rng.choice(actions, n, p=logged)
        rows = np.arange(n)
        reward = (rng.random(n) < worth[rows, shown]).astype(float)
        chances, wanted = (np.asarray(of[shown], np.float64) for of in (logged, target))
        model = np.tile(worth.mean(axis=0) * rng.uniform(0.7, 1.3, actions), (n, 1))  # a model that is off by a third
        for name, estimate in (
            ("IPS", ips(reward, chances, wanted, seed=trial, draws=200)),
            ("SNIPS", snips(reward, chances, wanted, seed=trial, draws=200)),
            (
                "doubly robust",
                doubly_robust(reward, chances, wanted, model[rows, shown], model @ target, seed=trial, draws=200),
            ),
        ):
            estimates[name].append((estimate.value - truth, estimate.low <= truth <= estimate.high))
        estimates["mean of the log"].append((reward.mean() - truth, False))
    naive = float(np.mean([error for error, _ in estimates["mean of the log"]]))
    for name in ("IPS", "SNIPS", "doubly robust"):
        errors = np.array([error for error, _ in estimates[name]])
        half = 1.96 * errors.std(ddof=1) / np.sqrt(trials)
        bias = float(errors.mean())
        yield Row(
            f"bias of {name} in {trials} logs",
            "reward per place",
            bias,
            "mean of the log",
            naive,
            half / max(abs(bias), 1e-12),
            target=None,
            note=f"within ±{half:.2g}: {'yes' if abs(bias) <= half else 'no'}; truth in the interval "
            f"{np.mean([inside for _, inside in estimates[name]]):.0%}",
        )
