"""``filterbank warmup``: kernels compiled, kept, and told."""

from running import filterbank

from filterbank.engine import compiled


def test_warmup_says_where_kernels_are_kept(monkeypatch, tmp_path):
    folder = tmp_path / "kernels"
    compiled.kernels()
    monkeypatch.setenv("FILTERBANK_CACHE", str(folder))
    done = filterbank("warmup")
    assert done.code == 0
    assert done.out.decode().startswith("kernels ready after ")
    assert done.out.decode().endswith(f"kept in {folder}\n")


def test_folder_is_chosen_by_the_system(monkeypatch, tmp_path):
    monkeypatch.delenv("FILTERBANK_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert compiled.folder() == tmp_path / "filterbank"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert compiled.folder() == tmp_path / ".cache" / "filterbank"
    monkeypatch.setenv("FILTERBANK_CACHE", "")
    assert compiled.folder() is None
