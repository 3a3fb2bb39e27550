"""The broken banks of tests/bankfile/bad and the messages that they carry."""

from pathlib import Path

from filterbank.bankfile.nodes import Scalar, Sequence

FOLDER = Path(__file__).parent / "bad"
PATHS = sorted([*FOLDER.glob("*.yaml"), *FOLDER.glob("*.json")])
# A schema of one file cannot see these: what keys mean together, sums, text that is no YAML or JSON at all.
SYNTAX = {
    *("alias-bomb", "alias-inside", "alias-unknown", "deep", "second-document", "tab", "unclosed"),
    *("colon-in-text", "trailing-comma", "comment", "two-values", "single-quotes", "missing-comma"),
    *("repeated-key", "repeated-filter-key", "repeated", "merge-key", "tag"),
}
BEYOND_SCHEMA = {
    *("ragged", "ragged-planes", "wrong-depth", "depths-differ", "channels-and-planes", "groups"),
    *("groups-filters", "duplicate-names", "clip-min-above-max", "total-weights", "family-twice"),
    *("normalize-sum-zero", "normalize-all-zero", "normalize-equal", "each-depth", "padding-value"),
    *("overflow", "normalize-sum-almost-zero", "groups-channels", "combine-globs"),
    *("layers-depths", "layers-channels", "layers-combine"),
}


def expected(path: Path) -> list[str]:
    """Return the messages that the bank carries, without its path."""
    if path.suffix == ".json":
        return path.with_suffix(".expect").read_text(encoding="utf-8").splitlines()
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line.removeprefix("# expect: ") for line in lines if line.startswith("# expect: ")]


def plain(node):
    """Return a tree of nodes as dicts, lists and values."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    return {plain(key): plain(value) for key, value in node.entries}
