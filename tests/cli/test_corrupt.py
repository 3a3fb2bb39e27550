"""Damaged images of every format, many at once: each is named, and the batch goes on."""

from __future__ import annotations

import json
import os
import random
import resource
import subprocess
import sys
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from running import files, noise

COMMAND = [sys.executable, "-c", "from filterbank.cli.main import main; main()"]
EACH = int(os.environ.get("FILTERBANK_CORRUPT", "60"))  # damaged files a kind
MEMORY = 2 << 30

GREY, COLOUR = noise(23, 31, seed=1), noise(23, 31, 3, seed=2)
WIDE = np.random.default_rng(3).integers(0, 65536, (23, 31), np.uint16)
PILLOW = {
    "png": {}, "jpg": {"quality": 90}, "webp": {"lossless": True}, "bmp": {}, "gif": {}, "ppm": {}, "tga": {},
    "jp2": {}, "ico": {},
}  # fmt: skip
TIFF = {
    "strips": {}, "deflate": {"compression": "zlib"}, "lzw": {"compression": "lzw"}, "big": {"bigtiff": True},
    "tiles": {"tile": (16, 16)}, "endian": {"byteorder": ">"},
    "predictor": {"compression": "zlib", "predictor": 2},
}  # fmt: skip


def write_good(folder: Path) -> list[Path]:
    """Write an image of each kind."""
    folder.mkdir()
    for end, options in PILLOW.items():
        Image.fromarray(COLOUR).save(folder / f"colour.{end}", **options)
    Image.fromarray(GREY).save(folder / "grey.png")
    Image.fromarray(GREY).save(folder / "grey.jpg", progressive=True)
    Image.fromarray(COLOUR).quantize(16).save(folder / "palette.png")
    Image.fromarray(WIDE).save(folder / "wide.png")
    Image.fromarray(GREY).save(folder / "grey.pgm")
    Image.fromarray(GREY > 99).save(folder / "bits.pbm")
    (folder / "floats.pfm").write_bytes(b"Pf\n31 23\n-1.0\n" + WIDE.astype("<f4").tobytes())
    for name, options in TIFF.items():
        tifffile.imwrite(folder / f"{name}.tif", WIDE, **options)
    np.save(folder / "array.npy", WIDE)
    np.savetxt(folder / "table.csv", GREY, fmt="%d", delimiter=",")
    with wave.open(str(folder / "sound.wav"), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(WIDE.tobytes())
    return sorted(folder.iterdir())


def damaged(data: bytes, chance: random.Random) -> bytes:
    """Return *data* with bytes flipped, set, taken out, put in, doubled or cut off."""
    made = bytearray(data)
    for _ in range(chance.choice([1, 1, 2, 5, 20])):
        # The beginning tells what the rest is: half of the damage goes there.
        at = chance.randrange(min(len(made), 64) if chance.random() < 0.5 else len(made))
        kind = chance.randrange(6)
        if kind == 0:
            made[at] ^= 1 << chance.randrange(8)
        elif kind == 1:
            made[at : at + chance.randrange(1, 9)] = chance.choice([b"\0", b"\xff", b"\x7f"]) * 4
        elif kind == 2:
            del made[at : at + chance.randrange(1, 40)]
        elif kind == 3:
            made[at:at] = chance.randbytes(chance.randrange(1, 40))
        elif kind == 4:
            made[at:at] = made[at : at + chance.randrange(1, 200)]
        else:
            del made[max(at, 1) :]
        made = made or bytearray(b"\0")
    return bytes(made)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    yield tmp_path


def apply(*arguments: str) -> subprocess.CompletedProcess:
    command = [
        *COMMAND,
        "apply",
        *arguments,
        "-b",
        "box",
        "--name",
        "{dir}/{name}/{filter}.{ext}",
        "-o",
        "maps",
        "--json",
    ]

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))

    return subprocess.run(command, capture_output=True, check=False, preexec_fn=limit)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1])
def test_each_damaged_image_is_named_and_the_batch_goes_on(here: Path, seed: int) -> None:
    chance = random.Random(seed)
    good = write_good(here / "good")
    (here / "in").mkdir()
    for path in good:
        data = path.read_bytes()
        for number in range(EACH):
            (here / "in" / f"{path.stem}-{number:04d}{path.suffix}").write_bytes(damaged(data, chance))
    ended = apply("good", "in", "--max-pixels", "1M", "-j", "2")
    said = ended.stderr.decode()
    assert ended.returncode == 1, said[-3000:]
    assert "Traceback" not in said
    lines = [json.loads(line) for line in ended.stdout.splitlines()]
    done = {line["input"] for line in lines if "maps" in line}
    failed = {line["input"]: line["error"] for line in lines if "error" in line}
    every = {f"good/{path.name}" for path in good} | {f"in/{path.name}" for path in (here / "in").iterdir()}
    assert done | failed.keys() == every
    assert not done & failed.keys()
    assert {f"good/{path.name}" for path in good} <= done
    assert len(failed) > 0.2 * len(every)
    named = said.splitlines()
    for name, reason in failed.items():
        assert f"filterbank: {name}: {reason}" in named
        assert reason.isprintable() and len(reason) < 1000, reason
        assert ".py" not in reason and "0x7f" not in reason
    assert f", {len(failed)} failed, " in named[-1]
    written = [one["file"] for line in lines if "maps" in line for one in line["maps"]]
    assert sorted(files(Path("maps"))) == sorted(written)


def test_good_images_of_every_kind_are_read_and_damage_is_done(here: Path) -> None:
    good = write_good(here / "good")
    ended = apply("good")
    assert ended.returncode == 0, ended.stderr
    chance = random.Random(0)
    changed = [damaged(path.read_bytes(), chance) != path.read_bytes() for path in good]
    assert sum(changed) > 0.9 * len(good)
