"""From pairs of images to a bank: the filters of least error, in closed form or step by step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from filterbank.errors import RequestError
from filterbank.fit.moments import Moments, Solution, explained, solve, squared_errors
from filterbank.fit.outputs import Outputs, Settings
from filterbank.fit.pictures import Pair
from filterbank.fit.train import Report, train
from filterbank.model import Bank, Filter, Stack
from filterbank.record import record

Floats = NDArray[np.float64]

# Activations after which a filter and its negative are one.
SIGNLESS = ("abs", "square")


@record(frozen=True, eq=False)
class Fitted:
    """A bank that was learned and how well it does, one number a filter (K,).

    ``rms`` is the root mean square error where it was fitted; ``held_out`` that of a fit without a tenth of
    the rows, on these rows (None where there are too few); ``explained`` the share of the target's variance.
    ``clipped`` counts the outputs whose targets are 0 or 1, of ``outputs`` and those ``left_out``;
    ``largest`` is the largest size of a target.
    """

    bank: Bank
    pairs: int
    outputs: int
    left_out: int
    clipped: int
    largest: float
    rms: Floats
    held_out: Floats | None
    explained: Floats
    solution: Solution


def learn(
    pairs: Sequence[Pair],
    settings: Settings,
    name: str = "fitted",
    init: Bank | None = None,
    report: Report = lambda *told: None,
) -> Fitted:
    """Return the bank that turns the input of every pair into its targets with the least squared error.

    With an activation the least error is searched for step by step, from the bank *init* or else from the
    best filters without it; every step is told to *report*.

    Raises
    ------
    ImageError
        A pair cannot be read, or its images do not fit each other.
    RequestError
        An option cannot be used, or the pairs do not determine the filters.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> folder, noise = Path(tempfile.mkdtemp()), np.random.default_rng(1).random((20, 20), np.float32)
    >>> np.save(folder / "a.npy", noise), np.save(folder / "b.npy", 2 * noise + 1)
    (None, None)
    >>> pair = Pair(folder / "a.npy", (folder / "b.npy",))
    >>> fitted = learn([pair], Settings((1, 3), ("double",)))
    >>> fitted.bank.layer.weights.round(4).ravel() + 0.0, fitted.bank.layer.biases.round(4)
    (array([0., 2., 0.]), array([1.]))
    """
    outputs = Outputs(pairs, settings)
    kept, held = outputs.moments()
    moments = kept + held
    try:
        solution = solve(moments, settings.bias, settings.l2)
    except RequestError as error:
        raise RequestError(f"--size {'×'.join(map(str, settings.kernel))}: {error}") from error
    if outputs.layer.activation.name == "identity":
        if init is not None:
            raise RequestError("--init: has no effect without an activation: least squares need no start")
        errors, errors_held = squared_errors(moments, solution), _held_out(kept, held, settings)
    else:
        if init is None and outputs.layer.activation.name in SIGNLESS:
            raise RequestError(
                f"--activation: {outputs.layer.activation} hides the sign: filters fitted without it "
                "are no start; accepted: with --init BANK, filters near those to be found; or --layers BANK "
                "--random-start, which searches from anywhere"
            )
        start = solution if init is None else _started(init, outputs, solution)
        solution, errors, errors_held = train(outputs, start, settings, report)
    filters = tuple(
        Filter(label, weights.reshape(outputs.layer.channels, *settings.kernel), float(bias))
        for label, weights, bias in zip(outputs.names, solution.weights, solution.biases, strict=True)
    )
    bank = Bank(name, Stack((replace(outputs.layer, filters=filters),)), outputs.input)
    return Fitted(
        bank,
        len(pairs),
        moments.count,
        outputs.left_out,
        outputs.clipped,
        outputs.largest,
        np.sqrt(errors),
        None if errors_held is None else np.sqrt(errors_held),
        explained(moments, errors),
        solution,
    )


def _held_out(kept: Moments, held: Moments, settings: Settings) -> Floats | None:
    """Return the error on the rows held out of a fit without them; None where either has too few outputs."""
    if not held.count:
        return None
    try:
        return squared_errors(held, solve(kept, settings.bias, settings.l2))
    except RequestError:
        return None


def _started(init: Bank, outputs: Outputs, solution: Solution) -> Solution:
    """Return the filters of *init* to start from.

    Raises
    ------
    RequestError
        They have not the shape of those to be learned.
    """
    layer, wanted = init.stack.layers[0], (len(solution.weights), *outputs.layer.weights.shape[1:])
    if len(init.stack.layers) > 1 or layer.weights.shape != wanted:
        count = len(init.stack.layers)
        found = f"{count} layers" if count > 1 else "×".join(map(str, layer.weights.shape))
        raise RequestError(
            f"--init {init.name}: found {found}; accepted: one layer of {'×'.join(map(str, wanted))} "
            "(filters, channels, rows, columns)"
        )
    return replace(solution, weights=layer.weights.reshape(len(layer.weights), -1), biases=layer.biases)
