"""A weights file opened by the reader of its name's ending."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from filterbank.bankfile.lookup import PICKLES, READERS
from filterbank.bankfile.weights.archive import Archive, RefusedError
from filterbank.errors import shown


def open_archive(path: Path) -> Archive:
    """Return the weights file at *path*, its tensors not read yet.

    Raises
    ------
    RefusedError
        It cannot be read, is of no known format, a pickle, or not what its ending says.
    """
    ending = path.suffix.lower()
    if ending in PICKLES:
        raise RefusedError(
            f"found a {ending} file, a pickle, which can run any code when it is opened",
            f"accepted: {', '.join(READERS)}",
            "convert it in Python with these two lines:\n"
            f"    state = torch.load({path.name!r}, weights_only=True)\n"
            f"    safetensors.torch.save_file(state, {path.stem + '.safetensors'!r})",
        )
    if ending not in READERS:
        found = f"found a file ending in {ending!r}" if ending else "found a file without an ending"
        raise RefusedError(found, f"accepted: {', '.join(READERS)}")
    reader = import_module(f"filterbank.bankfile.weights.{READERS[ending]}")
    try:
        if path.is_dir():
            raise RefusedError("found a folder", "accepted: a weights file")
        if not path.is_file() and path.exists():
            raise RefusedError("found a device or pipe", "accepted: a weights file")
        opened: Archive = reader.open_archive(path)
    except FileNotFoundError:
        raise RefusedError(f"there is no file {shown(path)}") from None
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise RefusedError(f"cannot be read ({reason})", "accepted: a readable weights file") from None
    return opened
