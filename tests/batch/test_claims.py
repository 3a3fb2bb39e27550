from __future__ import annotations

from pathlib import Path

import pytest

from filterbank.batch import claims
from filterbank.errors import OutputError

NAMES = ["a/x.npy", "a/\udcff\n.npy"]


def test_a_claim_names_what_was_not_there_and_goes_with_the_block(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / NAMES[0]).touch()
    with claims.claimed(tmp_path, NAMES, fsync=True):
        assert claims.pending(tmp_path) == {claims.name_of(NAMES)}
        assert claims.made(tmp_path) == {NAMES[1]}
    assert claims.pending(tmp_path) == set()
    with pytest.raises(KeyError), claims.claimed(tmp_path, NAMES):
        raise KeyError
    assert claims.made(tmp_path) == set()


def test_a_claim_adds_to_that_of_a_killed_run(tmp_path: Path) -> None:
    (tmp_path / claims.name_of(NAMES)).write_text('["older.npy"]\n["torn')
    with claims.claimed(tmp_path, NAMES):
        assert claims.made(tmp_path) >= {"older.npy"}


def test_a_claim_that_is_none_names_nothing(tmp_path: Path) -> None:
    for number, text in enumerate((b"\xff", b"3\n", b"[" * 5000, b"[[1], {}]")):
        (tmp_path / f".{number:016x}.claim.filterbank-tmp").write_bytes(text)
    assert claims.made(tmp_path) == {"[1]", "{}"}


def test_no_folder(tmp_path: Path) -> None:
    assert claims.pending(tmp_path / "no") == frozenset()
    with (
        pytest.raises(OutputError, match="cannot be written to: No such file"),
        claims.claimed(tmp_path / "no", NAMES),
    ):
        pass


def test_undoing_spares_maps_that_were_there_before(tmp_path: Path) -> None:
    for name in ("old.png", "new.png"):
        names = [name, f"more-{name}"]
        if name == "old.png":
            (tmp_path / name).write_bytes(b"of another run")
        claims.claim(tmp_path, names)
        for made in names:
            (tmp_path / made).write_bytes(b"half a set")
        assert claims.undo(tmp_path, names) == (name == "new.png")
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"old.png", claims.name_of(["old.png"])}
