"""The second stage: boosted trees that order the union of all proposals, learned on windows before the night.

For each of some times s before the night, the candidate models are fitted on what was known at s, and what the
customers bought in the ``window_days`` after s is the answer. Nothing of a window is in what its features were made of.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ml.capabilities.recommender.candidates import ensemble
from ml.capabilities.recommender.candidates.content_state import Content
from ml.capabilities.recommender.candidates.sequence import Sequence
from ml.capabilities.recommender.ranking import confirmation, season, tuning
from ml.capabilities.recommender.ranking.facts import product_facts
from ml.capabilities.recommender.ranking.frame import Frame, frame
from ml.capabilities.recommender.ranking.window import Window
from ml.capabilities.recommender.spec import Params
from ml.core.units import DAY_S
from ml.kernels.compiled import Ids, Scores
from ml.kernels.groups import ends_of, group_of
from ml.learn import boosting, trees
from ml.learn.purchases import NEVER, Log, before

LEAST_TAKEN = 500
"""With fewer purchases to learn from than that, the blend is used."""
LEAST_WINDOWS = 3
"""So many times are looked at, however many customers each has."""
FEW_CUSTOMERS = 4_000
"""Where ``windows`` of them have fewer, as many again are looked at."""
BLOCK = 2000


@dataclass(frozen=True)
class Ranker:
    """Attributes: ``chance``, trees of the log-odds that a pair is taken; ``how`` they grew; ``season`` of new products."""

    chance: trees.Trees
    how: boosting.Growth
    season: season.Season = field(default_factory=season.Season)


def fit(log: Log, texts: Content, params: Params, seed: int, *, deep: Sequence | None = None) -> Ranker | None:
    """Learn from :func:`windows` before ``log.until``; None: there is too little to learn from.

    ``deep`` knows nothing after :func:`known_to_all`.
    """
    made = list(windows(log, texts, params, seed, deep=deep))
    if sum(int(window.taken.sum()) for window in made) < LEAST_TAKEN:
        return None
    x = np.concatenate([window.x for window in made])
    taken = np.concatenate([window.taken for window in made])
    how = tuning.tuned(made, params, seed)
    history_days = (log.until - int(log.at.min())) / DAY_S
    folds = confirmation.folds(log, made, known_products, params, how, seed)
    return Ranker(boosting.grow(x, taken, how, seed), how, season.confirmed(folds, history_days))


def known_to_all(log: Log, params: Params) -> int:
    """The start of the earliest of the ``LEAST_WINDOWS`` that are always looked at."""
    return _start(log, params, LEAST_WINDOWS - 1)


def windows(log: Log, texts: Content, params: Params, seed: int, *, deep: Sequence | None = None) -> Iterator[Window]:
    """Make the tables of the windows, the latest first, until there are enough customers to learn from."""
    seen = 0
    for number in range(2 * params.windows):
        if number >= params.windows and seen >= FEW_CUSTOMERS:
            return
        at = _start(log, params, number)
        if not len(log.at) or at <= log.at.min():
            return
        fitted = texts, deep if number < LEAST_WINDOWS else None
        window = _window(log, at, fitted, params, seed + number)
        if window is not None:
            yield window if number == 0 else window._replace(learnt=None)
            seen += window.asked
        if seen >= params.ranker_customers:
            return


def score(ranker: Ranker, x: Scores) -> npt.NDArray[np.float64]:
    """The log-odds of each row of a frame."""
    return trees.predict(ranker.chance, x)


def save(ranker: Ranker, folder: Path) -> None:
    """Write ``chance.npz``, ``growth.json`` and ``season.json``."""
    trees.save(ranker.chance, folder / "chance.npz")
    (folder / "growth.json").write_text(json.dumps(ranker.how._asdict()), encoding="utf-8")
    season.save(ranker.season, folder)


def load(folder: Path) -> Ranker:
    """Read what :func:`save` wrote; nothing in the files is executed."""
    how = json.loads((folder / "growth.json").read_text(encoding="utf-8"))
    return Ranker(trees.load(folder / "chance.npz"), boosting.Growth(**how), season.load(folder))


def known_products(log: Log) -> npt.NDArray[np.bool_]:
    """Which products were sold or listed before ``log.until``."""
    there = np.bincount(log.product, minlength=log.n_products) > 0
    listed: npt.NDArray[np.bool_] = there | ((log.listed_at != NEVER) & (log.listed_at < log.until))
    return listed


def _start(log: Log, params: Params, number: int) -> int:
    return log.until - int((params.window_days + number * params.window_step_days) * DAY_S)


def _window(log: Log, at: int, fitted: tuple[Content, Sequence | None], params: Params, seed: int) -> Window | None:
    past = before(log, at)
    users, ends, bought, bought_at = bought_in(log, at, at + int(params.window_days * DAY_S))
    if not len(past.at) or not len(users):
        return None
    rng = np.random.default_rng(seed)
    most = max(1, params.ranker_customers // min(params.windows, LEAST_WINDOWS))
    if len(users) > most:
        chosen = np.sort(rng.permutation(len(users))[:most])
        bought, bought_at = (
            np.concatenate([part[ends[c] : ends[c + 1]] for c in chosen]) for part in (bought, bought_at)
        )
        ends = ends_of((ends[1:] - ends[:-1])[chosen])
        users = users[chosen]
    learnt = ensemble.learn(past, at, params, seed, texts=fitted[0], deep=fitted[1])
    made = ensemble.tonight(learnt, past, at, params)
    products, there = product_facts(past), known_products(past)
    parts = []
    for start in range(0, len(users), BLOCK):
        block = slice(start, start + BLOCK)
        table = frame(made, past, users[block], products, there, params)
        labels = (bought, bought_at < log.until - confirmation.EARLIEST_DAYS * DAY_S)
        parts.append(_labelled(table, ends[start : start + BLOCK + 1], labels, log.n_products, params, rng))
    x, taken, units, early = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return Window(x, taken, units, len(users), early, at, learnt)


def bought_in(log: Log, start: int, end: int) -> tuple[Ids, npt.NDArray[np.int64], Ids, npt.NDArray[np.int64]]:
    """Who bought in ``[start, end)``, what (CSR without doubles), and when first."""
    inside = np.flatnonzero((log.at >= start) & (log.at < end))
    who = group_of(log.indptr)[inside]
    # A customer's lines stand in the order of time: the first of a key is the oldest.
    keys, first = np.unique(who * np.int64(log.n_products) + log.product[inside], return_index=True)
    users, counts = np.unique(keys // max(1, log.n_products), return_counts=True)
    items = (keys % max(1, log.n_products)).astype(np.int32)
    return users.astype(np.int32), ends_of(counts), items, log.at[inside][first]


def _labelled(
    table: Frame,
    ends: npt.NDArray[np.int64],
    labels: tuple[Ids, npt.NDArray[np.bool_]],
    m: int,
    params: Params,
    rng: np.random.Generator,
) -> tuple[Scores, npt.NDArray[np.bool_], npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Label the candidates, and keep those of customers who took one: all that was taken and a share of the rest."""
    n = len(ends) - 1
    row = group_of(table.ends)
    bought, soon = (part[ends[0] : ends[-1]] for part in labels)
    keys, wanted = group_of(ends) * np.int64(m) + bought, row * np.int64(m) + table.items
    taken, early = np.isin(wanted, keys), np.isin(wanted, keys[soon])
    kept = (taken | (rng.random(len(taken)) < params.negatives)) & (np.bincount(row, taken, n) > 0)[row]
    units = np.bincount(row[kept], minlength=n)
    return table.x[kept], taken[kept], units[units > 0], early[kept]
