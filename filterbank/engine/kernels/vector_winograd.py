"""The vectors of Cook-Toom convolution: both transforms, from the exact matrices, and de-interleaving."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from llvmlite import ir
from numba import types

from filterbank.engine.kernels.cooktoom import Matrix
from filterbank.engine.kernels.vector import FLOAT, INT, LANES, Vectors, intrinsic

_I32, _I64 = ir.IntType(32), ir.IntType(64)
_Row = tuple[Fraction, ...]


def _constant(v: Vectors, number: Fraction) -> Any:
    return ir.Constant(v.type, [float(number)] * v.lanes)


def _combine(v: Vectors, row: _Row, xs: list[Any]) -> Any:
    """Return Σ row[i] · xs[i]; terms of weight one first, as they cost an addition only."""
    terms = [(c, x) for c, x in zip(row, xs, strict=True) if c]
    terms.sort(key=lambda term: (abs(term[0]) != 1, term[0] < 0))
    (weight, first), *rest = terms
    total = first if weight == 1 else v.builder.fmul(_constant(v, weight), first)
    for c, x in rest:
        if c == 1:
            total = v.builder.fadd(total, x)
        elif c == -1:
            total = v.builder.fsub(total, x)
        else:
            total = v.muladd(_constant(v, c), x, total)
    return total


def _terms(row: _Row) -> int:
    return sum(1 for c in row if c)


def _halves(a: _Row, b: _Row) -> tuple[_Row, _Row]:
    return (
        tuple((x + y) / 2 for x, y in zip(a, b, strict=True)),
        tuple((x - y) / 2 for x, y in zip(a, b, strict=True)),
    )


def _transform_inputs(v: Vectors, matrix: Matrix, xs: list[Any]) -> list[Any]:
    """Return matrix · xs. The rows of points p and −p are the sum and the difference of two shorter ones."""
    results: dict[int, Any] = {}
    for i, row in enumerate(matrix):
        if i in results:
            continue
        for j in range(i + 1, len(matrix)):
            even, odd = _halves(row, matrix[j])
            if j not in results and _terms(even) > 0 and _terms(odd) > 0:
                saved = _terms(row) + _terms(matrix[j]) - _terms(even) - _terms(odd)
                if saved > 2:
                    a, b = _combine(v, even, xs), _combine(v, odd, xs)
                    results[i], results[j] = v.builder.fadd(a, b), v.builder.fsub(a, b)
                    break
        else:
            results[i] = _combine(v, row, xs)
    return [results[i] for i in range(len(matrix))]


def _transform_outputs(v: Vectors, matrix: Matrix, xs: list[Any]) -> list[Any]:
    """Return matrix · xs. Columns of points p and −p differ in signs only: sum and difference will do."""
    columns = list(zip(*matrix, strict=True))
    left = list(range(len(columns)))
    weights: list[_Row] = []
    values: list[Any] = []
    while left:
        p = left.pop(0)
        twins = [
            q for q in left if all(abs(a) == abs(b) for a, b in zip(columns[p], columns[q], strict=True))
        ]
        if twins and columns[p] != columns[twins[0]]:
            q = twins[0]
            left.remove(q)
            even, odd = _halves(columns[p], columns[q])
            weights += [even, odd]
            values += [v.builder.fadd(xs[p], xs[q]), v.builder.fsub(xs[p], xs[q])]
        else:
            weights.append(columns[p])
            values.append(xs[p])
    return [_combine(v, row, values) for row in zip(*weights, strict=True)]


def _shuffle(v: Vectors, x: Any, y: Any, places: list[int]) -> Any:
    return v.builder.shuffle_vector(x, y, ir.Constant(ir.VectorType(_I32, len(places)), places))


def _zip(v: Vectors, x: Any, y: Any) -> tuple[Any, Any]:
    """Return x0 y0 x1 y1 ..., in two vectors."""
    n = v.lanes
    both = [place for i in range(n) for place in (i, n + i)]
    return _shuffle(v, x, y, both[:n]), _shuffle(v, x, y, both[n:])


def _interleave4(v: Vectors, xs: list[Any]) -> list[Any]:
    """Return the first elements of all four, then the second ones, ..., in four vectors."""
    even, odd = _zip(v, xs[0], xs[2]), _zip(v, xs[1], xs[3])
    return [part for a, b in zip(even, odd, strict=True) for part in _zip(v, a, b)]


def input_transform(matrix: Matrix) -> Any:
    """Return an intrinsic: LANES tiles of n×n at once, read through a table of n·n byte offsets.

    Arguments: the address of the first tile's corner, of the table, of the first result, and the bytes from
    one point's results to the next point's.
    """
    n = len(matrix)

    @intrinsic
    def transform(typing: Any, source: Any, table: Any, out: Any, step: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            v = Vectors(builder, LANES)
            source, table, out, step = arguments
            rows = []
            for j in range(n):
                offsets = [v.load(v.at(table, 8 * (j * n + i)), _I64, 8) for i in range(n)]
                rows.append(_transform_inputs(v, matrix, [v.load(v.at(source, o)) for o in offsets]))
            for i in range(n):
                column = _transform_inputs(v, matrix, [row[i] for row in rows])
                for j in range(n):
                    v.store(column[j], v.at(out, builder.mul(step, _I64(j * n + i))))
            return context.get_dummy_value()

        return types.void(INT, INT, INT, INT), generate

    return transform


def output_transform(matrix: Matrix) -> Any:
    """Return an intrinsic: LANES tiles of products into 4 rows of 4·LANES outputs, plus the bias.

    Arguments: the address of the first point's products, the bytes from point to point, the address of the
    first output, the bytes from row to row, and the bias.
    """
    n = len(matrix[0])

    @intrinsic
    def transform(typing: Any, source: Any, step: Any, out: Any, row_step: Any, bias: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            v = Vectors(builder, LANES)
            source, step, out, row_step, bias = arguments
            biases = v.splat(bias)
            columns = []
            for i in range(n):
                points = [v.load(v.at(source, builder.mul(step, _I64(j * n + i)))) for j in range(n)]
                columns.append(_transform_outputs(v, matrix, points))
            for r in range(len(matrix)):
                line = _transform_outputs(v, matrix, [column[r] for column in columns])
                place = v.at(out, builder.mul(row_step, _I64(r)))
                for q, value in enumerate(_interleave4(v, [builder.fadd(x, biases) for x in line])):
                    v.store(value, v.at(place, 4 * v.lanes * q))
            return context.get_dummy_value()

        return types.void(INT, INT, INT, INT, FLOAT), generate

    return transform


@intrinsic
def split_fours(typing: Any, source: Any, step: Any, out: Any, out_step: Any) -> Any:
    """Take four floats at *source* and seven more times *step* bytes on; write four rows of eight."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        v = Vectors(builder, 8)
        source, step, out, out_step = arguments
        four = ir.VectorType(ir.FloatType(), 4)
        fours = [v.load(v.at(source, builder.mul(step, _I64(t))), four) for t in range(8)]
        a, b, c, d = (_shuffle(v, fours[i], fours[i + 4], list(range(8))) for i in range(4))
        low, high = [0, 8, 1, 9, 4, 12, 5, 13], [2, 10, 3, 11, 6, 14, 7, 15]
        ab, cd = (
            [_shuffle(v, a, b, part) for part in (low, high)],
            [_shuffle(v, c, d, part) for part in (low, high)],
        )
        low, high = [0, 1, 8, 9, 4, 5, 12, 13], [2, 3, 10, 11, 6, 7, 14, 15]
        rows = [_shuffle(v, x, y, part) for x, y in zip(ab, cd, strict=True) for part in (low, high)]
        for q, row in enumerate(rows):
            v.store(row, v.at(out, builder.mul(out_step, _I64(q))))
        return context.get_dummy_value()

    return types.void(INT, INT, INT, INT), generate
