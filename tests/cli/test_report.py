"""The contact sheet: apply --report and filterbank report, its HTML read by the standard library."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote_to_bytes

import numpy as np
import pytest
from running import PAIR, bank, files, filterbank, manifest, noise, save

VOID = {"meta", "img", "input", "link", "br"}
HOSTILE = [
    "<script>alert(1)</script>.png".replace("/", "\N{DIVISION SLASH}"),
    "\"'&amp;.png",
    "a b%20c#d?e.png",
    "\u202eünï \N{GRINNING FACE}.png",
    "two\nlines.png",
    "javascript:x.png",
    "{{ 7 * 7 }}.png",
    os.fsdecode(b"\xff\xfe.png"),
]


class Page(HTMLParser):
    """The elements of a page as (tag, attributes, path of open tags); unbalanced tags are an error."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None], tuple[str, ...]]] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        assert len(dict(attributes)) == len(attributes)
        self.elements.append((tag, dict(attributes), tuple(self.open)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("script", "style"):
            self.text.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for found, attributes, _ in self.elements if found == tag]


def read(folder: Path | str = "maps") -> Page:
    return Page(Path(folder, "index.html").read_text("utf-8"))


def links(page: Page) -> list[str]:
    """Every address of the page but those that hold their own data."""
    found = [
        value
        for _, attributes, _ in page.elements
        for name, value in attributes.items()
        if name in ("src", "href", "srcset", "action", "data", "poster", "formaction")
    ]
    return [link for link in found if not link.startswith("data:")]


def target(link: str, folder: str = "maps") -> str:
    """The path that a relative *link* of the page in *folder* leads to."""
    return os.path.normpath(f"{folder}/{os.fsdecode(unquote_to_bytes(link))}")


def shown(page: Page) -> list[str]:
    """The files whose pictures the page shows; what it holds inside has to be the file that it links to."""
    files = []
    at = [number for number, (tag, _, _) in enumerate(page.elements) if tag == "img"]
    for number in at:
        (_, link, _), (_, picture, _) = page.elements[number - 1 : number + 1]
        files.append(target(link["href"]))
        kind, _, data = picture["src"].partition(";base64,")
        if kind.startswith("data:"):
            assert base64.b64decode(data) == Path(files[-1]).read_bytes()
        else:
            assert picture["src"] == link["href"]
    return files


def assert_sound(page: Page) -> None:
    """No address leaves the folder's disk, all pictures speak, and names are no markup."""
    for link in links(page):
        assert link.startswith(("./", "#")), link
    text = Path("maps/index.html").read_text("utf-8")
    assert "http:" not in text and "https:" not in text and "@import" not in text
    assert all(attributes["alt"] for attributes in page.all("img"))
    assert all(attributes["loading"] == "lazy" for attributes in page.all("img"))
    assert len(page.all("script")) == 1
    assert not any(name.startswith("on") for _, attributes, _ in page.elements for name in attributes)
    ids = [attributes["id"] for _, attributes, _ in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for tag in ("main", "h1", "title", "noscript"):
        assert len(page.all(tag)) == 1


def test_every_image_stands_beside_its_maps() -> None:
    for number in range(3):
        save(f"in/{number}.png", noise(20, 30, seed=number))
    filterbank("apply", "in", "-b", "sobel", "-o", "maps", "--report")
    page = read()
    assert_sound(page)
    assert len(page.all("article")) == 3
    found = shown(page)
    assert found == [
        path for n in range(3) for path in (f"in/{n}.png", f"maps/{n}/sobel_x.png", f"maps/{n}/sobel_y.png")
    ]
    assert all(Path(target(link)).is_file() for link in links(page) if link != "#images")
    scaled = next(item for item in page.all("li") if item.get("data-filter") == "sobel_x")
    line = next(line for line in manifest(Path("maps")) if line["input"] == "in/0.png")
    hi = line["maps"][0]["hi"]
    assert float(scaled["data-at"]) + 255 * float(scaled["data-step"]) == pytest.approx(hi)
    assert [float(n) for n in scaled["data-place"].split()] == [1, 0, 1, 0]
    assert float(scaled["data-at"]) + 128 * float(scaled["data-step"]) == pytest.approx(0)
    assert sum("kernel" in (attributes.get("class") or "") for attributes in page.all("span")) == 2 + 6
    said = " ".join("".join(page.text).split())
    assert "3 images, 6 maps" in said
    assert "30×20 (W×H), 1 channel" in said
    assert "zero is code 128" in said


def test_later_from_the_manifest_it_is_the_same_page() -> None:
    save("in/a.png", noise(20, 30))
    filterbank("apply", "in", "-b", "sobel", "-o", "maps", "--report", "--padding", "0", "--filter", "*x")
    before = Path("maps/index.html").read_bytes()
    Path("maps/index.html").unlink()
    ended = filterbank("report", "maps")
    assert ended.err == "filterbank: maps/index.html\n"
    assert Path("maps/index.html").read_bytes() == before
    assert filterbank("report", "maps", "--quiet").err == ""


def test_a_bank_of_ones_own_is_drawn_where_it_is_given() -> None:
    save("in/a.png", noise(20, 30))
    own = bank("own.yaml", PAIR)
    filterbank("apply", "in", "-b", own, "-o", "maps")
    filterbank("report", "maps")
    assert "background-image" not in Path("maps/index.html").read_text()
    filterbank("report", "maps", "-b", own, "-b", "sobel")
    text = Path("maps/index.html").read_text()
    assert text.count("background-image") == 2
    assert "Weights of blur, 1×3" in text


def test_hostile_names_are_names() -> None:
    for number, name in enumerate(HOSTILE):
        save("a.png", noise(9, 9, seed=number))
        Path("in").mkdir(exist_ok=True)
        Path("a.png").rename(Path("in", name))
    filterbank("apply", "in", "-b", "sobel", "-o", "maps", "--report")
    page = read()
    assert_sound(page)
    found = shown(page)
    assert sorted(found[::3]) == sorted(f"in/{name}" for name in HOSTILE)
    assert all(Path(path).is_file() for path in found)
    labels = {attributes["aria-label"] for attributes in page.all("article")}
    assert f"in/{HOSTILE[0]}" in labels
    assert "in/{{ 7 * 7 }}.png" in labels
    assert "in/two\\nlines.png" in labels


def test_a_hostile_manifest_makes_no_markup_and_no_traceback() -> None:
    save("in/a.png", noise(9, 9))
    filterbank("apply", "in", "-b", "sobel", "-o", "maps")
    (line,) = manifest(Path("maps"))
    evil = '"><img src=x onerror=alert(1)>'
    worse = json.loads(json.dumps(line))
    worse.update(input=f"in/{evil}", bank=evil)
    for number, one in enumerate(worse["maps"]):
        one.update(filter=evil, file=f"{evil}{number}.png")
    strange = [
        {**line, "options": 3, "maps": [{**line["maps"][0], "file": "x.png"}]},
        {**line, "input": "in/c.png", "height": "tall", "maps": [{**line["maps"][0], "file": "y.png"}]},
        {**line, "input": "in/b.png", "maps": [{**line["maps"][0], "file": "z.png", "lo": "low"}]},
    ]
    with Path("maps/manifest.jsonl").open("a") as stream:
        for one in [worse, *strange, 7]:
            stream.write(json.dumps(one) + "\n")
    filterbank("report", "maps")
    page = read()
    assert_sound(page)
    assert len(page.all("article")) == 2
    assert evil in [item.get("data-filter") for item in page.all("li")]
    assert "3 lines of the manifest not understood" in "".join(page.text)


@pytest.mark.parametrize(
    "extra", [("--format", "tiff"), ("--format", "npy"), ("--stack",), ("--stack", "--format", "png16")]
)
def test_what_a_browser_cannot_draw_is_embedded_small_and_linked(extra: tuple[str, ...]) -> None:
    np.save("big.npy", np.random.default_rng(0).random((300, 500), np.float32))
    filterbank("apply", "big.npy", "-b", "sobel", "-o", "maps", "--report", *extra)
    page = read()
    assert_sound(page)
    inline = [attributes for attributes in page.all("img") if attributes["src"].startswith("data:image/png")]
    assert len(inline) == 2 + 1  # the image itself is an npy
    assert all(len(attributes["src"]) < 60_000 for attributes in inline)
    hrefs = {target(attributes["href"]) for attributes in page.all("a")} - {"maps/#images"}
    assert hrefs == {"big.npy"} | {f"maps/{name}" for name in files(Path("maps")) if name != "index.html"}


def test_a_page_holds_files_as_long_as_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        save(f"in/{number}.png", noise(40, 50, seed=number))
    room = Path("in/0.png").stat().st_size + 10
    monkeypatch.setattr("filterbank.report.contact.INSIDE", room)
    filterbank("apply", "in", "-b", "sobel", "-o", "maps", "--report")
    page = read()
    assert_sound(page)
    inside = [attributes["src"].startswith("data:") for attributes in page.all("img")]
    assert inside == [True] + [False] * 8
    assert len(shown(page)) == 9


def test_several_banks_pages_and_an_image_that_has_gone() -> None:
    save("a.png", noise(20, 30, 3))
    filterbank("apply", "a.png", "-b", "sobel", "-b", "gaussian", "-o", "maps")
    Path("a.png").unlink()
    filterbank("report", "maps")
    page = read()
    assert_sound(page)
    assert len(page.all("article")) == 1
    assert "The image is not here" in "".join(page.text)
    assert len(page.all("img")) == sum(len(line["maps"]) for line in manifest(Path("maps")))


def test_thousands_of_images_come_page_by_page() -> None:
    save("in/a.png", noise(9, 9))
    filterbank("apply", "in", "-b", "sobel", "-o", "maps")
    text = Path("maps/manifest.jsonl").read_text()
    with Path("maps/manifest.jsonl").open("w") as stream:
        for number in range(3000):
            stream.write(text.replace("in/a.png", f"in/{number}.png").replace('"a/', f'"{number}/'))
    filterbank("report", "maps")
    page = read()
    assert_sound(page)
    assert len(page.all("template")) == 119
    assert len(page.all("article")) == 3000
    now = [tag for tag, _, path in page.elements if tag == "article" and "template" not in path]
    assert len(now) == 25
    names = [attributes["aria-label"] for attributes in page.all("article")]
    assert names[:3] == ["in/0.png", "in/1.png", "in/2.png"]
    assert Path("maps/index.html").stat().st_size < 10_000_000


def test_a_resumed_or_failed_run_has_its_page() -> None:
    save("in/a.png", noise(9, 9))
    Path("in/bad.png").write_bytes(b"no")
    run = ["apply", "in", "-b", "sobel", "-o", "maps", "--report"]
    filterbank(*run, code=1)
    Path("maps/index.html").unlink()
    filterbank(*run, "--resume", code=1)
    assert len(read().all("article")) == 1


def test_with_nothing_done_there_is_no_page() -> None:
    Path("bad.png").write_bytes(b"no")
    filterbank("apply", "bad.png", "-b", "sobel", "-o", "maps", "--report", code=1)
    assert not Path("maps").exists()
    save("a.png", noise(9, 9))
    filterbank("apply", "a.png", "-b", "sobel", "-o", "maps", "--report", "--dry-run")
    assert not Path("maps").exists()


def test_a_page_of_somebody_else_is_left_alone() -> None:
    save("a.png", noise(9, 9))
    Path("maps").mkdir()
    Path("maps/index.html").write_text("mine")
    ended = filterbank("apply", "a.png", "-b", "sobel", "-o", "maps", "--report", code=2)
    assert "maps/index.html: is there and is no contact sheet; rename it" in ended.err
    assert files(Path("maps")) == {"index.html": b"mine"}
    filterbank("apply", "a.png", "-b", "sobel", "-o", "maps")
    assert "is no contact sheet" in filterbank("report", "maps", code=2).err


def test_faults() -> None:
    save("a.png", noise(9, 9))
    ended = filterbank("report", "nowhere", code=2)
    assert (
        "nowhere/manifest.jsonl: no such file, or no line of a map in it; accepted: the folder" in ended.err
    )
    ended = filterbank("apply", "a.png", "-b", "identity", "-o", "-", "--report", code=2)
    assert "--report with --out -: there is no folder for the page" in ended.err
    ended = filterbank(
        "apply", "a.png", "-b", "identity", "-o", "maps", "--name", "index.html", "--report", code=2
    )
    assert (
        "maps/index.html: the contact sheet and filter identity of identity on a.png would share" in ended.err
    )


def test_only_a_report_imports_the_template_library() -> None:
    save("a.png", noise(9, 9))
    code = (
        "import sys; from filterbank.cli.main import main\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "print('jinja2' in sys.modules)"
    )
    for extra, expected in (([], "False"), (["--report", "--resume"], "True")):
        arguments = ["apply", "a.png", "-b", "sobel", "-o", "maps", "--quiet", *extra]
        ended = subprocess.run(
            [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
        )
        assert ended.stdout == expected + "\n"


def test_the_reader_of_pages_can_fail() -> None:
    with pytest.raises(AssertionError):
        Page("<p><b></p>")
    assert links(Page('<a href="https://x"></a>')) == ["https://x"]
