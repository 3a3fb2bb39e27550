"""``filterbank explain``: what a bank is on an image of a given size, and one output's whole sum."""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from filterbank.cli.options import not_empty, width_height
from filterbank.cli.options import size as size_of_memory
from filterbank.cli.wording import combinations

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from filterbank.engine import Plan, Terms
    from filterbank.imagefile import Prepared
    from filterbank.model import Bank


# So many filters may say the same of themselves.
_FEW = 4


def _place(_context: click.Context, _parameter: click.Parameter, text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    found = re.fullmatch(r"([0-9]{1,9})\s*,\s*([0-9]{1,9})", text.strip())
    if not found:
        raise click.BadParameter(f"found {text!r}; accepted: X,Y from 0, such as 12,7")
    return int(found[1]), int(found[2])


@click.command(short_help="Tell a bank's shapes, weights, cost and methods, or one output's sum.")
@click.argument("bank", metavar="BANK", callback=not_empty)
@click.option("--size", callback=width_height, metavar="WxH", help="Width and height of the image.")
@click.option(
    "--image",
    type=click.Path(readable=False),
    callback=not_empty,
    help="Take the size and the pixels from this image.",
)
@click.option(
    "--layout",
    type=click.Choice(("chw", "hwc", "cw", "wc")),
    default="chw",
    show_default=True,
    help="Order of an npy's axes, as in apply; cw and wc for signals.",
)
@click.option(
    "--at", callback=_place, metavar="X,Y", help="Print the whole sum of this output; needs --image."
)
@click.option("--filter", "filters", multiple=True, metavar="GLOB", help="Only these filters; repeatable.")
@click.option("--method", default="auto", show_default=True, help="auto, direct, separable, winograd or fft.")
@click.option(
    "--max-memory",
    callback=size_of_memory,
    metavar="BYTES",
    help="Tell how apply would cut bands under this cap, such as 1G, of an 8-bit image that is read by rows.",
)
@click.option("--run", is_flag=True, help="Run every method that can, and add the measured times.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    bank: str,
    size: tuple[int, int] | None,
    image: str | None,
    layout: str,
    at: tuple[int, int] | None,
    filters: tuple[str, ...],
    method: str,
    max_memory: int | None,
    run: bool,
    as_json: bool,
) -> None:
    """Tell what BANK, a file or a shipped bank's name, is on an image of a given size.

    Shapes, weights and biases against the fully connected layer between the same tensors, receptive
    field, multiply-adds, memory, and each filter's method. With --at, the sum behind one output.
    """
    import json

    from filterbank import bankfile, engine

    if (size is None) == (image is None):
        raise click.UsageError("give --size WxH or --image FILE, one of the two")
    if at and image is None:
        raise click.UsageError("--at needs --image FILE: a sum has pixels in it")
    loaded = bankfile.load(bank)
    # The plan is the whole bank's: what is listed must not change what is computed.
    names = bankfile.matching(loaded, filters)
    pixels = _read(image, layout, loaded) if image else None
    if pixels is not None:
        size = pixels.pixels.shape[1], pixels.pixels.shape[2]
    assert size is not None
    plan = engine.plan(loaded.stack, size, method, engine.machine())
    told: dict[str, Any] = {"bank": loaded.name, "digest": loaded.digest, **engine.explain(plan)}
    _keep(told, names)
    if max_memory is not None:
        told["bands"] = _bands(loaded, plan, max_memory)
    if run:
        told["measured"] = _measured(loaded, plan, None if pixels is None else pixels.pixels)
    images = _images(loaded, plan, pixels.planes) if at and pixels is not None else []
    sums = [
        (engine.one_output(plan.layers[-1], planes, name, *at), channel)
        for channel, planes in enumerate(images)
        for name in names
        if at
    ]
    if as_json:
        if sums:
            each = loaded.input == "each"
            blocks = [_sum_json(terms, channel if each else None) for terms, channel in sums]
            told["at"] = blocks[0] if len(blocks) == 1 else blocks
        click.echo(json.dumps(told, indent=2, allow_nan=False))
    elif sums:
        titles = [
            f", channel {channel + 1} of {len(images)}" if len(images) > 1 else "" for _, channel in sums
        ]
        click.echo(
            "\n\n".join(_sum_text(terms, title) for (terms, _), title in zip(sums, titles, strict=True))
        )
    else:
        click.echo(_text(loaded, told))


def _read(image: str, layout: str, bank: Bank) -> Prepared:
    """Return what *bank* turns the image into."""
    from filterbank import imagefile

    return imagefile.prepare(imagefile.read(image, imagefile.ReadOptions(layout=layout)), bank.input)


def _bands(bank: Bank, plan: Plan, max_memory: int) -> dict[str, int]:
    """Return how apply would cut bands under a cap."""
    import os

    from filterbank.batch.banded import memory
    from filterbank.batch.budget import Budget

    budget = Budget(max_memory)
    return memory.explained(bank, plan, budget.total, len(os.sched_getaffinity(0))) | {"program": budget.own}


def _bands_line(told: dict[str, int]) -> str:
    program = f"beside {told['program'] / 1e6:,.0f} MB of the program"
    whole = f"whole {told['whole'] / 1e6:,.0f} MB"
    if not told["rows"]:
        return f"none fits: the smallest takes {told['least'] / 1e6:,.0f} MB {program}; {whole}"
    bands = f"{told['bands']:,} of {told['rows']:,} rows, {told['memory'] / 1e6:,.0f} MB each"
    return f"{bands} {program}; {whole}; at least {told['least'] / 1e6:,.0f} MB"


def _measured(bank: Bank, plan: Plan, pixels: Any) -> dict[str, float]:
    """Return milliseconds of one thread by method, on the image or, without one, on seeded noise."""
    import numpy as np

    from filterbank import engine

    g = plan.layers[0].geometry
    if pixels is None:
        pixels = np.random.default_rng(0).random((g.channels, g.height, g.width), np.float32)
    return engine.measured(plan, pixels[:1] if bank.input == "each" else pixels)


def _keep(told: dict[str, Any], names: list[str]) -> None:
    """Leave only the filters of these *names* in the lists of what comes out."""
    wanted = set(names)
    for layer in [told, *told.get("layers", [])[-1:]]:
        layer["filters"] = [filter for filter in layer["filters"] if filter["name"] in wanted]


def _images(bank: Bank, plan: Plan, planes: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """Return what enters the last layer: the image, or every channel of it where each is on its own.

    Of a stack these are the maps of the layer before the last.
    """
    import numpy as np

    from filterbank import engine
    from filterbank.model import Stack

    images = [plane[None] for plane in planes] if bank.input == "each" else [planes]
    before = plan.layers[:-1]
    if not before:
        return images
    first = engine.Plan(Stack(tuple(each.layer for each in before)), before)
    return [np.stack([values for _, values in engine.run(first, image)]) for image in images]


def _sum_json(terms: Terms, channel: int | None) -> dict[str, Any]:
    """Return one output's sum; *channel* is the image's, from 0, where each is on its own."""
    return {
        "filter": terms.filter,
        **({} if channel is None else {"channel": channel}),
        "x": terms.x,
        "y": terms.y,
        "terms": [
            {
                "channel": term.channel,
                "i": term.i,
                "j": term.j,
                "row": term.row,
                "column": term.column,
                "padding": term.is_padding,
                "weight": term.weight,
                "pixel": _finite(term.pixel),
                "product": _finite(term.product),
            }
            for term in terms.terms
        ],
        "bias": terms.bias,
        "sum": _finite(terms.sum),
        "activation": terms.activation,
        "value": _finite(terms.value),
    }


def _finite(value: float) -> float | None:
    """Return *value*, or None for NaN and infinity, which JSON has no words for."""
    return value if math.isfinite(value) else None


def _sum_text(told: Terms, title: str) -> str:
    """Return one output's sum as a table, a term a line."""
    lines = [
        f"{told.filter} at x {told.x}, y {told.y}{title}",
        f"{'channel':>7} {'i':>3} {'j':>3} {'row':>6} {'column':>6} "
        f"{'weight':>12} {'pixel':>12} {'product':>13}",
    ]
    for term in told.terms:
        note = "  padding" if term.is_padding else ""
        lines.append(
            f"{term.channel:>7} {term.i:>3} {term.j:>3} {term.row:>6} {term.column:>6} "
            f"{term.weight:>12.6g} {term.pixel:>12.6g} {term.product:>13.6g}{note}"
        )
    ends = [("bias", told.bias), ("sum", told.sum), (told.activation, told.value)]
    return "\n".join([*lines, *(f"{name:>54} {value:>13.6g}" for name, value in ends)])


def _text(bank: Bank, told: dict[str, Any]) -> str:
    """Return the shapes and counts as aligned lines, then the filters."""
    layers = told.get("layers", [told])
    blocks = [f"{bank.name}: {bank.description}".rstrip(": ") + f"\n{'digest':<16} {bank.digest}"]
    for number, layer in enumerate(layers, 1):
        title = [f"layer {number}"] if len(layers) > 1 else []
        kind = bank.input if bank.input == "each" or number == 1 else layer["input"]["channels"]
        blocks.append("\n".join([*title, *_layer_lines(layer, kind)]))
        blocks.append("\n".join(_filter_lines(layer["filters"])))
    if len(layers) > 1:
        blocks.append("\n".join(["whole stack", *_stack_lines(told)]))
    if bank.layer.combine:
        blocks.append("\n".join(["maps", *combinations(bank.layer)]))
    if "bands" in told:
        blocks.append(f"{'bands':<16} {_bands_line(told['bands'])}")
    if "measured" in told:
        times = "; ".join(f"{name} {ms:.3g} ms" for name, ms in told["measured"].items())
        blocks.append(f"{'measured':<16} {times}, one thread")
    return "\n\n".join(blocks)


def _layer_lines(layer: dict[str, Any], kind: str | int) -> list[str]:
    source, result, dense = layer["input"], layer["output"], layer["fully_connected"]
    top, left, bottom, right = layer["padding"]
    k, c = result["channels"], source["channels"] // layer["groups"]
    rows, columns = layer["kernel"]
    each = ", every channel on its own" if kind == "each" else ""
    sums = "; ".join(
        f"{letter}2 = ⌊({size} + {before} + {after} − {d}·({f}−1) − 1)/{s}⌋ + 1 = {out}"
        for letter, size, before, after, d, f, s, out in (
            (
                "W",
                source["width"],
                left,
                right,
                layer["dilation"][1],
                columns,
                layer["stride"][1],
                result["width"],
            ),
            (
                "H",
                source["height"],
                top,
                bottom,
                layer["dilation"][0],
                rows,
                layer["stride"][0],
                result["height"],
            ),
        )
    )
    pairs = [
        ("input", f"{_whc(source)}  (W1×H1×C){each}"),
        ("output", f"{_whc(result)}  (W2×H2×K)"),
        ("", sums),
        (
            "kernel",
            f"{_by(layer['kernel'])} rows × columns, stride {_by(layer['stride'])}, "
            f"dilation {_by(layer['dilation'])}, groups {layer['groups']}",
        ),
        ("padding", f"{top} top, {left} left, {bottom} bottom, {right} right; {layer['padding_mode']}"),
        ("activation", layer["activation"]),
        ("weights", f"{layer['weights']:,} = {k}·{c}·{rows}·{columns}; fully connected {_dense(dense)}"),
        ("biases", f"{layer['biases']:,}; fully connected {dense['biases']:,}"),
        ("receptive field", f"{_by(layer['receptive_field'])} rows × columns"),
        ("multiply-adds", f"{layer['multiply_adds']:,}"),
        ("memory", f"{layer['memory'] / 1e6:,.1f} MB for pixels, padding and one map"),
    ]
    return [f"{name:<16} {value}" for name, value in pairs]


def _dense(counts: dict[str, int]) -> str:
    """Return the fully connected layer's weights, and how many of them are zero and tied."""
    every, zero = counts["weights"], counts["zero"]
    # No share that is not 1 is to look like it.
    share = f"{100 * zero / every:.{2 + max(0, len(str(every // max(every - zero, 1))) - 3)}f}"
    return f"{every:,}, of which {zero:,} zero ({share} %) and {counts['tied']:,} tied"


def _stack_lines(told: dict[str, Any]) -> list[str]:
    dense = told["fully_connected"]
    pairs = [
        ("input", f"{_whc(told['input'])}  (W1×H1×C)"),
        ("output", f"{_whc(told['output'])}  (W2×H2×K)"),
        ("weights", f"{told['weights']:,}; fully connected {_dense(dense)}"),
        ("biases", f"{told['biases']:,}; fully connected {dense['biases']:,}"),
        ("receptive field", f"{_by(told['receptive_field'])} rows × columns"),
        ("multiply-adds", f"{told['multiply_adds']:,}"),
        ("memory", f"{told['memory'] / 1e6:,.1f} MB for the layer that needs most"),
    ]
    return [f"{name:<16} {value}" for name, value in pairs]


def _filter_lines(filters: list[dict[str, Any]]) -> list[str]:
    """Return a line for each filter; a reason that several share stands once, below them."""
    width = max(len("filter"), *(len(filter["name"]) for filter in filters))
    reasons = [f"{filter['method']}: {filter['reason']}" for filter in filters]
    shared = Counter(reasons)
    marks = {reason: f" [{number}]" if len(shared) > 1 else "" for number, reason in enumerate(shared, 1)}
    is_short = len(filters) <= _FEW or len(shared) == len(filters)
    lines = [f"{'filter':<{width}}  {'taps':>6}  method"]
    lines += [
        f"{filter['name']:<{width}}  {filter['taps']:>6,}  "
        + (reason if is_short else filter["method"] + marks[reason])
        for filter, reason in zip(filters, reasons, strict=True)
    ]
    if is_short:
        return lines
    told = [(marks[reason].strip(), count, reason) for reason, count in shared.items()]
    return lines + [f"{mark} {count} by {reason}".lstrip() for mark, count, reason in told]


def _whc(shape: dict[str, int]) -> str:
    return f"{shape['width']}×{shape['height']}×{shape['channels']}"


def _by(pair: list[int]) -> str:
    return f"{pair[0]}×{pair[1]}"
