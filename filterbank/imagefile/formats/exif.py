"""The orientation in an EXIF block, read without trusting it."""

from __future__ import annotations

import struct

_ORIENTATION = 274
_SHORT = 3


def orientation(block: bytes) -> int:
    r"""Return the orientation, 1 to 8, that an EXIF *block* states; 1 where it states none.

    A damaged block says nothing about the pixels, so it is no error.

    >>> orientation(b"MM\0*" + bytes.fromhex("00000008 0001 0112 0003 00000001 00060000"))
    6
    """
    block = block.removeprefix(b"Exif\0\0")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(block[:4])
    if order is None:
        return 1
    try:
        (start,) = struct.unpack_from(order + "I", block, 4)
        (entries,) = struct.unpack_from(order + "H", block, start)
        for entry in range(entries):
            tag, kind, _, value = struct.unpack_from(order + "HHIH", block, start + 2 + 12 * entry)
            if tag == _ORIENTATION and kind == _SHORT:
                return value if 1 <= value <= 8 else 1
    except struct.error:
        pass
    return 1
