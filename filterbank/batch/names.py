"""Where every map goes: the name template, and every clash found before any work."""

from __future__ import annotations

import os
import string
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from filterbank.batch import disk
from filterbank.batch.inputs import Source
from filterbank.errors import RequestError, shown
from filterbank.record import record

IMAGE_FIELDS = ("dir", "stem", "name")
BANK_FIELDS = ("bank", "layer", "ext")
FILTER_FIELDS = ("filter", "index")
MANIFEST = "manifest.jsonl"
INDEX = "index.html"  # the contact sheet

Layers = Mapping[int, Sequence[str]]  # a layer's number, from 1, and the names of its maps

_NAME_LIMIT = 255  # bytes of one name, and of a whole path, on the file systems of today
_PATH_LIMIT = 4095


@record(frozen=True)
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


@record(frozen=True)
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
        elif _may_pass(_NAME_LIMIT, name) and max(len(os.fsencode(part)) for part in parts) > _NAME_LIMIT:
            fault = f"a name is longer than {_NAME_LIMIT} bytes"
        elif _may_pass(_PATH_LIMIT, path := f"{self.out}/{name}") and len(os.fsencode(path)) > _PATH_LIMIT:
            fault = f"the path is longer than {_PATH_LIMIT} bytes"
        if fault:
            raise RequestError(
                f"--name {self.template}: {shown(text) or 'nothing'}: {fault}; choose another template"
            )
        return name


def _may_pass(limit: int, name: str) -> bool:
    """Whether a name may have more bytes: no character takes more than four."""
    return 4 * len(name) > limit


def default_template(stack: bool, banks: int, layers: int = 1) -> str:
    """Return the template that is used where none is given.

    >>> default_template(stack=False, banks=1), default_template(stack=True, banks=2)
    ('{dir}/{stem}/{filter}.{ext}', '{dir}/{stem}/{bank}.{ext}')
    >>> default_template(stack=False, banks=1, layers=2)
    '{dir}/{stem}/{layer}/{filter}.{ext}'
    """
    parts = ["{bank}"] * (banks > 1) + ["{layer}"] * (layers > 1) + ["{filter}"] * (not stack)
    return "/".join(["{dir}/{stem}", *parts]) + ".{ext}"


def namer(
    template: str | None, banks: Sequence[tuple[str, Layers]], *, stack: bool, ext: str, out: str
) -> Namer:
    """Return the Namer for *banks*, each a name and its layers: the number and the filters' names of each.

    Raises
    ------
    RequestError
        The template has an unknown field, a format, or leads out of the folder.

    Examples
    --------
    >>> sobel = "sobel", {1: ["sobel_x", "sobel_y"]}
    >>> named = namer(None, [sobel], stack=False, ext="png", out="maps")
    >>> named.paths(Source("photos/cat.jpg"))
    ['maps/cat/sobel_x.png', 'maps/cat/sobel_y.png']
    """
    most = max((len(layers) for _, layers in banks), default=1)
    text = default_template(stack, len(banks), most) if template is None else template
    _check_template(text, stack)
    targets = []
    for number, (name, layers) in enumerate(banks):
        for layer, filters in layers.items():
            fields = (("bank", name), ("layer", str(layer)), ("ext", ext))
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


@record(frozen=True)
class Places:
    """What was found out about all outputs before any work."""

    folders: tuple[str, ...]
    done: frozenset[int]


