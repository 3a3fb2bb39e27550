from pathlib import Path

import pytest

from filterbank.engine.image import key


def test_the_key_is_the_same_twice():
    assert key.key() == key.key()
    assert len(key.key()) == 32


def test_every_source_and_version_and_the_processor_count(tmp_path):
    files = [tmp_path / name for name in ("a.py", "b.py")]
    for file in files:
        file.write_text("1")
    known = {key.digest(files, b"cpu"), key.digest(files, b"other cpu"), key.digest(files[:1], b"cpu")}
    for file in files:
        file.write_text("2")
        known.add(key.digest(files, b"cpu"))
    assert len(known) == 5


def test_the_files_are_the_kernels_the_builder_and_two_versions():
    names = {path.name for path in key.sources()}
    assert {"tiles.py", "vector.py", "table.py", "build.py", "link.py"} <= names
    assert [path.parent.name for path in key.compilers()] == ["numba", "llvmlite"]
    assert all(isinstance(path, Path) and path.exists() for path in key.compilers())


def test_the_processor_has_a_name():
    assert len(key.processor()) > 20


X86 = """processor\t: 0
model name\t: A processor
cpu MHz\t\t: 2600.000
flags\t\t: fpu sse2 avx2
bugs\t\t: none

processor\t: 1
flags\t\t: fpu
"""
ARM = "processor\t: 0\nFeatures\t: fp asimd\nCPU part\t: 0xd0c\n\n"


@pytest.mark.parametrize(
    ("text", "features", "lines"),
    [
        (X86, {"fpu", "sse2", "avx2"}, b"model name\t: A processor\nflags\t\t: fpu sse2 avx2"),
        (ARM, {"fp", "asimd"}, b"Features\t: fp asimd\nCPU part\t: 0xd0c"),
        (
            X86[: X86.index("\n\n")].replace("avx2", "x" * 9000),
            {"fpu", "sse2", "x" * 9000},
            b"x" * 9000,
        ),
        ("", set(), key.platform.processor().encode()),
    ],
)
def test_the_first_processor_is_described(tmp_path, monkeypatch, text, features, lines):
    monkeypatch.setattr(key, "_CPUINFO", tmp_path / "cpuinfo")
    assert key.features() == set()
    key._CPUINFO.write_text(text)
    assert key.features() == features
    assert key.processor().endswith(lines) and b"MHz" not in key.processor()
