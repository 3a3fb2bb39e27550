"""``filterbank banks``: the shipped banks as a table, or one bank in full."""

from __future__ import annotations

import math
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from filterbank.cli.wording import combinations

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from filterbank.model import Bank, Filter, Layer

# Weights are told as whole numbers times a common factor where they are that.
_LARGEST_DENOMINATOR = 1024
_LARGEST_WHOLE = 10_000
_WIDEST = 1_000_000
_ELSEWHERE = (
    "The rows are longer than the terminal: `filterbank show {0} -o FILE` draws the filters, and\n"
    "`filterbank banks {0} --json`, or a pipe, has every weight."
)


@click.command(short_help="List the shipped banks, or show one in full.")
@click.argument("name", required=False, metavar="[NAME]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(name: str | None, as_json: bool) -> None:
    """List the banks that come with the program, by kin: K filters of F (rows×columns), C channels, use.

    K is 38→8 where maps are combined: 38 filters make 8 maps. With NAME, a shipped bank or a file, print
    that bank in full, with all its weights where the terminal has room for them.
    """
    import json

    from filterbank import bankfile

    if name is not None:
        bank = bankfile.load(name)
        text = json.dumps(_full_json(bank), indent=2, ensure_ascii=False) if as_json else _full_text(bank)
    else:
        banks = [bankfile.load(each) for each in bankfile.shipped()]
        told = [_brief_json(bank) for bank in banks]
        text = json.dumps(told, indent=2, ensure_ascii=False) if as_json else _table(banks)
    click.echo(text)


def _brief_json(bank: Bank) -> dict[str, Any]:
    """Return what the table says of a bank."""
    from filterbank.bankfile import KINS

    return {
        "name": bank.name,
        "kin": next((kin for kin, names in KINS.items() if bank.name in names), None),
        "filters": len(bank.filters),
        "maps": len(bank.layer.maps),
        "kernel": list(bank.layer.kernel),
        "channels": bank.channels,
        "input": bank.input,
        "description": bank.description,
        "source": bank.source,
        "digest": bank.digest,
    }


def _full_json(bank: Bank) -> dict[str, Any]:
    """Return all of a bank, the weights as they are used: correlation, scaled and normalised.

    Of a stack every layer stands under ``layers``.
    """
    if len(bank.stack.layers) > 1:
        return _brief_json(bank) | {"layers": [_layer_json(layer) for layer in bank.stack.layers]}
    return _brief_json(bank) | _layer_json(bank.layer)


def _layer_json(layer: Layer) -> dict[str, Any]:
    activation = layer.activation
    return {
        "stride": list(layer.stride),
        "padding": layer.padding if isinstance(layer.padding, str) else list(layer.padding),
        "padding_mode": layer.padding_mode,
        "padding_value": list(layer.padding_value),
        "dilation": list(layer.dilation),
        "groups": layer.groups,
        "activation": {"name": activation.name, "parameters": list(activation.parameters)},
        "mean": list(layer.mean),
        "std": list(layer.std),
        "filters": [
            {"name": each.name, "bias": each.bias, "weights": each.weights.tolist()} for each in layer.filters
        ],
        "combine": [asdict(each) for each in layer.combine],
    }


def _table(banks: list[Bank]) -> str:
    """Return one line a bank, by kin, as wide as the terminal; whole where it is none."""
    from filterbank.bankfile import KINS

    head = ("NAME", "K", "F", "C", "USE", "SOURCE")
    rows = {bank.name: _row(bank) for bank in banks}
    widths = [max(len(row[column]) for row in (head, *rows.values())) for column in range(5)]
    width = _room()
    lines = [_line(head, widths, width)]
    for kin, names in KINS.items():
        lines += ["", kin.upper(), *(_line(rows[name], widths, width) for name in names)]
    return "\n".join(lines)


def _room() -> int:
    """Return how many columns the terminal has; what goes to a file or a pipe is never cut."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else _WIDEST


def _row(bank: Bank) -> tuple[str, ...]:
    made = f"→{len(bank.layer.maps)}" if bank.layer.combine else ""
    kernel = "×".join(map(str, bank.layer.kernel))
    count = f"{len(bank.filters)}{made}"
    return bank.name, count, kernel, str(bank.channels), bank.description, bank.source


def _line(row: tuple[str, ...], widths: list[int], width: int) -> str:
    """Return a row of the table, cut off where the terminal ends."""
    name, count, kernel, channels, use, source = row
    text = (
        f"{name:<{widths[0]}}  {count:>{widths[1]}}  {kernel:<{widths[2]}}  {channels:>{widths[3]}}  "
        f"{use:<{widths[4]}}  {source}"
    ).rstrip()
    width = max(width, sum(widths[:4]) + 20)
    return text if len(text) <= width else text[: width - 1].rstrip() + "…"


def _full_text(bank: Bank) -> str:
    """Return a bank with all its settings and weights for reading."""
    lines = [bank.name + (f": {bank.description}" if bank.description else "")]
    if bank.source:
        lines.append(f"  source      {bank.source}")
    lines += [f"  input       {bank.input}", f"  digest      {bank.digest}"]
    layers = bank.stack.layers
    is_wide = any(
        len(line) > _room() for layer in layers for each in layer.filters for line in _filter_text(each)
    )
    for number, layer in enumerate(layers, 1):
        lines += ["", f"layer {number} of {len(layers)}"] if len(layers) > 1 else []
        lines += _settings_text(layer)
        for each in layer.filters if not is_wide else ():
            lines += ["", *_filter_text(each)]
        # Rows broken by a terminal are no kernel that anyone could read.
        lines += ["", *(_summary(each) for each in layer.filters)] if is_wide else []
    return "\n".join([*lines, *(["", _ELSEWHERE.format(bank.name)] if is_wide else [])])


def _settings_text(layer: Layer) -> list[str]:
    """Return the lines of a layer's settings."""
    rows, columns = layer.kernel
    count = len(layer.filters)
    lines = [
        f"  shape       {count} filter{'s' if count > 1 else ''} of {rows}×{columns}×{layer.channels}",
        f"  stride      {_spelled(layer.stride)}",
        f"  padding     {_padding(layer)}",
        f"  dilation    {_spelled(layer.dilation)}",
        f"  activation  {layer.activation}",
    ]
    if layer.groups > 1:
        lines.append(f"  groups      {layer.groups}")
    if any(layer.mean) or any(each != 1 for each in layer.std):
        lines.append(f"  mean, std   {_spelled(layer.mean)}, {_spelled(layer.std)}")
    if layer.combine:
        lines += ["  combine", *(f"    {line}" for line in combinations(layer))]
    return lines


def _padding(layer: Layer) -> str:
    sides = layer.padding if isinstance(layer.padding, str) else _spelled(layer.padding)
    value = f" {_spelled(layer.padding_value)}" if layer.padding_mode == "constant" else ""
    return f"{sides}, {layer.padding_mode}{value}"


def _spelled(values: tuple[float, ...]) -> str:
    """Return numbers as a file would have them: one where all are equal."""
    return f"{values[0]:g}" if len(set(values)) == 1 else f"[{', '.join(f'{value:g}' for value in values)}]"


def _summary(each: Filter) -> str:
    """Return one line on a filter whose rows are too long to be shown."""
    size, bias = "×".join(map(str, each.weights.shape[1:])), f"  bias {each.bias:g}" if each.bias else ""
    low, high, total = each.weights.min(), each.weights.max(), math.fsum(each.weights.ravel())
    told = "0" if each.is_signed else f"{total:.4g}"
    return f"{each.name:<16}  {size}  from {low:.4g} to {high:.4g}, sum {told}{bias}"


def _filter_text(each: Filter) -> Iterator[str]:
    """Yield the lines of one filter: its name, a common factor, and the rows of every plane."""
    label, unit = _unit(each.weights)
    factor = f"  {label} ×" if label else ""
    bias = f"  bias {each.bias:g}" if each.bias else ""
    yield each.name + bias + factor
    planes = each.weights.tolist()
    texts = [
        [[f"{round(w / unit)}" if unit else f"{w:.5g}" for w in row] for row in plane] for plane in planes
    ]
    width = max(len(text) for plane in texts for row in plane for text in row)
    if len(texts) > 1 and each.weights.shape[1:] == (1, 1):
        yield "    channels  " + "  ".join(f"{plane[0][0]:>{width}}" for plane in texts)
        return
    for index, plane in enumerate(texts):
        if len(texts) > 1:
            yield f"  channel {index}"
        for row in plane:
            yield "    " + "  ".join(f"{text:>{width}}" for text in row)


def _unit(weights: NDArray[np.float64]) -> tuple[str, float]:
    """Return a factor that leaves whole numbers, and its text; 0 where there is no simple one."""
    import numpy as np

    def is_whole(unit: float) -> bool:
        scaled = weights / unit
        return bool(np.abs(scaled - np.rint(scaled)).max() <= 1e-9 and np.abs(scaled).max() < _LARGEST_WHOLE)

    for denominator in range(1, _LARGEST_DENOMINATOR + 1):
        if is_whole(1 / denominator):
            return f"1/{denominator}" if denominator > 1 else "", 1 / denominator
    smallest = float(np.abs(weights[weights != 0]).min())
    return (f"{smallest:.6g}", smallest) if is_whole(smallest) else ("", 0.0)
