"""Files that appear whole or not at all: a temporary file beside, locked, then renamed.

The lock is what tells a live run's temporary file from a dead one's: the system lets go of it
when a process ends, however it ends, so the next run may remove what it can lock.
"""

from __future__ import annotations

import errno
import fcntl
import io
import os
import re
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from filterbank.errors import OutputError, shown

_LEFTOVER = re.compile(r"\.[0-9a-f]{16}\.filterbank-tmp")


@contextmanager
def write_whole(path: str | Path, *, fsync: bool = False) -> Iterator[BinaryIO]:
    """Return a binary stream whose bytes become the file *path* when the block ends well.

    If the block raises, *path* is as it was before. A device or a pipe cannot be replaced and is
    written directly. With *fsync* the file also survives a power cut.

    Raises
    ------
    OutputError
        The file cannot be written: full disk, no permission, a folder of that name.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "map.bin"
    >>> with write_whole(path) as stream:
    ...     _ = stream.write(b"codes")
    ...     assert not path.exists()
    >>> path.read_bytes()
    b'codes'
    """
    try:
        if _is_device(path):
            with open(path, "wb") as device:
                yield device
            return
        with _temporary(path) as (stream, temporary):
            yield stream
            stream.flush()
            if fsync:
                os.fsync(stream.fileno())
            os.replace(temporary, path)
        if fsync:
            sync_folder(os.path.dirname(path) or ".")
    except (OutputError, BrokenPipeError):
        raise
    except OSError as error:
        # NumPy's tofile() only says how much it wrote.
        why = error.strerror or f"not all was written, the disk may be full ({error})"
        raise OutputError(f"{shown(path)}: cannot be written: {why}") from error


def make_folder(folder: str | Path, *, fsync: bool = False) -> None:
    """Make *folder* and those above it where they are missing; with *fsync* they survive a power cut.

    Raises
    ------
    OutputError
        A folder cannot be made.
    """
    if os.path.isdir(folder):  # unlike Path.is_dir() it raises nothing
        return
    above = os.path.dirname(folder) or "."
    make_folder(above, fsync=fsync)
    try:
        Path(folder).mkdir(exist_ok=True)
        if fsync:
            sync_folder(above)
    except OSError as error:
        why = (
            "a file is in the way"
            if isinstance(error, FileExistsError | NotADirectoryError)
            else error.strerror
        )
        raise OutputError(f"{shown(folder)}: folder cannot be made: {why}") from error


@contextmanager
def mark_run(folder: Path) -> Iterator[None]:
    """Keep a temporary file in *folder* while a run writes below it.

    A run that is killed leaves it there, and by that `remove_all_leftovers` of the next one knows
    that folders of any depth may hold more. Where *folder* has gone meanwhile, it is made again.

    Raises
    ------
    OutputError
        *folder* cannot be written to.
    """
    try:
        while True:
            with suppress(FileNotFoundError):
                descriptor, mark = _create_locked(folder)
                break
            make_folder(folder)  # another run that wrote nothing has just taken it away
    except OSError as error:
        raise OutputError(f"{shown(folder)}: cannot be written to: {error.strerror or error}") from error
    try:
        yield
    finally:
        with suppress(OSError):
            os.unlink(mark)
        os.close(descriptor)


def remove_all_leftovers(folder: Path) -> int:
    """Return how many temporary files of ended runs were removed from *folder* and all below it.

    The folders below are only searched where *folder* itself holds a leftover, as `mark_run` leaves
    one; that one goes last, in case the search itself is killed.
    """
    with ExitStack() as held:
        dead = [path for path in _leftovers(folder) if held.enter_context(_claimed(path))]
        below = os.walk(folder) if dead else ()
        removed = sum(remove_leftovers(Path(inner, name)) for inner, names, _ in below for name in names)
        removed += sum(map(_remove, dead))
    return removed


def remove_leftovers(folder: Path) -> int:
    """Return how many temporary files of ended runs were removed from *folder*.

    A file that a live run still holds is left alone, and so is one on a file system without locks.
    """
    removed = 0
    for path in _leftovers(folder):
        with _claimed(path) as is_dead:
            removed += is_dead and _remove(path)
    return removed


@contextmanager
def _temporary(path: str | Path) -> Iterator[tuple[BinaryIO, str]]:
    descriptor, temporary = _create_locked(os.path.dirname(path))
    try:
        # Not by open(), which asks the system seven things about a file that was made just now.
        raw = io.FileIO(descriptor, "w+b")
        raw.name = temporary  # writers look at the name of a stream
        with io.BufferedRandom(raw) as stream:
            yield stream, temporary
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def _create_locked(folder: str | Path) -> tuple[int, str]:
    """Return a new temporary file, open and locked, and its path."""
    while True:
        path = os.path.join(folder, f".{os.urandom(8).hex()}.filterbank-tmp")
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        try:
            _lock(descriptor)
        except BaseException:
            os.close(descriptor)
            with suppress(FileNotFoundError):
                os.unlink(path)
            raise
        # Between creating and locking, another run may have taken the file for a dead one's.
        if os.fstat(descriptor).st_nlink:
            return descriptor, path
        os.close(descriptor)


def _lock(descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError as error:
        # Some network file systems have no locks; the file is written all the same.
        if error.errno not in {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL}:
            raise


def _leftovers(folder: Path) -> list[Path]:
    """Return the temporary files in *folder*, of dead runs and live ones; none where it cannot be read."""
    with suppress(OSError), os.scandir(folder) as entries:
        return [Path(entry.path) for entry in entries if _LEFTOVER.fullmatch(entry.name)]
    return []


def _remove(path: Path) -> bool:
    try:
        path.unlink()
    except OSError:
        return False
    return True


@contextmanager
def _claimed(path: Path) -> Iterator[bool]:
    """Yield whether the temporary file *path* is a dead run's; then it is locked while the block runs."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        yield False
        return
    try:
        is_dead = stat.S_ISREG(os.fstat(descriptor).st_mode)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            is_dead = False
        yield is_dead
    finally:
        os.close(descriptor)


def _is_device(path: str | Path) -> bool:
    """Return whether *path* is a device, pipe or socket, which a rename would destroy."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return False
    if stat.S_ISDIR(mode):
        raise OutputError(f"{shown(path)}: cannot be written: it is a folder; give the name of a file")
    return not stat.S_ISREG(mode)


def sync_folder(folder: str | Path) -> None:
    """Have the names in *folder* on the disk, not only in memory."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
