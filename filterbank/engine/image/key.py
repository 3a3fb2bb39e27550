"""What the machine code depends on: the kernels' sources, the compilers, the processor."""

from __future__ import annotations

import importlib.util
import platform
import sys
from _blake2 import blake2b  # hashlib would load OpenSSL, at three times the cost of all this
from collections.abc import Iterable
from pathlib import Path

_HERE = Path(__file__).parent
_FOLDERS = (_HERE, _HERE.parent / "kernels")

_CPUINFO = Path("/proc/cpuinfo")

# The lines of /proc/cpuinfo that name a processor; the others vary from moment to moment.
_PROCESSOR_LINES: tuple[bytes, ...] = (b"vendor_id", b"cpu family", b"model", b"model name", b"flags")  # x86
_PROCESSOR_LINES += (b"Features", b"CPU implementer", b"CPU part", b"CPU variant")  # Arm


def key() -> str:
    """Return the name of the image that this machine needs: 32 hexadecimal digits."""
    return digest([*sources(), *compilers()], processor())


def digest(files: Iterable[Path], machine: bytes) -> str:
    """Return the digest of some files' names and contents and of a processor's description."""
    total = blake2b(machine, digest_size=16)
    for path in files:
        content = path.read_bytes()
        total.update(b"%s %d\n" % (path.name.encode(), len(content)))
        total.update(content)
    return total.hexdigest()


def sources() -> list[Path]:
    """Return every file that machine code is made from."""
    return [path for folder in _FOLDERS for path in sorted(folder.glob("*.py"))]


def compilers() -> list[Path]:
    """Return the files that say which Numba and llvmlite are installed, without importing them."""
    found = []
    for package in ("numba", "llvmlite"):
        spec = importlib.util.find_spec(package)
        if spec is None or spec.origin is None:
            continue  # an image may be there all the same; without one, the build says what is missing
        start = Path(spec.origin)
        version = start.with_name("_version.py")
        found.append(version if version.exists() else start)
    return found


def processor() -> bytes:
    """Return a description of the processor that stays the same from run to run."""
    head = f"{sys.platform} {platform.machine()}\n".encode()
    lines = (line for line in _cpuinfo() if line.split(b":")[0].strip() in _PROCESSOR_LINES)
    return head + (b"\n".join(lines) or platform.processor().encode())


def features() -> frozenset[str]:
    """Return what the processor can do, in the words of /proc/cpuinfo; nothing where there is none."""
    lines = (line.partition(b":") for line in _cpuinfo())
    return frozenset(
        word
        for name, _, rest in lines
        if name.strip() in {b"flags", b"Features"}
        for word in rest.decode().split()
    )


def _cpuinfo() -> list[bytes]:
    """Return the lines on the first processor; those on all others take long to make where there are many."""
    found = b""
    try:
        with _CPUINFO.open("rb", buffering=0) as file:
            while b"\n\n" not in found and (more := file.read(4096)):
                found += more
    except OSError:
        return []
    return found.split(b"\n\n")[0].splitlines()
