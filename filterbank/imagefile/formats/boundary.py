"""The one place where what a codec raises becomes an ImageError with the codec's own reason."""

from __future__ import annotations

import struct
import tokenize
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from filterbank.errors import ImageError

# What NumPy, Pillow, tifffile and imagecodecs raise on damaged files; imagecodecs' errors are
# RuntimeErrors, tifffile's ValueErrors. Their parsers trip over wild values in every one of these.
_CODEC_ERRORS = (
    OSError, EOFError, ValueError, RuntimeError, SyntaxError, TypeError, KeyError, IndexError, AttributeError,
    ArithmeticError, AssertionError, MemoryError, struct.error, zlib.error, tokenize.TokenError,
)  # fmt: skip


@contextmanager
def decoding(format: str) -> Iterator[None]:
    """Turn a codec's complaint about a *format* file into an ImageError that quotes it."""
    try:
        yield
    except ImageError:
        raise
    except _CODEC_ERRORS as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ImageError(f"is a damaged or unsupported {format} file: {reason}") from error
