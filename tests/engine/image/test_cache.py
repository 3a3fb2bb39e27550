"""The cache on Windows, whose names and calls are replaced by stand-ins: it cannot be run here."""

import builtins
import importlib.util
import os
import sys
import types

import pytest

from filterbank.engine.image import cache


@pytest.fixture
def windows(monkeypatch):
    """The module as Windows would import it, and the calls to its locks."""
    calls = []

    def locking(descriptor, mode, size):
        calls.append((mode, size))
        if len(calls) < 3:
            raise OSError(36, "Resource deadlock avoided")

    monkeypatch.setitem(sys.modules, "msvcrt", types.SimpleNamespace(locking=locking, LK_LOCK=1))
    real = builtins.__import__

    def without(name, *rest):
        if name == "fcntl":
            raise ModuleNotFoundError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    monkeypatch.setattr(sys, "platform", "win32")
    for name in ("geteuid", "O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC"):
        monkeypatch.delattr(os, name)
    spec = importlib.util.spec_from_file_location("cache_of_windows", cache.__file__)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module, calls


def test_files_are_written_and_read(windows, tmp_path):
    module, _ = windows
    module.prepare(tmp_path / "kernels")
    path = tmp_path / "kernels" / "one.image"
    module.write(path, b"\r\n\x1a code")
    with module.opened(path) as descriptor, open(descriptor, "rb", closefd=False) as file:
        assert file.read() == b"\r\n\x1a code"


def test_the_lock_is_asked_for_until_it_is_given(windows, tmp_path):
    module, calls = windows
    with module.locked(tmp_path):
        assert calls == [(1, 1)] * 3


def test_rights_that_mean_nothing_there_are_not_looked_at(windows, tmp_path):
    module, _ = windows
    path = tmp_path / "one.image"
    path.write_bytes(b"code")
    path.chmod(0o666)
    with module.opened(path):
        pass


def test_links_and_other_kinds_are_refused(windows, tmp_path):
    module, _ = windows
    path = tmp_path / "one.image"
    path.write_bytes(b"code")
    (tmp_path / "link.image").symlink_to(path)
    (tmp_path / "folder.image").mkdir()
    for name in ("link.image", "folder.image"):
        with (
            pytest.raises(module.UntrustedError, match="not of the right kind"),
            module.opened(tmp_path / name),
        ):
            pass
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(module.UntrustedError, match="not of the right kind"):
        module.check(tmp_path / "link")
