import os

import pytest
from bankfile.bad_banks import PATHS, expected

from filterbank import bankfile
from filterbank.bankfile import json_text
from filterbank.errors import BankError, RequestError


def test_there_are_many():
    assert len(PATHS) >= 60
    assert all(expected(path) for path in PATHS)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
def test_every_fault_is_told_in_order_with_its_place(path):
    with pytest.raises(BankError) as caught:
        bankfile.load(path)
    told = [str(fault) for fault in caught.value.faults]
    wanted = [f"{path}:{line}" for line in expected(path)]
    assert told == wanted
    assert str(caught.value) == "\n".join(wanted)
    places = [(fault.line, fault.column) for fault in caught.value.faults]
    assert places == sorted(places)
    assert all(line >= 1 and column >= 1 for line, column in places)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "found an empty file; accepted: a mapping with at least the key filters"),
        (b" \n\n", "found an empty file"),
        ("filters: []".encode("utf-16"), "found UTF-16 text; accepted: UTF-8 text; save the file as UTF-8"),
        ("filters: []".encode("utf-32"), "found UTF-32 text"),
        ("filters: []".encode("utf-16-le"), "found UTF-16 text or binary data"),
        (b"\x89PNG\r\n\x1a\n\0\0", "found binary data"),
        (b"PK\x03\x04\0\0", "found binary data"),
        (b"name: a\nsource: Fr\xe9chet\n", ":2:11: found byte 0xe9, which is not UTF-8"),
        (b"name: a\nsource: \x07\n", ":2:9: found the control character U+0007"),
        (b"# only a comment\n", "found no content"),
        (b"---\n", "found nothing (null); accepted: a mapping"),
        (b"%YAML:1.0\n---\n", "this is an OpenCV file, not a bank"),
        (b"? [1, 2]\n: 3\nfilters: []\n", ":1:3: found a list of 2 as a key; accepted: words as keys"),
    ],
)
def test_files_that_are_no_bank_at_all(tmp_path, data, said):
    path = tmp_path / "bank.yaml"
    path.write_bytes(data)
    with pytest.raises(BankError) as caught:
        bankfile.load(path)
    assert said in str(caught.value)
    assert str(caught.value).startswith(str(path))


def test_a_byte_order_mark_of_utf8_is_no_fault_and_shifts_no_column(tmp_path):
    path = tmp_path / "bank.yaml"
    path.write_bytes(b"\xef\xbb\xbffilters: [{name: a, kernel: [[1]]}]\n")
    assert bankfile.load(path).layer.names == ("a",)
    path.write_bytes(b"\xef\xbb\xbfx: 1\nfilters: [{name: a, kernel: [[1]]}]\n")
    fault = bankfile.check(path).faults[0]
    assert (fault.line, fault.column) == (1, 1)


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_lines_end_in_every_way(tmp_path, newline):
    path = tmp_path / "bank.yaml"
    path.write_bytes(newline.join(["name: é", "stride: 0", "filters: []", ""]).encode())
    places = [(fault.line, fault.column) for fault in bankfile.check(path).faults]
    assert places == [(1, 7), (2, 9), (3, 10)]


def test_a_text_that_is_too_large_is_refused_before_it_is_parsed(tmp_path):
    path = tmp_path / "bank.yaml"
    with path.open("wb") as stream:
        stream.truncate(100_000_000)
    with pytest.raises(
        BankError, match="found a larger file; accepted: at most 64 MB of text; write fewer digits"
    ):
        bankfile.load(path)


def test_json_of_too_many_values_is_refused_before_one_is_read(tmp_path, monkeypatch):
    def fail(text):
        raise AssertionError("a value was read")

    monkeypatch.setattr(json_text, "resolve", fail)
    path = tmp_path / "bank.json"
    path.write_text(
        '{"description": "a, \\", b", "filters": [{"name": "a", "kernel": [' + "1," * 4_000_000 + "1]}]}"
    )
    with pytest.raises(BankError, match=":1:8000061: found more than 4,000,000 values; split the bank"):
        bankfile.load(path)


def test_commas_in_a_text_are_no_values(tmp_path, monkeypatch):
    monkeypatch.setattr(json_text, "MAX_NODES", 11)
    path = tmp_path / "bank.json"
    path.write_text('{"description": "' + r",\"," * 20 + '", "filters": [{"name": "a", "kernel": [1]}]}')
    assert bankfile.load(path).layer.names == ("a",)
    path.write_text('{"filters": [{"name": "a", "kernel": [1, 1, 1, 1]}]}')
    with pytest.raises(BankError, match=":1:48: found more than 11 values"):
        bankfile.load(path)


def test_a_list_that_is_too_long_names_the_limit(tmp_path):
    path = tmp_path / "bank.yaml"
    path.write_text("filters:\n- {name: a, kernel: [1], channels: [" + "1," * 70_000 + "1]}\n")
    with pytest.raises(BankError, match=r"channels: found a list of 70001; .*; give at most 65,536 numbers"):
        bankfile.load(path)


def test_faults_without_end_are_counted(tmp_path):
    path = tmp_path / "bank.yaml"
    path.write_text("filters:\n" + "".join(f"  - {{name: a{n}, kernel: [[x]]}}\n" for n in range(1500)))
    faults = bankfile.check(path).faults
    assert len(faults) == 1001
    assert "and 500 more faults of this kind" in str(faults[-1])


def test_paths_that_cannot_be_read(tmp_path):
    with pytest.raises(RequestError, match="found a folder; accepted: a bank file"):
        bankfile.load(tmp_path)
    with pytest.raises(RequestError, match="no such file and no shipped bank of that name"):
        bankfile.load(tmp_path / "none.yaml")
    path = tmp_path / "bank.yaml"
    path.write_text("filters: []")
    path.chmod(0)
    if not os.access(path, os.R_OK):
        with pytest.raises(RequestError, match="cannot be read"):
            bankfile.load(path)


def test_a_name_that_is_nearly_right_is_suggested():
    with pytest.raises(RequestError, match="did you mean 'sobel'\\?; `filterbank banks` lists them"):
        bankfile.load("sobl")
    with pytest.raises(RequestError, match="did you mean 'kirsch'"):
        bankfile.load("Kirsch.yaml")
    with pytest.raises(RequestError, match="accepted: a path or a shipped bank"):
        bankfile.load("x\0y")
