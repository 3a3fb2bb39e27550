from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty folder that the test runs in: the command line speaks of paths from there."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
