"""From an ELF object to an image: sections at fixed distances, every reference resolved.

The image runs wherever it is mapped. Whatever would need a symbol, writable memory or an absolute
address at run time is refused by name, so a kernel that needs more than the processor cannot land.
"""

from __future__ import annotations

import struct

from filterbank.record import record

_X86_64, _AARCH64 = 62, 183
_CONTENTS, _SYMBOLS, _RELOCATIONS, _BSS = 1, 2, 4, 8  # section types
_WRITABLE, _ALLOCATED = 1, 2  # section flags
_FUNCTION = 0x12  # a symbol: global, function

# Where an image may begin: on AArch64 its addresses count in pages.
_PAGE = 4096

# AArch64: relocation -> bits by which the low 12 bits of an address are scaled (ADD, LDST8 … LDST128)
_LOW12 = {277: 0, 278: 0, 284: 1, 285: 2, 286: 3, 299: 4}


class LinkError(Exception):
    """An object that cannot stand alone; a bug in a kernel, never the user's."""


@record(frozen=True)
class _Section:
    kind: int
    flags: int
    start: int
    size: int
    link: int
    info: int
    align: int


@record(frozen=True)
class _Symbol:
    name: str
    info: int
    section: int
    value: int


def link(obj: bytes) -> tuple[bytes, dict[str, int]]:
    """Return the image of an ELF object and the distance of each global function from its start.

    Raises
    ------
    LinkError
        The object is no 64-bit little-endian ELF for a known processor, or calls, writes or refers
        to something outside.
    """
    if obj[:6] != b"\x7fELF\x02\x01":
        raise LinkError("not a 64-bit little-endian ELF object")
    (machine,) = struct.unpack_from("<18xH", obj)
    if machine not in (_X86_64, _AARCH64):
        raise LinkError(
            f"an object for machine {machine}; known are {_X86_64} (x86-64) and {_AARCH64} (AArch64)"
        )
    sections = _sections(obj)
    symbols = _symbols(obj, sections)
    missing = [symbol.name for symbol in symbols[1:] if symbol.section == 0]
    if missing:
        raise LinkError("a kernel calls " + ", ".join(missing))
    image, places = _lay_out(obj, sections)
    for section in sections:
        if section.kind == _RELOCATIONS and section.info in places:
            for at in range(section.start, section.start + section.size, 24):
                offset, info, addend = struct.unpack_from("<QQq", obj, at)
                symbol = symbols[info >> 32]
                if symbol.section not in places:
                    raise LinkError(f"a reference to {symbol.name or 'a section that is not kept'}")
                target = places[symbol.section] + symbol.value + addend
                _relocate(machine, info & 0xFFFFFFFF, image, places[section.info] + offset, target)
    functions = (s for s in symbols if s.info == _FUNCTION and s.section in places)
    return bytes(image), {s.name: places[s.section] + s.value for s in functions}


def join(parts: list[tuple[bytes, dict[str, int]]]) -> tuple[bytes, dict[str, int]]:
    """Return several images, each with its functions' places, as one.

    >>> image, symbols = join([(b"one", {"f": 1}), (b"two", {"g": 2})])
    >>> len(image), symbols
    (4099, {'f': 1, 'g': 4098})
    """
    image, symbols = bytearray(), dict[str, int]()
    for code, places in parts:
        image += bytes(-len(image) % _PAGE)
        symbols |= {name: len(image) + place for name, place in places.items()}
        image += code
    return bytes(image), symbols


def _sections(obj: bytes) -> list[_Section]:
    start, count = struct.unpack_from("<40xQ12xH", obj)
    found = []
    for i in range(count):
        header = struct.unpack_from("<IIQQQQIIQQ", obj, start + 64 * i)
        _, kind, flags, _, at, size, link_, info, align, _ = header
        found.append(_Section(kind, flags, at, size, link_, info, align))
    return found


def _symbols(obj: bytes, sections: list[_Section]) -> list[_Symbol]:
    (table,) = (section for section in sections if section.kind == _SYMBOLS)
    names = sections[table.link].start
    body = obj[table.start : table.start + table.size]
    found = []
    for name, info, _, section, value, _ in struct.iter_unpack("<IBBHQQ", body):
        text = obj[names + name : obj.index(b"\0", names + name)].decode()
        found.append(_Symbol(text, info, section, value))
    return found


def _lay_out(obj: bytes, sections: list[_Section]) -> tuple[bytearray, dict[int, int]]:
    """Return the sections to keep, one after another, and where each begins."""
    image, places = bytearray(), {}
    for i, section in enumerate(sections):
        if not section.flags & _ALLOCATED or not section.size:
            continue
        if section.kind == _BSS or (section.kind == _CONTENTS and section.flags & _WRITABLE):
            raise LinkError("writable data")
        if section.kind == _CONTENTS:
            image += bytes(-len(image) % max(section.align, 16))
            places[i] = len(image)
            image += obj[section.start : section.start + section.size]
    return image, places


def _relocate(machine: int, kind: int, image: bytearray, place: int, target: int) -> None:
    distance = target - place
    if (machine == _X86_64 and kind in (2, 4)) or (machine == _AARCH64 and kind == 261):
        struct.pack_into("<i", image, place, distance)  # PC32, PLT32; PREL32
    elif machine == _AARCH64:
        (word,) = struct.unpack_from("<I", image, place)
        struct.pack_into("<I", image, place, word | _aarch64(kind, place, target))
    else:
        raise LinkError(f"relocation {kind} on machine {machine}")


def _aarch64(kind: int, place: int, target: int) -> int:
    """Return the bits that a relocation puts into an instruction."""
    if kind in (282, 283):  # JUMP26, CALL26
        return (target - place) >> 2 & 0x3FFFFFF
    if kind == 275:  # ADR_PREL_PG_HI21
        pages = (target >> 12) - (place >> 12)
        return (pages & 3) << 29 | (pages >> 2 & 0x7FFFF) << 5
    if kind in _LOW12:
        return (target & 0xFFF) >> _LOW12[kind] << 10
    raise LinkError(f"relocation {kind} on machine {_AARCH64}")
