"""What cannot stand alone cannot land: kernels that need the runtime, objects that need a loader."""

import ctypes
import math
import struct
import sys
import types

import llvmlite.binding as llvm
import numpy as np
import pytest
from numba.core.errors import TypingError

from filterbank.engine.image import build, cache
from filterbank.engine.image.link import LinkError, join, link
from filterbank.engine.kernels.table import IMAGES
from filterbank.engine.kernels.vector import f32

OUTSIDE = ctypes.CFUNCTYPE(ctypes.c_float, ctypes.c_float)(lambda x: x)
TABLE = np.arange(64).astype(np.float32)


def good(a, n):
    p = f32(a)
    for i in range(n):
        p[i] = p[i] * np.float32(2)


def exponential(a, n):
    p = f32(a)
    for i in range(n):
        p[i] = math.exp(p[i])


def allocating(a, n):
    z = np.zeros(n)
    p = f32(a)
    for i in range(n):
        p[i] = z[i]


def printing(a, n):
    print(n)


def raising(a, n):
    if n < 0:
        raise ValueError("negative")


def stepping(a, n):
    p = f32(a)
    for i in range(0, n, n // 7):
        p[i] = 1


def table_reading(a, n):
    p = f32(a)
    for i in range(n):
        p[i] = TABLE[i & 63]


def holding_an_address(a, n):
    p = f32(a)
    for i in range(n):
        p[i] = OUTSIDE(p[i])


@pytest.fixture(params=["0", "3"], autouse=True)
def level(request, monkeypatch):
    """How much Numba optimises before we do: nothing in a worker, all where none could start."""
    monkeypatch.setenv("NUMBA_OPT", request.param)


def compiled(function):
    module = types.ModuleType("kernels_of_this_test")
    setattr(module, function.__name__, function)
    sys.modules[module.__name__] = module
    try:
        return build.compile_object({function.__name__: (module.__name__, "ii>v")})
    finally:
        del sys.modules[module.__name__]


def test_a_kernel_of_plain_arithmetic_links():
    _, symbols = link(compiled(good))
    assert "good" in symbols


@pytest.mark.parametrize(
    ("function", "message"), [(exponential, "a kernel calls expf?$"), (printing, "a kernel calls .*Py")]
)
def test_a_kernel_that_needs_a_library_is_refused_by_the_symbols_name(function, message):
    with pytest.raises(LinkError, match=message):
        link(compiled(function))


def test_a_kernel_that_allocates_does_not_compile():
    with pytest.raises(TypingError, match="No implementation of function"):
        compiled(allocating)


@pytest.mark.parametrize("function", [raising, stepping])
def test_a_kernel_that_can_raise_is_refused(function):
    with pytest.raises(LinkError, match="calls"):
        link(compiled(function))


def test_a_kernel_that_holds_an_address_of_this_process_is_refused():
    with pytest.raises(build.BuildError, match="holding_an_address holds an address"):
        compiled(holding_an_address)


def test_a_table_becomes_part_of_the_image():
    image, symbols = link(compiled(table_reading))
    assert "table_reading" in symbols and TABLE.tobytes() in image


@pytest.mark.parametrize("name", IMAGES)
def test_all_kernels_are_in_their_image(kernels, name):
    image, symbols = cache.unpack(kernels.file(name).read_bytes())
    assert set(IMAGES[name]) <= set(symbols)
    assert len(image) < 1 << 19


def emitted(text, triple):
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    target = llvm.Target.from_triple(triple)
    machine = target.create_target_machine(opt=2, reloc="pic", codemodel="small")
    module = llvm.parse_assembly(text)
    module.triple = triple
    return machine.emit_object(module)


_CALLING = """
@table = internal constant [4 x float] [float 1.0, float 2.0, float 4.0, float 8.0], align 16
define internal float @callee(i64 %i) noinline optnone {
  %p = getelementptr [4 x float], ptr @table, i64 0, i64 %i
  %v = load float, ptr %p
  ret float %v
}
define float @caller(i64 %i) {
  %a = call float @callee(i64 %i)
  %b = fadd float %a, 1.0
  ret float %b
}
"""


def _words(image, start, count):
    return struct.unpack_from(f"<{count}I", image, start)


def test_on_aarch64_calls_and_addresses_land_where_they_should():
    image, symbols = link(emitted(_CALLING, "aarch64-unknown-linux-gnu"))
    table = image.index(struct.pack("<4f", 1, 2, 4, 8))
    found = set()
    for at in range(0, min(len(image), table) - 4, 4):
        (word,) = _words(image, at, 1)
        if word >> 26 == 0b100101:  # BL
            offset = (word & 0x3FFFFFF) - (1 << 26 if word & 1 << 25 else 0)
            assert at + 4 * offset == 0 and symbols["caller"] > 0  # the callee is first
            found.add("call")
        if word & 0x9F000000 == 0x90000000:  # ADRP, then ADD with the low bits
            pages = (word >> 5 & 0x7FFFF) << 2 | (word >> 29 & 3)
            (add,) = [w for w in _words(image, at + 4, 3) if w & 0xFFC00000 == 0x91000000]
            assert (at >> 12) + pages == table >> 12 and add >> 10 & 0xFFF == table & 0xFFF
            found.add("address")
    assert found == {"call", "address"}


_CALLS = """
declare float @sinf(float)
define float @f(float %x) { %y = call float @sinf(float %x) ret float %y }
"""
_READS = "define i32 @f() { %v = load volatile i32, ptr @state ret i32 %v }"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (_CALLS, "a kernel calls sinf"),
        ("@state = internal global i32 5\n" + _READS, "writable data"),
        ("@state = internal global i32 0\n" + _READS, "writable data"),
        ("@state = global ptr @f\n" + _READS, "writable data"),
    ],
)
def test_objects_that_need_a_loader_are_refused_by_name(text, message):
    for triple in ("x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"):
        with pytest.raises(LinkError, match=message):
            link(emitted(text, triple))


def test_other_files_are_refused():
    with pytest.raises(LinkError, match="not a 64-bit little-endian ELF"):
        link(b"MZ" + bytes(100))
    with pytest.raises(LinkError, match="an object for machine 243"):
        link(emitted(_CALLING, "riscv64-unknown-linux-gnu"))


def test_images_are_joined_at_pages():
    image, symbols = join([(b"abc", {"a": 1}), (b"x" * 5000, {"b": 0, "c": 4999}), (b"z", {"d": 0})])
    assert symbols == {"a": 1, "b": 4096, "c": 9095, "d": 12288}
    assert [image[symbols[name]] for name in "abcd"] == list(b"bxxz")
    assert len(image) == 12289
