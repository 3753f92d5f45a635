"""Exact top-20 with bought products filtered, beside implicit's recommend and the bare matrix product."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from bench import Options, Row, in_turn
from ml.kernels.topk.dense import top_k_dense
from ml.kernels.topk.sparse import top_k_sparse

K, BOUGHT, NEIGHBOURS, THREADS = 20, 30, 100, 2
BLOCK, ROUNDS, PART = 5_000, 3, 20_000


def run(options: Options) -> Iterator[Row]:
    """Users per second on 200,000 users x 50,000 items (quick: 4,000 x 5,000), at 64 and 128 factors."""
    n, m = (4_000, 5_000) if options.quick else (200_000, 50_000)
    rng = np.random.default_rng(1)
    popular = 1 / np.arange(1, m + 1) ** 0.7
    popular /= popular.sum()
    bought = _sparse(rng, n, m, BOUGHT, popular)
    for factors, target in ((64, 2.2), (128, 1.5)):
        x = rng.standard_normal((n, factors), dtype=np.float32)
        y = rng.standard_normal((m, factors), dtype=np.float32) * rng.lognormal(0, 0.5, (m, 1)).astype(np.float32)
        yield from _dense(f"{factors} random factors", x, y, bought, target)
    yield from _trained(rng, n // 5, m, popular)
    similar = _sparse(rng, m, m, NEIGHBOURS, popular)
    top_k_sparse(bought[:10], similar, K, bought[:10])
    taken = in_turn(
        {
            "ours": lambda: top_k_sparse(bought, similar, K, bought),
            "scipy": lambda: _sparse_product(bought, similar),
        },
        times=1,
    )
    yield Row(
        f"top-{K} of a history of {BOUGHT} x {NEIGHBOURS} neighbours, {n:,} users",
        "users/s",
        n / taken["ours"],
        "scipy's bare sparse product",
        n / taken["scipy"],
        taken["scipy"] / taken["ours"],
        note="ours also filters, ranks and names the source",
    )


def _dense(name: str, x: Any, y: Any, bought: csr_matrix, target: float | None) -> Iterator[Row]:
    """Ours for all users; each peer, whose time is proportional to them, for others of them in each round."""
    top_k_dense(x[:10], y, K, bought[:10])
    part = min(PART, len(x) // ROUNDS)
    turns = {peer: itertools.cycle(range(0, part * ROUNDS, part)) for peer in ("1", "2", "small", "large")}

    def users(peer: str) -> slice:
        start = next(turns[peer])
        return slice(start, start + part)

    taken = in_turn(
        {
            "ours": lambda: top_k_dense(x, y, K, bought),
            "implicit, 1 BLAS thread": lambda: _implicit(x, y, bought, users("1"), 1),
            "implicit, all BLAS threads": lambda: _implicit(x, y, bought, users("2"), THREADS),
            "small tiles": lambda: _product(x[users("small")], y, 1024, 2048),
            "large blocks": lambda: _product(x[users("large")], y, 1024, len(y)),
        },
        times=ROUNDS,
    )
    ours = len(x) / taken.pop("ours")
    product = part / min(taken.pop("small tiles"), taken.pop("large blocks"))
    best = min(taken, key=lambda peer: taken[peer])
    what = f"top-{K} of {name}, {len(x):,} x {len(y):,}, bought filtered"
    yield Row(what, "users/s", ours, best, part / taken[best], ours * taken[best] / part, target)
    yield Row(what, "users/s", ours, "the bare product, best block", product, ours / product, target and 0.7)


def _trained(rng: np.random.Generator, n: int, m: int, popular: Any) -> Iterator[Row]:
    """The same with what implicit learns from customers of 50 tastes: lengths and directions are far from random."""
    taste = rng.integers(0, 50, n)
    liked = rng.permuted(np.tile(np.arange(m), (50, 1)), axis=1)  # a taste: its own order of the products
    columns = rng.choice(m, (n, BOUGHT), p=popular)
    own = rng.random((n, BOUGHT)) < 0.7
    columns[own] = liked[taste[:, None], columns][own]
    bought = _rows(columns.astype(np.int32), np.ones(columns.size, np.float32), m)
    model = _als(64)
    model.fit(bought, show_progress=False)
    yield from _dense("64 factors trained by implicit", model.user_factors, model.item_factors, bought, None)


def _als(factors: int) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of BLAS threads, which are set around it
        from implicit.cpu.als import AlternatingLeastSquares

        return AlternatingLeastSquares(factors=factors, iterations=5, num_threads=THREADS, random_state=1)


def _implicit(x: Any, y: Any, bought: csr_matrix, part: slice, threads: int) -> None:
    """The peer's own recommend, in the blocks of users that its manual suggests."""
    model = _als(x.shape[1])
    model.user_factors, model.item_factors = x, y
    with threadpool_limits(threads, user_api="blas"):
        for start in range(part.start, min(part.stop, len(x)), BLOCK):
            users = np.arange(start, min(start + BLOCK, part.stop, len(x)))
            model.recommend(users, bought[users], N=K)


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
    return _rows(columns.reshape(n, per_row), rng.random(n * per_row, dtype=np.float32), m)


def _rows(columns: Any, values: Any, m: int) -> csr_matrix:
    n, per_row = columns.shape
    matrix = csr_matrix((values, columns.reshape(-1), np.arange(0, n * per_row + 1, per_row)), shape=(n, m))
    matrix.sum_duplicates()
    return matrix
