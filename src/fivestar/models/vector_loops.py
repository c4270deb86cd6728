"""The innermost loops of the row solver and of gradients, written for vector registers.

numba's own loops would write every sum to memory at every step. These are LLVM code: each sum
stays in a register, and what is loaded serves several sums. LLVM cuts the vectors to the
registers that the processor has.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce
from typing import Any, cast

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic
from numpy.typing import NDArray

TALL, WIDE = 8, 16
"""Rows and columns of the tile of products that is summed at a time, float32."""
TWO = 2
"""Rows of the last tile where no more are left."""
LANES = 8
"""Systems that are solved side by side, float64: element (i, j) of all of them is one vector."""
FOUR = 4
"""Rows added at a time: no sum waits for the one before."""
EIGHT = 8
"""Rows whose products with another are found at a time, eight columns a step."""
SIDE = 4
"""Rows and columns of the block of their matrices that is found at a time."""

CACHE_LINE = 64
"""Bytes; what begins with one is loaded in as few as it can be."""

_INDEX, _NUMBER = ir.IntType(64), ir.FloatType()
_TILE_ROW = ir.VectorType(_NUMBER, WIDE)
_LANES = ir.VectorType(ir.DoubleType(), LANES)


def zeros(shape: tuple[int, ...], dtype: type[np.floating] = np.float32) -> NDArray[Any]:
    """Zeros, the first of which begins a cache line."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    memory = np.zeros(size + CACHE_LINE, dtype=np.uint8)
    first = -memory.ctypes.data % CACHE_LINE
    return memory[first : first + size].view(dtype).reshape(shape)


def aligned(rows: NDArray[np.floating], multiple: int = 1) -> NDArray[np.float32]:
    """Float32 rows that begin with a cache line, with zeros up to so many columns.

    They are a copy unless the rows are so already.
    """
    n, size = rows.shape
    right = rows.dtype == np.float32 and rows.flags.c_contiguous and size % multiple == 0
    if right and rows.ctypes.data % CACHE_LINE == 0:
        return rows
    copied = zeros((n, up_to(size, multiple)))
    copied[:, :size] = rows
    return copied


