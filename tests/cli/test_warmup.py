"""``filterbank warmup``: kernels compiled, kept, and told."""

from dataclasses import replace

from running import filterbank

from filterbank.engine import compiled


def test_warmup_says_where_kernels_are_kept():
    done = filterbank("warmup")
    assert done.code == 0
    assert done.out.decode().startswith("kernels ready after ")
    assert done.out.decode().endswith(f" s, kept in {compiled.kernels().file.parent}\n")


def test_warmup_says_that_nothing_is_kept(monkeypatch):
    ready = replace(compiled.kernels(), file=None)
    monkeypatch.setattr(compiled, "kernels", lambda: ready)
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
