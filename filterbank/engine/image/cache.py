"""Files of machine code that may be run: whose they are, whether they are whole, how they are written.

A file is trusted if it and its folder belong to the user and nobody else may write to them, it is
no symbolic link, and its digest fits. On any doubt it is not run; the caller builds it anew.
"""

from __future__ import annotations

import fcntl
import os
import stat
from _blake2 import blake2b
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_DIGEST, _LENGTH = 32, 8


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
    # Without NONBLOCK a pipe in the file's place would wait for a writer for ever.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        _check_status(os.fstat(descriptor), path, stat.S_ISREG)
        yield descriptor
    finally:
        os.close(descriptor)


def check(folder: Path) -> None:
    """Raise UntrustedError unless *folder* is a folder of the user's that nobody else may write to."""
    _check_status(folder.lstat(), folder, stat.S_ISDIR)


def _check_status(status: os.stat_result, path: Path, is_right_kind: Callable[[int], bool]) -> None:
    if not is_right_kind(status.st_mode):
        raise UntrustedError(f"{path} is not of the right kind")
    if status.st_uid != os.geteuid():
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
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(folder / "lock", flags, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def write(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, private to the user; an older one of that name is replaced."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    with suppress(FileNotFoundError):
        temporary.unlink()
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
