import io
import struct

import numpy as np
import pytest
from pictures import assert_planes, codes, npy_bytes

from filterbank.errors import ImageError
from filterbank.imagefile import ReadOptions, from_array, prepare, read


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.array([0, 51, 255], np.uint8), [[[0, 0.2, 1]]]),
        (np.array([[0, 65535]], ">u2"), [[[0, 1]]]),
        (np.array([[True], [False]]), [[[1], [0]]]),
        (np.array([[-3, 70000]], np.int64), [[[-3, 70000]]]),
        (np.array([[-3, 7]], np.int8), [[[-3, 7]]]),
        (np.array([[2**32 - 1, 7]], np.uint32), [[[2**32 - 1, 7]]]),
        (np.array([[0.5, np.nan, -np.inf]], ">f8"), [[[0.5, np.nan, -np.inf]]]),
        (np.array([[0.5]], np.float16), [[[0.5]]]),
        (np.asfortranarray(codes((3, 4, 5)).astype("f8")), codes((3, 4, 5))),
    ],
)
def test_arrays_in_files_and_from_python(array, expected):
    assert_planes(read(npy_bytes(array)), expected)
    assert_planes(from_array(array), expected)


def test_layout_hwc():
    array = codes((4, 5, 3))
    assert_planes(read(npy_bytes(array), ReadOptions(layout="hwc")), array.transpose(2, 0, 1) / 255)
    assert_planes(from_array(array, "HWC"), array.transpose(2, 0, 1) / 255)


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_versions(version):
    stream, array = io.BytesIO(), codes((4, 5))
    np.lib.format.write_array(stream, array, version=version)
    assert_planes(read(stream.getvalue()), array[np.newaxis] / 255)


@pytest.mark.parametrize(
    ("channels", "kinds"),
    [(1, "gray rgb rgba each"), (3, "gray rgb rgba each"), (4, "gray rgb rgba each"), (2, "each")],
)
def test_what_arrays_may_be_used_for(channels, kinds):
    image = read(npy_bytes(codes((channels, 6, 7))))
    for kind in ("gray", "rgb", "rgba", "each"):
        if kind in kinds.split():
            assert prepare(image, kind).planes.shape[1:] == (6, 7)
        else:
            with pytest.raises(ImageError, match=rf"has 2 channels .* for input {kind}: .*input: 2"):
                prepare(image, kind)


@pytest.mark.parametrize("kind", ["gray", "rgb", "rgba", 3])
def test_wrong_layout_is_named(kind):
    image = read(npy_bytes(codes((20, 30, 3))))
    with pytest.raises(ImageError, match=r"20 channels .*\(20, 30, 3\) looks like .* --layout hwc"):
        prepare(image, kind)


def test_layout_is_not_named_where_it_would_not_help():
    image = read(npy_bytes(codes((20, 30, 3))))
    with pytest.raises(ImageError, match="accepted: 7 channels") as caught:
        prepare(image, 7)
    assert "layout" not in str(caught.value)


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.zeros((2, 3, 4, 5)), r"has 4 dimensions \(2, 3, 4, 5\); accepted"),
        (np.zeros(()), "has 0 dimensions"),
        (np.zeros((0, 5)), "has no pixels"),
        (np.zeros((2, 2), complex), "holds complex"),
        (np.zeros((2, 2), "U3"), "holds .*; accepted: real numbers"),
        (np.zeros((2, 2), "M8[s]"), "holds date"),
        (np.zeros(3, [("a", "f4")]), "accepted: real numbers"),
    ],
)
def test_what_is_no_image(array, said):
    with pytest.raises(ImageError, match=said):
        read(npy_bytes(array))
    with pytest.raises(ImageError, match=said):
        from_array(array)


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 4)}", r"its shape is (-1, 4); accepted"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (-2, -2)}", r"its shape is (-2, -2)"),
        (f"{{'descr': '<f4', 'fortran_order': False, 'shape': (2, {10**30})}}", "with 1 channel, 2,000,000"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 0)}", "has no pixels: 0×2 with 1 channel"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': 3}", "its header cannot be read"),
        (
            "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,)}",
            "holds records of several values;",
        ),
        ("{'descr': ('<f4', (2,)), 'fortran_order': False, 'shape': (2,)}", "holds records of several"),
        ("{'descr': 'V0', 'fortran_order': False, 'shape': (2,)}", "holds records of several values"),
        ("{'descr': 'q7', 'fortran_order': False, 'shape': (2,)}", "its header cannot be read"),
        ("{'descr': open('x'), 'fortran_order': False, 'shape': (2,)}", "its header cannot be read"),
        ("{'descr': '<f4\\,', 'fortran_order': False, 'shape': (2,)}", "its header cannot be read"),
        ("{'descr': '<f4', (", "its header cannot be read"),
        ("", "its header cannot be read"),
    ],
)
@pytest.mark.parametrize("max_pixels", [10**6, 10**40])
def test_npy_headers_of_any_kind_are_told_in_plain_words(header, said, max_pixels, recwarn):
    data = b"\x93NUMPY\1\0" + struct.pack("<H", len(header) + 1) + header.encode() + b"\n" + bytes(64)
    with pytest.raises(ImageError) as caught:
        read(data, ReadOptions(max_pixels=max_pixels))
    told = str(caught.value)
    assert (said if "10000000" not in header or max_pixels == 10**6 else "is a truncated npy file") in told
    assert not any(word in told for word in ("object", "EOF", "<", "['", "[("))
    assert not recwarn.list


