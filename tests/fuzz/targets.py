"""What hostile bytes may reach: each target takes any bytes, and anything but a clear refusal gets through.

Shared by the tests (`test_targets.py`: Hypothesis, and the inputs that were found) and by the coverage-guided
fuzzer (`atheris_run.py`).
"""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np

from filterbank import bankfile, imagefile
from filterbank.bankfile.build import build
from filterbank.bankfile.foreign.reading import READERS, read_any
from filterbank.bankfile.reading import parse
from filterbank.bankfile.source import Source, decode
from filterbank.bankfile.writing import encode
from filterbank.batch import names
from filterbank.batch.inputs import Source as Image
from filterbank.batch.ledger import read as read_ledger
from filterbank.cli import options
from filterbank.errors import BankError, ImageError, RequestError
from filterbank.imagefile import ReadOptions
from filterbank.imagefile.tone import parse_range

Target = Callable[[bytes], object]

_KEPT = tempfile.TemporaryDirectory(prefix="filterbank-fuzz-")  # goes with the process
_FOLDER = Path(_KEPT.name)
_PIXELS = 1 << 16  # of an image: larger ones are refused, as under --max-pixels


def _file(data: bytes, ending: str) -> Path:
    path = _FOLDER / f"input-{os.getpid()}{ending}"
    path.write_bytes(data)
    return path


def bank(name: str) -> Target:
    def target(data: bytes) -> None:
        try:
            build(*parse(Source(name, decode(data, name))))
        except BankError as error:
            assert error.faults
            assert all(str(fault).startswith(name) for fault in error.faults)

    return target


def weights(ending: str) -> Target:
    def target(data: bytes) -> None:
        path = _file(data, ending)
        try:
            bankfile.load(path)
        except BankError as error:
            assert str(error).startswith(str(path))

    return target


