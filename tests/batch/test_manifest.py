from __future__ import annotations

import json
import multiprocessing
import os
import resource
import signal
from pathlib import Path

import pytest

from filterbank.batch.manifest import MapRecord, Record, append
from filterbank.errors import OutputError


def record(name: str = "cat.jpg") -> Record:
    one = MapRecord("sobel_x", "cat/sobel_x.png", -1.0, 1.0, 128, -0.5, 1.0, 0.25, 0.0, 0.5, "direct")
    return Record(name, "ab", 4, 6, 3, "sobel", "cd", {"range": "auto"}, (one,), 0.5)


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("ascii").splitlines()]


def test_keys_are_the_contracts(tmp_path: Path) -> None:
    append(tmp_path / "m", [record()], fsync=True)
    (line,) = lines(tmp_path / "m")
    assert list(line) == [
        "input",
        "sha256",
        "height",
        "width",
        "channels",
        "bank",
        "digest",
        "options",
        "maps",
        "seconds",
    ]
    assert list(line["maps"][0]) == [
        "filter",
        "file",
        "lo",
        "hi",
        "zero",
        "min",
        "max",
        "mean",
        "clipped",
        "negative",
        "method",
    ]


def test_no_number_that_json_does_not_know() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        Record("a", "", 1, 1, 1, "", "", {"x": float("nan")}, (), 0.0).line()


def test_names_of_any_bytes_survive(tmp_path: Path) -> None:
    odd = os.fsdecode(b"\xff\n\xc3\xbc.png")
    append(tmp_path / "m", [record(odd)])
    assert [line["input"] for line in lines(tmp_path / "m")] == [odd]


@pytest.mark.parametrize(
    ("before", "kept"),
    [
        (b"", 0),
        (b'{"a": 1}\n', 1),
        (b'{"a": 1}\n{"b": ', 1),
        (b'{"a": 1}\n{"b": 2}', 2),
        (b'{"tor', 0),
        (b'{"a": 1}\n{"b": "' + b"x" * 200_000, 1),
        (b'{"a": "' + b"x" * 200_000 + b'"}', 1),
        (b'{"a": 1}\n\xff\xfe', 1),
    ],
)
def test_a_torn_line_goes_before_the_next_is_appended(tmp_path: Path, before: bytes, kept: int) -> None:
    path = tmp_path / "m"
    path.write_bytes(before)
    append(path, [record(), record()])
    assert len(lines(path)) == kept + 2


def test_a_full_disk_leaves_the_manifest_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "m"
    append(path, [record()])
    before = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 100, hard))
    try:
        with pytest.raises(OutputError, match="cannot be written: File too large"):
            append(path, [record()])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_bytes() == before


def _append_many(path: Path, name: str) -> None:
    for _ in range(200):
        append(path, [record(name), record(name)])


def test_processes_append_beside_each_other(tmp_path: Path) -> None:
    path = tmp_path / "m"
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=_append_many, args=(path, name * 500)) for name in "abc"]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    found = [line["input"][0] for line in lines(path)]
    assert sorted(found) == sorted("abc" * 400)
    assert all(first == second for first, second in zip(found[::2], found[1::2], strict=True))
