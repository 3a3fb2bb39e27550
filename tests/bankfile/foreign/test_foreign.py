"""Kernels of other programs, each beside the weights it stands for, and what is refused of them."""

import numpy as np
import pytest

import filterbank
from filterbank import bankfile
from filterbank.bankfile.foreign.reading import read_any
from filterbank.errors import BankError, RequestError

EDGE = [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]

OPENCV_YAML = """%YAML:1.0
---
edge: !!opencv-matrix
   rows: 3
   cols: 3
   dt: f
   data: [ -1., 0., 1., -2., 0.,
       2., -1., 0., 1. ]
size: 3
deep:
   planes: !!opencv-matrix
      rows: 1
      cols: 2
      dt: "3f"
      data: [ 1, 2, 3, 4, 5, 6 ]
blob: !!opencv-nd-matrix
   sizes: [ 2, 1, 1, 2 ]
   dt: d
   data: [ 1., 2., 3., 4. ]
"""
OPENCV_JSON = """{
    "edge": {
        "type_id": "opencv-matrix",
        "rows": 1,
        "cols": 2,
        "dt": "d",
        "data": [ 0.5, -1e-3 ]
    }
}
"""
OPENCV_XML = """<?xml version="1.0"?>
<opencv_storage>
<edge type_id="opencv-matrix">
  <rows>1</rows>
  <cols>2</cols>
  <dt>d</dt>
  <data>
    0.5 -1e-3</data></edge>
</opencv_storage>
"""
GRASS = "TITLE     3x3 mean\nMATRIX    3\n1 1 1\n1 2 1\n1 1 1\nDIVISOR   10\nTYPE      P\n"
GRASS_WEIGHTS = (np.array([[1, 1, 1], [1, 2, 1], [1, 1, 1]]) / 10).tolist()

# name of the file -> its text, and the names and weights it stands for
FILES = {
    "k.yml": (OPENCV_YAML, {
        "edge": [EDGE], "planes": [[[1, 4]], [[2, 5]], [[3, 6]]], "blob_0": [[[1, 2]]], "blob_1": [[[3, 4]]],
    }),
    "k.json": (OPENCV_JSON, {"edge": [[[0.5, -0.001]]]}),
    "k.xml": (OPENCV_XML, {"edge": [[[0.5, -0.001]]]}),
    "k.mat": ("3 3 8 0\n-1 0 1\n-2 0 2\n-1 0 1\n", {"k": [(np.array(EDGE) / 8).tolist()]}),
    "plain.mat": ("3 1\n1 -1 2\n", {"plain": [[[1, -1, 2]]]}),
    "mean.txt": (GRASS, {"3x3_mean": [GRASS_WEIGHTS]}),
    "k.csv": ("1,2\n3,4\n", {"k": [[[1, 2], [3, 4]]]}),
    "two.csv": ("1;2\n\n\n1e-1;.5\n", {"f0": [[[1, 2]]], "f1": [[[0.1, 0.5]]]}),
    "k.tsv": ("1\t2\r\n3\t4\r\n", {"k": [[[1, 2], [3, 4]]]}),
    "im.txt": ("3x3:\n -1,0,1\n -2,0,2\n -1,0,1\n", {"im": [EDGE]}),
    "gmic.txt": ("(1,2;3,4)", {"gmic": [[[1, 2], [3, 4]]]}),
}  # fmt: skip


def named(bank):
    return {each.name: each.weights.tolist() for each in bank.filters}


@pytest.mark.parametrize("name", [name for name in FILES if name != "k.yml"])
def test_files(name, tmp_path):
    text, expected = FILES[name]
    (tmp_path / name).write_text(text, newline="")
    assert named(read_any(str(tmp_path / name))) == expected