def test_layout_says_which_axis_counts_for_the_limit():
    data = npy_bytes(np.zeros((3, 500, 600), np.uint8))
    with pytest.raises(ImageError, match=r"is 600×500 \(W×H\) with 3 channels, 300,000 pixels"):
        read(data, ReadOptions(max_pixels=1000))
    with pytest.raises(ImageError, match=r"is 500×3 \(W×H\) with 600 channels, 225,000 pixels"):
        read(data, ReadOptions(max_pixels=1000, layout="hwc"))


def test_objects_are_never_unpickled():
    with pytest.raises(ImageError, match="Python objects, which are never unpickled"):
        read(npy_bytes(np.array([{}, []], object), allow_pickle=True))


def test_truncated_npy():
    with pytest.raises(
        ImageError, match="truncated npy file: it has 30 bytes of numbers, its header says 40"
    ):
        read(npy_bytes(np.zeros((2, 5), np.float32))[:-10])


def test_unknown_layout():
    with pytest.raises(ImageError, match="layout 'cwh'; accepted: chw, hwc"):
        from_array(np.zeros((2, 2)), "cwh")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1,2,3\n4,5,6\n", [[[1, 2, 3], [4, 5, 6]]]),
        ("1\t2\r\n-3.5e2\t.5\r\n", [[[1, 2], [-350, 0.5]]]),
        ("1;2\n3;4", [[[1, 2], [3, 4]]]),
        ("1, 2 ,+3\n\n\n", [[[1, 2, 3]]]),
        ("1\n2\n3\n", [[[1, 2, 3]]]),
        ("\ufeff7\n", [[[7]]]),
        ("nan,inf\n-inf,0\n", [[[np.nan, np.inf], [-np.inf, 0]]]),
    ],
)
def test_tables(text, expected):
    image = read(text.encode())
    assert_planes(image, expected)
    assert (image.info.kind, image.info.format) == ("gray", "table")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x,y\n1,2\n", "line 1, column 1: found 'x'; accepted: plain numbers; take the header line out"),
        ("x,1\n1,2\n", "line 1, column 1: found 'x'; accepted: plain numbers|end"),
        ("x,y\nz,w\n", "line 1, column 1: found 'x'; accepted: plain numbers|end"),
        ("x,y\n", "line 1, column 1: found 'x'; accepted: plain numbers|end"),
        ("1,2\n3,four\n", "line 2, column 2: found 'four'"),
        ("1,2\n3,\n", "line 2, column 2: found an empty cell"),
        ("1,2\n\n3,4\n", "line 2, column 1: found an empty cell"),
        ("1,2,3\n4,5\n", "line 2 has 2 of line 1's 3 cells"),
        ("1,2\n4,5,6\n", "line 2 has 3 of line 1's 2 cells"),
        ("1,2\n3,1_000\n", "line 2, column 2: found '1_000'"),
        ("# made by hand\n1,2\n", "line 1, column 1: found '# made by hand'"),
        ("   \n", "is an empty table"),
    ],
)
def test_broken_tables_name_line_and_column(text, said, tmp_path):
    path = tmp_path / "numbers.csv"
    path.write_text(text)
    with pytest.raises(ImageError) as caught:
        read(path)
    assert said.replace("|end", "\n") in f"{caught.value}\n"
    assert str(caught.value).startswith(f"{path}: ")


def test_a_table_that_is_no_text(tmp_path):
    path = tmp_path / "numbers.csv"
    path.write_bytes(b"1,2\n3,\xff\n")
    with pytest.raises(ImageError, match="byte 6 is no UTF-8 text"):
        read(path)
