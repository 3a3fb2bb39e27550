"""The contact sheet in a real browser, opened from the disk: values, keys, search, schemes, no network."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from running import bank, filterbank, noise, save

from filterbank.imagefile.read_map import read_maps

WANTED = os.environ.get("FILTERBANK_BROWSER")
FOUND = shutil.which(WANTED or "") or shutil.which("chromium") or shutil.which("chromium-browser")
QUIET = ["--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
QUIET += ["--no-first-run", "--no-sandbox", "--disable-dev-shm-usage"]

if WANTED:
    from playwright import sync_api as playwright

    assert FOUND, f"FILTERBANK_BROWSER is {WANTED}, and there is no chromium"
else:
    playwright = pytest.importorskip("playwright.sync_api")
    if FOUND is None:
        pytest.skip("no chromium here", allow_module_level=True)

WIDTH, HEIGHT = 60, 40


@pytest.fixture(scope="module")
def browser() -> Iterator:
    # Of its own process, as Playwright's loop must not meet that of another test.
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=FOUND, headless=True, args=QUIET)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def maps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three images, one of them a JPEG, and their maps by a bank whose stride is 2."""
    folder = tmp_path_factory.mktemp("browser")
    before = Path.cwd()
    os.chdir(folder)
    try:
        save("in/colour.png", noise(HEIGHT, WIDTH, 3, seed=1))
        save("in/grey.png", noise(HEIGHT, WIDTH, seed=2))
        yy, xx = np.mgrid[:HEIGHT, :WIDTH]
        Image.fromarray(np.uint8(2 * yy + 2 * xx)).save("in/photo.jpg", quality=95)
        own = bank("own.yaml", "filters:\n- {name: grey, kernel: [[1]]}\n")
        filterbank("apply", "in", "-b", "sobel", "-b", own, "--stride", "2", "-o", "maps", "--report")
        filterbank("apply", "in/grey.png", "-b", "sobel", "--format", "tiff", "-o", "floats", "--report")
    finally:
        os.chdir(before)
    return folder / "maps"


@pytest.fixture
def page(browser, maps: Path) -> Iterator:
    with opened(browser, maps) as found:
        yield found


class opened:
    """A page of a folder in a fresh profile; a request of the network or an error in it is a failure."""

    def __init__(self, browser, folder: Path, **settings) -> None:
        self.context = browser.new_context(**settings)
        self.folder = folder
        self.asked: list[str] = []
        self.errors: list[str] = []

    def __enter__(self):
        page = self.context.new_page()
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on(
            "console", lambda message: self.errors.append(message.text) if message.type == "error" else None
        )
        page.goto((self.folder / "index.html").as_uri())
        page.asked, page.errors = self.asked, self.errors
        return page

    def __exit__(self, kind, *_: object) -> None:
        self.context.close()
        if kind is None:
            assert self.errors == []
            assert [url for url in self.asked if not url.startswith(("file:", "data:"))] == []


def picture(page, image: str, which: str = "image"):
    article = page.locator(f'article[aria-label="in/{image}"]')
    item = article.locator("li.input" if which == "image" else f'li[data-filter="{which}"]')
    return item.locator("img")


def hover(page, img, x: int, y: int) -> str:
    """Put the mouse on pixel (x, y) of a picture and return what is told."""
    img.scroll_into_view_if_needed()
    img.evaluate("e => e.decode()")
    place = img.evaluate(
        """(e, [x, y]) => {
            const box = e.getBoundingClientRect();
            const by = Math.min(box.width / e.naturalWidth, box.height / e.naturalHeight);
            return [box.left + (box.width - by * e.naturalWidth) / 2 + by * (x + .5),
                    box.top + (box.height - by * e.naturalHeight) / 2 + by * (y + .5)];
        }""",
        [x, y],
    )
    page.mouse.move(*place)
    return page.locator("#reading").inner_text()


def numbers(text: str) -> list[float]:
    return [
        float(word.replace("\N{MINUS SIGN}", "-"))
        for word in re.findall(r"[\u2212-]?\d[\d.]*(?:e-?\d+)?", text)
    ]


