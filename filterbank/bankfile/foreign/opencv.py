"""OpenCV's FileStorage in its three languages; every matrix of a file is a kernel called by its key."""

from __future__ import annotations

import math
import re
from xml.etree import ElementTree as Xml

import numpy as np

from filterbank.bankfile.foreign.kernels import Kernel, number, refusal
from filterbank.bankfile.nodes import Mapping, Node, Scalar, Sequence
from filterbank.bankfile.source import NOWHERE, Faults, Source

_DIRECTIVE = re.compile(r"\A%YAML:1\.[0-9]")
_TAG = re.compile(r"!!opencv-(?:nd-)?matrix|!<tag:yaml\.org,2002:opencv-(?:nd-)?matrix>")
_TYPE = re.compile(r"([0-9]{0,4})([ucwsifdh])")
_COUNT = re.compile("[0-9]{1,9}")


def is_opencv(text: str) -> bool:
    """Return whether *text* is a FileStorage."""
    return bool(_DIRECTIVE.match(text)) or "opencv-matrix" in text or "opencv-nd-matrix" in text


def read_opencv(source: Source) -> list[Kernel]:
    r"""Return the matrices of a FileStorage in YAML, JSON or XML.

    A matrix of several channels, dt "3f", is a kernel of as many planes; of an nd-matrix the last two
    axes are rows and columns, one before them planes, and one before those kernels.

    Raises
    ------
    BankError
        It is none, or holds no matrix.

    Examples
    --------
    >>> text = "%YAML:1.0\n---\nk: !!opencv-matrix\n  rows: 1\n  cols: 2\n  dt: f\n  data: [1., -1.]\n"
    >>> [(kernel.name, kernel.weights.tolist()) for kernel in read_opencv(Source("k.yml", text))]
    [('k', [[[1.0, -1.0]]])]
    """
    if source.text.lstrip().startswith("<"):
        found = _of_xml(source)
    else:
        from filterbank.bankfile import yaml_text  # noqa: PLC0415

        # Blanks in place of what is no YAML, so that places stay.
        text = _DIRECTIVE.sub(lambda found: "#" + " " * (len(found[0]) - 1), source.text)
        text = _TAG.sub(lambda found: " " * len(found[0]), text)
        faults = Faults(Source(source.path, text))
        node = yaml_text.parse(faults)
        faults.raise_if_any()
        found = _of_mapping(node)
    kernels = [kernel for name, at, given in found for kernel in _kernels(source, name, at, given)]
    if not kernels:
        raise refusal(source, 0, "found no matrix", "accepted: opencv-matrix or opencv-nd-matrix")
    return kernels


_Given = dict[str, "str | list[str]"]
_Found = list[tuple[str, int, _Given]]


def _of_mapping(node: Node) -> _Found:
    """Return every matrix of a tree: its key, its place and its parts as texts."""
    found: _Found = []
    for key, value in node.entries if isinstance(node, Mapping) else ():
        if not isinstance(value, Mapping) or not isinstance(key, Scalar):
            continue
        given = {part.text: _texts(each) for part, each in value.entries if isinstance(part, Scalar)}
        found += [(key.text, key.at, given)] if "data" in given else _of_mapping(value)
    return found


def _texts(node: Node) -> str | list[str]:
    if isinstance(node, Sequence):
        return [item.text for item in node.items if isinstance(item, Scalar)]
    return node.text if isinstance(node, Scalar) else ""


def _of_xml(source: Source) -> _Found:
    if "<!" in re.sub(r"<!--.*?-->", "", source.text, flags=re.DOTALL):
        raise refusal(source, source.text.index("<!"), "found a declaration", "accepted: plain elements")
    try:
        root = Xml.fromstring(source.text)
    except Xml.ParseError as error:
        raise refusal(source, NOWHERE, f"not XML: {error}") from None
    parts: _Found = []
    for element in root.iter():
        if str(element.get("type_id", "")).startswith("opencv-"):
            given: _Given = {child.tag: (child.text or "").strip() for child in element}
            parts.append(
                (
                    element.tag,
                    NOWHERE,
                    given | {key: str(given[key]).split() for key in ("data", "sizes") if key in given},
                )
            )
    return parts


def _kernels(source: Source, name: str, at: int, given: _Given) -> list[Kernel]:
    """Return the kernels of one matrix."""
    kind = _TYPE.fullmatch(str(given.get("dt", "")).strip('"'))
    if kind is None:
        raise refusal(
            source,
            at,
            f"matrix {name!r} has dt {given.get('dt', '')!r}",
            "accepted: u c w s i f d h, a count before",
        )
    channels = int(kind[1] or 1)
    sizes = given.get("sizes", [str(given.get("rows", "")), str(given.get("cols", ""))])
    shape = [
        int(size) if _COUNT.fullmatch(str(size)) else 0
        for size in (sizes if isinstance(sizes, list) else sizes.split())
    ]
    data = given["data"]
    values = np.array(
        [number(source, text.rstrip(","), at) for text in (data if isinstance(data, list) else data.split())]
    )
    if len(shape) not in (2, 3, 4) or values.size != math.prod(shape) * channels or values.size == 0:
        size = "×".join(map(str, shape)) + (f" of {channels} channels" if channels > 1 else "")
        raise refusal(
            source,
            at,
            f"matrix {name!r} is {size} and has {values.size} numbers",
            "accepted: 2 to 4 axes, all filled",
        )
    if channels > 1:
        values = np.moveaxis(values.reshape(*shape, channels), -1, -3)
        shape = list(values.shape)
    stacked = values.reshape(-1, *shape[-3:]) if len(shape) > 2 else values.reshape(1, 1, *shape)
    if len(stacked) == 1:
        return [Kernel(stacked[0], 0.0, name)]
    return [Kernel(weights, 0.0, f"{name}_{index}") for index, weights in enumerate(stacked)]
