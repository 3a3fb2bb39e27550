"""Files that lie in a store rather than on a disk: URLs such as s3://bucket/scans, opened by fsspec.

``file://`` is a path. What of a URL may be a secret (user, password, query) is never shown.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Set
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from filterbank.errors import FilterbankError, ImageError, RequestError, shown

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_USER = re.compile(r"(?<=://)[^/@\s]*@")
_QUERY = re.compile(r"(?<=\w)[?#]\S*")
_MAGIC = re.compile(r"[*?\[]")

# What the libraries of stores raise besides OSError, where they are loaded.
_FAULTS = (
    ("botocore.exceptions", "BotoCoreError"),
    ("aiohttp", "ClientError"),
    ("google.auth.exceptions", "GoogleAuthError"),
    ("gcsfs.retry", "HttpError"),
)


def without_secrets(text: str) -> str:
    """Return *text*, URLs in it without user, password and query.

    >>> without_secrets("https://me:word@host/a.png?key=1 is no image")
    'https://host/a.png is no image'
    """
    if "://" not in text:
        return text
    return " ".join(
        _QUERY.sub("", word) if "://" in word else word for word in _USER.sub("", text).split(" ")
    )


@contextmanager
def reaching(url: str, error: type[FilterbankError]) -> Iterator[None]:
    """Turn what a store's library raises in the block into an *error* that begins with *url*."""
    try:
        yield
    except Exception as found:
        if isinstance(found, FilterbankError) or not isinstance(found, (OSError, ValueError, *_faults())):
            raise
        is_missing = isinstance(found, FileNotFoundError) and error is ImageError
        why = "no such object" if is_missing else str(found) or type(found).__name__
        raise error(f"{shown(without_secrets(url))}: {shown(without_secrets(why))}") from None


def opened(url: str) -> tuple[AbstractFileSystem, str]:
    """Return the file system that *url* is of, and its path there.

    Raises
    ------
    RequestError
        Nothing known opens such URLs, or what does is not installed.
    """
    scheme = url.partition("://")[0]
    try:
        import fsspec  # noqa: PLC0415 - an extra
        import fsspec.core  # noqa: PLC0415

        with reaching(url, RequestError):
            # Listings kept from before would hide what other processes have written since.
            fs, path = fsspec.core.url_to_fs(url, use_listings_cache=False)
            return fs, str(path).rstrip("/")
    except ImportError as error:
        raise RequestError(
            f"{shown(without_secrets(url))}: what opens {scheme}:// is not installed ({error}); "
            "install it with pip install 'filterbank[cloud]'"
        ) from None


def read(url: str) -> bytes:
    """Return the bytes of the object at *url*.

    Raises
    ------
    ImageError
        There is none, or it cannot be read.
    """
    try:
        fs, path = opened(url)
    except RequestError as error:
        raise ImageError(str(error)) from None
    with reaching(url, ImageError):
        data: bytes = fs.cat_file(path)
        return data


def search(
    url: str, extensions: Set[str], out: str | None, *, is_literal: bool = False
) -> list[tuple[str, str]]:
    """Return each image that *url* means, and the path of its folder below the one that was searched.

    *url* is an object, a folder (with all below it), or either with wildcards, unless they are meant
    literally. What lies in *out*, the folder for maps, is left out.

    Raises
    ------
    RequestError
        The store cannot be reached, or does not let itself be listed.
    """
    root, pattern = (url.rstrip("/"), "") if is_literal else _fixed(url)
    fs, path = opened(root)
    if not pattern and _is_image(root, extensions) and not url.endswith("/"):
        return [(root, "")]  # not asked for: a list may name a million
    with reaching(root, RequestError):
        if not pattern and not fs.isdir(path):
            return [(root, "")]
        below = [str(found).rstrip("/").removeprefix(path).lstrip("/") for found in fs.find(path)]
    own = None if out is None or not out.startswith(f"{root}/") else out.removeprefix(f"{root}/") + "/"
    names = [
        name
        for name in below
        if _is_image(name, extensions)
        and not any(part.startswith(".") for part in name.split("/"))
        and not (own and name.startswith(own))
        and (not pattern or _matches(name.split("/"), pattern.split("/")))
    ]
    return [(f"{root}/{name}", name.rpartition("/")[0]) for name in names]


def _fixed(url: str) -> tuple[str, str]:
    """Return the part of *url* before the first name with wildcards, and the rest."""
    scheme, _, rest = url.partition("://")
    if scheme.startswith("http"):  # there a question mark begins a query
        return url, ""
    parts = rest.rstrip("/").split("/")
    first = next((i for i, part in enumerate(parts) if _MAGIC.search(part)), len(parts))
    return f"{scheme}://" + "/".join(parts[:first]), "/".join(parts[first:])


def _matches(parts: list[str], pattern: list[str]) -> bool:
    """Return whether *pattern* matches *parts*, or a folder on their way."""
    if not pattern:
        return True
    if pattern[0] == "**":
        rest = pattern[1:]
        return not rest or any(_matches(parts[i:], rest) for i in range(len(parts)))
    return bool(parts) and fnmatchcase(parts[0], pattern[0]) and _matches(parts[1:], pattern[1:])


def _is_image(name: str, extensions: Set[str]) -> bool:
    return PurePosixPath(without_secrets(name)).suffix.lower() in extensions


def _faults() -> tuple[type[BaseException], ...]:
    loaded: list[tuple[Any, str]] = [(sys.modules.get(module), name) for module, name in _FAULTS]
    return tuple(getattr(module, name) for module, name in loaded if hasattr(module, name))