@pytest.mark.parametrize("image", ["colour.png", "grey.png", "photo.jpg"])
@pytest.mark.parametrize("name", ["sobel_x", "sobel_y", "grey"])
def test_the_value_under_the_mouse_is_that_of_the_file(page, maps: Path, image: str, name: str) -> None:
    stem = Path(image).stem
    (path,) = maps.glob(f"{stem}/*/{name}.png")
    values = read_maps(path)[0][0]
    pixels = np.asarray(Image.open(maps.parent / "in" / image)) / 255
    rng = np.random.default_rng(3)
    for x, y in zip(rng.integers(0, WIDTH // 2, 4), rng.integers(0, HEIGHT // 2, 4), strict=True):
        said = hover(page, picture(page, image, name), int(x), int(y))
        found = re.fullmatch(rf"{name} at row {y}, column {x}: (\S+) \(code \d+ of 255\) · image (.*)", said)
        assert found, said
        assert numbers(found[1]) == [pytest.approx(values[y, x], abs=2e-5)]
        # SAME_UPPER at stride 2 of an even size: the middle of a 3×3 filter lies on odd pixels.
        middle = 0 if name == "grey" else 1
        beside = np.atleast_1d(pixels[2 * y + middle, 2 * x + middle])
        is_near = image.endswith("jpg")
        assert numbers(found[2]) == pytest.approx(beside.tolist(), abs=0.02 if is_near else 1e-4)
        assert found[2].startswith("about ") == is_near


def test_on_the_image_all_its_maps_are_told(page, maps: Path) -> None:
    said = hover(page, picture(page, "colour.png"), 31, 21)
    head, *rest = said.split(" · ")
    pixels = np.asarray(Image.open(maps.parent / "in/colour.png"))[21, 31]
    assert head.startswith("image at row 21, column 31: ")
    assert numbers(head)[2:] == pytest.approx([*(pixels / 255), *pixels, 255], abs=1e-4)
    assert [part.split()[0] for part in rest] == ["sobel_x", "sobel_y", "grey"]
    values = read_maps(maps / "colour/sobel/sobel_x.png")[0][0]
    assert numbers(rest[0].removeprefix("sobel_x")) == [pytest.approx(values[10, 15], abs=2e-5)]
    assert page.locator(".mark").count() == 4


def test_previews_of_floats_are_near(browser, maps: Path) -> None:
    floats = maps.parent / "floats"
    values = read_maps(floats / "grey/sobel_x.tiff")[0][0]
    with opened(browser, floats) as page:
        said = hover(page, picture(page, "grey.png", "sobel_x"), 7, 9)
        assert "sobel_x at row 9, column 7: about " in said
        step = float(2 * np.abs(values).max() / 255)
        assert numbers(said.split("about ")[1])[0] == pytest.approx(values[9, 7], abs=step)


def test_everything_is_within_reach_of_the_keyboard(page, maps: Path) -> None:
    def focused() -> str:
        return page.evaluate("document.activeElement.querySelector('img')?.alt ?? document.activeElement.id")

    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "images"
    page.keyboard.press("Tab")
    assert focused() == "The image in/colour.png"
    page.keyboard.press("ArrowRight")
    assert focused().startswith("Map sobel_x of in/colour.png")
    page.keyboard.press("ArrowDown")
    assert focused().startswith("Map sobel_x of in/grey.png")
    before = hover(page, picture(page, "grey.png", "sobel_x"), 5, 5)
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowDown")
    said = page.locator("#reading").inner_text()
    assert "row 6, column 6" in said
    assert said != before
    page.keyboard.press("Alt+Shift+ArrowRight")
    assert "row 6, column 16" in page.locator("#reading").inner_text()
    page.keyboard.press("/")
    assert focused() == "find"
    page.keyboard.type("grey")
    page.keyboard.press("Escape")
    assert page.locator("article:visible").count() == 3
    assert page.evaluate("document.activeElement.id") == "images"


def test_what_has_the_focus_is_not_under_the_bars(page) -> None:
    page.set_viewport_size({"width": 700, "height": 500})
    page.locator("article a").first.focus()
    page.mouse.move(5, 5)
    for key in ["ArrowRight"] * 3 + ["ArrowDown"] * 2 + ["ArrowLeft"] * 3 + ["ArrowUp"] * 2:
        page.keyboard.press(key)
        box, tools = (
            page.evaluate("e => (({ top, bottom }) => [top, bottom])(e.getBoundingClientRect())", element)
            for element in (page.evaluate_handle("document.activeElement"), page.query_selector("#tools"))
        )
        assert tools[1] <= box[0] < box[1] <= 500, key


def test_tab_walks_in_the_order_that_is_seen(page) -> None:
    seen = []
    for _ in range(40):
        page.keyboard.press("Tab")
        place = page.evaluate(
            """() => { const e = document.activeElement, box = e.getBoundingClientRect();
            const isPicture = e.closest('article') ? 1 : 0;
            return e === document.body ? null : [isPicture, box.top + scrollY, box.left, e.tagName]; }"""
        )
        if place is None:
            break
        seen.append(place)
    pictures = [place for place in seen if place[0]]
    assert len(pictures) == 3 * 4
    assert pictures == sorted(pictures)
    assert {"A", "INPUT", "SUMMARY"} <= {place[3] for place in seen}  # Previous and Next are dead on one page


def test_search_by_file_and_by_filter(page) -> None:
    page.locator("#find").fill("photo")
    assert [e.get_attribute("aria-label") for e in page.locator("article:visible").all()] == ["in/photo.jpg"]
    assert page.locator("#found").inner_text() == "1 image"
    page.locator("#find").fill("SOBEL_Y")
    assert page.locator("article:visible").count() == 3
    assert page.locator("li[data-filter]:visible").count() == 3
    page.locator("#find").fill("no such thing")
    assert page.locator("article:visible").count() == 0
    assert page.locator("#found").inner_text() == "0 images"


def test_a_screen_reader_finds_names_for_everything(page) -> None:
    assert page.get_by_role("main", name="Images and their maps").count() == 1
    assert page.get_by_role("search").count() == 1
    assert page.get_by_role("navigation", name="Pages").count() == 1
    assert page.get_by_role("article", name="in/grey.png").get_by_role("img").count() >= 4
    assert page.get_by_role("searchbox", name="Find an image or a filter").count() == 1
    nameless = page.evaluate(
        """() => [...document.querySelectorAll('a, button, input, img, [role=img]')].filter(e =>
            !(e.getAttribute('aria-label') || e.alt || e.textContent.trim() || e.labels?.length
              || e.querySelector('img[alt]'))).length"""
    )
    assert nameless == 0
    assert page.evaluate("document.querySelectorAll('output[role=status]').length") == 2


CONTRAST = """() => {
    const parse = text => text.match(/[\\d.]+/g).map(Number);
    const linear = v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
    const light = rgb => rgb.slice(0, 3).map(v => linear(v / 255))
        .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
    function behind(e) {
        for (; e; e = e.parentElement) {
            const colour = parse(getComputedStyle(e).backgroundColor);
            if (colour.length < 4 || colour[3]) return colour;
        }
        return [255, 255, 255];
    }
    const speaks = e => e.offsetParent && !e.disabled
        && [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
    const seen = [...document.querySelectorAll('body *')].filter(speaks);
    return seen.map(e => {
        const both = [light(parse(getComputedStyle(e).color)), light(behind(e))].sort((a, b) => b - a);
        return [(both[0] + .05) / (both[1] + .05), e.tagName + '.' + e.className];
    });
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark_can_be_read(browser, maps: Path, scheme: str) -> None:
    with opened(browser, maps, color_scheme=scheme) as page:
        paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, re.findall(r"\d+", paper))) > 384) == (scheme == "light")
        ratios = page.evaluate(CONTRAST)
        assert len(ratios) > 30
        assert min(ratios)[0] >= 4.5, min(ratios)  # WCAG 2.2 AA for text


def test_a_page_that_may_not_read_its_pictures_says_what_codes_mean(browser, maps: Path, monkeypatch) -> None:
    monkeypatch.chdir(maps.parent)
    monkeypatch.setattr("filterbank.report.contact.INSIDE", 0)
    shutil.copytree("maps", "linked")
    filterbank("report", "linked")
    with opened(browser, maps.parent / "linked") as page:
        said = hover(page, picture(page, "grey.png", "sobel_x"), 3, 4)
        assert "sobel_x at row 4, column 3: a code c means " in said
        assert "behind a web server it does" in said
        assert any(url.endswith("sobel_x.png") for url in page.asked)


def test_nothing_is_fetched_from_anywhere_else(browser, maps: Path, tmp_path: Path) -> None:
    evil = '"><img src=http://example.invalid/x.png><script src=http://example.invalid/x.js></script>'
    lines = [json.loads(line) for line in (maps / "manifest.jsonl").read_text().splitlines()]
    lines[0]["maps"][0]["filter"] = evil
    lines[0]["input"] = "//example.invalid/picture.png"
    copy = shutil.copytree(maps, tmp_path / "maps")
    (copy / "manifest.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    filterbank("report", copy)
    with opened(browser, copy) as page:
        assert page.locator("article").count() == 4
        assert page.locator("img[src*=invalid], script[src]").count() == 0
        assert page.errors == []
        # Were there markup after all, the page's own rule would stop it.
        page.evaluate("document.body.append(Object.assign(new Image(), { src: 'http://example.invalid/y' }))")
        page.wait_for_timeout(100)
        assert "Content Security Policy" in page.errors.pop()
        assert page.asked.pop() == "http://example.invalid/y"  # asked for, and stopped


def thousands(folder: Path, count: int) -> None:
    """A manifest of *count* images that share one image's files, so that all pictures are there."""
    save(str(folder / "in/a.png"), noise(90, 120, 3))
    filterbank("apply", folder / "in", "-b", "laws-9", "-o", folder / "maps")
    (line,) = (folder / "maps/manifest.jsonl").read_text().splitlines()
    with (folder / "maps/manifest.jsonl").open("w") as stream:
        for number in range(count):
            stem = f"{number:04d}"
            (folder / f"in/{stem}.png").hardlink_to(folder / "in/a.png")
            stream.write(line.replace("/in/a.png", f"/in/{stem}.png").replace('"a/', f'"{stem}/') + "\n")
            (folder / f"maps/{stem}").symlink_to("a")
    filterbank("report", folder / "maps", "--quiet")


def test_three_thousand_images_are_walked(browser, tmp_path: Path, record_testsuite_property) -> None:
    thousands(tmp_path, 3000)
    with opened(browser, tmp_path / "maps") as page:
        timing = page.evaluate(
            """() => new Promise(done => requestAnimationFrame(() => setTimeout(() => done({
                paint: performance.getEntriesByType('paint').map(e => e.startTime).at(-1),
                ready: performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd }), 0)))"""
        )
        assert page.locator("#found").inner_text() == "3000 images"
        assert page.locator("article").count() == 25
        assert sum(url.endswith(".png") for url in page.asked) <= 25 * 10
        page.get_by_role("button", name="Next").click()
        assert page.locator("article").first.get_attribute("aria-label").endswith("/in/0025.png")
        search = page.evaluate(
            """() => { const find = document.getElementById('find'), began = performance.now();
            find.value = '2999'; find.dispatchEvent(new Event('input'));
            document.body.getBoundingClientRect(); return performance.now() - began; }"""
        )
        assert page.locator("article").count() == 1
        page.locator("#find").fill("")
        page.locator("#page").fill("120")
        page.locator("#page").press("Enter")
        assert page.locator("article").last.get_attribute("aria-label").endswith("/in/2999.png")
        assert page.get_by_role("button", name="Next").is_disabled()
        for name, taken in (*timing.items(), ("search", search)):
            record_testsuite_property(f"{name}_ms", round(taken))


def test_without_a_browser_the_variable_makes_a_failure() -> None:
    command = [sys.executable, "-m", "pytest", "-rs", "-p", "no:cacheprovider", __file__]
    outcomes = {}
    for wanted in ("", "1"):
        environment = {**os.environ, "PATH": "/nowhere", "FILTERBANK_BROWSER": wanted}
        ended = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        outcomes[wanted] = ended.returncode, ended.stdout
    assert "no chromium here" in outcomes[""][1], outcomes
    assert outcomes["1"][0] == 2
    assert "there is no chromium" in outcomes["1"][1]
