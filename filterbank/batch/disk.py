"""What stands at a path: asked so that a folder one may not enter is an answer, not a traceback."""

from __future__ import annotations

import os
import stat
import sys

from filterbank.errors import RequestError, shown

# Whether two names that differ only by case are one file, as this system's own disks have it.
IGNORES_CASE = sys.platform in {"darwin", "win32", "cygwin"}


def key(path: str) -> str:
    """Return what is equal for all spellings of one file's *path*."""
    return path.casefold() if IGNORES_CASE else path


def is_folder(path: str) -> bool:
    """Return whether *path* is a folder, or a link to one.

    Raises
    ------
    RequestError
        A folder on the way may not be entered.
    """
    try:
        return stat.S_ISDIR(os.stat(path).st_mode)
    except PermissionError as error:
        raise RequestError(
            f"{shown(path)}: a folder on the way may not be entered: {error.strerror}; "
            "choose another folder or have it opened"
        ) from error
    except (OSError, ValueError):
        return False
