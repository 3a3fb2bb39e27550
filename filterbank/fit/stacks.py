"""From pairs of images to all layers of a stack at once, by backpropagation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field, replace

import numpy as np
from numpy.typing import NDArray

from filterbank.errors import RequestError
from filterbank.fit.crops import Crop, Crops, Cutter
from filterbank.fit.descent import Descent, Report, descend
from filterbank.fit.objective import Objective
from filterbank.fit.pictures import Kind, Pair, Reader
from filterbank.imagefile import ReadOptions
from filterbank.model import Bank, floats
from filterbank.record import record

Floats = NDArray[np.float64]

# Random weights that are drawn: activations may be flat at all outputs of some, or a poor valley near by.
_STARTS = 8


@record(frozen=True)
class Training:
    """How to train: what ``Settings`` has for one layer, and how the way down is gone.

    ``side`` is the rows and columns of a crop's outputs, None for what suits the pictures; with
    ``is_random`` the weights of the bank are not the start, but drawn by ``seed``.
    """

    descent: Descent = field(default_factory=Descent)
    side: int | None = None
    seed: int = 0
    is_random: bool = False
    bias: bool = True
    l2: float = 0.0
    ignore_clipped: bool = False
    target: Kind | None = None
    reading: ReadOptions = field(default_factory=ReadOptions)


@record(frozen=True, eq=False)
class Trained:
    """A bank whose layers were learned together, and how well it does, one number a filter of the last (K,).

    ``rms`` is the root mean square error on the crops it was trained on, ``held_out`` that on those held
    out (None where there are too few); ``explained`` the share of the targets' variance.
    """

    bank: Bank
    pairs: int
    crops: Crops
    unknowns: int
    steps: int
    is_settled: bool
    rms: Floats
    held_out: Floats | None
    explained: Floats


def learn_stack(
    pairs: Sequence[Pair],
    architecture: Bank,
    training: Training,
    name: str = "fitted",
    report: Report = lambda *told: None,
) -> Trained:
    """Return the bank with the layers of *architecture* that turns every input into its targets.

    The same seed gives the same weights, on one machine.

    Raises
    ------
    ImageError
        A pair cannot be read, or its images do not fit each other or the layers.
    RequestError
        The layers cannot be trained, or SciPy is missing.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from filterbank import load_bank
    >>> folder, noise = Path(tempfile.mkdtemp()), np.random.default_rng(1).random((40, 40), np.float32)
    >>> np.save(folder / "a.npy", noise), np.save(folder / "b.npy", 2 * noise + 1)
    (None, None)
    >>> pair = Pair(folder / "a.npy", (folder / "b.npy",))
    >>> trained = learn_stack([pair], load_bank("identity"), Training())
    >>> trained.bank.layer.weights.round(4).ravel(), trained.bank.layer.biases.round(4)
    (array([2.]), array([1.]))
    """
    stack = architecture.stack
    if stack.layers[-1].combine:
        raise RequestError(
            f"--layers {architecture.name}: found combine, which is not trained; accepted: filters alone; "
            "leave it out"
        )
    rng = np.random.default_rng(training.seed)
    reader = Reader(training.reading, architecture.input, training.target)
    crops = Cutter(stack, reader, training.side, training.ignore_clipped).cut(pairs, rng)
    _check_contrast(crops.kept)
    objective = Objective(stack, crops.kept, training.bias, training.l2)
    if not crops.outputs:
        raise RequestError(
            "--ignore-clipped: every output has a target of 0 or 1; accepted: some between; leave it out"
        )
    drawn = [objective.random(rng) for _ in range(_STARTS * training.is_random)]
    found = descend(objective, drawn or [objective.start()], crops, training.descent, rng, report)
    errors = objective.squares(found.vector, crops.kept)
    held = np.sqrt(objective.squares(found.vector, crops.held)) if crops.held else None
    bank = replace(
        architecture, name=name, stack=objective.stack(found.vector), description="", source="", digest=""
    )
    variance = _variance(crops.kept)
    explained = np.where(variance > 0, 1 - errors / np.where(variance > 0, variance, 1), 1.0)
    told = objective.unknowns, found.steps, found.is_settled
    return Trained(bank, len(pairs), crops, *told, np.sqrt(errors), held, explained)


def _check_contrast(crops: Sequence[Crop]) -> None:
    """Raise RequestError where the inputs are one colour: then biases alone could be learned."""
    ends = [(floats(crop.pixels).min((1, 2)), floats(crop.pixels).max((1, 2))) for crop in crops]
    lowest, highest = np.min([low for low, _ in ends], axis=0), np.max([high for _, high in ends], axis=0)
    if (lowest == highest).all():
        raise RequestError(
            f"the input has no contrast: it is {', '.join(f'{value:.4g}' for value in lowest)} everywhere; "
            "accepted: a picture with texture; use more or other images"
        )


def _variance(crops: Sequence[Crop]) -> Floats:
    """Return the variance (K,) of the targets that count."""
    sums = np.zeros((3, len(crops[0].targets)))
    for crop in crops:
        targets = floats(crop.targets).astype(float)
        weights = np.ones(targets.shape[1:]) if crop.counting is None else crop.counting
        sums += [
            np.full(len(targets), weights.sum()),
            (targets * weights).sum((1, 2)),
            (targets**2 * weights).sum((1, 2)),
        ]
    count = np.maximum(sums[0], 1)
    variance: Floats = np.maximum(sums[2] / count - (sums[1] / count) ** 2, 0)
    return variance
