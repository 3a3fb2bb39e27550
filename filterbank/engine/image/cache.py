"""Files of machine code that may be run: whose they are, whether they are whole, how they are written.

A file is trusted if it and its folder belong to the user or to the system's administrator and nobody
else may write to them, it is no symbolic link, and its digest fits. On any doubt it is not run; the
caller builds it anew. Windows has other words for who may write: there the folder's own protection
counts, which for a user's is that nobody else may.
"""

from __future__ import annotations

import os
import stat
import sys
from _blake2 import blake2b
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_DIGEST, _LENGTH = 32, 8

# What Windows has not, or nobody else.
_NO_LINK, _NO_WAIT = getattr(os, "O_NOFOLLOW", 0), getattr(os, "O_NONBLOCK", 0)
_BINARY = getattr(os, "O_BINARY", 0)


class UntrustedError(Exception):
    """A cache that cannot or must not be used; the message says why."""


def pack(code: bytes, symbols: dict[str, int]) -> bytes:
    """Return code and its symbols as one file: code, lines of name and place, their length, a digest."""
    lines = "".join(f"{name} {place}\n" for name, place in symbols.items()).encode()
    body = code + lines + len(lines).to_bytes(_LENGTH, "little")
    return body + blake2b(body, digest_size=_DIGEST).digest()


def unpack(data: bytes) -> tuple[bytes, dict[str, int]]:
    """Return what ``pack`` was given.

    >>> unpack(pack(b"code", {"direct": 2}))
    (b'code', {'direct': 2})

    Raises
    ------
    UntrustedError
        The data is cut short or altered.
    """
    body, digest = data[:-_DIGEST], data[-_DIGEST:]
    if len(body) < _LENGTH or blake2b(body, digest_size=_DIGEST).digest() != digest:
        raise UntrustedError("damaged")
    end = len(body) - _LENGTH
    start = end - int.from_bytes(body[end:], "little")
    words = body[start:end].decode().split()
    return body[:start], dict(zip(words[::2], map(int, words[1::2]), strict=True))


@contextmanager
def opened(path: Path) -> Iterator[int]:
    """Give a descriptor of a trusted file.

    Raises
    ------
    UntrustedError
        File or folder belong to, or may be written by, somebody else.
    OSError
        There is no such file, or it is a symbolic link.
    """
    check(path.parent)
    if not _NO_LINK:
        _check_status(path.lstat(), path, stat.S_ISREG)
    # Without NONBLOCK a pipe in the file's place would wait for a writer for ever.
    descriptor = os.open(path, os.O_RDONLY | _NO_LINK | _NO_WAIT | _BINARY)
    try:
        _check_status(os.fstat(descriptor), path, stat.S_ISREG)
        yield descriptor
    finally:
        os.close(descriptor)


def check(folder: Path) -> None:
    """Raise UntrustedError unless *folder* is a trusted one: the user's, that nobody else may write to."""
    _check_status(folder.lstat(), folder, stat.S_ISDIR)


def _check_status(status: os.stat_result, path: Path, is_right_kind: Callable[[int], bool]) -> None:
    if not is_right_kind(status.st_mode):
        raise UntrustedError(f"{path} is not of the right kind")
    if sys.platform == "win32":
        return
    if status.st_uid not in (os.geteuid(), 0):
        raise UntrustedError(f"{path} belongs to somebody else")
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise UntrustedError(f"{path} may be written by others")


def prepare(folder: Path) -> None:
    """Make *folder* where it is missing, private to the user, and check it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    check(folder)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock: of concurrent first runs one compiles and the others wait for it."""
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | _NO_LINK, 0o600)
    try:
        _lock(descriptor)
        yield
    finally:
        os.close(descriptor)  # and with it goes the lock


def _lock(descriptor: int) -> None:
    if sys.platform == "win32":
        import msvcrt  # noqa: PLC0415 - only there

        while True:
            with suppress(OSError):  # it gives up after ten seconds, which is less than compiling takes
                msvcrt.locking(descriptor, msvcrt.LK_LOCK, 1)
                return
    import fcntl  # noqa: PLC0415 - not there

    fcntl.flock(descriptor, fcntl.LOCK_EX)


def write(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, private to the user; an older one of that name is replaced."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    with suppress(FileNotFoundError):
        temporary.unlink()
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
