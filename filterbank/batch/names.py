"""Where every map goes: the name template, and every clash found before any work."""

from __future__ import annotations

import os
import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from filterbank.batch.inputs import Source, shown
from filterbank.errors import RequestError

IMAGE_FIELDS = ("dir", "stem", "name")
BANK_FIELDS = ("bank", "layer", "ext")
FILTER_FIELDS = ("filter", "index")
MANIFEST = "manifest.jsonl"

_NAME_LIMIT = 255  # bytes of one name, and of a whole path, on the file systems of today
_PATH_LIMIT = 4095


@dataclass(frozen=True, slots=True)
class Target:
    """One file to be written for each image: the bank's number, and the filter's unless it is a stack."""

    bank: int
    filter: int | None
    fields: tuple[tuple[str, str], ...]

    @property
    def shown(self) -> str:
        """The filter (or bank) as a sentence names it."""
        fields = dict(self.fields)
        return f"filter {fields['filter']} of {fields['bank']}" if "filter" in fields else fields["bank"]


@dataclass(frozen=True, slots=True)
class Namer:
    """A checked template: what names the targets of a source get below the folder *out*."""

    template: str
    targets: tuple[Target, ...]
    out: str

    def paths(self, source: Source) -> list[str]:
        """Return the files of *source*, one per target, as paths that begin with *out*."""
        return [f"{self.out}/{name}" for name in self.names(source)]

    def names(self, source: Source) -> list[str]:
        """Return the files of *source*, one per target, relative to *out*.

        Raises
        ------
        RequestError
            A name is empty, too long, or leads out of *out*.
        """
        image = {"dir": source.dir, "stem": source.stem, "name": source.name}
        return [self._name(image, target) for target in self.targets]

    def _name(self, image: dict[str, str], target: Target) -> str:
        text = self.template.format_map({**image, **dict(target.fields)})
        # An empty {dir} leaves a slash in front; the template itself is checked not to begin with one.
        parts = [part for part in text.split("/") if part not in ("", ".")]
        name = "/".join(parts)
        fault = ""
        if not parts or text.endswith(("/", "/.")):
            fault = "the name of the file is empty"
        elif ".." in parts:
            fault = "it leads out of the folder for maps"
        elif max(len(os.fsencode(part)) for part in parts) > _NAME_LIMIT:
            fault = f"a name is longer than {_NAME_LIMIT} bytes"
        elif len(os.fsencode(self.out)) + len(os.fsencode(name)) + 1 > _PATH_LIMIT:
            fault = f"the path is longer than {_PATH_LIMIT} bytes"
        if fault:
            raise RequestError(
                f"--name {self.template}: {shown(text) or 'nothing'}: {fault}; choose another template"
            )
        return name


def default_template(stack: bool, banks: int) -> str:
    """Return the template that is used where none is given.

    >>> default_template(stack=False, banks=1), default_template(stack=True, banks=2)
    ('{dir}/{stem}/{filter}.{ext}', '{dir}/{stem}/{bank}.{ext}')
    """
    if stack:
        return "{dir}/{stem}.{ext}" if banks == 1 else "{dir}/{stem}/{bank}.{ext}"
    return "{dir}/{stem}/{filter}.{ext}" if banks == 1 else "{dir}/{stem}/{bank}/{filter}.{ext}"


def namer(
    template: str | None, banks: Sequence[tuple[str, Sequence[str]]], *, stack: bool, ext: str, out: str
) -> Namer:
    """Return the Namer for *banks*, each a name and its filters' names.

    Raises
    ------
    RequestError
        The template has an unknown field, a format, or leads out of the folder.

    Examples
    --------
    >>> named = namer(None, [("sobel", ["sobel_x", "sobel_y"])], stack=False, ext="png", out="maps")
    >>> named.paths(Source("photos/cat.jpg"))
    ['maps/cat/sobel_x.png', 'maps/cat/sobel_y.png']
    """
    text = default_template(stack, len(banks)) if template is None else template
    _check_template(text, stack)
    targets = []
    for number, (name, filters) in enumerate(banks):
        fields = (("bank", name), ("layer", "1"), ("ext", ext))
        if stack:
            targets.append(Target(number, None, fields))
            continue
        for index, filter in enumerate(filters):
            targets.append(Target(number, index, (*fields, ("filter", filter), ("index", str(index)))))
    return Namer(text, tuple(targets), out.rstrip("/") or "/")


