"""WAV files as SciPy and Python's own module write them, and by hand."""

import io
import struct
import wave

import numpy as np
import pytest
from running import filterbank
from scipy.io import wavfile

from filterbank import imagefile
from filterbank.errors import ImageError

RAMP = np.linspace(-1, 1, 101)


def riff(*chunks):
    body = b"".join(
        name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2) for name, data in chunks
    )
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body


def form(kind=1, channels=1, bits=16, more=b""):
    frame = channels * bits // 8
    return struct.pack("<HHIIHH", kind, channels, 8000, 8000 * frame, frame, bits) + more


def planes(file):
    image = imagefile.read(file)
    return image.planes, image.info


@pytest.mark.parametrize(
    ("dtype", "full", "zero"),
    [("u1", 128, 128), ("<i2", 2**15, 0), ("<i4", 2**31, 0), ("<f4", 1, 0), ("<f8", 1, 0)],
)
@pytest.mark.parametrize("channels", [1, 2, 5])
def test_files_that_scipy_writes(dtype, full, zero, channels):
    values = np.stack([RAMP * (c + 1) / 5 * 0.99 for c in range(channels)])
    codes = (values * full + zero).round() if full > 1 else values
    file = io.BytesIO()
    wavfile.write(file, 8000, codes.T.astype(dtype))
    found, info = planes(file.getvalue())
    assert (found.shape, info.kind) == ((channels, 1, 101), "gray" if channels == 1 else "channels")
    np.testing.assert_allclose(found[:, 0], (codes - zero) / full, atol=1e-7)


def test_24_bits_as_python_writes_them():
    codes = [-(2**23), -1, 0, 1, 2**23 - 1, 77]
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(2)
        out.setsampwidth(3)
        out.setframerate(8000)
        out.writeframes(b"".join(code.to_bytes(3, "little", signed=True) for code in codes))
    found, _ = planes(file.getvalue())
    np.testing.assert_allclose(found[:, 0], np.array(codes).reshape(3, 2).T / 2**23, rtol=1e-7)


def test_other_chunks_extensible_kinds_and_unknown_sizes():
    data = np.array([0.5, -0.25], "<f4").tobytes()
    extensible = form(0xFFFE, 1, 32, struct.pack("<HHIH", 22, 32, 0, 3) + b"\0" * 14)
    file = riff((b"LIST", b"odd"), (b"fmt ", extensible), (b"fact", b"1234"), (b"data", data))
    assert planes(file)[0].tolist() == [[[0.5, -0.25]]]
    streamed = file.replace(b"data" + struct.pack("<I", 8), b"data\xff\xff\xff\xff")
    assert planes(streamed)[0].tolist() == [[[0.5, -0.25]]]


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (riff((b"fmt ", form()), (b"data", b"\0" * 8))[:-3], "it has 5 bytes of samples, its header says 8"),
        (riff((b"fmt ", form())), "it has no samples"),
        (riff((b"data", b"\0" * 8)), "nothing says what its samples are"),
        (riff((b"fmt ", b"\0" * 7), (b"data", b"\0" * 8)), "nothing says what its samples are"),
        (riff((b"fmt ", form(2, 1, 4)), (b"data", b"\0" * 8)), "of kind 2 with 4 bits and 1 channels; acc"),
        (riff((b"fmt ", form(1, 0, 16)), (b"data", b"\0" * 8)), "16 bits and 0 channels"),
        (riff((b"fmt ", form()), (b"data", b"")), "has no pixels"),
        (b"RIFF\0\0\0\0WAVE", "it has no samples"),
    ],
)
def test_what_is_no_sound(file, said):
    with pytest.raises(ImageError, match=said):
        imagefile.read(file)


def test_through_the_command(tmp_path):
    wavfile.write(tmp_path / "a.wav", 8000, np.array([0, 16384, -16384, 8192], np.int16))
    (tmp_path / "rise.yaml").write_text("padding: valid\nfilters: [{name: rise, kernel: [-1, 0, 1]}]\n")
    filterbank("apply", tmp_path, "-b", tmp_path / "rise.yaml", "-o", tmp_path / "maps", "--format", "csv")
    assert (tmp_path / "maps/a/rise.csv").read_text() == "-0.5,-0.25\n"
