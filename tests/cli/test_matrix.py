import numpy as np
import oracle
import pytest
from PIL import Image
from running import filterbank
from scipy import sparse

from filterbank import bankfile


def test_the_files_are_the_layer(tmp_path):
    npz, npy, png = (tmp_path / name for name in ("m.npz", "b.npy", "p.png"))
    ended = filterbank("matrix", "sobel", "--size", "5x4", "-o", npz, "--bias", npy, "--picture", png)
    assert ended.err == f"filterbank: {npz}: 40 × 20, 204 entries (0.255 of all) of 12 weights\n"
    image = np.random.default_rng(0).random((1, 4, 5))
    maps, _ = oracle.layer_maps(bankfile.load("sobel").layer, image)
    found = sparse.load_npz(npz) @ image.ravel() + np.load(npy)
    np.testing.assert_allclose(found, maps.ravel(), rtol=0, atol=1e-12)
    picture = np.asarray(Image.open(png))
    assert picture.shape == (1600, 800, 3)  # 40 points a number
    matrix = sparse.load_npz(npz).toarray()
    assert np.array_equal((picture[20::40, 20::40] < 255).any(axis=2), matrix != 0)
    points = picture[20::40, 20::40]
    same = [points[row, row + 1] for row in (6, 7, 8, 11, 12, 13)]  # one weight on a diagonal
    assert len({tuple(colour) for colour in same}) == 1
    assert len({tuple(colour) for colour in points.reshape(-1, 3)}) == 12 + 1


def test_the_same_bytes_twice_and_to_standard_output(tmp_path):
    arguments = ("matrix", "laplacian", "--size", "7x6", "--quiet", "-o")
    filterbank(*arguments, tmp_path / "a.npz")
    ended = filterbank(*arguments, "-")
    assert ended.out == (tmp_path / "a.npz").read_bytes()
    assert ended.err == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("sobel", "--size", "5", "-o", "m.npz"), "found '5'; accepted: WIDTHxHEIGHT, such as 640x480"),
        (("sobel", "-o", "m.npz"), "Missing option '--size'"),
        (("sobel", "--size", "5x4", "-o", "m.npy"), "found a name ending in .npy; accepted: .npz"),
        (("sobel", "--size", "5x4", "-o", "m.npz", "--bias", "b.npz"), "accepted: .npy"),
        (
            ("sobel", "--size", "9000x9000", "-o", "m.npz"),
            "the matrix would be 162,000,000 × 81,000,000 with 972,000,000 entries, 11.7 GB; "
            "accepted: at most 50,000,000 entries; take a smaller size, or allow more with --max-entries",
        ),
        (("sobel", "--size", "9x9", "--max-entries", "500", "-o", "m.npz"), "accepted: at most 500 entries"),
        (
            ("net.yaml", "--size", "9x9", "-o", "m.npz"),
            "bank 'net': found a stack of 2 layers, which is no matrix",
        ),
        (
            ("box.yaml", "--size", "9x9", "-o", "m.npz"),
            "a kernel spanning 11×11 (rows × columns) does not fit",
        ),
    ],
)
def test_what_is_refused(arguments, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.yaml").write_text("layers: [{bank: identity}, {bank: identity}]")
    (tmp_path / "box.yaml").write_text("padding: valid\nfilters: [{box: {size: 11}}]")
    assert said in filterbank("matrix", *arguments, code=2).err
    assert {path.name for path in tmp_path.iterdir()} == {"net.yaml", "box.yaml"}


def test_files_that_exist_are_found_before_any_work(tmp_path):
    (tmp_path / "b.npy").write_bytes(b"mine")
    arguments = ("matrix", "sobel", "--size", "5x4", "-o", tmp_path / "m.npz", "--bias", tmp_path / "b.npy")
    assert "b.npy: exists already" in filterbank(*arguments, code=2).err
    assert not (tmp_path / "m.npz").exists()
    filterbank(*arguments, "--on-exists", "skip")
    assert (tmp_path / "b.npy").read_bytes() == b"mine"
    filterbank(*arguments, "--on-exists", "overwrite")
    assert np.load(tmp_path / "b.npy").shape == (40,)


def test_a_large_matrix_is_drawn_small(tmp_path):
    arguments = ("--size", "100x80", "-o", tmp_path / "m.npz", "--picture", tmp_path / "p.png")
    filterbank("matrix", "sobel", *arguments)
    assert Image.open(tmp_path / "p.png").size == (800, 1600)
