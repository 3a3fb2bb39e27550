"""Images that came with the installation: taken if trusted and fitting, else as if they were not there."""

import os
import sys

import pytest

from filterbank.engine.image import cache, key, load, loader, packaged

X86 = [packaged._V4.split(), packaged._V3.split(), packaged._V2.split()]


@pytest.fixture
def data(built):
    (path,) = built.glob("*.common.image")
    return path.read_bytes()


@pytest.fixture
def image(tmp_path, monkeypatch, data):
    """An image of the installation, for a level that this machine has."""
    folder = tmp_path / "packaged_images"
    folder.mkdir(mode=0o755)
    monkeypatch.setattr(loader, "PACKAGED", folder)
    level = list(packaged._LEVELS[os.uname().machine])[-1]
    path = folder / f"{level}-{key.digest(key.sources(), b'')}.common.image"
    path.write_bytes(data)
    path.chmod(0o644)
    return path


@pytest.fixture
def compiled(monkeypatch, data):
    """How often the compiler was asked."""
    calls = []

    def build(image, is_portable):
        calls.append(image)
        return data

    monkeypatch.setattr(loader, "_build", build)
    return calls


def get(tmp_path):
    return load(tmp_path / "cache", portable=False)


def test_it_is_taken_and_nothing_is_compiled_or_kept(image, compiled, tmp_path):
    kernels = get(tmp_path)
    assert kernels.direct and kernels.file("common") == image
    assert not compiled and not (tmp_path / "cache").exists()


def test_it_is_taken_before_what_the_user_keeps(image, compiled, tmp_path):
    away = image.rename(tmp_path / "away")
    assert get(tmp_path).file("common").parent == tmp_path / "cache"
    away.rename(image)
    assert get(tmp_path).file("common") == image and len(compiled) == 1


def falls_back(tmp_path, compiled):
    kernels = get(tmp_path)
    return kernels.direct and kernels.file("common").parent == tmp_path / "cache" and len(compiled) == 1


@pytest.mark.parametrize("mode", [0o664, 0o646])
def test_one_that_others_may_write_is_not(image, compiled, tmp_path, mode):
    image.chmod(mode)
    assert falls_back(tmp_path, compiled)


@pytest.mark.parametrize("mode", [0o775, 0o757])
def test_one_in_a_folder_that_others_may_write_is_not(image, compiled, tmp_path, mode):
    image.parent.chmod(mode)
    assert falls_back(tmp_path, compiled)


def test_one_of_somebody_else_is_not(image, compiled, tmp_path, monkeypatch):
    real, node = os.fstat, image.stat().st_ino

    def foreign(descriptor):
        status = real(descriptor)
        owner = os.geteuid() + 1 if status.st_ino == node else status.st_uid
        return os.stat_result([*status[:4], owner, *status[5:]])

    monkeypatch.setattr(cache.os, "fstat", foreign)
    assert falls_back(tmp_path, compiled)


def test_a_symbolic_link_is_not(image, compiled, tmp_path):
    image.symlink_to(image.rename(tmp_path / "elsewhere"))
    assert falls_back(tmp_path, compiled)


@pytest.mark.parametrize("at", [0, -1])
def test_a_damaged_one_is_not(image, compiled, tmp_path, at):
    changed = bytearray(image.read_bytes())
    changed[at] ^= 1
    image.write_bytes(changed)
    assert falls_back(tmp_path, compiled)


def test_one_of_other_sources_is_not(image, compiled, tmp_path, monkeypatch):
    monkeypatch.setattr(packaged, "sources", lambda: key.sources()[1:])
    assert falls_back(tmp_path, compiled)


def test_one_that_the_processor_cannot_run_is_not(image, compiled, tmp_path, monkeypatch):
    monkeypatch.setattr(packaged, "features", frozenset)
    assert falls_back(tmp_path, compiled)


def test_where_there_is_a_good_one_behind_a_bad_one_it_is_taken(image, compiled, tmp_path, monkeypatch):
    bad = image.with_name("bad.image")
    bad.write_bytes(b"")
    monkeypatch.setattr(packaged, "fitting", lambda folder, _: [bad, image])
    assert get(tmp_path).file("common") == image and not compiled


@pytest.mark.parametrize(
    ("features", "levels"),
    [
        (X86[0] + ["fpu"], ["v4", "v3", "v2"]),
        (X86[1], ["v3", "v2"]),
        (X86[0][:-1], ["v3", "v2"]),
        (X86[2], ["v2"]),
        (X86[2][1:], []),
        ([], []),
    ],
)
def test_levels_best_first(tmp_path, monkeypatch, features, levels):
    monkeypatch.setattr(packaged, "features", lambda: frozenset(features))
    monkeypatch.setattr(packaged, "_LEVELS", {os.uname().machine: packaged._LEVELS["x86_64"]})
    made_from = key.digest(key.sources(), b"")
    for level in ("v2", "v3", "v4"):
        (tmp_path / f"x86-64-{level}-{made_from}.common.image").touch()
    assert [path.name.split("-")[2] for path in packaged.fitting(tmp_path, "common")] == levels


def test_each_level_is_built_for_its_own_features(tmp_path, monkeypatch):
    from filterbank.engine.image import workers

    targets = []
    monkeypatch.setattr(
        workers, "compiled", lambda image, _, target: targets.append(target) or image.encode()
    )
    monkeypatch.setattr(packaged, "_LEVELS", {os.uname().machine: packaged._LEVELS["x86_64"]})
    assert [path.read_bytes() for path in packaged.build(tmp_path)] == [b"common", b"transforms"] * 3
    assert [target["NUMBA_CPU_NAME"] for target in targets[::2]] == ["x86-64-v4", "x86-64-v3", "x86-64-v2"]
    features = [target["NUMBA_CPU_FEATURES"].split(",") for target in targets[::2]]
    assert ["+avx512f" in some for some in features] == [True, False, False]
    assert ["+fma" in some and "+bmi" in some for some in features] == [True, True, False]
    assert all("+sse4.2" in some and "+sse3" in some for some in features)


def test_features_are_llvms():
    """A misspelt feature would be ignored with a line on standard error."""
    import subprocess

    program = """
import sys, llvmlite.binding as llvm
llvm.initialize_all_targets(); llvm.initialize_all_asmprinters()
triple, cpu, names = sys.argv[1:]
llvm.Target.from_triple(triple).create_target_machine(cpu=cpu, features=names)
"""
    for machine, levels in packaged._LEVELS.items():
        for level, needed in levels.items():
            names = ",".join("+" + packaged._LLVM.get(feature, feature) for feature in needed.split())
            command = [sys.executable, "-c", program, f"{machine}-unknown-linux-gnu", level, names]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            assert done.stderr == ""
    command[-1] = "+no-such-feature"
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "not a recognized feature" in done.stderr
