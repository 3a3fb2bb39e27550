"""Memory for the kernels: at the start of a cache line, or in large pages."""

from __future__ import annotations

import mmap
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

_LARGE_PAGE = 2 << 20

# Work spaces between two runs, none of them large; images of nearly one size find them large enough.
_KEPT: list[NDArray[np.float32]] = []
_MOST, _LARGEST, _STEP = 64, 1 << 20, 1 << 14


def aligned(shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Return float32 zeros of that shape, the first one at the start of a cache line.

    >>> aligned((3, 5)).ctypes.data % 64
    0
    """
    count = int(np.prod(shape))
    memory = np.zeros(count + 16, np.float32)
    start = -memory.ctypes.data % 64 // 4
    return memory[start : start + count].reshape(shape)


def take(count: int) -> NDArray[np.float32]:
    """Return at least *count* floats that nobody uses, the first at the start of a cache line.

    Their values are whatever those left who had them before: fresh pages cost as much as a small image.

    >>> memory = take(1000)
    >>> give([memory])
    >>> take(900) is memory
    True
    """
    with suppress(IndexError):
        kept = _KEPT.pop()  # not asked first: another thread may take the last one
        if kept.size >= count:
            return kept
    return aligned((-(-count // _STEP) * _STEP,))


def give(each: list[NDArray[np.float32]]) -> None:
    """Keep for others what `take` gave, unless enough is kept."""
    for memory in each:
        if len(_KEPT) < _MOST and memory.nbytes <= _LARGEST:
            _KEPT.append(memory)


def in_large_pages(shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Return float32 zeros of that shape in pages of 2 MiB, where the system has them.

    Pages of 4 KiB lie anywhere: what is near in memory then shares the same few places of a cache as often
    as not, and each is looked up by itself.

    >>> in_large_pages((3, 5)).ctypes.data % 64
    0
    """
    if not hasattr(mmap, "MADV_HUGEPAGE"):
        return aligned(shape)
    count = int(np.prod(shape))
    size = -(-4 * count // _LARGE_PAGE) * _LARGE_PAGE + _LARGE_PAGE
    pages = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    with suppress(OSError):  # a system may have been built without
        pages.madvise(mmap.MADV_HUGEPAGE)
    memory = np.frombuffer(pages, np.float32)
    start = -memory.ctypes.data % _LARGE_PAGE // 4
    return memory[start : start + count].reshape(shape)
