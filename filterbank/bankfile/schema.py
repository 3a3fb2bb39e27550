"""Every key of a bank file, declared once: the reader, the JSON Schema and the manual come from here."""

from __future__ import annotations

from typing import Any

from filterbank.bankfile.combine import COMBINATION_KEYS, Combinations
from filterbank.bankfile.entries import BESIDE_KEYS, ENTRY_KEYS, KERNEL_KEY, Entries
from filterbank.bankfile.families import FAMILIES
from filterbank.bankfile.keys import Key, object_schema
from filterbank.bankfile.kinds import Choice, Integer, Name, Number, Text
from filterbank.bankfile.layer_kinds import ActivationKind, InputKind, Numbers, Pair, Sides
from filterbank.bankfile.layers import BANK_KEY, Layers
from filterbank.bankfile.weights_kinds import WEIGHTS_KEYS, WeightsFile
from filterbank.model import PADDING_MODES

OPERATIONS = ("correlation", "convolution")
NORMALIZE = ("none", "l1", "l2", "sum", "zero_mean_l1")

# Larger ones are slips of the keyboard: no image has so many rows.
MAX_STEP = 65535

LAYER_KEYS = (
    Key(
        "operation",
        Choice(OPERATIONS),
        "convolution turns every kernel by 180° when it is read",
        "correlation",
    ),
    Key("stride", Pair(Integer(1, MAX_STEP)), "pixels from one output to the next", 1),
    Key(
        "padding", Sides(Integer(0, MAX_STEP)), "pixels around the image; same: out = ceil(in/stride)", "same"
    ),
    Key("padding_mode", Choice(PADDING_MODES), "what lies outside the image", "zeros"),
    Key("padding_value", Numbers(Number()), "for constant, in the units after mean and std", 0),
    Key("dilation", Pair(Integer(1, MAX_STEP)), "pixels from one weight to the next", 1),
    Key("groups", Integer(1, MAX_STEP), "parts the channels and filters are divided into", 1),
    Key("activation", ActivationKind(), "done to every output", "identity"),
    Key("normalize", Choice(NORMALIZE), "makes Σ|w|, √Σw² or Σw of every filter 1", "none"),
    Key("mean", Numbers(Number()), "taken off the image before it is padded", 0),
    Key("std", Numbers(Number(above=0)), "the image less its mean is divided by it", 1),
)
FILTERS_KEY = Key("filters", Entries(), "the filters, in the order of their maps; or weights")
WEIGHTS_KEY = Key("weights", WeightsFile(), "a tensor of a weights file, in place of filters")
COMBINE_KEY = Key("combine", Combinations(), "maps made of the filters' maps; only these are written then")
OWN_KEYS = (*LAYER_KEYS, FILTERS_KEY, WEIGHTS_KEY, COMBINE_KEY)
LAYERS_KEY = Key(
    "layers", Layers(OWN_KEYS), "a stack: the maps of one layer are the channels of the next; or filters"
)
BANK_KEYS = (
    Key("name", Name(), "names the bank in file names and reports; without it the file's stem"),
    Key("description", Text(), "what the bank is for"),
    Key("source", Text(), "where it was published"),
    Key("input", InputKind(), "what an image is turned into; without it by depth: 1 gray, 3 rgb, 4 rgba"),
    *OWN_KEYS,
    LAYERS_KEY,
)

# Keys of a filter that were written beside filters.
HOMES = {
    **{key.name: "it belongs inside an entry of combine" for key in COMBINATION_KEYS if key.name != "name"},
    **{key.name: "it belongs inside an entry of filters" for key in ENTRY_KEYS if key.name != "name"},
}


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a bank file, for editors and other programs.

    >>> schema = json_schema()
    >>> schema["oneOf"], schema["properties"]["normalize"]["enum"][:3]
    ([{'required': ['filters']}, {'required': ['weights']}, {'required': ['layers']}], ['none', 'l1', 'l2'])
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "filterbank bank",
        "description": "A convolutional layer, which is a bank of image filters, or several in a stack.",
        "oneOf": [{"required": [key.name]} for key in (FILTERS_KEY, WEIGHTS_KEY, LAYERS_KEY)],
        "dependentSchemas": {LAYERS_KEY.name: {"properties": {key.name: False for key in OWN_KEYS}}},
    } | object_schema(BANK_KEYS)


def key_tables() -> str:
    """Return every key, its values, default and meaning as Markdown tables, for the manual.

    >>> print(key_tables().splitlines()[2])
    | key | accepted | default | meaning |
    """
    lines = _table("The bank", BANK_KEYS) + _table("An entry of `filters`", (*BESIDE_KEYS, KERNEL_KEY))
    lines += _table("`weights`", WEIGHTS_KEYS)
    lines += _table("An entry of `combine`", COMBINATION_KEYS)
    lines += _table("An entry of `layers`: the keys from `operation` to `combine`, or", (BANK_KEY,))
    lines += ["### Families", "", "| family | parameters | meaning | source |", "|---|---|---|---|"]
    for name, family in FAMILIES.items():
        parameters = "; ".join(
            f"`{key.name}`: {key.kind.accepted}" + _usual(key.default, " (", ")") for key in family.parameters
        )
        told = _cell(family.doc), _cell(family.source)
        lines.append(f"| `{name}` | {parameters or '–'} | {' | '.join(told)} |")
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _usual(value: Any, before: str = "", after: str = "") -> str:
    return "" if value is None else f"{before}`{value}`{after}"


def _table(title: str, keys: tuple[Key, ...]) -> list[str]:
    lines = [f"### {title}", "", "| key | accepted | default | meaning |", "|---|---|---|---|"]
    for key in keys:
        usual = "required" if key.required else _usual(key.default)
        lines.append(f"| `{key.name}` | {_cell(key.kind.accepted)} | {usual} | {_cell(key.doc)} |")
    return [*lines, ""]
