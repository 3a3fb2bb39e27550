from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from filterbank.batch import names
from filterbank.batch.inputs import Source
from filterbank.batch.names import namer
from filterbank.errors import RequestError

SOBEL = ("sobel", {1: ("sobel_x", "sobel_y")})
NET = ("net", {1: ("a",), 2: ("a", "b")})
BLUR = ("blur", {1: ("blur",)})


def made(template=None, banks=(SOBEL,), *, stack=False, out="maps", ext="png"):
    return namer(template, banks, stack=stack, ext=ext, out=out)


def checked(named, sources, on_exists="error"):
    return names.check(named, sources, on_exists)


@pytest.mark.parametrize(
    ("banks", "stack", "expected"),
    [
        ((SOBEL,), False, ["d/cat/sobel_x.png", "d/cat/sobel_y.png"]),
        ((SOBEL, BLUR), False, ["d/cat/sobel/sobel_x.png", "d/cat/sobel/sobel_y.png", "d/cat/blur/blur.png"]),
        ((SOBEL,), True, ["d/cat.png"]),
        ((NET,), False, ["d/cat/1/a.png", "d/cat/2/a.png", "d/cat/2/b.png"]),
        (
            (NET, BLUR),
            False,
            ["d/cat/net/1/a.png", "d/cat/net/2/a.png", "d/cat/net/2/b.png", "d/cat/blur/1/blur.png"],
        ),
        ((NET,), True, ["d/cat/1.png", "d/cat/2.png"]),
        ((SOBEL, BLUR), True, ["d/cat/sobel.png", "d/cat/blur.png"]),
    ],
)
def test_defaults(banks, stack, expected) -> None:
    assert made(banks=banks, stack=stack).names(Source("in/d/cat.jpg", "d")) == expected