def test_opencvs_yaml_with_kernels_of_several_kinds(tmp_path):
    from filterbank.bankfile.foreign.opencv import read_opencv
    from filterbank.bankfile.source import Source

    kernels = read_opencv(Source("k.yml", OPENCV_YAML))
    found = {each.name: each.weights.reshape(-1, *each.weights.shape[-2:]).tolist() for each in kernels}
    assert found == FILES["k.yml"][1]
    (tmp_path / "k.yml").write_text(OPENCV_YAML)
    with pytest.raises(BankError, match="filter 'planes': found a depth of 3"):
        read_any(str(tmp_path / "k.yml"))


INLINE = {
    "[[1, 2], [3, 4]]": [[[[1, 2], [3, 4]]]],
    "[1, 2, 1]": [[[[1, 2, 1]]]],
    "[[[1]], [[2]]]": [[[[1]], [[2]]]],
    "(1,2;3,4)": [[[[1, 2], [3, 4]]]],
    " ( -1 , 1e-1 ) ": [[[[-1, 0.1]]]],
    "3x3: -1,0,1 -2,0,2 -1,0,1": [[EDGE]],
    "2: 1,2,3,4": [[[[1, 2], [3, 4]]]],
    "3x1: nan,-,1": [[[[0, 0, 1]]]],
    # The origin is the middle: zeros on the other side.
    "2x1+1+0: 1,-1": [[[[1, -1, 0]]]],
    "2x1+0+0: 1,-1": [[[[1, -1]]]],
    "1x3+0+2: 1,2,3": [[[[1], [2], [3], [0], [0]]]],
    "2x1: 1,2; 1x2: 3,4": [[[[1, 2]]], [[[3], [4]]]],
    "2x2>: 1,2,3,4": [[[[0, 0, 0], [0, 1, 2], [0, 3, 4]]], [[[0, 0, 0], [3, 1, 0], [4, 2, 0]]],
                      [[[4, 3, 0], [2, 1, 0], [0, 0, 0]]], [[[0, 2, 4], [0, 1, 3], [0, 0, 0]]]],
    "3x1<: 1,0,2": [[[[1, 0, 2]]], [[[2, 0, 1]]], [[[2], [0], [1]]], [[[1], [0], [2]]]],
    "3x3>: 0,1,0 1,1,1 0,1,0": [[[[0, 1, 0], [1, 1, 1], [0, 1, 0]]]],
}  # fmt: skip


@pytest.mark.parametrize("text", INLINE)
def test_kernels_as_an_argument(text):
    assert [each.weights.tolist() for each in read_any(text).filters] == INLINE[text]


def test_a_ring_turned_eight_times_is_a_compass():
    """Kirsch's compass, as a bank made from its formula has it."""
    turned = read_any("3x3@: 5,5,5 -3,0,-3 -3,-3,-3").filters
    assert len(turned) == 8
    shipped = bankfile.load("kirsch").filters
    scale = np.abs(shipped[0].weights).max() / 5
    expected = {np.rint(each.weights / scale).tobytes() for each in shipped}
    assert {each.weights.tobytes() for each in turned} == expected


def test_the_offset_of_libvips_is_the_bias(tmp_path):
    (tmp_path / "k.mat").write_text("1 1 2 0.5\n3\n")
    (only_filter,) = read_any(str(tmp_path / "k.mat")).filters
    assert (only_filter.weights.tolist(), only_filter.bias) == ([[[1.5]]], 0.5)


def test_the_middle_of_an_even_size_is_where_libvips_has_it(tmp_path):
    (tmp_path / "k.mat").write_text("2 2\n1 2\n3 4\n")
    # Its middle is at width/2, height/2: here the 4.
    (kernel,) = read_any(str(tmp_path / "k.mat")).filters
    assert kernel.weights.tolist() == [[[1, 2, 0], [3, 4, 0], [0, 0, 0]]]


def test_imagemagicks_list_of_an_odd_square():
    assert read_any("1,2,3,4,5,6,7,8,9", "imagemagick").layer.kernel == (3, 3)
    with pytest.raises(BankError, match="found 8 values for 2x2; accepted: 4"):
        read_any("1,2,3,4,5,6,7,8", "imagemagick")


