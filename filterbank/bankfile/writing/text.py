"""A bank as YAML or JSON: what is short stands on one line, and every number is read back bit for bit."""

from __future__ import annotations

import json
import re
from textwrap import indent
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filterbank.bankfile.nodes import MAX_NODES, resolve
from filterbank.bankfile.source import MAX_BYTES
from filterbank.bankfile.writing.settings import of_bank, of_layer, plain
from filterbank.errors import RequestError
from filterbank.model import Bank, Filter, Layer

WIDTH = 100
# Texts that mean themselves without quotes, inside brackets as well.
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./()+-]*(?:[,;]? [A-Za-z0-9_./()+-]+)*")


def to_yaml(bank: Bank) -> bytes:
    """Return *bank* as YAML.

    Raises
    ------
    RequestError
        It is too large to be read back from a text.
    """
    _check_count(bank)
    lines = [f"{key}: {_flow(value)}" for key, value in of_bank(bank).items()]
    layers = [_yaml_layer(layer) for layer in bank.stack.layers]
    if len(layers) == 1:
        lines += layers[0]
    else:
        lines.append("layers:")
        lines += [("    " if at else "  - ") + line for layer in layers for at, line in enumerate(layer)]
    return _limited(bank, "\n".join(lines) + "\n")


def _yaml_layer(layer: Layer) -> list[str]:
    """Return the lines of a layer."""
    said = _stated(layer)
    combine = said.pop("combine", [])
    lines = [f"{key}: {_flow(value)}" for key, value in said.items()] + ["filters:"]
    for each in layer.filters:
        lines += yaml_filter(each)
    return lines + ["combine:"] * bool(combine) + [f"  - {_flow(each)}" for each in combine]


def yaml_filter(filter: Filter, width: int = WIDTH) -> list[str]:
    """Return the lines of an entry of ``filters``: one within *width*, else a row of weights on each.

    >>> yaml_filter(Filter("dx", np.array([[-1, 0, 1]]), 0.5))
    ['  - {name: dx, kernel: [[-1, 0, 1]], bias: 0.5}']
    """
    name, rows = yaml_word(filter.name), _rows(filter.weights)
    more = f", bias: {_number(filter.bias)}" if filter.bias else ""
    short = f"  - {{name: {name}, kernel: {_nested(rows)}{more}}}"
    if len(short) <= width:
        return [short]
    bias = [f"    bias: {_number(filter.bias)}"] if filter.bias else []
    return [f"  - name: {name}", *bias, "    kernel:", *_block(filter.weights)]


def to_json(bank: Bank) -> bytes:
    """Return *bank* as JSON.

    Raises
    ------
    RequestError
        It is too large to be read back from a text.
    """
    _check_count(bank)
    lines = [f"  {json.dumps(key)}: {_json(value)}" for key, value in of_bank(bank).items()]
    layers = [_json_layer(layer) for layer in bank.stack.layers]
    if len(layers) == 1:
        lines += layers[0]
    else:
        entries = ["    {\n" + indent(",\n".join(layer), "    ") + "\n    }" for layer in layers]
        lines.append('  "layers": [\n' + ",\n".join(entries) + "\n  ]")
    return _limited(bank, "{\n" + ",\n".join(lines) + "\n}\n")


def _json_layer(layer: Layer) -> list[str]:
    """Return the members of a layer, which may have several lines."""
    said = _stated(layer)
    combine = [f"    {_json(each)}" for each in said.pop("combine", [])]
    lines = [f"  {json.dumps(key)}: {_json(value)}" for key, value in said.items()]
    filters = []
    for each in layer.filters:
        start = f'    {{"name": {json.dumps(each.name)}, ' + (
            f'"bias": {_number(each.bias)}, ' if each.bias else ""
        )
        rows = _rows(each.weights)
        short = f'{start}"kernel": {_nested(rows)}}}'
        if len(short) > WIDTH:
            planes = [",\n".join(f"      {row}" for row in plane) for plane in rows]
            joined = (
                ",\n".join(f"      [\n{plane}\n      ]" for plane in planes) if len(planes) > 1 else planes[0]
            )
            short = f'{start}"kernel": [\n{joined}\n    ]}}'
        filters.append(short)
    return lines + [
        f'  "{key}": [\n' + ",\n".join(entries) + "\n  ]"
        for key, entries in (("filters", filters), ("combine", combine))
        if entries
    ]


def _stated(layer: Layer) -> dict[str, Any]:
    """Return the settings and what is true of every layer here: nothing is left to be done on reading."""
    return {"operation": "correlation", "normalize": "none"} | of_layer(layer)


def _check_count(bank: Bank) -> None:
    """Raise RequestError where the text would hold more values than are read."""
    values = 0
    for layer in bank.stack.layers:
        # Numbers, rows, planes and kernels are values of the text, and so are the keys.
        shapes = [each.weights.shape for each in layer.filters]
        values += sum(depth * rows * columns + depth * rows + 16 for depth, rows, columns in shapes)
        values += sum(len(each.filters) + 8 for each in layer.combine)
    if values > MAX_NODES:
        raise _too_large(bank)


def _limited(bank: Bank, text: str) -> bytes:
    data = text.encode()
    if len(data) > MAX_BYTES:
        raise _too_large(bank)
    return data


def _too_large(bank: Bank) -> RequestError:
    return RequestError(
        f"bank {bank.name!r}: too large for a text; accepted: at most {MAX_NODES:,} values and "
        f"{MAX_BYTES // 2**20} MB; convert it to .npz or .safetensors"
    )


def _rows(weights: NDArray[np.float64]) -> list[list[str]]:
    """Return the rows of every plane, written."""
    return [[f"[{', '.join(map(_number, row))}]" for row in plane] for plane in weights.tolist()]


def _nested(rows: list[list[str]]) -> str:
    planes = [f"[{', '.join(plane)}]" for plane in rows]
    return planes[0] if len(planes) == 1 else f"[{', '.join(planes)}]"


def _block(weights: NDArray[np.float64]) -> list[str]:
    """Return the lines of a kernel in YAML's blocks, columns aligned; planes on one line where they fit."""
    texts = [[[_number(value) for value in row] for row in plane] for plane in weights.tolist()]
    width = max(len(text) for plane in texts for row in plane for text in row)
    rows = [[f"[{', '.join(text.rjust(width) for text in row)}]" for row in plane] for plane in texts]
    if len(rows) == 1:
        return [f"      - {row}" for row in rows[0]]
    lines = []
    for plane, loose in zip(_rows(weights), rows, strict=True):
        line = f"      - [{', '.join(plane)}]"
        if len(line) <= WIDTH:
            lines.append(line)
        else:
            lines += [f"      {'- -' if index == 0 else '  -'} {row}" for index, row in enumerate(loose)]
    return lines


def _number(value: float) -> str:
    """Return the shortest text that is read as the same 64 bits.

    >>> _number(-0.0), _number(3.0), _number(0.1), _number(1e300)
    ('-0.0', '3', '0.1', '1e+300')
    """
    return repr(plain(value))


def yaml_word(text: str) -> str:
    """Return *text* as YAML reads it as that text, in quotes where it could be something else."""
    is_plain = _PLAIN.fullmatch(text) and isinstance(resolve(text), str) and len(text) < WIDTH
    return text if is_plain else json.dumps(text, ensure_ascii=False)


def _flow(value: Any) -> str:
    """Return a setting as YAML on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(_flow, value))}]"
    return yaml_word(value) if isinstance(value, str) else _number(value)


def _json(value: Any) -> str:
    """Return a setting as JSON on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)}: {_json(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(_json, value))}]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else _number(value)
