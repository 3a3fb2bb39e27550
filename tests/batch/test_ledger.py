from __future__ import annotations

import json
import multiprocessing
from pathlib import Path

import pytest

from filterbank.batch import ledger
from filterbank.batch.manifest import MapRecord, Record, append


def record(name: str, *files: str, digest: str = "d") -> Record:
    maps = tuple(MapRecord("f", file, -1.0, 1.0, 128, 0.0, 1.0, 0.5, 0.0, 0.0, "direct") for file in files)
    return Record(name, "ab", 4, 6, 3, "bank", digest, {"range": "auto"}, maps, 0.5)


def kept(path: Path) -> list[str]:
    return [json.loads(line)["input"] for line in path.read_text().splitlines()]


def test_the_later_line_counts(tmp_path: Path) -> None:
    path = tmp_path / "m"
    append(
        path, [record("1", "a", "b"), record("2", "c"), record("3", "a", "b", digest="e"), record("4", "b")]
    )
    found = ledger.read(path)
    assert [file in found for file in ("a", "b", "c", "x")] == [True, True, True, False]
    assert found.find(["c"]).digest == "d"
    assert found.find(["a", "b"]) is None  # b is another's by now
    assert found.find(["a"]) is None  # no line names it alone
    assert found.find(["x"]) is None


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([("1", "a"), ("2", "b")], ["1", "2"]),
        ([("1", "a"), ("2", "a")], ["2"]),
        ([("1", "a", "b"), ("2", "a")], ["1", "2"]),  # b is still told of
        ([("1", "a", "b"), ("2", "a"), ("3", "b")], ["2", "3"]),
        ([("1", "a", "a"), ("2", "a", "a"), ("3", "a", "a")], ["3"]),  # stacks
    ],
)
def test_compact_takes_out_what_is_named_again(tmp_path: Path, lines: list, expected: list[str]) -> None:
    path = tmp_path / "m"
    append(path, [record(*line) for line in lines])
    ledger.compact(path)
    assert kept(path) == expected


def test_without_a_manifest(tmp_path: Path) -> None:
    ledger.compact(tmp_path / "m")
    found = ledger.read(tmp_path / "m")
    assert not found
    assert "a" not in found
    assert found.find(["a"]) is None
    assert "a" in ledger.read(tmp_path / "m", ["a"])
    assert list(tmp_path.iterdir()) == []


def test_what_was_read_stays_whatever_becomes_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "m"
    append(path, [record("1", "a"), record("2", "b", digest="before"), record("3", "c")])
    found = ledger.read(path)
    append(path, [record("4", "a"), record("5", "b", digest="after")])
    ledger.compact(path)
    assert kept(path) == ["3", "4", "5"]
    assert found.find(["b"]).digest == "before"
    assert ledger.read(path).find(["b"]).digest == "after"


def test_files_of_equal_hashes_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "hash", len, raising=False)
    path = tmp_path / "m"
    append(path, [record("1", "a"), record("2", "b")])
    found = ledger.read(path)
    assert [file in found for file in ("a", "b", "x")] == [False, True, False]
    assert found.find(["x"]) is None


def _append_and_compact(path: Path, name: str) -> None:
    for number in range(150):
        append(path, [record(f"{name}{number}", f"{name}{number}"), record("again", name)])
        if number % 3 == 0:
            ledger.compact(path)


def test_no_line_is_lost_beside_other_processes(tmp_path: Path) -> None:
    path = tmp_path / "m"
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=_append_and_compact, args=(path, name)) for name in "abc"]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    ledger.compact(path)
    assert sorted(kept(path)) == sorted([f"{name}{n}" for name in "abc" for n in range(150)] + ["again"] * 3)
