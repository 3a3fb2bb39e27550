"""The file that a reference to a bank means: a path, a shipped bank's name, a layer of a weights file."""

from __future__ import annotations

import os
from pathlib import Path

from filterbank.bankfile.kinds import nearest
from filterbank.errors import RequestError, shown

# ending -> the module of the folder weights that reads it
READERS = {".safetensors": "safetensors", ".npz": "numpy_files", ".npy": "numpy_files", ".onnx": "onnx_file"}
PICKLES = (".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".bin", ".joblib", ".th")
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


def is_weights_file(name: str) -> bool:
    """Return whether a file of that *name* holds tensors, in a format that is read or refused.

    >>> is_weights_file("net.onnx"), is_weights_file("net.PT"), is_weights_file("bank.yaml")
    (True, True, False)
    """
    return name.lower().endswith((*READERS, *PICKLES))
