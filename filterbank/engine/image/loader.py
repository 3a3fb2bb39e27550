"""The kernels as functions: of the installation or the cache if trusted, else built, kept and mapped."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from filterbank.engine.image import cache, mapping
from filterbank.engine.image.key import key
from filterbank.engine.kernels.table import KERNELS

Notice = Callable[[str], None]

# Where the images are that came with the installation, if any did.
PACKAGED = Path(__file__).with_name("packaged_images")

# Told before compiling, with the seconds it takes; the second with the reason why nothing is kept.
COMPILING = "compiling the kernels for this machine (about {} s, once)"
COMPILING_AGAIN = "compiling the kernels for this run (about {} s): {}"

# What a file system or a stranger can do to a cache; anything else is a bug.
_DOUBTS = (OSError, ValueError, cache.UntrustedError)


@dataclass(frozen=True, slots=True)
class Kernels:
    """The compiled kernels; each releases the interpreter's lock while it runs.

    ``owner`` keeps alive what holds the code, where that is not the process itself; ``file`` is where
    they were found or kept, None for nowhere.
    """

    direct: mapping.Function
    separable: mapping.Function
    encode: mapping.Function
    png_band: mapping.Function
    fft_forward: mapping.Function
    fft_tiles: mapping.Function
    winograd_43: mapping.Function
    winograd_44: mapping.Function
    winograd_45: mapping.Function
    owner: object = None
    file: Path | None = None


def load(folder: Path | None, notice: Notice = lambda text: None, *, portable: bool | None = None) -> Kernels:
    """Return the kernels, compiled at most once for each machine and version.

    An image that came with the installation is taken first: it asks nothing of the user's folder.

    Parameters
    ----------
    folder
        Where compiled kernels are kept; made if missing. None keeps nothing.
    notice
        Told, in one sentence, when kernels are about to be compiled and why.
    portable
        True goes through llvmlite's loader, False through our own; None lets the system decide.

    Raises
    ------
    LinkError, BuildError
        A kernel breaks the rules of the image: a bug.
    """
    is_portable = not mapping.can_map() if portable is None else portable
    for path in () if is_portable else _packaged():
        with suppress(*_DOUBTS):
            return _from_file(path, is_portable)
    reason = ""
    if folder is not None:
        path = folder / (key() + (".object" if is_portable else ".image"))
        try:
            return _kept(path, notice, is_portable)
        except _DOUBTS as doubt:
            reason = str(doubt)
    notice(COMPILING_AGAIN.format(_seconds(), reason or "no folder to keep them in"))
    return _from_memory(_build(is_portable), is_portable)


def _packaged() -> list[Path]:
    """Return the installation's images that fit; where it has none, nothing more is imported."""
    if not PACKAGED.is_dir():
        return []
    from filterbank.engine.image import packaged  # noqa: PLC0415

    return packaged.fitting(PACKAGED)


def _kept(path: Path, notice: Notice, is_portable: bool) -> Kernels:
    """Return the kernels of a file, filling it first where there is none that can be trusted."""
    try:
        return _from_file(path, is_portable)
    except _DOUBTS:
        pass
    cache.prepare(path.parent)
    with cache.locked(path.parent):
        try:
            return _from_file(path, is_portable)  # another process may have built it meanwhile
        except _DOUBTS:
            pass
        notice(COMPILING.format(_seconds()))
        data = _build(is_portable)
        try:
            cache.write(path, data)
            return _from_file(path, is_portable)
        except _DOUBTS as doubt:
            notice(f"the compiled kernels cannot be kept: {doubt}")
            return _from_memory(data, is_portable)


def _from_file(path: Path, is_portable: bool) -> Kernels:
    with cache.opened(path) as descriptor:
        if not is_portable:
            try:
                return _functions(mapping.map_file(descriptor), file=path)
            except PermissionError:  # the folder is mounted noexec
                pass
        with open(descriptor, "rb", closefd=False) as file:
            return _from_memory(file.read(), is_portable, path)


def _from_memory(data: bytes, is_portable: bool, file: Path | None = None) -> Kernels:
    if not is_portable:
        return _functions(mapping.map_memory(data), file=file)
    owner, addresses = mapping.add_objects(data)
    return _functions(addresses, owner, file)


def _functions(addresses: dict[str, int], owner: object = None, file: Path | None = None) -> Kernels:
    named = {name: mapping.function(addresses[name], signature) for name, (_, signature) in KERNELS.items()}
    return Kernels(**named, owner=owner, file=file)


# Both import what only a first run needs.
def _build(is_portable: bool) -> bytes:
    from filterbank.engine.image import workers  # noqa: PLC0415

    return workers.compiled(is_portable)


def _seconds() -> int:
    from filterbank.engine.image import workers  # noqa: PLC0415

    return workers.seconds()
