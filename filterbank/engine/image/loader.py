"""The kernels as functions: of the installation or the cache if trusted, else built, kept and mapped."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Lock

from filterbank.engine.image import cache, mapping
from filterbank.engine.image.key import key
from filterbank.engine.kernels.table import IMAGES
from filterbank.record import record

Notice = Callable[[str], None]

# Where the images are that came with the installation, if any did.
PACKAGED = Path(__file__).with_name("packaged_images")

# Told before compiling, with the seconds it takes; the second with the reason why nothing is kept.
COMPILING = "compiling {} for this machine (about {} s, once)"
COMPILING_AGAIN = "compiling {} for this run (about {} s): {}"
CALLED = {"common": "the kernels", "transforms": "the kernels of FFT and Winograd"}

# What a file system or a stranger can do to a cache; anything else is a bug.
_DOUBTS = (OSError, ValueError, cache.UntrustedError)


@record(frozen=True)
class _Image:
    """The functions of one image; ``owner`` keeps what holds their code, where that is not the process."""

    functions: dict[str, mapping.Function]
    file: Path | None
    owner: object


class Kernels:
    """The compiled kernels by name; each releases the interpreter's lock while it runs.

    An image is loaded, or compiled, when the first of its kernels is asked for.
    """

    def __init__(self, load_image: Callable[[str], _Image]) -> None:
        self._load_image = load_image
        self._images: dict[str, _Image] = {}
        self._lock = Lock()

    def __getattr__(self, name: str) -> mapping.Function:
        for image, kernels in IMAGES.items():
            if name in kernels:
                self.__dict__ |= self._image(image).functions
                return self._image(image).functions[name]
        raise AttributeError(name)

    def file(self, image: str) -> Path | None:
        """Load an image; return where it was found or kept, None for nowhere."""
        return self._image(image).file

    def _image(self, name: str) -> _Image:
        with self._lock:
            if name not in self._images:
                self._images[name] = self._load_image(name)
            return self._images[name]


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
        A kernel breaks the rules of the image: a bug. Raised when a kernel is first asked for.
    """
    is_portable = not mapping.can_map() if portable is None else portable
    return Kernels(lambda image: _load(image, folder, notice, is_portable))


def _load(image: str, folder: Path | None, notice: Notice, is_portable: bool) -> _Image:
    for path in () if is_portable else _packaged(image):
        with suppress(*_DOUBTS):
            return _from_file(image, path, is_portable)
    reason = ""
    if folder is not None:
        path = folder / f"{key()}.{image}{'.object' if is_portable else '.image'}"
        try:
            return _kept(image, path, notice, is_portable)
        except _DOUBTS as doubt:
            reason = str(doubt)
    reason = reason or "no folder to keep them in"
    notice(COMPILING_AGAIN.format(CALLED[image], _seconds(image), reason))
    return _from_memory(image, _build(image, is_portable), is_portable)


def _packaged(image: str) -> list[Path]:
    """Return the installation's images that fit; where it has none, nothing more is imported."""
    if not PACKAGED.is_dir():
        return []
    from filterbank.engine.image import packaged  # noqa: PLC0415

    return packaged.fitting(PACKAGED, image)


def _kept(image: str, path: Path, notice: Notice, is_portable: bool) -> _Image:
    """Return the kernels of a file, filling it first where there is none that can be trusted."""
    try:
        return _from_file(image, path, is_portable)
    except _DOUBTS:
        pass
    cache.prepare(path.parent)
    with cache.locked(path.parent):
        try:
            return _from_file(image, path, is_portable)  # another process may have built it meanwhile
        except _DOUBTS:
            pass
        notice(COMPILING.format(CALLED[image], _seconds(image)))
        data = _build(image, is_portable)
        try:
            cache.write(path, data)
            return _from_file(image, path, is_portable)
        except _DOUBTS as doubt:
            notice(f"the compiled kernels cannot be kept: {doubt}")
            return _from_memory(image, data, is_portable)


def _from_file(image: str, path: Path, is_portable: bool) -> _Image:
    with cache.opened(path) as descriptor:
        if not is_portable:
            try:
                return _functions(image, mapping.map_file(descriptor), file=path)
            except PermissionError:  # the folder is mounted noexec
                pass
        with open(descriptor, "rb", closefd=False) as file:
            return _from_memory(image, file.read(), is_portable, path)


def _from_memory(image: str, data: bytes, is_portable: bool, file: Path | None = None) -> _Image:
    if not is_portable:
        return _functions(image, mapping.map_memory(data), file=file)
    owner, addresses = mapping.add_objects(data, IMAGES[image])
    return _functions(image, addresses, owner, file)


def _functions(
    image: str, addresses: dict[str, int], owner: object = None, file: Path | None = None
) -> _Image:
    named = {
        name: mapping.function(addresses[name], signature) for name, (_, signature) in IMAGES[image].items()
    }
    return _Image(named, file, owner)


# Both import what only a first run needs.
def _build(image: str, is_portable: bool) -> bytes:
    from filterbank.engine.image import workers  # noqa: PLC0415

    return workers.compiled(image, is_portable)


def _seconds(image: str) -> int:
    from filterbank.engine.image import workers  # noqa: PLC0415

    return workers.seconds(image)
