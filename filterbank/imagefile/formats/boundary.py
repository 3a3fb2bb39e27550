"""The one place where what a codec raises becomes an ImageError with the codec's own reason."""

from __future__ import annotations

import logging
import re
import struct
import tokenize
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from filterbank.errors import ImageError

# What codecs find odd in a file they can still read is for their own logs, not for standard error.
for _name in ("imagecodecs", "tifffile"):
    logging.getLogger(_name).addHandler(logging.NullHandler())

# What NumPy, Pillow, tifffile and imagecodecs raise on damaged files; imagecodecs' errors are
# RuntimeErrors, tifffile's ValueErrors. Their parsers trip over wild values in every one of these.
_CODEC_ERRORS = (
    OSError, EOFError, ValueError, RuntimeError, SyntaxError, TypeError, KeyError, IndexError, AttributeError,
    ArithmeticError, AssertionError, MemoryError, struct.error, zlib.error, tokenize.TokenError,
)  # fmt: skip
# These speak of the codec's own Python, not of the file; so do texts that show its objects.
_SLIPS = (
    TypeError, LookupError, AttributeError, AssertionError, SyntaxError, tokenize.TokenError, struct.error,
)  # fmt: skip
_OBJECT = re.compile(r"<[\w.]+[ :]|0x[0-9a-f]{6,}|^[(\[{]")


@contextmanager
def decoding(format: str) -> Iterator[None]:
    """Turn a codec's complaint about a *format* file into an ImageError that quotes it."""
    try:
        yield
    except ImageError:
        raise
    except _CODEC_ERRORS as error:
        reason = " ".join(str(error).split())
        if isinstance(error, _SLIPS) or _OBJECT.search(reason):
            reason = ""
        raise ImageError(
            f"is a damaged or unsupported {format} file" + (f": {reason}" if reason else "")
        ) from error