def test_every_field() -> None:
    named = made("{dir}/{stem}+{name}+{bank}+{filter}+{index}+{layer}.{ext}")
    expected = "a/b/cat+cat.jpg+sobel+sobel_y+1+1.png"
    assert named.names(Source("in/a/b/cat.jpg", "a/b"))[1] == expected
    assert made("{dir}/{{{stem}}}-{filter}").names(Source("cat.jpg"))[0] == "{cat}-sobel_x"


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{stem}/{filtre}.png", r"found \{filtre\}; accepted: \{dir\} \{stem\} \{name\}"),
        ("{stem}/{}.png", r"found \{\}"),
        ("{stem}/{0}.png", r"found \{0\}"),
        ("{stem}/{filter.__class__}", r"found \{filter.__class__\}"),
        ("{stem}/{filter[0]}", r"found \{filter\[0\]\}"),
        ("{stem}/{index:03d}", r"found a format in \{index\}"),
        ("{stem}/{filter!r}", r"found a format in \{filter\}"),
        ("{stem}/{filter", "expected '}'"),
        ("{stem}/filter}", "Single '}'"),
        ("/{stem}/{filter}", "absolute path; accepted: a path below"),
        ("../{stem}/{filter}", r"found \.\.; accepted: a path below"),
        ("{stem}/../{filter}", r"found \.\."),
    ],
)
def test_bad_templates(template: str, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        made(template)


def test_a_stack_has_no_filter_in_its_name() -> None:
    with pytest.raises(RequestError, match="one file holds all filters with --stack"):
        made("{stem}/{filter}.{ext}", stack=True)


@pytest.mark.parametrize(
    ("template", "source", "message"),
    [
        ("{dir}", Source("cat.jpg"), "the name of the file is empty"),
        ("", Source("cat.jpg"), "the name of the file is empty"),
        ("{stem}/{filter}/", Source("cat.jpg"), "the name of the file is empty"),
        ("{stem}/{filter}", Source("...jpg"), "leads out of the folder"),
        ("{dir}/{filter}", Source("x/cat.jpg", "../x"), "leads out of the folder"),
        ("{stem}-{filter}.{ext}", Source("c" * 250 + ".jpg"), "longer than 255 bytes"),
        ("{stem}-{filter}.{ext}", Source("ü" * 122 + ".jpg"), "longer than 255 bytes"),
        ("/".join(["{stem}"] * 50), Source("c" * 100), "absolute|the path is longer than 4095 bytes"),
    ],
)
def test_names_that_cannot_be(template: str, source: Source, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        checked(made(template), [source])


def both(*texts: str) -> str:
    """A pattern that asks for all *texts*, in any order."""
    return "".join(f"(?=.*{text})" for text in texts)


@pytest.mark.parametrize(
    ("named", "sources", "message"),
    [
        (
            made(),
            ["a/cat.jpg", "b/cat.png"],
            both(
                "a/cat.jpg", "b/cat.png", "share this file", r"--name '\{dir\}/\{name\}/\{filter\}.\{ext\}'"
            ),
        ),
        (
            made("{stem}.{ext}"),
            ["cat.jpg"],
            both("sobel_x", "sobel_y", r"--name '\{dir\}/\{stem\}/\{filter\}.\{ext\}'"),
        ),
        (made("{stem}/{filter}.{ext}", (SOBEL, SOBEL)), ["cat.jpg"], both("share", "a name of its own")),
        (
            made("{stem}/{filter}.{ext}", (SOBEL, ("two", SOBEL[1]))),
            ["cat.jpg"],
            both("share", r"give --name '\{dir\}/\{stem\}/\{bank\}/\{filter\}.\{ext\}'"),
        ),
        (made(None, (SOBEL, SOBEL)), ["cat.jpg"], both("share", "a name of its own")),
        (made(None, (SOBEL, SOBEL), stack=True), ["cat.jpg"], both("share", "a name of its own")),
        (
            made("{filter}.{ext}"),
            ["cat.jpg", "dog.jpg"],
            both("cat.jpg", "dog.jpg", r"give --name '\{dir\}/\{stem\}/\{filter\}.\{ext\}'"),
        ),
        (
            made("{filter}.{ext}"),
            ["cat.jpg", "cat.png"],
            both("cat.jpg", "cat.png", r"give --name '\{dir\}/\{name\}/\{filter\}.\{ext\}'"),
        ),
        (
            made("{stem}-{filter}"),
            ["cat.jpg", "cat.png"],
            both("cat.jpg", "cat.png", r"give --name '\{name\}-\{filter\}'"),
        ),
        (made(), ["Cat.jpg", "cat.png"], None),
        (
            made("{dir}/{name}/{filter}"),
            ["a/cat.jpg", "b/cat.jpg"],
            both("a/cat.jpg", "b/cat.jpg", "rename one of them, or give the folder above"),
        ),
        (made("manifest.jsonl"), ["cat.jpg"], "the manifest and filter sobel_x"),
        (made("{stem}", (BLUR,), stack=True), ["a.png", "x/a/b.png"], None),
    ],
)
def test_shared_files_are_found_and_both_are_named(named, sources, message) -> None:
    sources = [Source(path) for path in sources]
    if message is None:
        checked(named, sources)
        return
    with pytest.raises(RequestError, match=message):
        checked(named, sources)


def test_where_case_is_ignored_it_is_the_clash(monkeypatch: pytest.MonkeyPatch) -> None:
    sources = [Source("A.png"), Source("a.png")]
    assert checked(made(), sources).folders == ("maps/A", "maps/a")
    monkeypatch.setattr(names.disk, "IGNORES_CASE", True)
    with pytest.raises(RequestError, match=r"A.png and .* on a.png would .* differ only by case.*rename one"):
        checked(made(), sources)
    with pytest.raises(
        RequestError, match=r"cat.png would share .*\(names that differ.*give --name '.*\{name"
    ):
        checked(made(), [Source("Cat.jpg"), Source("cat.png")])


def test_a_file_that_is_another_ones_folder_is_found() -> None:
    sources = [Source("a.png"), Source("in/a/b.png", "a")]
    with pytest.raises(RequestError, match=r"maps/a: the file of blur on a.png is the folder of another's"):
        checked(made("{dir}/{stem}", (BLUR,), stack=True), sources)


def test_clashes_are_those_of_comparing_every_pair() -> None:
    parts = ["a", "b", "ab", "A"]
    for template in ("{stem}{filter}", "{dir}{stem}-{filter}", "{filter}/{stem}", "{index}{stem}", "{name}"):
        for stems in itertools.combinations(parts, 2):
            for filters in itertools.combinations(["a", "b", "ab"], 2):
                named = made(template, (("bank", {1: filters}),))
                sources = [Source(f"{stem}.png") for stem in stems]
                every = [path for source in sources for path in named.paths(source)]
                try:
                    checked(named, sources)
                    clash = False
                except RequestError:
                    clash = True
                assert clash == (len(set(every)) < len(every)), (template, stems, filters)


def test_existing_files_are_counted_and_the_first_is_named(tmp_path: Path) -> None:
    named = made(out=str(tmp_path))
    sources = [Source("cat.jpg"), Source("dog.jpg"), Source("eel.jpg")]
    assert checked(named, sources).done == frozenset()
    for name in ("cat/sobel_x.png", "dog/sobel_x.png", "dog/sobel_y.png"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    with pytest.raises(RequestError, match=r"cat/sobel_x.png and 2 more exist already.*--on-exists skip"):
        checked(named, sources)
    assert checked(named, sources, "skip").done == {1}
    assert checked(named, sources, "overwrite").done == frozenset()
    assert sorted(checked(named, sources, "skip").folders) == [
        str(tmp_path / s) for s in ("cat", "dog", "eel")
    ]


def test_a_folder_or_a_file_in_the_way_is_found(tmp_path: Path) -> None:
    (tmp_path / "cat" / "sobel_x.png").mkdir(parents=True)
    with pytest.raises(RequestError, match="is a folder, a map would go there"):
        checked(made(out=str(tmp_path)), [Source("cat.jpg")], "overwrite")
    (tmp_path / "dog").touch()
    with pytest.raises(RequestError, match="dog: is a file, a folder for maps would go there"):
        checked(made(out=str(tmp_path)), [Source("dog.jpg")], "overwrite")


def test_an_image_that_is_read_is_never_overwritten(tmp_path: Path) -> None:
    image = tmp_path / "cat.png"
    image.touch()
    (tmp_path / "link.png").symlink_to(image)
    named = made("{stem}.{ext}", (BLUR,), out=str(tmp_path))
    for path in (image, tmp_path / "link.png"):
        with pytest.raises(RequestError, match="would overwrite an image that is read"):
            checked(named, [Source(str(path))], "overwrite")
