"""Maps as WAV: read by SciPy as a witness and by ourselves, their rate, their text, and what is refused."""

import io
import struct
import wave
from pathlib import Path

import numpy as np
import pytest
from running import filterbank, noise, save
from scipy.io import wavfile as witness

from filterbank import imagefile
from filterbank.errors import ImageError, RequestError
from filterbank.imagefile.maptext import MapText
from filterbank.imagefile.read_map import read_map
from filterbank.imagefile.tone import Scale
from filterbank.imagefile.wavfile import read_wav, write_wav

BANK = "input: each\nfilters: [{name: rise, kernel: [-1, 0, 1]}]\n"
STACK = "layers:\n- {bank: rise.yaml}\n- {stride: [1, 2], filters: [{name: mean, kernel: [0.5, 0.5]}]}\n"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def sound(name="a.wav", channels=2, rate=8000, frames=50):
    """A WAV of 16 bits, and its samples (C, W) as shares of full scale."""
    samples = np.random.default_rng(0).integers(-(2**15), 2**15, (frames, channels)).astype("<i2")
    with wave.open(name, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
    return samples.T / 2**15


def written(values, text=None, rate=None):
    stream = io.BytesIO()
    write_wav(np.asarray(values, np.float32), text or MapText("f", "b", "d"), stream, rate)
    return stream.getvalue()


@pytest.mark.parametrize("shape", [(1, 7), (1, 1, 7), (2, 1, 7), (5, 1, 1)])
def test_scipy_and_we_read_what_was_written(shape, recwarn):
    values = np.random.default_rng(1).normal(0, 3, shape).astype(np.float32)
    data = written(values, rate=8000)
    assert struct.unpack_from("<I", data, 4)[0] == len(data) - 8
    rate, found = witness.read(io.BytesIO(data))
    assert not recwarn
    assert (rate, found.dtype) == (8000, np.float32)
    np.testing.assert_array_equal(found.reshape(shape[-1], -1).T, values.reshape(-1, shape[-1]))
    image = imagefile.read(data)
    assert (image.info.rate, image.info.channels) == (8000, values.size // shape[-1])
    np.testing.assert_array_equal(image.planes[:, 0], values.reshape(-1, shape[-1]))
    back, text = read_wav(data)
    assert (text.filter, text.bank, text.digest) == ("f", "b", "d")
    np.testing.assert_array_equal(back.reshape(shape), values)


def test_other_programs_files_have_no_text_and_codes_are_no_map():
    sound()
    assert read_wav(Path("a.wav").read_bytes())[1] == MapText(software="")
    with pytest.raises(ImageError, match="is a WAV of codes; accepted: floats"):
        read_wav(written(np.ones((1, 3)), MapText(scale=Scale(0, 1))))


@pytest.mark.parametrize(
    ("shape", "said"),
    [((3, 4), "a map of 3 rows; accepted: 1 row"), ((2, 3, 4), "a map of 3 rows"),
     ((20000, 1, 1), "a map of 20,000 channels; accepted: at most 16,383")],
)  # fmt: skip
def test_what_is_no_signal_is_refused(shape, said):
    with pytest.raises(RequestError, match=f"--format wav: {said}"):
        written(np.zeros(shape))


def test_a_signal_keeps_channels_and_rate():
    samples = sound()
    Path("rise.yaml").write_text(BANK)
    filterbank("apply", "a.wav", "-b", "rise.yaml", "-o", "maps", "--format", "wav")
    rate, found = witness.read("maps/a/rise.wav")
    padded = np.pad(samples, ((0, 0), (1, 1)))
    assert rate == 8000
    np.testing.assert_allclose(found.T, padded[:, 2:] - padded[:, :-2], atol=1e-6)
    assert read_map_text("maps/a/rise.wav") == ("rise", "rise")
    filterbank("apply", "maps/a/rise.wav", "-b", "rise.yaml", "-o", "again", "--format", "wav")
    assert witness.read("again/rise/rise.wav")[0] == 8000


def read_map_text(path):
    text = read_map(Path(path))[1]
    return text.filter, text.bank


def test_a_stride_divides_the_rate_layer_by_layer():
    sound(channels=1)
    Path("rise.yaml").write_text(BANK.replace("each", "gray"))
    Path("net.yaml").write_text(STACK)
    for stride, rate in (("[1, 3]", 2667), ("1", 8000)):
        options = ("--stride", stride, "--on-exists", "overwrite", "--format", "wav")
        filterbank("apply", "a.wav", "-b", "rise.yaml", "-o", "maps", *options)
        assert witness.read("maps/a/rise.wav")[0] == rate
    filterbank("apply", "a.wav", "-b", "net.yaml", "-o", "net", "--format", "wav")
    assert witness.read("net/a/mean.wav")[0] == 4000
    filterbank("apply", "a.wav", "-b", "net.yaml", "-o", "all", "--format", "wav", "--all-layers")
    assert [witness.read(f"all/a/{name}.wav")[0] for name in ("1/rise", "2/mean")] == [8000, 4000]


def test_a_signal_without_a_rate_gets_the_usual_one():
    np.save("s.npy", np.arange(5.0))
    filterbank("apply", "s.npy", "-b", "identity", "-o", "maps", "--format", "wav")
    rate, found = witness.read("maps/s/identity.wav")
    assert (rate, found.tolist()) == (44100, [0, 1, 2, 3, 4])


def test_decode_reads_it_back():
    np.save("s.npy", np.arange(5.0))
    filterbank("apply", "s.npy", "-b", "identity", "-o", "maps", "--format", "wav")
    filterbank("decode", "maps/s/identity.wav", "-o", "floats")
    assert np.load("floats/identity.npy").tolist() == [[0, 1, 2, 3, 4]]


def test_an_image_is_refused():
    save("a.png", noise(6, 8))
    ended = filterbank("apply", "a.png", "-b", "sobel", "-o", "maps", "--format", "wav", code=1)
    assert (
        "a.png: --format wav: a map of 6 rows; accepted: 1 row, that of a signal; use --format" in ended.err
    )
    ended = filterbank("apply", "a.png", "-b", "sobel", "-o", "m", "--format", "wav", "--stack", code=1)
    assert (
        "a.png: --format wav: a map of 6 rows; accepted: 1 row, that of a signal; use --format" in ended.err
    )
    assert not Path("m/a").exists()


def test_a_stack_has_the_maps_for_channels():
    samples = sound(rate=16000)
    Path("two.yaml").write_text(BANK.replace("filters: [", "filters: [{name: same, kernel: [1]}, "))
    options = ("--format", "wav", "--stack")
    filterbank("apply", "a.wav", "-b", "two.yaml", "-o", "maps", *options)
    (path,) = Path("maps").rglob("*.wav")
    rate, found = witness.read(path)
    assert (rate, found.shape) == (16000, (50, 4))
    np.testing.assert_allclose(found.T[:2], samples, atol=1e-6)
    padded = np.pad(samples, ((0, 0), (1, 1)))
    np.testing.assert_allclose(found.T[2:], padded[:, 2:] - padded[:, :-2], atol=1e-6)
    filterbank("decode", path, "-o", "floats")
    assert np.load(Path("floats", path.with_suffix(".npy").name)).shape == (4, 1, 50)