def _check_template(template: str, stack: bool) -> None:
    fields = IMAGE_FIELDS + BANK_FIELDS + (() if stack else FILTER_FIELDS)
    accepted = "accepted: " + " ".join("{" + field + "}" for field in fields)
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as error:
        raise RequestError(f"--name {template}: {error}; {accepted}; write {{{{ for a brace") from None
    for _, field, form, conversion in parts:
        if field is None:
            continue
        if field not in fields:
            also = "; one file holds all filters with --stack" if field in FILTER_FIELDS else ""
            raise RequestError(f"--name {template}: found {{{field}}}{also}; {accepted}")
        if form or conversion:
            raise RequestError(f"--name {template}: found a format in {{{field}}}; {accepted}, as they are")
    if template.startswith("/"):
        raise RequestError(f"--name {template}: found an absolute path; accepted: a path below the folder -o")
    if ".." in template.split("/"):
        raise RequestError(f"--name {template}: found ..; accepted: a path below the folder -o")


@dataclass(frozen=True, slots=True)
class Places:
    """What was found out about all outputs before any work."""

    folders: tuple[str, ...]
    done: frozenset[int]


def check(namer: Namer, sources: Sequence[Source], on_exists: str) -> Places:
    """Return the folders that outputs go to and the sources (by number) whose outputs all exist.

    Raises
    ------
    RequestError
        Two outputs share a file, one is the folder of another, one would overwrite an input, or
        one exists and *on_exists* is ``error``.
    """
    keys, folders = _keys(namer, sources)
    _check_shared(namer, sources, keys)
    _check_folders(namer, sources, keys, folders)
    _check_inputs(namer, sources, folders)
    existing = {folder for folder in folders if Path(folder).is_dir()}
    if not existing:
        return Places(tuple(folders), frozenset())
    return Places(tuple(folders), _check_existing(namer, sources, on_exists))


def _key(path: str) -> int:
    # Names that differ only by case are one file on many a disk; the archive may end up there.
    return hash(path.casefold())


def _keys(namer: Namer, sources: Sequence[Source]) -> tuple[NDArray[np.int64], dict[str, None]]:
    """Return a key for each output, in order, and the folders; keys keep a million names in 8 MB."""
    keys = np.empty((len(sources), len(namer.targets)), np.int64)
    folders: dict[str, None] = {}
    for row, source in zip(keys, sources, strict=True):
        for column, path in enumerate(namer.paths(source)):
            row[column] = _key(path)
            folders[path.rpartition("/")[0] or "/"] = None
    return keys, folders


def _outputs(namer: Namer, sources: Sequence[Source]) -> Iterator[tuple[str, Source, Target]]:
    for source in sources:
        for path, target in zip(namer.paths(source), namer.targets, strict=True):
            yield path, source, target


def _check_shared(namer: Namer, sources: Sequence[Source], keys: NDArray[np.int64]) -> None:
    ordered = np.sort(keys, axis=None)
    repeated = set(ordered[1:][ordered[1:] == ordered[:-1]].tolist())
    reserved = f"{namer.out}/{MANIFEST}"
    if not repeated and _key(reserved) not in keys:
        return
    owners: dict[str, str] = {reserved.casefold(): "the manifest"}
    for path, source, target in _outputs(namer, sources):
        owner = f"{target.shown} on {source.shown}"
        first = owners.get(path.casefold())
        if first is not None:
            raise RequestError(
                f"{shown(path)}: {first} and {owner} would share this file; {_advice(namer, first, source)}"
            )
        owners[path.casefold()] = owner


