from pathlib import Path

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
