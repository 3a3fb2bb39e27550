"""Every case of trust and of falling back; the compiler is replaced by an image built once."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from filterbank.engine.direct import DirectPlan
from filterbank.engine.image import cache, load, loader, mapping, workers
from filterbank.geometry import resolve

COMPILING = loader.COMPILING.format("the kernels", workers.seconds("common"))
TRANSFORMS = loader.COMPILING.format("the kernels of FFT and Winograd", workers.seconds("transforms"))


def again(reason):
    return loader.COMPILING_AGAIN.format("the kernels", workers.seconds("common"), reason)


@pytest.fixture
def data(built):
    (path,) = built.glob("*.common.image")
    return path.read_bytes()


@pytest.fixture
def compiled(monkeypatch, data):
    """How often the compiler was asked."""
    calls = []

    def build(image, is_portable):
        assert image == "common"
        calls.append(is_portable)
        return data

    monkeypatch.setattr(loader, "_build", build)
    return calls


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "cache" / "filterbank"


def works(kernels):
    g = resolve(channels=1, size=(8, 40), filters=1, kernel=(3, 3))
    out, image = np.zeros((1, 8, 40), np.float32), np.ones((1, 8, 40), np.float32)
    DirectPlan(np.ones((1, 1, 3, 3)), np.zeros(1), g).run(kernels, image, out)
    return (out[0, 1:-1, 1:-1] == 9).all() and out[0, 0, 0] == 4


def get(folder, told=None):
    kernels = load(folder, (told if told is not None else []).append, portable=False)
    assert kernels.direct
    return kernels


def kept(folder):
    (path,) = folder.glob("*.common.image")
    return path


def test_the_first_run_compiles_and_says_so_and_the_next_is_silent(folder, compiled):
    told = []
    assert works(get(folder, told))
    assert told == [COMPILING] and compiled == [False]
    assert works(get(folder, told))
    assert len(told) == 1 and len(compiled) == 1
    assert folder.stat().st_mode & 0o777 == 0o700
    assert sorted(path.suffix for path in folder.iterdir()) == ["", ".image"]


def test_no_folder_compiles_in_memory(compiled):
    told = []
    assert works(get(None, told))
    assert compiled == [False] and told == [again("no folder to keep them in")]


@pytest.mark.parametrize("cut", [0, 1, 39, 5000, -1])
def test_a_cut_image_is_rebuilt(folder, compiled, cut):
    get(folder)
    kept(folder).write_bytes(kept(folder).read_bytes()[:cut])
    assert works(get(folder)) and len(compiled) == 2
    assert works(get(folder)) and len(compiled) == 2


def test_one_changed_byte_is_rebuilt(folder, compiled, data):
    get(folder)
    for at in (0, len(data) // 2, len(data) - 1):
        bad = bytearray(data)
        bad[at] ^= 1
        kept(folder).write_bytes(bad)
        before = len(compiled)
        assert works(get(folder)) and len(compiled) == before + 1


def test_an_image_that_others_may_write_is_rebuilt_private(folder, compiled):
    get(folder)
    for mode in (0o620, 0o602):
        kept(folder).chmod(mode)
        before = len(compiled)
        assert works(get(folder)) and len(compiled) == before + 1
        assert kept(folder).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o1777])
def test_a_folder_that_others_may_write_is_not_used(folder, compiled, mode):
    get(folder)
    folder.chmod(mode)
    told = []
    assert works(get(folder, told))
    assert len(compiled) == 2 and told == [again(f"{folder} may be written by others")]
    assert kept(folder).exists()


@pytest.fixture
def belongs(monkeypatch):
    """Make a path seem to belong to a user while no more than so many images were compiled."""

    def pretend(path, user, compiled, most):
        node, fstat, lstat = path.stat().st_ino, os.fstat, Path.lstat

        def owned(status):
            is_foreign = status.st_ino == node and len(compiled) <= most
            return os.stat_result([*status[:4], user, *status[5:]]) if is_foreign else status

        monkeypatch.setattr(cache.os, "fstat", lambda descriptor: owned(fstat(descriptor)))
        monkeypatch.setattr(Path, "lstat", lambda self: owned(lstat(self)))

    return pretend


def test_an_image_of_somebody_else_is_rebuilt(folder, compiled, belongs):
    get(folder)
    belongs(kept(folder), os.geteuid() + 1, compiled, 1)
    assert works(get(folder)) and len(compiled) == 2


def test_a_folder_of_somebody_else_is_not_used(folder, compiled, belongs):
    get(folder)
    belongs(folder, os.geteuid() + 1, compiled, 2)
    told = []
    assert works(get(folder, told))
    assert len(compiled) == 2 and told == [again(f"{folder} belongs to somebody else")]


def test_what_the_administrator_keeps_is_used(folder, compiled, belongs, monkeypatch):
    get(folder)
    monkeypatch.setattr(cache.os, "geteuid", lambda: 4242)
    for path in (folder, kept(folder)):
        belongs(path, 0, compiled, 1)
    assert works(get(folder)) and len(compiled) == 1


def test_a_symbolic_link_is_replaced_not_followed(folder, compiled, data, tmp_path):
    get(folder)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(data)
    elsewhere.chmod(0o600)
    path = kept(folder)
    path.unlink()
    path.symlink_to(elsewhere)
    assert works(get(folder)) and len(compiled) == 2
    assert not path.is_symlink() and elsewhere.read_bytes() == data


def test_a_folder_that_is_a_symbolic_link_is_not_used(folder, compiled):
    get(folder)
    link = folder.with_name("link")
    link.symlink_to(folder)
    told = []
    assert works(get(link, told))
    assert len(compiled) == 2 and told == [again(f"{link} is not of the right kind")]


def test_a_pipe_in_its_place_does_not_hang(folder, compiled):
    get(folder)
    path = kept(folder)
    path.unlink()
    os.mkfifo(path, 0o600)
    assert works(get(folder)) and len(compiled) == 2
    assert path.is_file()


def test_a_folder_that_cannot_be_made_compiles_in_memory(tmp_path, compiled):
    file = tmp_path / "file"
    file.touch()
    told = []
    assert works(get(file / "filterbank", told))
    assert len(compiled) == 1 and told[0].startswith(again("")) and "Not a directory" in told[0]


def test_a_full_disk_keeps_nothing_and_compiles_once(folder, compiled, monkeypatch):
    def full(path, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache, "write", full)
    told = []
    assert works(get(folder, told))
    assert len(compiled) == 1 and "No space left" in told[1]


def test_where_nothing_may_be_executed_the_image_is_copied_to_memory(folder, compiled, monkeypatch):
    get(folder)
    real = mapping.map_file

    def noexec(descriptor):
        if "memfd" not in str(Path(f"/proc/self/fd/{descriptor}").readlink()):
            raise PermissionError(1, "Operation not permitted")
        return real(descriptor)

    monkeypatch.setattr(mapping, "map_file", noexec)
    assert works(get(folder)) and len(compiled) == 1


def test_another_processor_or_version_has_its_own_image(folder, compiled, monkeypatch):
    get(folder)
    monkeypatch.setattr(loader, "key", lambda: "0" * 32)
    assert works(get(folder)) and len(compiled) == 2
    assert len(list(folder.glob("*.image"))) == 2


def test_leftovers_of_a_killed_writer_do_not_matter(folder, compiled):
    get(folder)
    path = kept(folder)
    path.rename(path.with_name(f"{path.name}.{os.getpid()}"))
    assert works(get(folder)) and len(compiled) == 2


_FIRST_RUN = """
import sys, time
from pathlib import Path
from filterbank.engine.image import load, loader
log, prepared = Path(sys.argv[2]), Path(sys.argv[3])
def build(image, is_portable):
    with log.open("a") as file: file.write("built\\n")
    time.sleep(0.5)
    return prepared.read_bytes()
