"""Cook-Toom convolution: the exact matrices of F(m, r), m outputs of an r-tap filter from m + r − 1 products.

``y = outputs · ((filters · g) * (inputs · d))`` is y[i] = Σ_k d[i + k] g[k]; in two dimensions each matrix
acts on rows and on columns.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache

Matrix = tuple[tuple[Fraction, ...], ...]

# Where the polynomials are evaluated, besides infinity: small, and powers of two.
_POINTS = tuple(map(Fraction, ("0", "1", "-1", "2", "-2", "1/2", "-1/2")))


@cache
def matrices(m: int, r: int) -> tuple[Matrix, Matrix, Matrix]:
    """Return the matrices (m, n) for outputs, (n, r) for filters and (n, n) for inputs, n = m + r − 1 ≤ 8.

    Rows for inputs are scaled by powers of two to entries of about one, rows for filters inversely: no
    rounding is added, and none is made larger.

    >>> outputs, filters, inputs = matrices(2, 3)
    >>> [int(x) for x in outputs[0]], [str(x) for x in filters[1]], [str(x) for x in inputs[3]]
    ([1, 1, 1, 0], ['1/2', '1/2', '1/2'], ['0', '-1', '0', '1'])
    """
    n = m + r - 1
    points = _POINTS[: n - 1]
    outputs = tuple((*(p**i for p in points), Fraction(int(i == m - 1))) for i in range(m))
    filters, inputs = [], []
    for p in points:
        others = [q for q in points if q != p]
        polynomial = (*_product_of_roots(others), Fraction(0))
        size = _power_near(max(map(abs, polynomial)))
        weight = _evaluate(others, p) / size
        inputs.append(tuple(x / size for x in polynomial))
        filters.append(tuple(p**i / weight for i in range(r)))
    last = _product_of_roots(list(points))
    size = _power_near(max(map(abs, last)))
    inputs.append(tuple(x / size for x in last))
    filters.append((*[Fraction(0)] * (r - 1), size))
    return outputs, tuple(filters), tuple(inputs)


def _product_of_roots(roots: list[Fraction]) -> tuple[Fraction, ...]:
    """Return the coefficients of Π (x − root), lowest first."""
    product = [Fraction(1)]
    for root in roots:
        shifted = [Fraction(0), *product]
        product = [a - root * b for a, b in zip(shifted, [*product, Fraction(0)], strict=True)]
    return tuple(product)


def _evaluate(roots: list[Fraction], x: Fraction) -> Fraction:
    value = Fraction(1)
    for root in roots:
        value *= x - root
    return value


def _power_near(x: Fraction) -> Fraction:
    """Return the smallest power of two, at least 1, that is not below x / √2."""
    power = Fraction(1)
    while 2 * power * power < x * x:
        power *= 2
    return power
