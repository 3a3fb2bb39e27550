"""The kernels compiled by processes of their own, a group each, and joined; no compiler is imported here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack

from filterbank.engine.image import cache
from filterbank.engine.image.link import join, link
from filterbank.engine.kernels.table import IMAGES, KERNELS

# Modules whose kernels are compiled apart from an image's others.
_APART = tuple(f"filterbank.engine.kernels.{name}" for name in ("deflate", "winograd"))

# The seconds that one process and two take for an image: measured, see docs/engine.md.
_SECONDS = {"common": (14, 9), "transforms": (11, 7)}

# A worker finds the modules that its parent finds, not what happens to lie in the current folder.
_PROGRAM = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from filterbank.engine.image.build import main
main(sys.argv[2:])
"""


# A worker's last word: without it what came before may be cut.
DONE = "done"


class WorkerError(Exception):
    """A process that was to compile for another processor did not."""


def groups(image: str) -> list[list[str]]:
    """Return the names of an image's kernels in two groups, for processes that take about as long."""
    found: tuple[list[str], list[str]] = ([], [])
    for name, (module, _) in IMAGES[image].items():
        found[module in _APART].append(name)
    return list(found)


def processes(image: str) -> int:
    """Return how many processes compile: no more than there are processors, or groups."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(usable, len(groups(image)))


def seconds(image: str) -> int:
    """Return about how long it takes here."""
    return _SECONDS[image][processes(image) - 1]


def compiled(image: str, is_portable: bool, target: Mapping[str, str] | None = None) -> bytes:
    """Return an image's kernels as ``cache.pack`` makes a file of them: linked, or objects if *is_portable*.

    *target*, variables of the environment, names another processor than this one to Numba.

    Raises
    ------
    LinkError, BuildError
        A kernel breaks the rules of the image: a bug.
    WorkerError
        There is a *target*, and its worker failed.
    """
    objects = _objects(groups(image), processes(image), target)
    parts = [(obj, {f"object{i}": 0}) if is_portable else link(obj) for i, obj in enumerate(objects)]
    return cache.pack(*join(parts))


def _objects(parts: list[list[str]], count: int, target: Mapping[str, str] | None) -> list[bytes]:
    """Return an object of each group, compiled by *count* processes.

    A group is an object of its own however many processes there are: the bytes are the same.
    """
    size = -(-len(parts) // count)
    shares = [parts[at : at + size] for at in range(0, len(parts), size)]
    # What a worker makes is optimised once, all together: Numba is not to do it for every helper too.
    environment = os.environ | {"NUMBA_OPT": "0"} | dict(target or {})
    found: list[bytes] = []
    with ExitStack() as stack:
        started = [_start(share, environment, stack) for share in shares]
        for process, share in zip(started, shares, strict=True):
            text, errors = process.communicate() if process else (b"", b"it did not start")
            *objects, last = text.decode().split() or [""]
            if process and process.returncode == 0 and last == DONE:
                found += map(bytes.fromhex, objects)
            elif target:
                raise WorkerError(errors.decode(errors="replace"))
            else:
                found += _here(share)
    return found


def _start(
    share: list[list[str]], environment: dict[str, str], stack: ExitStack
) -> subprocess.Popen[bytes] | None:
    """Return a process that compiles some groups, None where the system gives us none."""
    path = json.dumps([entry for entry in sys.path if isinstance(entry, str)])
    command = [sys.executable, "-P", "-c", _PROGRAM, path, *map(",".join, share)]
    pipe = subprocess.PIPE
    try:
        return stack.enter_context(subprocess.Popen(command, stdout=pipe, stderr=pipe, env=environment))
    except (OSError, TypeError):  # TypeError: an interpreter inside another program knows none of its own
        return None


def _here(share: list[list[str]]) -> list[bytes]:
    """Compile in this process: no worker is no reason to fail, only slower."""
    from filterbank.engine.image.build import compile_object  # noqa: PLC0415 - imports Numba

    return [compile_object({name: KERNELS[name] for name in names}) for names in share]
