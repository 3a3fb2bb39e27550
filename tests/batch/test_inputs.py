from __future__ import annotations

import os
from pathlib import Path

import pytest

from filterbank.batch.inputs import Source, collect, natural
from filterbank.errors import ImageError, RequestError, shown

EXTENSIONS = (".png", ".jpg")


def touch(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def found(*arguments: str, **options) -> list[tuple[str, str]]:
    return [(s.dir, s.name) for s in collect(arguments, extensions=EXTENSIONS, **options)]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_folder_is_searched_through_and_sorted_as_people_count(here: Path) -> None:
    touch(here, "f/b10.png", "f/b2.PNG", "f/a/z.jpg", "f/notes.txt", "f/c.gif")
    assert found("f") == [("a", "z.jpg"), ("", "b2.PNG"), ("", "b10.png")]


def test_a_folder_above_and_a_trailing_slash_change_nothing(here: Path) -> None:
    touch(here, "f/a/z.jpg")
    assert found("f/") == found(str(here / "f")) == found("./f") == [("a", "z.jpg")]
    assert found(".") == [("f/a", "z.jpg")]


def test_a_file_named_outright_needs_no_extension_and_need_not_exist() -> None:
    assert found("notes.txt", "missing.png", "a/b/c") == [("", "notes.txt"), ("", "missing.png"), ("", "c")]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("f/*.png", [("", "a.png")]),
        ("f/**/*.png", [("x/y", "c.png"), ("", "a.png"), ("x", "b.png")]),
        ("f/*", [("x/y", "c.png"), ("", "a.png"), ("x", "b.png"), ("x", "d.jpg")]),
        ("f/?/*.[jp]*g", [("x", "b.png"), ("x", "d.jpg")]),
        ("*/a.png", [("f", "a.png")]),
        ("f/**", [("x/y", "c.png"), ("", "a.png"), ("x", "b.png"), ("x", "d.jpg")]),
    ],
)
def test_globs(here: Path, pattern: str, expected: list[tuple[str, str]]) -> None:
    touch(
        here, "f/a.png", "f/x/b.png", "f/x/d.jpg", "f/x/y/c.png", "f/x/n.txt", "f/.hidden.png", "f/.h/e.png"
    )
    assert sorted(found(pattern)) == sorted(expected)
    assert sorted(found(str(here / pattern))) == sorted(expected)


def test_a_file_whose_name_looks_like_a_glob_is_itself(here: Path) -> None:
    touch(here, "a[1].png", "a1.png")
    assert found("a[1].png") == [("", "a[1].png")]


def test_links_that_lead_back_are_not_followed(here: Path) -> None:
    touch(here, "f/a.png", "f/x/b.png")
    (here / "f/x/back").symlink_to(here / "f")
    (here / "f/itself").symlink_to("itself")
    (here / "f/other").symlink_to("x")
    expected = [("", "a.png"), ("other", "b.png"), ("x", "b.png")]
    assert sorted(found("f")) == sorted(found("f/**/*.png")) == expected


def test_a_link_to_nothing_is_an_image_that_will_fail(here: Path) -> None:
    touch(here, "f/a.png")
    (here / "f/gone.png").symlink_to("nowhere.png")
    assert found("f") == [("", "a.png"), ("", "gone.png")]
    with pytest.raises(ImageError, match="cannot be read: No such file"):
        collect(["f/gone.png"], extensions=EXTENSIONS)[0].read()


def test_the_folder_for_maps_is_no_input(here: Path) -> None:
    touch(here, "a.png", "maps/a/sobel_x.png", "f/b.png")
    assert found(".", out="maps") == [("", "a.png"), ("f", "b.png")]
    assert found("**/*.png", out="./maps") == [("", "a.png"), ("f", "b.png")]
    assert found("maps", out="maps") == [("a", "sobel_x.png")]


def test_a_file_given_twice_is_one_image(here: Path) -> None:
    touch(here, "f/a.png")
    assert found("f/a.png", "f", "./f/a.png", str(here / "f/a.png"), "x/../f/a.png") == [("", "a.png")]


