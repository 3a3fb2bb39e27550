"""``filterbank warmup``: kernels compiled, kept, and told."""

from running import filterbank

from filterbank.engine import compiled
from filterbank.engine.constants import _kept
from filterbank.engine.cost import DEFAULT
from filterbank.engine.image import Kernels


def test_warmup_says_where_kernels_are_kept():
    done = filterbank("warmup")
    assert done.code == 0
    assert done.out.decode().startswith("kernels ready after ")
    place = compiled.kernels().file("transforms").parent
    assert done.out.decode().endswith(f" s, kept in {place}\n")


def test_warmup_says_that_nothing_is_kept(monkeypatch):
    monkeypatch.setattr(Kernels, "file", lambda self, image: None)
    assert filterbank("warmup").out.decode().endswith(" s, kept nowhere: each run compiles them anew\n")


def test_folder_is_chosen_by_the_system(monkeypatch, tmp_path):
    monkeypatch.delenv("FILTERBANK_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert compiled.folder() == tmp_path / "filterbank"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert compiled.folder() == tmp_path / ".cache" / "filterbank"
    monkeypatch.setenv("FILTERBANK_CACHE", "")
    assert compiled.folder() is None


def test_calibrate_keeps_constants_beside_the_kernels(monkeypatch, tmp_path):
    place = tmp_path / "new" / "folder"
    monkeypatch.setattr(compiled, "folder", lambda: place)
    done = filterbank("warmup", "--calibrate")
    assert done.code == 0
    assert done.out.decode().endswith(f"measured: fft\nconstants kept in {place / 'machine.json'}\n")
    assert _kept(place) not in {DEFAULT, None}


def test_calibrate_says_when_it_cannot_keep_anything(monkeypatch, tmp_path):
    monkeypatch.setattr(compiled, "folder", lambda: None)
    done = filterbank("warmup", "--calibrate", code=2)
    assert "--calibrate: FILTERBANK_CACHE is empty" in done.err
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(compiled, "folder", lambda: tmp_path / "file")
    done = filterbank("warmup", "--calibrate", code=2)
    assert f"--calibrate: {tmp_path / 'file'}: cannot be written to: " in done.err