def up_to(n: int, multiple: int) -> int:
    """The next multiple."""
    return -(-n // multiple) * multiple


class _Array:
    """An array argument in the code that is built; its elements or vectors of them.

    With ``or_one`` a single element stands for as many equal ones.
    """

    def __init__(
        self, context: Any, builder: Any, kind: Any, value: Any, *, or_one: bool = False
    ) -> None:
        array = context.make_array(kind)(context, builder, value)
        self.builder = builder
        self.bytes = builder.bitcast(array.data, ir.IntType(8).as_pointer())
        self.strides = [builder.extract_value(array.strides, axis) for axis in range(kind.ndim)]
        if kind.layout == "C":  # a constant, so that neighbours need no address of their own
            self.strides[-1] = _INDEX(kind.dtype.bitwidth // 8)
        if or_one:
            single = builder.icmp_signed("<=", builder.extract_value(array.shape, 0), _INDEX(1))
            self.strides[0] = builder.select(single, _INDEX(0), self.strides[0])

    def _at(self, kind: Any, *index: Any) -> Any:
        # A vector lies along the axes that have no index.
        steps = [self.builder.mul(*each) for each in zip(index, self.strides, strict=False)]
        place = self.builder.gep(self.bytes, [reduce(self.builder.add, steps)])
        return self.builder.bitcast(place, kind.as_pointer())

    def load(self, kind: Any, *index: Any) -> Any:
        value = self.builder.load(self._at(kind, *index))
        value.align = 4
        return value

    def store(self, value: Any, *index: Any) -> None:
        self.builder.store(value, self._at(value.type, *index)).align = 4


def _in_registers(function: Callable[..., Any]) -> Callable[..., Any]:
    """What numba calls with arguments where Python gives types and gets a builder of code."""
    return cast(Callable[..., Any], intrinsic(function))


def _variable(builder: Any, value: Any) -> Any:
    """A place that LLVM turns into a register."""
    with builder.goto_entry_block():
        place = builder.alloca(value.type)
    builder.store(value, place)
    return place


def _sum(builder: Any, x: Any, y: Any, z: Any) -> Any:
    """X y + z."""
    exactly = {"flags": ("contract",)}
    return builder.fadd(builder.fmul(x, y, **exactly), z, **exactly)


def _filled(builder: Any, number: Any, length: int) -> Any:
    """A vector of equal numbers."""
    undefined = ir.Constant(ir.VectorType(number.type, length), ir.Undefined)
    first = builder.insert_element(undefined, number, ir.IntType(32)(0))
    places = ir.Constant(ir.VectorType(ir.IntType(32), length), [0] * length)
    return builder.shuffle_vector(first, undefined, places)


def _add_products(height: int) -> Any:
    """With B the first n rows of a block, adds B'B to ``out``: only one tile of it.

    The tile has so many rows from ``left`` on, and WIDE columns from ``right`` on. A low one is
    summed several times over, so that no sum waits for the one before.
    """
    times = TALL // height

    def add(typing: Any, block: Any, n: Any, left: Any, right: Any, out: Any) -> Any:
        def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            n, left, right = arguments[1:4]
            block, out = (_Array(context, builder, signature.args[i], arguments[i]) for i in (0, 4))
            rows = [builder.add(left, _INDEX(i)) for i in range(height)]
            zero = ir.Constant(_TILE_ROW, [0.0] * WIDE)
            sums = [[_variable(builder, zero) for _ in rows] for _ in range(times)]

            def add_row(index: Any, places: list[Any]) -> None:
                y = block.load(_TILE_ROW, index, right)
                for row, place in zip(rows, places, strict=True):
                    x = _filled(builder, block.load(_NUMBER, index, row), WIDE)
                    builder.store(_sum(builder, x, y, builder.load(place)), place)

            whole = builder.mul(builder.sdiv(n, _INDEX(times)), _INDEX(times))
            with cgutils.for_range_slice(builder, _INDEX(0), whole, _INDEX(times)) as (index, _):
                for number, places in enumerate(sums):
                    add_row(builder.add(index, _INDEX(number)), places)
            with cgutils.for_range(builder, builder.sub(n, whole)) as loop:
                add_row(builder.add(whole, loop.index), sums[0])
            for row, *places in zip(rows, *sums, strict=True):
                total = reduce(builder.fadd, [builder.load(place) for place in places])
                out.store(builder.fadd(total, out.load(_TILE_ROW, row, right)), row, right)
            return context.get_dummy_value()

        return types.void(block, types.intp, types.intp, types.intp, out), build

    return _in_registers(add)


add_products, add_products_of_two = _add_products(TALL), _add_products(TWO)


@_in_registers
def gather_rows(
    typing: Any,
    out: Any,
    n: Any,
    begin: Any,
    columns: Any,
    targets: Any,
    offsets: Any,
    roots: Any,
    column_roots: Any,
    design: Any,
    size: Any,
) -> Any:
    """Set the first n rows of ``out`` to (d, t, 1) times the root of w: n entries from ``begin``.

    See ``row_systems.Entries``. The design has a multiple of WIDE columns, of which ``size``
    count: t and 1 are the next two. Returns the sums of w t and of w.
    """

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _, n, begin, *_, size = arguments
        out, columns, targets, offsets, roots, column_roots, design = (
            _Array(context, builder, signature.args[i], arguments[i], or_one=i in (5, 6, 7))
            for i in (0, *range(3, 9))
        )
        n_steps = builder.sdiv(builder.add(size, _INDEX(WIDE - 1)), _INDEX(WIDE))
        sums = [_variable(builder, ir.Constant(ir.DoubleType(), 0.0)) for _ in range(2)]
        with cgutils.for_range(builder, n) as entry:
            at = builder.add(begin, entry.index)
            column = builder.sext(columns.load(ir.IntType(32), at), _INDEX)
            target = builder.fsub(targets.load(_NUMBER, at), offsets.load(_NUMBER, column))
            root = builder.fmul(roots.load(_NUMBER, at), column_roots.load(_NUMBER, column))
            product, times = builder.fmul(root, target), _filled(builder, root, WIDE)
            with cgutils.for_range(builder, n_steps) as step:
                first = builder.mul(step.index, _INDEX(WIDE))
                row = builder.fmul(times, design.load(_TILE_ROW, column, first))
                out.store(row, entry.index, first)
            out.store(product, entry.index, size)
            out.store(root, entry.index, builder.add(size, _INDEX(1)))
            for value, place in zip((product, root), sums, strict=True):
                added = builder.fpext(builder.fmul(root, value), ir.DoubleType())
                builder.store(builder.fadd(builder.load(place), added), place)
        found = [builder.load(place) for place in sums]
        return context.make_tuple(builder, signature.return_type, found)

    both: Any = types.UniTuple(types.float64, 2)  # type: ignore[no-untyped-call]
    given = (columns, targets, offsets, roots, column_roots, design)
    return both(out, types.intp, types.intp, *given, types.intp), build


def _cholesky_block(diagonal: bool) -> Any:
    """Finds a block of L in A = L L', (n, n, LANES), in place; all left and above is found.

    The diagonal keeps its inverse: a division costs as much as many products.
    """

    def block(typing: Any, matrix: Any, i: Any, j: Any) -> Any:
        def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            matrix = _Array(context, builder, signature.args[0], arguments[0])
            rows, columns = (
                [builder.add(first, _INDEX(r)) for r in range(SIDE)] for first in arguments[1:]
            )
            places = [(r, s) for r in range(SIDE) for s in range(SIDE) if s <= r or not diagonal]
            sums = {
                (r, s): _variable(builder, matrix.load(_LANES, rows[r], columns[s]))
                for r, s in places
            }
            with cgutils.for_range(builder, columns[0]) as loop:
                above = [matrix.load(_LANES, column, loop.index) for column in columns]
                left = above if diagonal else [matrix.load(_LANES, row, loop.index) for row in rows]
                left = [builder.fneg(each) for each in left]
                for (r, s), place in sums.items():
                    builder.store(_sum(builder, left[r], above[s], builder.load(place)), place)
            found = {place: builder.load(each) for place, each in sums.items()}
            for s in range(SIDE):
                if diagonal:
                    found[s, s] = inverse = _inverse_root(builder, found[s, s])
                else:
                    inverse = matrix.load(_LANES, columns[s], columns[s])
                for r in range(s + 1 if diagonal else 0, SIDE):
                    found[r, s] = builder.fmul(found[r, s], inverse)
                    for q in range(s + 1, r + 1 if diagonal else SIDE):
                        over = (
                            found[q, s] if diagonal else matrix.load(_LANES, columns[q], columns[s])
                        )
                        found[r, q] = _sum(builder, builder.fneg(found[r, s]), over, found[r, q])
            for r, s in places:
                matrix.store(found[r, s], rows[r], columns[s])
            return context.get_dummy_value()

        return types.void(matrix, types.intp, types.intp), build

    return _in_registers(block)


def _inverse_root(builder: Any, value: Any) -> Any:
    kind = ir.FunctionType(_LANES, [_LANES])
    name = f"llvm.sqrt.v{LANES}f64"
    root = builder.module.globals.get(name) or ir.Function(builder.module, kind, name)
    return builder.fdiv(ir.Constant(_LANES, [1.0] * LANES), builder.call(root, [value]))


diagonal_block = _cholesky_block(diagonal=True)
block_below = _cholesky_block(diagonal=False)


@_in_registers
def substitute_back(typing: Any, matrix: Any, i: Any, row: Any) -> Any:
    """Solve for unknown i of L' x = z, which is in a row of the matrix, and take it from the rest.

    The unknowns after it are solved.
    """

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        i, row = arguments[1:]
        matrix = _Array(context, builder, signature.args[0], arguments[0])
        x = builder.fmul(matrix.load(_LANES, row, i), matrix.load(_LANES, i, i))
        matrix.store(x, row, i)
        less = builder.fneg(x)
        with cgutils.for_range(builder, i) as loop:
            over, rest = matrix.load(_LANES, i, loop.index), matrix.load(_LANES, row, loop.index)
            matrix.store(_sum(builder, less, over, rest), row, loop.index)
        return context.get_dummy_value()

    return types.void(matrix, types.intp, types.intp), build


def _add_rows(length: int) -> Any:
    """Adds rows of a matrix, each so many times, to ``out``: so many columns from one on.

    The rows are those of ``n_fours`` times four entries from ``begin`` on, ``times`` are from 0.
    """
    kind = ir.VectorType(_NUMBER, length)

    def add(
        typing: Any, out: Any, times: Any, n_fours: Any, rows: Any, begin: Any, of: Any, column: Any
    ) -> Any:
        def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            _, _, n_fours, _, begin, _, column = arguments
            out, times, rows, of = (
                _Array(context, builder, signature.args[i], arguments[i]) for i in (0, 1, 3, 5)
            )
            sums = [_variable(builder, ir.Constant(kind, [0.0] * length)) for _ in range(FOUR)]
            with cgutils.for_range(builder, n_fours) as loop:
                for number, place in enumerate(sums):
                    at = builder.mul(loop.index, _INDEX(FOUR))
                    at = builder.add(at, _INDEX(number))
                    row = rows.load(ir.IntType(32), builder.add(begin, at))
                    vector = of.load(kind, builder.sext(row, _INDEX), column)
                    x = _filled(builder, times.load(_NUMBER, at), length)
                    builder.store(_sum(builder, x, vector, builder.load(place)), place)
            total = reduce(builder.fadd, [builder.load(place) for place in sums])
            out.store(builder.fadd(total, out.load(kind, column)), column)
            return context.get_dummy_value()

        return types.void(out, times, types.intp, rows, types.intp, of, types.intp), build

    return _in_registers(add)


add_rows_16, add_rows_8 = _add_rows(16), _add_rows(8)


@_in_registers
def products_of_eights(
    typing: Any, out: Any, n: Any, left: Any, row: Any, rows: Any, begin: Any, of: Any, n_steps: Any
) -> Any:
    """Set the first n of ``out`` to the products of a row of ``left`` with rows of ``of``.

    The latter are n entries of ``rows`` from ``begin`` on; EIGHT times ``n_steps`` columns count.
    ``out`` has up to EIGHT - 1 more, which are overwritten.
    """
    kind = ir.VectorType(_NUMBER, EIGHT)

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _, n, _, row, _, begin, _, n_steps = arguments
        out, left, rows, of = (
            _Array(context, builder, signature.args[i], arguments[i]) for i in (0, 2, 4, 6)
        )
        sums = [_variable(builder, ir.Constant(kind, [0.0] * EIGHT)) for _ in range(EIGHT)]
        last = builder.sub(n, _INDEX(1))
        whole = builder.mul(builder.sdiv(n, _INDEX(EIGHT)), _INDEX(EIGHT))

        def add_group(first: Any, *, whole: bool) -> None:
            found = []
            for number, place in enumerate(sums):
                at = builder.add(first, _INDEX(number))
                if not whole:
                    at = builder.select(builder.icmp_signed("<", at, last), at, last)
                at = rows.load(ir.IntType(32), builder.add(begin, at))
                found.append(builder.sext(at, _INDEX))
                builder.store(ir.Constant(kind, [0.0] * EIGHT), place)
            with cgutils.for_range(builder, n_steps) as step:
                column = builder.mul(step.index, _INDEX(EIGHT))
                x = left.load(kind, row, column)
                for at, place in zip(found, sums, strict=True):
                    product = _sum(builder, x, of.load(kind, at, column), builder.load(place))
                    builder.store(product, place)
            out.store(_totals(builder, [builder.load(place) for place in sums]), first)

        with cgutils.for_range_slice(builder, _INDEX(0), whole, _INDEX(EIGHT)) as (first, _):
            add_group(first, whole=True)
        with builder.if_then(builder.icmp_signed("<", whole, n)):
            add_group(whole, whole=False)
        return context.get_dummy_value()

    return types.void(out, types.intp, left, types.intp, rows, types.intp, of, types.intp), build


def _totals(builder: Any, vectors: list[Any]) -> Any:
    """The sum of each vector's elements, as one vector: in each round half as many, in twos."""
    width = 1
    while len(vectors) > 1:
        blocks = range(0, EIGHT, 2 * width)
        low = [i + j + side for i in blocks for side in (0, EIGHT) for j in range(width)]
        lower, upper = (
            ir.Constant(ir.VectorType(ir.IntType(32), EIGHT), [i + more for i in low])
            for more in (0, width)
        )
        vectors = [
            builder.fadd(builder.shuffle_vector(x, y, lower), builder.shuffle_vector(x, y, upper))
            for x, y in zip(vectors[::2], vectors[1::2], strict=True)
        ]
        width *= 2
    return vectors[0]