def check(
    namer: Namer,
    sources: Sequence[Source],
    on_exists: str,
    part: slice = slice(None),
    own: Container[str] = frozenset(),
) -> Places:
    """Return the folders that outputs go to and the sources (by number) whose outputs all exist.

    No two of *sources* may clash, but only those of *part* are looked for on the disk, and counted.
    Outputs that are among *own*, relative to the namer's folder, may exist whatever *on_exists* says.

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
    del keys
    if len(chosen := sources[part]) < len(sources):
        sources = chosen
        folders = _keys(namer, sources)[1]
    if not any(disk.is_folder(folder) for folder in folders):
        return Places(tuple(folders), frozenset())
    return Places(tuple(folders), _check_existing(namer, sources, on_exists, own))


def _key(path: str) -> int:
    return hash(disk.key(path))


def _keys(namer: Namer, sources: Sequence[Source]) -> tuple[NDArray[np.int64], dict[str, None]]:
    """Return the sorted keys of all outputs, and the folders; keys keep a million names in 8 MB."""
    keys = np.empty((len(sources), len(namer.targets)), np.int64)
    folders: dict[str, None] = {}
    for row, source in zip(keys, sources, strict=True):
        for column, path in enumerate(namer.paths(source)):
            row[column] = _key(path)
            folders[path.rpartition("/")[0] or "/"] = None
    every = keys.ravel()
    every.sort()
    return every, folders


def _outputs(namer: Namer, sources: Sequence[Source]) -> Iterator[tuple[str, Source, Target]]:
    for source in sources:
        for path, target in zip(namer.paths(source), namer.targets, strict=True):
            yield path, source, target


def _check_shared(namer: Namer, sources: Sequence[Source], keys: NDArray[np.int64]) -> None:
    is_repeated = (keys[1:] == keys[:-1]).any()
    reserved = {f"{namer.out}/{MANIFEST}": "the manifest", f"{namer.out}/{INDEX}": "the contact sheet"}
    if not is_repeated and not _share_any(keys, np.array([_key(path) for path in reserved])):
        return
    owners = {disk.key(path): (path, what) for path, what in reserved.items()}
    for path, source, target in _outputs(namer, sources):
        owner = f"{target.shown} on {source.shown}"
        spelled, first = owners.setdefault(disk.key(path), (path, owner))
        if first is not owner:
            case = "" if spelled == path else " (names that differ only by case are one file on this system)"
            raise RequestError(
                f"{shown(path)}: {first} and {owner} would share this file{case}; "
                + _advice(namer, sources, is_one_image=first.endswith(f" on {source.shown}"))
            )


def _advice(namer: Namer, sources: Sequence[Source], *, is_one_image: bool = False) -> str:
    """Return what to do about a clash: a template that is free of any, where one of the usual is."""
    banks = len({target.bank for target in namer.targets})
    layers = max(len({dict(each.fields)["layer"] for each in own}) for own in _by_bank(namer))
    usual = default_template(namer.targets[0].filter is None, banks, layers)
    own, other = (template.replace("{stem}", "{name}") for template in (namer.template, usual))
    for template in (own, usual, other):
        if template != namer.template and _is_free(replace(namer, template=template), sources):
            return f"give --name '{template}'"
    if is_one_image:
        return "give each bank a name of its own, or each only once"
    return "rename one of them, or give the folder above the images instead of the images"


def _by_bank(namer: Namer) -> list[list[Target]]:
    """Return the targets of each bank."""
    return [list(own) for _, own in groupby(namer.targets, lambda target: target.bank)]


def _is_free(namer: Namer, sources: Sequence[Source]) -> bool:
    """Return whether no two outputs of *namer* share a file, and none is a folder or the manifest."""
    try:
        keys, folders = _keys(namer, sources)
    except RequestError:
        return False
    above = _hashed(map(disk.key, _above(namer, folders)))
    taken = _hashed(disk.key(f"{namer.out}/{name}") for name in (MANIFEST, INDEX))
    return not ((keys[1:] == keys[:-1]).any() or _share_any(keys, above) or _share_any(keys, taken))


def _check_folders(
    namer: Namer, sources: Sequence[Source], keys: NDArray[np.int64], folders: dict[str, None]
) -> None:
    """Raise where a file is to be written whose name is a folder of another's."""
    for folder in _above(namer, folders) if disk.is_folder(namer.out) else ():
        if os.path.lexists(folder) and not disk.is_folder(folder):
            raise RequestError(f"{shown(folder)}: is a file, a folder for maps would go there; remove it")
    if not _share_any(keys, _hashed(map(disk.key, _above(namer, folders)))):
        return
    names = {disk.key(folder) for folder in _above(namer, folders)}
    for path, source, target in _outputs(namer, sources):
        if disk.key(path) in names:
            raise RequestError(
                f"{shown(path)}: the file of {target.shown} on {source.shown} is the folder of another's; "
                + _advice(namer, sources)
            )


def _above(namer: Namer, folders: dict[str, None]) -> Iterator[str]:
    """Yield *folders* and all folders above them, below the folder for maps, each once."""
    seen: set[str] = set()
    for leaf in folders:
        yield leaf
        folder = leaf.rpartition("/")[0]
        while len(folder) > len(namer.out) and folder not in seen and folder not in folders:
            seen.add(folder)
            yield folder
            folder = folder.rpartition("/")[0]


def _hashed(texts: Iterable[str]) -> NDArray[np.int64]:
    """Return what finds most strangers among *texts* by a glance, a few bytes each."""
    return np.fromiter(map(hash, texts), np.int64)


def _share_any(ordered: NDArray[np.int64], keys: NDArray[np.int64]) -> bool:
    """Return whether *ordered* keys and others share one; NumPy's own isin() loads masked arrays first."""
    places = np.searchsorted(ordered, keys)
    return bool((ordered[np.minimum(places, ordered.size - 1)] == keys).any()) if ordered.size else False


def _check_inputs(namer: Namer, sources: Sequence[Source], folders: dict[str, None]) -> None:
    """Raise where a map would take the place of an image that is read."""
    touched = np.sort(_hashed(map(os.path.realpath, folders)))
    if not _share_any(touched, _hashed(os.path.dirname(path) for path in _read(sources))):
        return
    read = set(_read(sources))
    real = {folder: os.path.realpath(folder) for folder in folders}
    for path, source, target in _outputs(namer, sources):
        folder, _, name = path.rpartition("/")
        if f"{real[folder or '/']}/{name}" in read:
            raise RequestError(
                f"{shown(path)}: {target.shown} on {source.shown} would overwrite an image that is read; "
                "give another folder with -o or another --name"
            )


def _read(sources: Sequence[Source]) -> Iterator[str]:
    """Yield where the image of each source lies: the file that is read, and the link to it if it is one."""
    for source in sources:
        if source.data is None:
            folder, name = os.path.split(source.path)
            yield os.path.realpath(source.path)
            yield f"{os.path.realpath(folder or '.')}/{name}"


def _check_existing(
    namer: Namer, sources: Sequence[Source], on_exists: str, own: Container[str]
) -> frozenset[int]:
    done, first, count = set(), "", 0
    for number, source in enumerate(sources):
        paths = namer.paths(source)
        exist = [os.path.lexists(path) for path in paths]
        for path, is_there in zip(paths, exist, strict=True):
            if is_there and disk.is_folder(path):
                raise RequestError(f"{shown(path)}: is a folder, a map would go there; remove or rename it")
        foreign = [
            path
            for path, name, is_there in zip(paths, namer.names(source), exist, strict=True)
            if is_there and name not in own
        ]
        first = first or next(iter(foreign), "")
        count += len(foreign)
        if all(exist):
            done.add(number)
    if count and on_exists == "error":
        more = f" and {count - 1} more" if count > 1 else ""
        exists = "exist" if more else "exists"
        raise RequestError(
            f"{shown(first)}{more} {exists} already; accepted: --on-exists skip or --on-exists overwrite, "
            f"{'' if own else '--resume, '}or another folder with -o"
        )
    return frozenset(done) if on_exists == "skip" else frozenset()
