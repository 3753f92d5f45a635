"""The two inner loops of exact top-K, in LLVM's own terms: their sums must stay in vector registers, which Numba cannot say.

Any processor that LLVM knows can run them.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.errors import TypingError
from numba.extending import intrinsic

USERS, HALVES, LANES = 4, 2, 16  # accumulators: 4 users x 2 vectors of 16 items
ITEMS = HALVES * LANES
DOUBLES = 8  # partial sums of a score

i8, i16, i32, f32, f64 = ir.IntType(8), ir.IntType(16), ir.IntType(32), ir.FloatType(), ir.DoubleType()
BYTES, SUMS, WIDE = ir.VectorType(i8, 2 * LANES), ir.VectorType(i16, LANES), ir.VectorType(i32, LANES)


@intrinsic  # type: ignore[untyped-decorator]
def score(_context: Any, x: Any, y: Any) -> Any:
    """x·y of two float32 rows whose length is a multiple of ``DOUBLES``.

    Each product is exact in float64. Sum i is of the products i, i + 8, …; then i and i + 4 are added up, i and i + 2, 0
    and 1; the result is rounded to float32.
    """
    _expect((x, types.float32), (y, types.float32))

    def write(context: Any, b: Any, signature: Any, args: Any) -> Any:
        rows = [context.make_array(kind)(context, b, value) for kind, value in zip(signature.args, args, strict=True)]
        kind = ir.VectorType(f64, DOUBLES)
        total = cgutils.alloca_once_value(b, ir.Constant(kind, [0.0] * DOUBLES))
        n = rows[0].nitems
        with cgutils.for_range_slice(b, n.type(0), n, n.type(DOUBLES)) as (at, _):
            a, c = (b.fpext(_load(b, b.gep(row.data, [at]), ir.VectorType(f32, DOUBLES)), kind) for row in rows)
            b.store(b.fadd(b.load(total), b.fmul(a, c)), total)
        parts = [b.extract_element(b.load(total), i32(lane)) for lane in range(DOUBLES)]
        while len(parts) > 1:
            parts = [b.fadd(*pair) for pair in zip(parts[: len(parts) // 2], parts[len(parts) // 2 :], strict=True)]
        return b.fptrunc(parts[0], f32)

    return types.float32(x, y), write


@intrinsic  # type: ignore[untyped-decorator]
def screen(
    _context: Any, items: Any, at: Any, users: Any, undo: Any, group: Any, floors: Any, n_pairs: Any, masks: Any
) -> Any:
    """Compare a block of 32 items with four users: bit i of ``masks[t]`` is q_x·q_y > ``floors[t]`` for item i.

    ``at`` is the block's first byte in ``items``, packed as :func:`ml.kernels.topk.screen.pack_items` does; ``group`` are the
    four rows in ``users`` and ``undo``, packed as :func:`ml.kernels.topk.screen.pack_users` does.
    """
    _expect((items, types.uint8), (users, types.int32), (undo, types.int16))
    _expect((group, types.int32), (floors, types.int16), (masks, types.uint32))

    def write(context: Any, b: Any, signature: Any, args: Any) -> Any:
        data = [
            context.make_array(kind)(context, b, value).data if isinstance(kind, types.Array) else value
            for kind, value in zip(signature.args, args, strict=True)
        ]
        masks = data.pop()
        for t, mask in enumerate(_write_screen(b, *data)):
            b.store(mask, b.gep(masks, [data[1].type(t)]))
        return context.get_dummy_value()

    return types.void(items, at, users, undo, group, floors, n_pairs, masks), write


def _write_screen(
    b: Any, items: Any, at: Any, users: Any, undo: Any, group: Any, floors: Any, n_pairs: Any
) -> list[Any]:
    """Write the instructions of :func:`screen`; returns the four masks."""
    word = at.type
    rows = [b.sext(b.load(b.gep(group, [word(t)])), word) for t in range(USERS)]
    total = [[cgutils.alloca_once(b, SUMS) for _ in range(HALVES)] for _ in range(USERS)]
    for row, halves in zip(rows, total, strict=True):
        for half in halves:
            b.store(_splat(b, b.load(b.gep(undo, [row])), SUMS), half)
    with cgutils.for_range(b, n_pairs) as loop:
        start = b.add(at, b.mul(loop.index, word(2 * ITEMS)))
        y = [_load(b, b.gep(items, [b.add(start, word(2 * LANES * half))]), BYTES) for half in range(HALVES)]
        for row, halves in zip(rows, total, strict=True):
            pair = b.load(b.gep(users, [b.add(b.mul(row, n_pairs), loop.index)]))
            x = b.bitcast(_splat(b, pair, ir.VectorType(i32, LANES // 2)), BYTES)
            for half, codes in zip(halves, y, strict=True):
                b.store(b.add(b.load(half), _pair_products(b, codes, x)), half)
    masks = []
    for t, halves in enumerate(total):
        floor = _splat(b, b.load(b.gep(floors, [word(t)])), SUMS)
        above = [b.icmp_signed(">", b.load(half), floor) for half in halves]
        masks.append(b.bitcast(_shuffle(b, above[0], above[1], range(ITEMS)), i32))
    return masks


def _pair_products(b: Any, unsigned: Any, signed: Any) -> Any:
    """Lane i is u_2i s_2i + u_2i+1 s_2i+1, clamped to 16 bits: the form in which LLVM finds x86's ``vpmaddubsw``."""
    products = [
        b.mul(
            b.zext(_shuffle(b, unsigned, unsigned, range(odd, 2 * LANES, 2)), WIDE),
            b.sext(_shuffle(b, signed, signed, range(odd, 2 * LANES, 2)), WIDE),
            flags=("nsw",),
        )
        for odd in (0, 1)
    ]
    total = b.add(*products, flags=("nsw",))
    for sign, bound in ((">", -(2**15)), ("<", 2**15 - 1)):
        limit = ir.Constant(WIDE, [bound] * LANES)
        total = b.select(b.icmp_signed(sign, total, limit), total, limit)
    return b.trunc(total, SUMS)


def _expect(*arrays: tuple[Any, Any]) -> None:
    """Refuse, when the caller is compiled, an array that would be read as what it is not."""
    for array, dtype in arrays:
        if not isinstance(array, types.Array) or array.dtype != dtype or array.layout != "C":
            raise TypingError(f"expected a contiguous array of {dtype}, got {array}")


def _load(b: Any, pointer: Any, kind: Any) -> Any:
    return b.load(b.bitcast(pointer, kind.as_pointer()), align=1)


def _shuffle(b: Any, one: Any, other: Any, lanes: range) -> Any:
    return b.shuffle_vector(one, other, ir.Constant(ir.VectorType(i32, len(lanes)), list(lanes)))


def _splat(b: Any, value: Any, kind: Any) -> Any:
    one = b.insert_element(ir.Constant(kind, ir.Undefined), value, i32(0))
    return b.shuffle_vector(one, one, ir.Constant(ir.VectorType(i32, kind.count), [0] * kind.count))