def test_what_a_program_convolves_with_is_turned():
    bank = read_any("[[1, 2], [3, 4]]", operation="convolution")
    assert bank.filters[0].weights.tolist() == [[[4, 3], [2, 1]]]
    assert bankfile.digest(bank) == bank.digest


def test_banks_are_read_as_banks(tmp_path):
    assert read_any("sobel").digest == bankfile.load("sobel").digest
    (tmp_path / "b.yaml").write_text("filters: [{name: a, kernel: [[1]]}]")
    assert read_any(str(tmp_path / "b.yaml")).name == "b"
    with pytest.raises(RequestError, match="no such file and no shipped bank"):
        read_any("sobl")


REFUSED = {
    "grass-zero.txt": (
        GRASS.replace("10", "0"),
        ":6:1: found DIVISOR 0, which divides by the weights of those cells that are not null; accepted: "
        "a number that is not 0; where no cell is null, write DIVISOR 10, the sum of the matrix",
    ),
    "grass-nil.txt": ("MATRIX 1\n0\nDIVISOR 0\n", "found DIVISOR 0, .* accepted: a number that is not 0$"),
    "grass-last.txt": (GRASS + "MATRIX 3\n1 2 3\n", ":8:1: found a matrix with 2 rows too few"),
    "grass-first.txt": ("TITLE a\nDIVISOR 3\n", ":2:1: found DIVISOR before a MATRIX; accepted: behind"),
    "grass-twice.txt": (GRASS + "DIVISOR 3\n", ":8:1: found a second DIVISOR of one matrix; accepted: one"),
    "grass-type.txt": (GRASS.replace("  P", "  Q"), ":7:1: found TYPE Q; accepted: TYPE P"),
    "grass-start.txt": (GRASS + "START LR\n", ":8:1: found 'START LR'; accepted: TITLE, MATRIX"),
    "grass-title.txt": ("TITLE a\n", "found no matrix; accepted: TITLE, MATRIX"),
    "grass-s.txt": (GRASS.replace("  P", "  S"), ":7:1: found TYPE S, which works on values"),
    "grass-short.txt": ("MATRIX 3\n1 2 3\n", "found a matrix with 2 rows too few"),
    "grass-flat.txt": ("MATRIX 1\n1 2 3\n", "found a matrix that is not square"),
    "grass-word.txt": ("TITLE a\nMATRIX 1\n1\nDIVISR 3\n", ":4:1: found 'DIVISR 3'; accepted: TITLE, MATRIX"),
    "grass-even.txt": ("MATRIX 2\n1 2\n3 4\n", "found MATRIX 2; accepted: an odd number of rows"),
    "grass-size.txt": ("MATRIX x\n1\n", ":1:1: found 'x'; accepted: a finite number"),
    "ragged.csv": ("1,2\n3\n", ":1:1: row 2 has 1 numbers, row 1 has 2; make all rows equal"),
    "word.csv": ("1,2\n3,x\n", ":2:3: found 'x'; accepted: a finite number"),
    "nan.csv": ("1,nan\n", ":1:3: found 'nan'"),
    "underscore.csv": ("1_0\n", "found '1_0'"),
    "empty.csv": (",,\n", "found no numbers"),
    "head.mat": ("3\n1 2 3\n", ":1:1: found '3' as the first line; accepted: width, height"),
    "scale.mat": ("1 1 0\n1\n", "found a scale of 0"),
    "few.mat": ("2 2\n1 2 3\n", "found 3 numbers for 2 columns and 2 rows; accepted: 4"),
    "im-few.txt": ("3x3: 1,2\n", "found 2 values for 3x3; accepted: 9"),
    "im-origin.txt": ("1x1+5+0: 1\n", "found the origin"),
    "im-turn.txt": ("2x2@: 1,2,3,4\n", "found @ with 2x2; accepted: 3x3"),
    "im-named.txt": ("1x1: 1; Sobel:0\n", "found 'Sobel:0'; .* write a kernel that has a name out"),
    "unknown.txt": ("hello\n", "found no format that is known; .* say which with --from"),
    "open.txt": ("(1,2", "found no closing parenthesis"),
    "cv-dt.yml": (OPENCV_YAML.replace("dt: f", "dt: q"), ":3:1: matrix 'edge' has dt 'q'"),
    "cv-few.yml": (OPENCV_YAML.replace("rows: 3", "rows: 2"), "matrix 'edge' is 2×3 and has 9 numbers"),
    "cv-word.yml": (OPENCV_YAML.replace("-2.", ".Nan"), "found '.Nan'; accepted: a finite number"),
    "cv-none.yml": ("%YAML:1.0\n---\na: 1\n", "found no matrix"),
    "cv-bomb.xml": ('<!DOCTYPE x [<!ENTITY a "b">]><opencv_storage/>', "found a declaration"),
    "cv-open.xml": ("<opencv_storage>", "not XML"),
    "cv-huge.yml": (OPENCV_YAML.replace("rows: 3", "rows: 99999999999999999999"), "and has 9 numbers"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_kernel_is_told_with_its_place(name, tmp_path):
    text, said = REFUSED[name]
    (tmp_path / name).write_text(text)
    with pytest.raises(BankError, match=said) as caught:
        read_any(str(tmp_path / name))
    assert str(caught.value).startswith(str(tmp_path / name))


@pytest.mark.parametrize(
    ("text", "said"),
    [("[[1, 2], [3]]", "row 2 has 1 number"), ("[[1, x]]", "found the text 'x'"), ("[]", "empty list")],
)
def test_faults_of_an_argument(text, said):
    with pytest.raises(BankError, match=said):
        read_any(text)


def test_matrices_of_grass_are_done_one_after_another(tmp_path):
    text = f"# twice\n{GRASS}start UL\n\nmatrix 1\n3\ntype p\nMATRIX 3\n0 0 0\n1 0 -1\n0 0 0\nDIVISOR 2\n"
    (tmp_path / "chain.txt").write_text(text)
    bank = read_any(str(tmp_path / "chain.txt"), "grass")
    assert [layer.weights[0].tolist() for layer in bank.stack.layers] == [
        [GRASS_WEIGHTS],
        [[[3]]],
        [[[0, 0, 0], [0.5, 0, -0.5], [0, 0, 0]]],
    ]
    assert (bank.name, bank.input, bank.layer.names) == ("chain", "gray", ("3x3_mean",))


def test_maps_of_matrices_one_after_another_are_those_of_grass(tmp_path):
    """As r.mfilter does it, away from the border, which it leaves as it is."""
    first, second = np.array([[1, 2, 0], [0, 1, 0], [4, 0, 1]]), np.array([[0, 1, 3], [0, 0, 0], [1, 1, 2]])
    (tmp_path / "chain.txt").write_text(
        "".join(
            f"MATRIX 3\n{chr(10).join(' '.join(map(str, row)) for row in each)}\nDIVISOR {divisor}\nTYPE P\n"
            for each, divisor in ((first, 9), (second, 8))
        )
    )
    image = np.random.default_rng(2).random((9, 12)).astype("f4")

    def done(raster, weights):
        given = raster.copy()
        for y in range(1, 8):
            for x in range(1, 11):
                given[y, x] = (raster[y - 1 : y + 2, x - 1 : x + 2] * weights).sum()
        return given

    theirs = done(done(image.astype(float), first / 9), second / 8)
    (ours,) = filterbank.apply(image, read_any(str(tmp_path / "chain.txt")))
    assert np.abs(ours - theirs)[2:-2, 2:-2].max() < 1e-6
    assert np.abs(ours - theirs).max() > 0.1


def test_a_format_can_be_named(tmp_path):
    (tmp_path / "kernel.txt").write_text("3 1\n1 2 3\n")
    assert named(read_any(str(tmp_path / "kernel.txt"), "libvips")) == {"kernel": [[[1, 2, 3]]]}
    with pytest.raises(BankError, match="row 2 has 3 numbers, row 1 has 2"):
        read_any(str(tmp_path / "kernel.txt"), "csv")