@pytest.mark.parametrize(
    "listed",
    [
        b"f/a.png\nmissing.png\n\n",
        b"\xef\xbb\xbff/a.png\nmissing.png",
        b"f/a.png\r\nmissing.png",
        b"f\0missing.png\0",
    ],
)
def test_a_list_of_files(here: Path, listed: bytes) -> None:
    touch(here, "f/a.png")
    assert found(listed=listed) == [("", "a.png"), ("", "missing.png")]


def test_names_of_any_bytes(here: Path) -> None:
    odd = [b"with space.png", b"two\nlines.png", b"\xff\xfe.png", "ünï.png".encode()]
    (here / "f").mkdir()
    for name in odd:
        Path(os.fsdecode(b"f/" + name)).write_bytes(b"x")
    sources = collect(["f"], extensions=EXTENSIONS)
    assert {os.fsencode(source.name) for source in sources} == set(odd)
    assert all(source.shown.isprintable() for source in sources)
    assert [source.read() for source in sources] == [b"x"] * 4
    listed = b"\0".join(b"f/" + name for name in odd)
    assert {os.fsencode(s.name) for s in collect([], extensions=EXTENSIONS, listed=listed)} == set(odd)


@pytest.mark.parametrize("arguments", [["empty"], ["*.png"], ["nowhere/*.png"], ["empty", "e*y/**"]])
def test_an_empty_list_says_what_is_accepted(here: Path, arguments: list[str]) -> None:
    touch(here, "empty/notes.txt")
    with pytest.raises(
        RequestError,
        match=rf"no images found in {arguments[0].replace('*', '.')}.*such as \.png \.jpg, folders",
    ):
        collect(arguments, extensions=EXTENSIONS)


def test_standard_input_is_one_image_with_a_name() -> None:
    (source,) = collect(["-"], extensions=EXTENSIONS, standard_input=b"bytes")
    assert (source.path, source.stem, source.dir, source.called) == ("-", "stdin", "", "standard input")
    assert source.read() == b"bytes"


def test_a_page_of_several_has_a_name_of_its_own() -> None:
    source = Source("a/scan.tif", page=2)
    assert (source.stem, source.name, source.shown) == ("scan-2", "scan-2.tif", "a/scan.tif, page 2")


def test_natural_order_stands_any_digits() -> None:
    names = ["10", "9", "٣", "²", "a01", "a1", "A2", "1" * 250]
    assert sorted(names, key=natural)[:2] == ["9", "10"]
    assert sorted(["x2y10", "x2y9", "x10y1"], key=natural) == ["x2y9", "x2y10", "x10y1"]


def test_shown_is_one_printable_line() -> None:
    assert shown("a\tb\x1b[31m\udcff") == "a\\tb\\x1b[31m\\xff"


def test_a_pipe_or_a_device_is_refused_at_once(here: Path) -> None:
    os.mkfifo(here / "pipe.png")
    for path in ("pipe.png", "/dev/zero"):
        with pytest.raises(ImageError, match="is not a regular file; accepted: a file, or - for standard"):
            Source(path).read()


def test_an_empty_name_is_refused() -> None:
    with pytest.raises(RequestError, match="IMAGE: found an empty name"):
        collect([""], extensions=EXTENSIONS)


def test_a_folder_that_cannot_be_read_stands_last_and_says_why(here: Path, monkeypatch) -> None:
    touch(here, "f/a/x.png", "f/shut/y.png", "f/z.png")
    scandir = os.scandir

    def refuse(folder: str):
        if folder == "f/shut":
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    for argument in ("f", "f/**/*.png"):
        sources = collect([argument], extensions=EXTENSIONS)
        assert [source.path for source in sources] == ["f/a/x.png", "f/z.png", "f/shut"]
        with pytest.raises(ImageError, match=r"^folder cannot be read: Permission denied$"):
            sources[-1].read()
    with pytest.raises(RequestError, match=r"f/shut: folder cannot be read: Permission denied; no images"):
        collect(["f/shut"], extensions=EXTENSIONS)