def _advice(namer: Namer, first: str, source: Source) -> str:
    if first == "the manifest":
        return "choose another template with --name"
    if first.endswith(f" on {source.shown}"):
        if "{bank}" not in namer.template and len({target.bank for target in namer.targets}) > 1:
            return "give --name with {bank}"
        if namer.targets[0].filter is None or "{index}" in namer.template or "{filter}" in namer.template:
            return "give each bank a name of its own, or each only once"
        return "give --name with {filter}, e.g. --name '{dir}/{stem}/{filter}.{ext}'"
    if "{name}" not in namer.template:
        return f"give --name with {{name}}, e.g. --name '{namer.template.replace('{stem}', '{name}')}'"
    return "give --name with {dir}, or the folder above the images instead of the images"


def _check_folders(
    namer: Namer, sources: Sequence[Source], keys: NDArray[np.int64], folders: dict[str, None]
) -> None:
    """Raise where a file is to be written whose name is a folder of another's."""
    above: dict[str, None] = {}
    for leaf in folders:
        folder = leaf
        while len(folder) > len(namer.out) and folder not in above:
            above[folder] = None
            folder = folder.rpartition("/")[0]
    for folder in above if Path(namer.out).is_dir() else ():
        if os.path.lexists(folder) and not Path(folder).is_dir():
            raise RequestError(f"{shown(folder)}: is a file, a folder for maps would go there; remove it")
    if not np.isin(keys, np.array([_key(folder) for folder in above], np.int64)).any():
        return
    names = {folder.casefold() for folder in above}
    for path, source, target in _outputs(namer, sources):
        if path.casefold() in names:
            raise RequestError(
                f"{shown(path)}: the file of {target.shown} on {source.shown} is the folder of another's; "
                "give --name with an extension, e.g. .{ext}"
            )


def _check_inputs(namer: Namer, sources: Sequence[Source], folders: dict[str, None]) -> None:
    """Raise where a map would take the place of an image that is read."""
    read = set()
    for source in sources:
        if source.data is None:
            folder, name = os.path.split(source.path)
            read |= {os.path.realpath(source.path), f"{os.path.realpath(folder or '.')}/{name}"}
    real = {folder: os.path.realpath(folder) for folder in folders}
    touched = set(real.values())
    if not any(os.path.dirname(path) in touched for path in read):  # noqa: PTH120
        return
    for path, source, target in _outputs(namer, sources):
        folder, _, name = path.rpartition("/")
        if f"{real[folder or '/']}/{name}" in read:
            raise RequestError(
                f"{shown(path)}: {target.shown} on {source.shown} would overwrite an image that is read; "
                "give another folder with -o or another --name"
            )


def _check_existing(namer: Namer, sources: Sequence[Source], on_exists: str) -> frozenset[int]:
    done, first, count = set(), "", 0
    for number, source in enumerate(sources):
        paths = namer.paths(source)
        exist = [os.path.lexists(path) for path in paths]
        for path, is_there in zip(paths, exist, strict=True):
            if is_there and Path(path).is_dir():
                raise RequestError(f"{shown(path)}: is a folder, a map would go there; remove or rename it")
        first = first or next((path for path, is_there in zip(paths, exist, strict=True) if is_there), "")
        count += sum(exist)
        if all(exist):
            done.add(number)
    if count and on_exists == "error":
        more = f" and {count - 1} more" if count > 1 else ""
        exists = "exist" if more else "exists"
        raise RequestError(
            f"{shown(first)}{more} {exists} already; accepted: --on-exists skip or --on-exists overwrite, "
            "or another folder with -o"
        )
    return frozenset(done) if on_exists == "skip" else frozenset()
