"""The memory that all images of a run share, and who may use how much of it now."""

from __future__ import annotations

import resource
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path

from filterbank.errors import RequestError

# What the program itself takes is rounded up to these steps, so that two runs cut the same bands.
_STEP = 16 << 20
# What is loaded, and left lying about by the allocator, after the program was measured.
_LATER = 24 << 20
_PAUSE = 0.1  # seconds after which one who waits looks whether the run is over


class Budget:
    """A cap on the resident memory of the process, in bytes, and what is left of it for images.

    >>> budget = Budget(1 << 30, own=100 << 20)
    >>> with budget.taking(budget.total):
    ...     budget.left
    0
    """

    def __init__(self, cap: int, own: int | None = None) -> None:
        self.cap = cap
        self._measured = own
        self._taken = 0
        self._queue: deque[object] = deque()
        self._change = threading.Condition()

    @cached_property
    def own(self) -> int:
        """Bytes of the program itself, measured when the kernels are loaded.

        Raises
        ------
        RequestError
            They are all there is.
        """
        if self._measured is None:
            from filterbank.engine.compiled import kernels  # noqa: PLC0415

            kernels()
            self._measured = -(-(resident() + _LATER) // _STEP) * _STEP
        if self._measured + _STEP > self.cap:
            least = -(-(self._measured + _STEP) // 1_000_000)
            raise RequestError(
                f"--max-memory {megabytes(self.cap)}: the program alone takes {megabytes(self._measured)}; "
                f"accepted: at least {least}M"
            )
        return self._measured

    @property
    def total(self) -> int:
        """Bytes for images and maps."""
        return self.cap - self.own

    @property
    def left(self) -> int:
        """Bytes that nobody has taken."""
        return self.total - self._taken

    @contextmanager
    def taking(self, nbytes: int, check: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Have *nbytes*, at most all, while the block runs; waits for them, first come first served.

        *check* is called while it waits, and ends it by raising.
        """
        nbytes = min(nbytes, self.total)
        turn = object()
        with self._change:
            self._queue.append(turn)
            try:
                while self._queue[0] is not turn or nbytes > self.left:
                    check()
                    self._change.wait(_PAUSE)
                self._taken += nbytes
            finally:
                self._queue.remove(turn)
                self._change.notify_all()
        try:
            yield
        finally:
            with self._change:
                self._taken -= nbytes
                self._change.notify_all()


def resident() -> int:
    """Return the bytes of this process that are in memory now."""
    with suppress(OSError, ValueError, IndexError):
        return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * resource.getpagesize()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # the peak, where there is no /proc


def return_at_once() -> None:
    """Have the C library give large blocks back to the system when they are freed.

    By default it raises its bar for that with every block that it sees, and keeps up to 64 MiB.
    """
    import ctypes  # noqa: PLC0415 - for runs with a cap alone

    threshold, bytes_from = -3, 256 << 10  # M_MMAP_THRESHOLD of glibc; others have no such door
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(threshold, bytes_from)


def megabytes(nbytes: int) -> str:
    """Return *nbytes* as people say it.

    >>> megabytes(1_500_000), megabytes(1 << 30)
    ('2 MB', '1.07 GB')
    """
    return f"{nbytes / 1e9:.3g} GB" if nbytes >= 1e9 else f"{-(-nbytes // 1_000_000)} MB"
