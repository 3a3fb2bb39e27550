import numpy as np
import pytest
from pictures import assert_planes, codes, pillow_bytes, planar

from filterbank.errors import ImageError
from filterbank.imagefile import read

PIXELS = codes((3, 4), top=200)
WIDE = codes((3, 4, 3), np.uint16, top=1000)
FLOATS = np.arange(24, dtype=np.float32).reshape(2, 4, 3) - 7.5


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"P1\n# made by hand\n3 2\n101\n0 1 0\n", [[[0, 1, 0], [1, 0, 1]]]),
        (b"P4\n10 2\n\xaa\x80\x55\x40", [[[0, 1] * 4 + [0, 1], [1, 0] * 4 + [1, 0]]]),
        (b"P2 2 1 # width, height\n100\n50 # half\n100", [[[0.5, 1]]]),
        (b"P3 1 2 5 0 1 2 3 4 5", np.array([[[0], [3]], [[1], [4]], [[2], [5]]]) / 5),
        (b"P5 4 3 200\n" + PIXELS.tobytes(), PIXELS[np.newaxis] / 200),
        (b"P6\n#c\n4 3\n1000 " + WIDE.astype(">u2").tobytes(), planar(WIDE) / 1000),
        (b"P5\r\n1 1\r255\n\x33", [[[0.2]]]),
        (b"P5 2 1 255\n\x20\x0a and what follows", np.array([[[32, 10]]]) / 255),
        (b"PF\n4 2\n-1.0\n" + FLOATS[::-1].astype("<f4").tobytes(), planar(FLOATS)),
        (b"PF\n4 2\n2.5\n" + FLOATS[::-1].astype(">f4").tobytes(), planar(FLOATS)),
        (b"Pf\n2 2\n-1\n" + np.array([3, 4, 1, 2], "<f4").tobytes(), [[[1, 2], [3, 4]]]),
        (
            b"P7\n# PAM\nWIDTH 1\nHEIGHT 2\nDEPTH 2\nMAXVAL 10\nTUPLTYPE GRAYSCALE_ALPHA\nENDHDR\n\1\2\3\4",
            [[[0.1], [0.3]], [[0.2], [0.4]]],
        ),
        (
            b"P7\nWIDTH 2\nHEIGHT 1\nDEPTH 1\nMAXVAL 1\nTUPLTYPE BLACKANDWHITE\nENDHDR\n\0\1",
            [[[0, 1]]],
        ),
        (
            b"P7\nWIDTH 1\nHEIGHT 1\nDEPTH 5\nMAXVAL 5\nENDHDR\n\1\2\3\4\5",
            np.arange(1, 6).reshape(5, 1, 1) / 5,
        ),
    ],
)
def test_by_hand(data, expected):
    assert_planes(read(data), expected)


def test_what_pillow_writes():
    array = codes((7, 9, 3))
    assert_planes(read(pillow_bytes("PPM", array)), planar(array) / 255)


def test_channels_of_a_pam_without_a_type_have_no_meaning():
    image = read(b"P7\nWIDTH 1\nHEIGHT 1\nDEPTH 3\nMAXVAL 5\nENDHDR\n\1\2\3")
    assert image.info.kind == "channels"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"P5 4 4 255\n123", "truncated PNM file: it has 3 bytes of pixels, its header says 16"),
        (b"P2 2 2 255\n1 2 3", "truncated PNM file: it has 3 numbers"),
        (b"P2 2 1 255\n1 2x", "found '2x' among its samples"),
        (b"P2 2 1 100\n1 101", "sample 101 is above its maximum 100"),
        (b"P5 2 1 100\n\1\xff", "sample 255 is above its maximum 100"),
        (b"P5 2 1 65536\n\1\1\1\1", "maximum is 65536; accepted: 1 to 65535"),
        (b"P5 2 1 0\n\1\1", "maximum is 0"),
        (b"P5 -2 1 255\n\1\1", "width is '-2'; accepted: a whole number of at most 9 digits"),
        (b"P5 " + b"9" * 30 + b" 1 255\n\1\1", "width is '99999999999999999999…'"),
        (b"P5 0 1 255\n\1\1", "has no pixels"),
        (b"P5 2", "header ends early"),
        (b"P1 2 1 12", "something else than 0 and 1"),
        (b"Pf 1 1 0\n\0\0\0\0", "scale is '0'"),
        (
            b"P7\nWIDTH 1\nHEIGHT 1\nDEPTH 2\nMAXVAL 5\nTUPLTYPE RGB\nENDHDR\n\1\2",
            "does not fit TUPLTYPE RGB",
        ),
        (b"P7\nWIDTH 1\n", "no ENDHDR"),
    ],
)
def test_damage_is_named(data, said):
    with pytest.raises(ImageError, match=said):
        read(data)