loader._build = build
assert load(Path(sys.argv[1]), portable=False).direct
"""


def test_of_concurrent_first_runs_one_compiles(folder, built, tmp_path):
    log = tmp_path / "log"
    command = [sys.executable, "-c", _FIRST_RUN, str(folder), str(log), str(kept(built))]
    runs = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(4)]
    for run in runs:
        _, errors = run.communicate(timeout=60)
        assert run.returncode == 0, errors.decode()
    assert log.read_text() == "built\n"


_LATER_RUN = """
import sys, types
from pathlib import Path
for name in ("filterbank", "filterbank.engine"):  # their own imports are not this room's
    package = types.ModuleType(name)
    package.__path__ = [str(Path(sys.argv[2]).joinpath(*name.split(".")[1:]))]
    sys.modules[name] = package
from filterbank.engine.image import load
assert load(Path(sys.argv[1]), portable=False).direct
slow = {"numba", "llvmlite", "numpy", "hashlib"}
print(*sorted({name.split(".")[0] for name in sys.modules} & slow))
"""


def test_a_later_run_imports_no_compiler_nor_anything_else_that_is_slow(built):
    package = Path(loader.__file__).parents[2]
    command = [sys.executable, "-c", _LATER_RUN, str(built), str(package)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "\n"


@pytest.mark.slow
def test_the_portable_loader_gives_the_same_bytes(kernels, tmp_path):
    folder = tmp_path / "portable"
    told = []
    portable = load(folder, told.append, portable=True)
    portable.file("transforms")
    again = load(folder, told.append, portable=True)
    again.file("transforms")
    g = resolve(channels=3, size=(50, 140), filters=7, kernel=(5, 5))
    rng = np.random.default_rng(0)
    plan = DirectPlan(rng.normal(size=(7, 3, 5, 5)), rng.normal(size=7), g, activation="gelu")
    image = rng.normal(size=(3, 50, 140)).astype(np.float32)
    maps = [np.zeros((7, 50, 140), np.float32) for _ in range(3)]
    for one, out in zip((kernels, portable, again), maps, strict=True):
        plan.run(one, image, out)
    assert told == [TRANSFORMS, COMPILING]
    assert maps[0].tobytes() == maps[1].tobytes() == maps[2].tobytes()


def test_kernels_that_only_some_banks_need_are_compiled_when_they_are_asked_for(folder, data, monkeypatch):
    asked, told = [], []
    monkeypatch.setattr(loader, "_build", lambda image, is_portable: asked.append(image) or data)
    monkeypatch.setattr(
        loader, "_functions", lambda image, *_, **__: loader._Image({image: print}, None, None)
    )
    monkeypatch.setattr(loader, "IMAGES", {"common": {"common"}, "transforms": {"transforms"}})
    kernels = load(folder, told.append, portable=False)
    assert not asked
    assert kernels.common and asked == ["common"]
    assert kernels.common and kernels.transforms and kernels.transforms and asked == ["common", "transforms"]
    assert told == [COMPILING, TRANSFORMS]


def test_no_other_name_is_a_kernel(built):
    with pytest.raises(AttributeError, match="directt"):
        assert load(built, pytest.fail, portable=False).directt
