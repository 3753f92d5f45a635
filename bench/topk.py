"""Exact top-20 with bought products filtered, beside implicit's recommend and the bare matrix product."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from bench import Options, Row, in_turn
from ml.core.topk import top_k_dense
from ml.core.topk_sparse import top_k_sparse

K, BOUGHT, NEIGHBOURS, THREADS = 20, 30, 100, 2
BLOCK = 5_000


def run(options: Options) -> Iterator[Row]:
    """Users per second on 200,000 users x 50,000 items (quick: 4,000 x 5,000), both at 64 and 128 factors."""
    n, m = (4_000, 5_000) if options.quick else (200_000, 50_000)
    rng = np.random.default_rng(1)
    popular = 1 / np.arange(1, m + 1) ** 0.7
    popular /= popular.sum()
    bought = _sparse(rng, n, m, BOUGHT, popular)
    for factors, target in ((64, 2.0), (128, 1.4)):
        yield from _dense(rng, bought, factors, target)
    similar = _sparse(rng, m, m, NEIGHBOURS, popular)
    taken = in_turn({
        "ours": lambda: top_k_sparse(bought, similar, K, bought, threads=THREADS),
        "scipy": lambda: _sparse_product(bought, similar),
    }, times=1)  # fmt: skip
    yield Row(
        f"top-{K} of a history of {BOUGHT} x {NEIGHBOURS} neighbours, {n:,} users", "users/s", n / taken["ours"],
        "scipy's bare sparse product", n / taken["scipy"], taken["scipy"] / taken["ours"],
        note="ours also filters, ranks and names the source",
    )  # fmt: skip


def _dense(rng: np.random.Generator, bought: csr_matrix, factors: int, target: float) -> Iterator[Row]:
    n, m = bought.shape
    x = rng.standard_normal((n, factors), dtype=np.float32)
    y = rng.standard_normal((m, factors), dtype=np.float32) * rng.lognormal(0, 0.5, (m, 1)).astype(np.float32)
    top_k_dense(x[:10], y, K, bought[:10], threads=THREADS)
    taken = in_turn({
        "ours": lambda: top_k_dense(x, y, K, bought, threads=THREADS),
        "implicit, 1 BLAS thread": _implicit(x, y, bought, 1),
        "implicit, all BLAS threads": _implicit(x, y, bought, THREADS),
        "small tiles": lambda: _product(x, y, 1024, 2048),
        "large blocks": lambda: _product(x, y, 1024, len(y)),
    }, times=1)  # fmt: skip
    ours = taken.pop("ours")
    product = min(taken.pop("small tiles"), taken.pop("large blocks"))
    best = min(taken, key=lambda name: taken[name])
    what = f"top-{K} of {factors} factors, {n:,} x {m:,}, bought filtered"
    yield Row(what, "users/s", n / ours, best, n / taken[best], taken[best] / ours, target)
    yield Row(what, "users/s", n / ours, "the bare product, best block", n / product, product / ours, 0.7)


def _implicit(x: Any, y: Any, bought: csr_matrix, threads: int) -> Callable[[], None]:
    """The peer's own recommend, in the blocks of users that its manual suggests."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of BLAS threads, which are set below
        from implicit.cpu.als import AlternatingLeastSquares

        model = AlternatingLeastSquares(factors=x.shape[1], num_threads=THREADS)
    model.user_factors, model.item_factors = x, y

    def recommend() -> None:
        with threadpool_limits(threads, user_api="blas"):
            for start in range(0, len(x), BLOCK):
                users = np.arange(start, min(start + BLOCK, len(x)))
                model.recommend(users, bought[users], N=K)

    return recommend


def _product(x: Any, y: Any, height: int, width: int) -> None:
    """All scores by BLAS on all cores, thrown away: the least that a method by exact scores can take."""
    buffer = np.empty(height * width, np.float32)
    for i in range(0, len(x), height):
        for j in range(0, len(y), width):
            users, items = x[i : i + height], y[j : j + width]
            np.matmul(users, items.T, out=buffer[: len(users) * len(items)].reshape(len(users), len(items)))


def _sparse_product(bought: csr_matrix, similar: csr_matrix) -> None:
    for start in range(0, bought.shape[0], BLOCK):
        _ = bought[start : start + BLOCK] @ similar


def _sparse(rng: np.random.Generator, n: int, m: int, per_row: int, popular: Any) -> csr_matrix:
    """About ``per_row`` entries in each row, popular columns more often."""
    columns = rng.choice(m, n * per_row, p=popular).astype(np.int32)
    made = csr_matrix(
        (rng.random(n * per_row, dtype=np.float32), columns, np.arange(0, n * per_row + 1, per_row)), shape=(n, m)
    )
    made.sum_duplicates()
    return made
