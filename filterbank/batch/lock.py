"""One run at a time in a folder for maps, or the shards of one list: a lock that goes with its process.

The system's own advisory lock (`flock`) on a small file: however a process ends, its lock ends with it, and
what the file says of it is only there to be told. Linux has these locks on NFS as well, between machines.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filterbank.batch.atomic import make_folder
from filterbank.errors import OutputError, RequestError, shown

NAME = ".run.lock.filterbank-tmp"
WHOLE = (1, 1)

Part = tuple[int, int]  # I and N of --shard

_NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL})
# Another run may only have looked, or be on its way out.
_TRIES, _PAUSE = 10, 0.05
_TOLD = 3  # runs that a message names


@contextmanager
def held(out: Path, part: Part = WHOLE, *, clock: Callable[[], float] = time.time) -> Iterator[bool]:
    """Keep other runs out of the folder *out* while the block runs; shards keep out only what is none.

    The block is told whether the file system has locks; without them nobody is kept out.

    Raises
    ------
    RequestError
        Another run has it.
    OutputError
        *out* cannot be written to.

    Examples
    --------
    >>> import tempfile
    >>> out = Path(tempfile.mkdtemp())
    >>> with held(out) as has_locks:
    ...     (out / NAME).exists()
    True
    >>> (out / NAME).exists()
    False
    """
    try:
        descriptor, has_locks = _take(out, part)
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(f"{shown(out)}: cannot be written to: {error.strerror or error}") from error
    try:
        if part == WHOLE:
            os.ftruncate(descriptor, 0)
        line = {"pid": os.getpid(), "host": os.uname().nodename, "since": clock(), "part": part}
        os.write(descriptor, json.dumps(line).encode("ascii") + b"\n")
        yield has_locks
    finally:
        with suppress(OSError):  # the last one takes it away
            if has_locks:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            (out / NAME).unlink()
        os.close(descriptor)


def check(out: Path, part: Part = WHOLE) -> None:
    """Raise RequestError where `held` would; nothing is written."""
    with suppress(OSError):
        descriptor = os.open(out / NAME, os.O_RDWR | os.O_CLOEXEC)
        try:
            if not _lock(descriptor, part):
                raise _refusal(out)
        finally:
            os.close(descriptor)


def _take(out: Path, part: Part) -> tuple[int, bool]:
    """Return the file of the lock, open and locked, and whether there are locks at all."""
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    while True:
        try:
            descriptor = os.open(out / NAME, flags, 0o666)
        except FileNotFoundError:  # a run that wrote nothing has just taken the folder away
            make_folder(out)
            continue
        try:
            if not _lock(descriptor, part):
                raise _refusal(out)
            if _is_at(descriptor, out / NAME):
                return descriptor, True
        except OSError as error:
            if error.errno in _NO_LOCKS:
                return descriptor, False
            os.close(descriptor)
            raise
        except RequestError:
            os.close(descriptor)
            raise
        os.close(descriptor)  # between opening and locking, its last holder has removed it


def _lock(descriptor: int, part: Part) -> bool:
    kind = fcntl.LOCK_EX if part == WHOLE else fcntl.LOCK_SH
    for tries in range(_TRIES):
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
            return True
        if tries + 1 < _TRIES:
            time.sleep(_PAUSE)
    return False


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False


def _refusal(out: Path) -> RequestError:
    holders = [text for text in map(_told, _lines(out)) if text]
    who = ", ".join(holders[:_TOLD]) or "one that has not said yet which"
    more = f" and {len(holders) - _TOLD} more" if len(holders) > _TOLD else ""
    return RequestError(
        f"--out {shown(out)}: another run is writing there: {who}{more}; wait for it or end it, give another "
        "folder, or cut the images into parts that may share one with --shard I/N"
    )


def _lines(out: Path) -> list[bytes]:
    with suppress(OSError):
        return (out / NAME).read_bytes().splitlines()
    return []


def _told(line: bytes) -> str:
    """Return a holder as the message names it; empty where it has ended, or is none of ours."""
    try:
        said = json.loads(line)
        pid, host, (part, parts) = int(said["pid"]), str(said["host"]), said["part"]
        since = time.strftime("%Y-%m-%d %H:%M:%S %Z", time.localtime(float(said["since"])))
        if host == os.uname().nodename:
            os.kill(pid, 0)
    except PermissionError:
        pass  # alive, and somebody else's
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError, OSError):
        return ""
    shard = f" (shard {part}/{parts})" if (part, parts) != WHOLE else ""
    return f"process {pid} on {shown(host)}{shard}, since {since}"
