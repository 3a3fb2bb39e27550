"""Memory for the kernels: at the start of a cache line, or in large pages."""

from __future__ import annotations

import contextlib
import mmap

import numpy as np
from numpy.typing import NDArray

_LARGE_PAGE = 2 << 20


def aligned(shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Return float32 zeros of that shape, the first one at the start of a cache line.

    >>> aligned((3, 5)).ctypes.data % 64
    0
    """
    count = int(np.prod(shape))
    memory = np.zeros(count + 16, np.float32)
    start = -memory.ctypes.data % 64 // 4
    return memory[start : start + count].reshape(shape)


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
    with contextlib.suppress(OSError):  # a system may have been built without
        pages.madvise(mmap.MADV_HUGEPAGE)
    memory = np.frombuffer(pages, np.float32)
    start = -memory.ctypes.data % _LARGE_PAGE // 4
    return memory[start : start + count].reshape(shape)