def foreign(data: bytes) -> None:
    """The first byte says the ending and whether a format is asked for by name."""
    which, data = data[:1] or b"\0", data[1:]
    endings = (".csv", ".tsv", ".mat", ".xml", ".yml", ".json", ".txt", "")
    formats = (None, None, *READERS)
    path = _file(data, endings[which[0] % 8])
    try:
        read_any(str(path), formats[which[0] // 8 % 8])
    except (BankError, RequestError) as error:
        assert str(error)


def argument(data: bytes) -> None:
    """Kernels written as an argument."""
    text = data.decode("utf-8", "replace")
    try:
        read_any("[" + text if data[:1] > b"\x7f" else text, "inline")
    except (BankError, RequestError) as error:
        assert str(error)


def template(data: bytes) -> None:
    """A template, and the folder and name of an image; names must lie below the folder for maps."""
    parts = [*data.split(b"\0"), b"", b""]  # no name of a file holds a NUL
    text, folder, path = map(os.fsdecode, parts[:3])
    if not text:
        return
    try:
        namer = names.namer(text, [("bank", {1: ["a", "b"]})], stack=False, ext="png", out="out")
        found = namer.names(Image(path, folder))
        names.check(namer, [Image(path, folder)], "error")
    except RequestError as error:
        assert str(error)
        return
    for name in found:
        assert name and not name.startswith("/")
        assert os.path.normpath(f"out/{name}").startswith("out/"), name
        assert ".." not in name.split("/")


def words(data: bytes) -> None:
    """Ranges, sizes, shards and pages."""
    text = data.decode("utf-8", "replace")
    for read in (options.size, options.width_height, options.shard, options.page):
        try:
            read(None, None, text)  # type: ignore[arg-type]
        except click.BadParameter as error:
            assert "accepted" in error.message
    try:
        spec = parse_range(text)
        assert spec.lo is None or spec.lo < spec.hi
    except RequestError as error:
        assert "accepted" in str(error)


def override(data: bytes) -> None:
    """Values of --padding, --activation and their kin."""
    key, _, value = data.decode("utf-8", "replace").partition("=")
    known = list(options.OVERRIDES)
    try:
        bankfile.override(SOBEL, {key if key in known else known[len(key) % len(known)]: value})
    except (BankError, RequestError) as error:
        assert str(error)


def image(ending: str) -> Target:
    def target(data: bytes) -> None:
        stream = io.BytesIO(data)
        stream.name = "image" + ending
        try:
            found = imagefile.read(stream, ReadOptions(max_pixels=_PIXELS))
        except ImageError as error:
            assert str(error)
            return
        assert found.pixels.ndim == 3
        assert found.pixels.shape[1] * found.pixels.shape[2] <= _PIXELS

    return target


def manifest(data: bytes) -> None:
    ledger = read_ledger(_file(data, ".jsonl"))
    for file in ("a.png", "b.png", ""):
        assert ledger.find([file]) is None or file in ledger


SOBEL = bankfile.load("sobel")
_STORED = io.BytesIO()
np.save(_STORED, SOBEL.layer.weights)
_PLAIN = bankfile.override(SOBEL, {"padding_mode": "zeros", "activation": "relu"})

TARGETS: dict[str, Target] = {
    "yaml": bank("bank.yaml"),
    "json": bank("bank.json"),
    "safetensors": weights(".safetensors"),
    "npz": weights(".npz"),
    "npy": weights(".npy"),
    "onnx": weights(".onnx"),
    "foreign": foreign,
    "argument": argument,
    "template": template,
    "words": words,
    "override": override,
    "manifest": manifest,
    **{f"image-{end}": image(f".{end}") for end in ("png", "pgm", "tif", "npy", "csv", "wav", "jpg", "bmp")},
}


def _line() -> bytes:
    entry = {"filter": "f", "file": "a.png", "lo": 0.0, "hi": 1.0, "clipped": 0.5}
    import json

    line = {"sha256": "a", "digest": "d", "options": {}, "height": 1, "width": 2, "maps": [entry]}
    return json.dumps(line).encode() + b"\n"


def _pictures() -> dict[str, list[bytes]]:
    from PIL import Image as Pillow

    found: dict[str, list[bytes]] = {}
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    kinds = (("png", "PNG"), ("pgm", "PPM"), ("tif", "TIFF"), ("jpg", "JPEG"), ("bmp", "BMP"))
    for end, format in kinds:
        for each in (pixels, pixels[..., 0]):
            stream = io.BytesIO()
            Pillow.fromarray(each).save(stream, format)
            found.setdefault(f"image-{end}", []).append(stream.getvalue())
    stored = io.BytesIO()
    np.save(stored, pixels[..., 0])
    found["image-npy"] = [stored.getvalue()]
    found["image-csv"] = [b"1,2,3\n4,5,6\n", b"1\t2\n"]
    found["image-wav"] = [wav()]
    return found


def wav() -> bytes:
    import wave

    stream = io.BytesIO()
    with wave.open(stream, "wb") as sound:
        sound.setnchannels(2)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(range(64)))
    return stream.getvalue()


def seeds() -> dict[str, list[bytes]]:
    """Return good inputs of each target, to begin from."""
    banks = [
        bankfile.find(name).read_bytes() for name in ("sobel", "opponent", "mr8", "laws-energy", "gabor")
    ]
    xml = b'<?xml version="1.0"?><opencv_storage><e type_id="opencv-matrix"><rows>1</rows><cols>2</cols>'
    xml += b"<dt>d</dt><data>0.5 -1e-3</data></e></opencv_storage>"
    return {
        "yaml": banks,
        "json": [encode(SOBEL, "json")],
        **{end: [encode(_PLAIN, end)] for end in ("safetensors", "npz", "onnx")},
        "npy": [_STORED.getvalue()],
        "foreign": [
            b"\0001,2\n3,4\n",
            b"\0023 3 9 0\n1 1 1\n1 2 1\n1 1 1\n",
            b"\003" + xml,
            b"\004%YAML:1.0\n---\ne: !!opencv-matrix\n"
            + b"   rows: 1\n   cols: 2\n   dt: f\n   data: [ 1., 2. ]\n",
            b"\006TITLE mean\nMATRIX 3\n1 1 1\n1 2 1\n1 1 1\nDIVISOR 10\nTYPE P\n",
            b"\0063x3: 1,2,1 0,0,0 -1,-2,-1",
        ],
        "argument": [b"[[1, 2], [3, 4]]", b"(1,2;3,4)"],
        "template": [b"{dir}/{stem}/{filter}.{ext}\0a/b\0c d.png", b"{name}-{index}{{}}.{ext}\0\0../x"],
        "words": [b"-1:1", b"640x480", b"1.5M", b"3/10", b"minmax", b"all"],
        "override": [b"padding=[1, 2]", b"activation={leaky_relu: {slope: 0.1}}", b"stride=2", b"bias=1/3"],
        "manifest": [2 * _line()],
        **_pictures(),
    }
