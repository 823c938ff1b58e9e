"""The lowest point of a smooth convex function of very many numbers, by L-BFGS in plain sums.

SciPy's search multiplies through BLAS, whose threads cost more than they bring where cores are shared, and
it carries bounds along that nobody asks for here. Sums run in one order on one thread: the same texts give
the same model on every run.

References
----------
Nocedal & Wright (2006), "Numerical Optimization", algorithms 7.4 and 3.1.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

import numpy as np

from app.domain.history import Array

Loss = Callable[[Array], tuple[float, Array]]
"""From a point of shape (D,) to the value there and the gradient."""

MEMORY: Final = 6
"""Steps that are remembered."""
_SUFFICIENT: Final = 1e-4
"""Of the decrease that the slope promises, the share that a step must bring."""
_HALVINGS: Final = 30


def lowest(loss: Loss, begin: Array, iterations: int, tolerance: float) -> Array:
    """Return where a convex function is lowest, shape (D,).

    Parameters
    ----------
    loss : callable
    begin : ndarray, shape (D,)
    iterations : int
        Steps at most.
    tolerance : float
        The search ends with a step that lowers the value by less than this share of it.
    """
    at = begin
    value, gradient = loss(at)
    steps: deque[tuple[Array, Array, float]] = deque(maxlen=MEMORY)
    for _ in range(iterations):
        direction = _direction(gradient, steps)
        slope = _dot(gradient, direction)
        if slope >= 0:
            break
        # Without memory the first step is no longer than one.
        length = 1.0 if steps else min(1.0, 1.0 / np.sqrt(_dot(gradient, gradient)))
        for _ in range(_HALVINGS):
            there = at + length * direction
            lower, turned = loss(there)
            if lower <= value + _SUFFICIENT * length * slope:
                break
            length /= 2
        else:
            break
        step, change = there - at, turned - gradient
        curvature = _dot(step, change)
        if curvature > 0:
            steps.append((step, change, curvature))
        drop = value - lower
        at, value, gradient = there, lower, turned
        if drop <= tolerance * max(abs(value), 1.0):
            break
    return at


def _direction(gradient: Array, steps: deque[tuple[Array, Array, float]]) -> Array:
    """Return where to go: down the gradient, bent by what the remembered steps say of the curvature."""
    direction = -gradient
    shares = []
    for step, change, curvature in reversed(steps):
        share = _dot(step, direction) / curvature
        direction = direction - share * change
        shares.append(share)
    if steps:
        _, change, curvature = steps[-1]
        direction = direction * (curvature / _dot(change, change))
    for (step, change, curvature), share in zip(steps, reversed(shares), strict=True):
        direction = direction + (share - _dot(change, direction) / curvature) * step
    return direction


def _dot(a: Array, b: Array) -> float:
    """Return the inner product, without BLAS."""
    return float(np.einsum("i,i->", a, b))
