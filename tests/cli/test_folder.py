"""A folder of good and bad images in many modes: the right maps, the right failures, exit 1."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image
from running import files, filterbank, manifest, noise

H, W = 9, 14
LUMA = np.array([0.299, 0.587, 0.114])


def grey(rgb: np.ndarray) -> np.ndarray:
    return rgb[..., :3] @ LUMA


def pillow(name: str, pixels: np.ndarray, **options) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, name, **options)
    return file.getvalue()


def tiff(pixels: np.ndarray, **options) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, pixels, **options)
    return file.getvalue()


def npy(array: np.ndarray, **options) -> bytes:
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


def good() -> dict[str, tuple[bytes, np.ndarray]]:
    """Name -> the file and the grey values (H,W) that it must give."""
    g, rgb, rgba, deep = noise(H, W), noise(H, W, 3), noise(H, W, 4), noise(H, W, 3).astype(np.uint16) * 251
    bits = g > 127
    floats = (g / 200).astype(np.float32)
    palette = Image.fromarray(g).quantize(16)
    indexed = io.BytesIO()
    palette.save(indexed, "PNG")
    gif = io.BytesIO()
    palette.save(gif, "GIF")
    as_rgb = np.asarray(palette.convert("RGB")) / 255
    cases = {
        "l.png": (pillow("PNG", g), g / 255),
        "bits.png": (pillow("PNG", bits), bits * 1.0),
        "la.png": (pillow("PNG", rgba[..., :2]), rgba[..., 0] / 255),
        "rgb.png": (pillow("PNG", rgb), grey(rgb / 255)),
        "rgba.png": (pillow("PNG", rgba), grey(rgba / 255)),
        "palette.png": (indexed.getvalue(), grey(as_rgb)),
        "l16.png": (pillow("PNG", deep[..., 0]), deep[..., 0] / 65535),
        "rgb16.png": (imagecodecs.png_encode(deep), grey(deep / 65535)),
        "l.bmp": (pillow("BMP", g), g / 255),
        "rgb.bmp": (pillow("BMP", rgb), grey(rgb / 255)),
        "palette.gif": (gif.getvalue(), grey(as_rgb)),
        "rgb.webp": (pillow("WEBP", rgb, lossless=True), grey(rgb / 255)),
        "l.pgm": (pillow("PPM", g), g / 255),
        "rgb.ppm": (pillow("PPM", rgb), grey(rgb / 255)),
        "bits.pbm": (pillow("PPM", bits), bits * 1.0),
        "text.pgm": (b"P2 2 2 4\n0 1 2 4\n", np.array([[0, 0.25], [0.5, 1]])),
        "l.tga": (pillow("TGA", g), g / 255),
        "rgb.jp2": (pillow("JPEG2000", rgb, irreversible=False), grey(rgb / 255)),
        "chw.npy": (npy(np.moveaxis(rgb, 2, 0)), grey(rgb / 255)),
        "l.npy": (npy(g), g / 255),
        "bool.npy": (npy(bits), bits * 1.0),
        "u16.npy": (npy(deep[..., 1]), deep[..., 1] / 65535),
        "f64.npy": (npy(floats.astype(float)), floats),
        "fortran.npy": (npy(np.asfortranarray(floats)), floats),
        "big-endian.npy": (npy(floats.astype(">f4")), floats),
        "numbers.csv": (b"0,0.5\n1,2\n", np.array([[0, 0.5], [1, 2]])),
        "tabs.tsv": (b"0\t0.5\n1\t2\n", np.array([[0, 0.5], [1, 2]])),
    }
    for quality in (60, 95):
        for name, pixels in (("l", g), ("rgb", rgb)):
            data = pillow("JPEG", pixels, quality=quality)
            decoded = np.asarray(Image.open(io.BytesIO(data))) / 255
            cases[f"{name}{quality}.jpg"] = data, grey(decoded) if decoded.ndim == 3 else decoded
    for order in "<>":
        name = "le" if order == "<" else "be"
        for big in (False, True):
            cases[f"l-{name}-{big}.tif"] = tiff(g, byteorder=order, bigtiff=big), g / 255
        cases[f"deep-{name}.tif"] = tiff(deep, byteorder=order, photometric="rgb"), grey(deep / 65535)
        cases[f"float-{name}.tif"] = tiff(floats, byteorder=order), floats
    cases["tiled.tif"] = tiff(rgb, photometric="rgb", tile=(16, 16)), grey(rgb / 255)
    deflated = tiff(rgb, photometric="rgb", compression="deflate", predictor=True)
    cases["deflate.tif"] = deflated, grey(rgb / 255)
    cases["lzw.tif"] = tiff(g, compression="lzw", rowsperstrip=2), g / 255
    planar = np.moveaxis(rgb, 2, 0)
    cases["planar.tif"] = tiff(planar, photometric="rgb", planarconfig="separate"), grey(rgb / 255)
    cases["white-is-zero.tif"] = tiff(g, photometric="miniswhite"), 1 - g / 255
    cases["pages.tif"] = tiff(np.stack([g, g // 2]), photometric="minisblack"), g / 255
    return cases


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bad() -> dict[str, bytes]:
    rgb = noise(40, 50, 3)
    png = pillow("PNG", rgb)
    bomb = png[:8] + chunk(b"IHDR", struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)) + png[33:]
    damaged = bytearray(png)
    damaged[len(png) // 2] ^= 0xFF
    objects = np.array([{"a": 1}], object)
    cases = {
        "half.png": png[: len(png) // 2],
        "half.jpg": (jpeg := pillow("JPEG", rgb))[: len(jpeg) // 2],
        "half.webp": (webp := pillow("WEBP", rgb))[: len(webp) // 2],
        "half.tif": (tif := tiff(rgb, photometric="rgb"))[: len(tif) // 2],
        "half.bmp": (bmp := pillow("BMP", rgb))[: len(bmp) // 2],
        "half.ppm": (ppm := pillow("PPM", rgb))[: len(ppm) // 2],
        "half.npy": (array := npy(rgb))[: len(array) // 2],
        "bomb.png": bomb,
        "damaged.png": bytes(damaged),
        "pickle.npy": npy(objects, allow_pickle=True),
        "complex.npy": npy(np.zeros((3, 3), complex)),
        "four.npy": npy(np.zeros((2, 2, 2, 2))),
        "words.csv": b"name,age\nAda,36\n",
        "ragged.csv": b"1,2\n3\n",
        "text.png": b"no image at all\n",
        "noise.jpg": noise(1, 500).tobytes(),
        "zeros.tif": bytes(500),
        "strange.npy": npy(np.zeros((7, 5, 6))),
    }
    return cases | {f"empty.{end}": b"" for end in ("png", "jpg", "tif", "npy", "csv", "gif", "webp")}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("mixed")
    for name, data in bad().items():
        (root / name).write_bytes(data)
    (root / "good.png").mkdir()  # a folder whatever its name
    for name, (data, _) in good().items():
        (root / "good.png" / name).write_bytes(data)
    (root / "gone.png").symlink_to("nowhere.png")
    (root / "notes.txt").write_text("no image, and not named as one")
    return root


@pytest.mark.parametrize("jobs", [1, 2])
def test_right_maps_right_failures_exit_1(folder: Path, tmp_path: Path, jobs: int) -> None:
    assert len(good()) + len(bad()) >= 60
    out, one = tmp_path / "maps", tmp_path / "one.yaml"
    one.write_text("input: gray\nfilters: [{name: one, kernel: [[1]]}]\n")
    ended = filterbank(
        *("apply", folder, "-b", one, "-o", out, "--format", "npy", "-j", jobs, "--json"),
        *("--name", "{dir}/{name}.{ext}"),
        code=1,
    )
    failed = {str(folder / name) for name in bad()} | {str(folder / "gone.png")}
    assert {line["input"] for line in ended.json if "error" in line} == failed
    named = ended.err.splitlines()[: len(failed)]  # what follows counts causes
    assert {line.removeprefix("filterbank: ").split(": ")[0] for line in named} == failed
    assert all(len(line.split(": ", 2)[2]) > 8 for line in named)
    assert "Traceback" not in ended.err
    assert f"{len(good())} images, {len(good())} maps, {len(failed)} failed" in ended.err
    assert sorted(files(out)) == sorted(f"good.png/{name}.npy" for name in good())
    assert len(manifest(out)) == len(good())
    for name, (_, expected) in good().items():
        found = np.load(out / f"good.png/{name}.npy")
        assert found.shape == expected.shape, name
        assert np.abs(found - expected).max() < 2e-6 * max(1, np.abs(expected).max()), name
