from __future__ import annotations

from pathlib import Path

import pytest

from filterbank.batch import disk


def test_what_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(".")
    (tmp_path / "itself").symlink_to("itself")
    found = {
        name: disk.is_folder(str(tmp_path / name)) for name in ("", "link", "file", "itself", "no", "file/x")
    }
    assert found == {"": True, "link": True, "file": False, "itself": False, "no": False, "file/x": False}


@pytest.mark.parametrize("ignores_case", [False, True])
def test_a_key_is_one_files(monkeypatch: pytest.MonkeyPatch, ignores_case: bool) -> None:
    monkeypatch.setattr(disk, "IGNORES_CASE", ignores_case)
    assert (disk.key("a/Cat.png") == disk.key("A/cat.png")) == ignores_case
    assert disk.key("a/b") != disk.key("a/c")
