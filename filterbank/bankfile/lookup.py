"""Banks by path or by the name of a shipped one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from filterbank.bankfile.build import Built, build
from filterbank.bankfile.kinds import nearest
from filterbank.bankfile.source import Source, read_source
from filterbank.bankfile.text import parse
from filterbank.bankfile.weights_kinds import is_weights_file
from filterbank.errors import RequestError, shown
from filterbank.model import Bank

_SUFFIXES = (".yaml", ".yml", ".json")


def _folder() -> Path:
    """Return the folder of the shipped banks: inside an installed package, beside it in a source tree."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "filters"
    return inside if inside.is_dir() else package.parent / "filters"


def shipped() -> list[str]:
    """Return the names of the banks that come with the program, sorted.

    >>> "sobel" in shipped()
    True
    """
    return sorted(path.stem for path in _folder().glob("*.yaml"))


def find(name: str) -> Path:
    """Return the path of the shipped bank *name*; underscores may stand for dashes.

    Raises
    ------
    RequestError
        There is none of that name.
    """
    names = shipped()
    # Nobody remembers which of the two a name is written with.
    spelled = name if name in names else name.replace("_", "-")
    if spelled in names:
        return _folder() / f"{spelled}.yaml"
    hint = nearest(Path(name).stem if name.endswith(_SUFFIXES) else name, names)
    advice = "; ".join(part for part in (hint, "`filterbank banks` lists them") if part)
    raise RequestError(
        f"bank '{shown(name)}': no such file and no shipped bank of that name; "
        f"accepted: a path or a shipped bank; {advice}"
    )


def locate(reference: str | os.PathLike[str]) -> Path:
    """Return the file that *reference* means: a path where there is one, else a shipped bank.

    Raises
    ------
    RequestError
        It is neither.
    """
    name = os.fspath(reference)
    if not name:
        raise RequestError("bank '': the name is empty; accepted: a path or a shipped bank")
    path = Path(reference)
    try:
        path.stat()
        is_there = True
    except PermissionError:
        is_there = True  # reading it will tell; it is not for us to say that it is not there
    except (OSError, ValueError):
        is_there = False
    # A folder in the way must not hide a shipped bank: `maps/sobel` is not meant by `-b sobel`.
    if is_there and not (os.path.isdir(path) and name.replace("_", "-") in shipped()):  # noqa: PTH112 - raises nothing
        return path
    return find(name)


def beside(reference: str, folder: Path) -> Path | None:
    """Return the file that a bank in *folder* means by *reference*: a path from there, or a shipped bank."""
    file, _ = split(folder / reference)
    if os.path.lexists(file) or is_weights_file(file.name):
        return folder / reference
    return find(reference) if reference.replace("_", "-") in shipped() else None


def place(path: Path) -> Path:
    """Return the one name of a file that may have several; unlike Path.resolve() it raises nothing."""
    return Path(os.path.realpath(path))


def read(reference: str | os.PathLike[str], opened: dict[Path, Any] | None = None) -> tuple[Built, Source]:
    """Return the bank that *reference* means and how it was written, and the text it was written in.

    *opened* are the bank files of the same reading, as in `Source`.

    Raises
    ------
    RequestError, BankError
        As `load`.
    """
    path, pick = split(reference)
    if is_weights_file(path.name):
        from filterbank.bankfile.weights.whole import load_weights  # noqa: PLC0415 - most banks are texts

        return load_weights(path, pick)
    found = locate(reference)
    opened = {} if opened is None else opened
    opened[place(found)] = None
    source = read_source(reference if Path(reference) == found else found, opened)
    return build(*parse(source)), source


def split(reference: str | os.PathLike[str]) -> tuple[Path, str | None]:
    """Return the file that *reference* names and what it picks in it, as in ``net.onnx#conv1``.

    >>> split("nets/net.onnx#/conv1/Conv")
    (PosixPath('nets/net.onnx'), '/conv1/Conv')
    """
    name = os.fspath(reference)
    path, mark, pick = name.partition("#")
    while mark and not is_weights_file(path):
        more, mark, pick = pick.partition("#")
        path = f"{path}#{more}"
    is_whole = not mark or os.path.lexists(name)
    return (Path(name), None) if is_whole else (Path(path), pick or None)


def load(reference: str | os.PathLike[str]) -> Bank:
    """Return the bank at a path, or the shipped bank of that name; a file of that name wins.

    A weights file is a bank too: ``net.onnx``, or ``net.onnx#conv1`` for one layer of several.

    Raises
    ------
    RequestError
        There is no such file or bank, or it cannot be opened.
    BankError
        The file is no faultless bank; the error carries every fault.

    Examples
    --------
    >>> bank = load("sobel")
    >>> bank.name, bank.layer.names, bank.layer.weights.shape
    ('sobel', ('sobel_x', 'sobel_y'), (2, 1, 3, 3))
    """
    return read(reference)[0].bank
