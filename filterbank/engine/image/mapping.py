"""Machine code into this process: mapped read+execute, or through llvmlite where it cannot be.

Nothing is ever writable and executable at once, and nothing is unmapped: the functions live as
long as the process.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import sys
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any

from filterbank.engine.image.cache import UntrustedError, unpack

_TYPES: dict[str, Any] = {"i": ctypes.c_int64, "f": ctypes.c_float, "v": None}
_FAILED = ctypes.c_void_p(-1).value

Function = Callable[..., int | None]


def can_map() -> bool:
    """Whether this system's objects are ELF and its processor is one that ``link`` knows."""
    return sys.platform == "linux" and os.uname().machine in ("x86_64", "aarch64")


def map_file(descriptor: int) -> dict[str, int]:
    """Map an image file and return its kernels' addresses.

    Raises
    ------
    PermissionError
        The file lies where nothing may be executed.
    UntrustedError
        The file is damaged.
    """
    size = os.fstat(descriptor).st_size
    if not size:
        raise UntrustedError("damaged")
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long)
    readable = mmap.PROT_READ | mmap.PROT_EXEC
    start = libc.mmap(None, size, readable, mmap.MAP_PRIVATE, descriptor, 0)
    if start == _FAILED:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))  # a PermissionError for a noexec mount
    # What was mapped is what is checked: the file could change between two readings.
    _, symbols = unpack(ctypes.string_at(start, size))
    return {name: start + place for name, place in symbols.items()}


def map_memory(data: bytes) -> dict[str, int]:
    """Map an image that is in no file, or in one that cannot be executed; return as ``map_file``."""
    descriptor = os.memfd_create("filterbank-kernels", os.MFD_CLOEXEC)
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(data)
        return map_file(descriptor)
    finally:
        os.close(descriptor)


def add_objects(data: bytes, names: Iterable[str]) -> tuple[object, dict[str, int]]:
    """Hand a file of objects with kernels *names* to LLVM's loader: for systems that ``link`` does not know.

    Returns what is to be kept alive, and the kernels' addresses.
    """
    import llvmlite.binding as llvm  # noqa: PLC0415 - half of a start's time; only where it is needed

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine()
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    body, places = unpack(data)
    for start, end in pairwise([*places.values(), len(body)]):
        engine.add_object_file(llvm.ObjectFileRef.from_data(body[start:end]))
    engine.finalize_object()
    return engine, {name: engine.get_function_address(name) for name in names}


def function(address: int, signature: str) -> Function:
    """Return the C function at *address*; calling it releases the interpreter's lock."""
    arguments, result = signature.split(">")
    kind = ctypes.CFUNCTYPE(_TYPES[result], *(_TYPES[letter] for letter in arguments))
    return kind(address)
