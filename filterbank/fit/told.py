"""A fit in words: its error, and what makes it doubtful, with the numbers that show it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from filterbank.fit.learn import Fitted
from filterbank.model import Bank

if TYPE_CHECKING:
    from filterbank.fit.stacks import Trained  # with it comes Numba, which only training needs

# Pixels are float32: an error below this is their rounding.
_ROUNDING = 1e-7
# Shares beyond which a fit is doubtful: of clipped outputs, of a weight's standard error in the
# largest weight, of the target's variance that is explained.
_CLIPPED, _UNSURE, _EXPLAINED = 0.001, 0.05, 0.5
# Outputs of an unknown; with fewer, noise is fitted rather than averaged.
_ENOUGH = 2


def error(rms: float, largest: float = 1.0) -> str:
    """Return a root mean square error; for targets up to 1, as pictures are, also in decibels below 1.

    >>> error(0.01), error(1e-9), error(0.01, 5.0)
    ('RMS 0.01 (PSNR 40.0 dB)', 'RMS below 1e-07', 'RMS 0.01')
    """
    rounding = _ROUNDING * max(largest, 1.0)
    if rms < rounding:
        return f"RMS below {rounding:.1g}"
    return f"RMS {rms:.3g}" + (f" (PSNR {-20 * math.log10(rms):.1f} dB)" if largest <= 1 else "")


def summary(fitted: Fitted) -> str:
    """Return what was fitted to how much, and the error over all filters there and on rows held out."""
    layer = fitted.bank.layer
    count, shape = len(layer.filters), "×".join(map(str, (*layer.kernel, fitted.bank.channels)))
    said = f"{count} filter{'s' * (count != 1)} of {shape} from {fitted.outputs:,} outputs"
    said += f" of {fitted.pairs} pairs" if fitted.pairs > 1 else ""
    said += f": {error(_over_all(fitted.rms), fitted.largest)}"
    if fitted.held_out is None:
        return said
    return f"{said}, held out {error(_over_all(fitted.held_out), fitted.largest)}"


def trust(fitted: Fitted) -> str:
    """Return how well the weights are determined."""
    unsure = float(fitted.solution.errors.max())
    return f"standard errors of the weights at most {unsure:.2g}, condition {fitted.solution.condition:.2g}"


def warnings(fitted: Fitted) -> Iterator[str]:
    """Yield what makes the fit doubtful, and what to do about it."""
    share = fitted.clipped / max(fitted.outputs + fitted.left_out, 1)
    is_exact = _over_all(fitted.rms) < _ROUNDING
    if not (is_exact or fitted.left_out):
        yield from _clipped(share, fitted.bank)
    unknowns = fitted.solution.weights.shape[1] + 1
    if fitted.outputs < _ENOUGH * unknowns:
        yield (
            f"only {fitted.outputs:,} outputs for {unknowns:,} unknowns a filter: the error says little; "
            "use larger or more images, or a smaller --size"
        )
    if not fitted.solution.is_settled:
        yield "the search was broken off while the error still fell; go on from there with --init"
    for index, each in enumerate(fitted.bank.layer.filters):
        largest, unsure = float(np.abs(each.weights).max()), float(fitted.solution.errors[index].max())
        if unsure > _UNSURE * largest:
            yield (
                f"{each.name}: weights up to {largest:.2g} with standard errors up to {unsure:.2g} are "
                "hardly determined; use more or other images, a smaller --size, or --l2"
            )
        yield from _unexplained(each.name, float(fitted.explained[index]))


def stack_summary(trained: Trained) -> str:
    """Return what was trained on how much, the errors, and the steps it took."""
    layers, outputs = trained.bank.stack.layers, sum(crop.count for crop in trained.crops.kept)
    depths = " to ".join(map(str, (trained.bank.channels, *(len(layer.filters) for layer in layers))))
    said = (
        f"{len(layers)} layer{'s' * (len(layers) != 1)} of {depths} channels, {trained.unknowns:,} unknowns, "
    )
    said += f"from {outputs:,} outputs" + (f" of {trained.pairs} pairs" if trained.pairs > 1 else "")
    said += f": {error(_over_all(trained.rms), trained.crops.largest)}"
    if trained.held_out is not None:
        said += f", held out {error(_over_all(trained.held_out), trained.crops.largest)}"
    return f"{said}; {trained.steps:,} step{'s' * (trained.steps != 1)}"


def stack_warnings(trained: Trained) -> Iterator[str]:
    """Yield what makes the training doubtful, and what to do about it."""
    crops = trained.crops
    if not (_over_all(trained.rms) < _ROUNDING or crops.left_out):
        yield from _clipped(crops.clipped / max(crops.outputs, 1), trained.bank)
    numbers = sum(crop.count for crop in crops.kept) * len(trained.rms)
    if numbers < _ENOUGH * trained.unknowns:
        yield (
            f"only {numbers:,} numbers to learn {trained.unknowns:,} weights and biases from: the error says "
            "little; use larger or more images, or smaller layers"
        )
    if trained.held_out is None:
        yield (
            f"{len(crops.kept)} crops are too few to hold some out: nothing tells when to stop; "
            "use larger or more images"
        )
    if not trained.is_settled:
        yield (
            "training was broken off while the error still fell; go on from there with --layers, or with "
            "more --steps"
        )
    for name, share in zip(trained.bank.layer.names, trained.explained, strict=True):
        yield from _unexplained(name, float(share))


def _clipped(share: float, bank: Bank) -> Iterator[str]:
    if share > _CLIPPED and bank.layer.activation.name == "identity":
        yield (
            f"{share:.1%} of the outputs have a target of 0 or 1, perhaps clipped; "
            "--ignore-clipped leaves them out"
        )


def _unexplained(name: str, share: float) -> Iterator[str]:
    if share < _EXPLAINED:
        yield (
            f"{name}: only {max(share, 0.0):.0%} of the target's variance is explained; are the images a "
            "pair, and not shifted against each other?"
        )


def _over_all(rms: np.ndarray) -> float:
    return float(np.sqrt(np.mean(rms**2)))
