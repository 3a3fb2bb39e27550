"""Make the pictures of the documents, through the program itself.

    python docs/make_pictures.py

Every map is written by ``filterbank apply``; Pillow only puts them side by side with their names.
"""

from __future__ import annotations

import colorsys
import tempfile
from pathlib import Path

import click
from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from filterbank import bankfile
from filterbank.cli.main import cli
from filterbank.model import PADDING_MODES

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "docs" / "pictures"
SCENE = ROOT / "sample_images" / "landscape.jpg"

PAPER = (255, 255, 255)
INK = (40, 40, 40)
GAP = 10
LINE = 22

# bank and filter
MAPS = (
    ("sobel", "sobel_x"),
    ("sobel", "sobel_y"),
    ("gaussian", "gaussian_4"),
    ("emboss", "emboss"),
    ("opponent", "yellow_blue"),
)

LETTER = (
    "........",
    ".#####..",
    ".#......",
    ".####...",
    ".#......",
    ".#......",
)
PADDING = 4
ZOOM = 14
# One colour scale for all of a bank's filters, unless the largest weight of one is so many times another's.
PALE = 4
COLOURS = 200

COPY_BANK = """\
name: copy
input: rgb
filters:
  - {name: red, kernel: [[1]], channels: [1, 0, 0]}
  - {name: green, kernel: [[1]], channels: [0, 1, 0]}
  - {name: blue, kernel: [[1]], channels: [0, 0, 1]}
"""


def filterbank(*arguments: str | Path) -> None:
    """Run one command of the program in this process."""
    try:
        cli.main([str(argument) for argument in arguments], standalone_mode=False)
    except click.exceptions.Exit as done:
        if done.exit_code:
            raise


def one_map(picture: Path, bank: str, name: str, folder: Path) -> Image.Image:
    """Return the map that the filter *name* of *bank* makes of *picture*."""
    out = folder / f"{bank}-{name}"
    filterbank("apply", picture, "-b", bank, "--filter", name, "-o", out, "--quiet")
    return Image.open(next(out.rglob("*.png"))).convert("RGB")


def captioned(panels: list[tuple[str, Image.Image]], columns: int) -> Image.Image:
    """Return the panels in rows of *columns*, each with its caption below."""
    width = max(picture.width for _, picture in panels)
    height = max(picture.height for _, picture in panels)
    rows = -(-len(panels) // columns)
    size = GAP + columns * (width + GAP), GAP + rows * (height + LINE + GAP)
    sheet = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(13)
    for number, (caption, picture) in enumerate(panels):
        row, column = divmod(number, columns)
        left, top = GAP + column * (width + GAP), GAP + row * (height + LINE + GAP)
        sheet.paste(picture, (left + (width - picture.width) // 2, top + (height - picture.height) // 2))
        draw.text((left + width / 2, top + height + 4), caption, INK, font, anchor="ma")
    return sheet


def save(sheet: Image.Image, name: str) -> None:
    """Write *sheet*: as PNG where every pixel counts, as JPEG where photographs would make a large file."""
    PICTURES.mkdir(exist_ok=True)
    options = {"quality": 88, "subsampling": 0} if name.endswith(".jpg") else {}
    sheet.save(PICTURES / name, optimize=True, **options)
    print(f"{name}: {sheet.width}x{sheet.height}, {(PICTURES / name).stat().st_size:,} bytes")


def make_maps(folder: Path) -> None:
    """One picture and some of its maps."""
    small = folder / "landscape.png"
    with Image.open(SCENE) as scene:
        picture = scene.convert("RGB")
        picture.thumbnail((256, 256), Image.Resampling.LANCZOS)
        picture.save(small)
    panels = [("the picture", picture)]
    panels += [(name, one_map(small, bank, name, folder)) for bank, name in MAPS]
    save(captioned(panels, 3), "maps.jpg")


def letter() -> Image.Image:
    """Return a few pixels of different colours with an F among them, which no mirror leaves as it is."""
    picture = Image.new("RGB", (len(LETTER[0]), len(LETTER)))
    for y, row in enumerate(LETTER):
        for x, mark in enumerate(row):
            light = 0.35 if mark == "#" else 1.0
            red, green, blue = colorsys.hsv_to_rgb(x / 12, 0.25 + 0.1 * y, light)
            picture.putpixel((x, y), (round(255 * red), round(255 * green), round(255 * blue)))
    return picture


def make_padding(folder: Path) -> None:
    """Write a few pixels, padded in every mode by a 1×1 layer that copies."""
    small = folder / "letter.png"
    picture = letter()
    picture.save(small)
    bank = folder / "copy.yaml"
    bank.write_text(COPY_BANK, "utf-8")
    panels = []
    for mode in PADDING_MODES:
        out = folder / f"padding-{mode}"
        options = ["--padding", str(PADDING), "--padding-mode", mode, "--quiet"]
        if mode == "constant":
            options += ["--padding-value", "0.75"]
        filterbank("apply", small, "-b", bank, "-o", out, *options)
        planes = [
            Image.open(next(out.rglob(f"{name}.png"))).convert("L") for name in ("red", "green", "blue")
        ]
        panel = Image.merge("RGB", planes)
        panel = panel.resize((panel.width * ZOOM, panel.height * ZOOM), Image.Resampling.NEAREST)
        near, right, bottom = (ZOOM * n for n in (PADDING, PADDING + picture.width, PADDING + picture.height))
        ImageDraw.Draw(panel).rectangle((near, near, right - 1, bottom - 1), outline=INK, width=2)
        panels.append(("constant, 0.75" if mode == "constant" else mode, panel))
    save(captioned(panels, 3), "padding.png")


def make_sheet(folder: Path) -> None:
    """Write the sheet of the bank that the README shows."""
    text = (ROOT / "README.md").read_text("utf-8")
    bank = folder / "soft_edges.yaml"
    bank.write_text(text.split("```yaml\n")[1].split("```")[0], "utf-8")
    filterbank("show", bank, "-o", folder / "sheet.png", "--quiet")
    with Image.open(folder / "sheet.png") as sheet:
        sheet.thumbnail((760, 760), Image.Resampling.LANCZOS)
        save(sheet, "soft_edges.png")


def make_matrix(folder: Path) -> None:
    """The matrix of two filters on an image of few pixels."""
    picture = folder / "matrix.png"
    filterbank(
        "matrix", "sobel", "--size", "6x5", "-o", folder / "matrix.npz", "--picture", picture, "--quiet"
    )
    with Image.open(picture) as drawn:
        save(drawn.reduce(2).quantize(COLOURS), "matrix.png")


def make_layers(folder: Path) -> None:
    """The filters of two layers that were trained together, as the document on fitting trains them."""
    text = (ROOT / "docs" / "fitting.md").read_text("utf-8")
    bank = folder / "net.yaml"
    bank.write_text(text.split("```yaml\n")[1].split("```")[0], "utf-8")
    scene = ROOT / "sample_images" / "fabric.png"
    maps = ("--name", "{filter}.{ext}", "--range", "clip", "-o", folder, "--quiet")
    filterbank("apply", scene, "-b", "sobel-magnitude", *maps)
    words = ("--target", folder / "magnitude.png", "--layers", bank, "--random-start")
    drawn = ("--picture", folder / "edges.png", "-o", folder / "edges.yaml")
    filterbank("fit", "--input", scene, *words, *drawn, "--quiet")
    with Image.open(folder / "edges.png") as sheet:
        sheet.thumbnail((900, 1300), Image.Resampling.LANCZOS)
        save(sheet.quantize(COLOURS), "fit-layers.png")


def sheet_of(name: str, folder: Path) -> Image.Image:
    """Return the sheet of a shipped bank; on one scale unless that would leave filters pale."""
    bank = bankfile.load(name)
    largest = [abs(each.weights).max() for each in bank.filters]
    scale = "common" if max(largest) <= PALE * min(largest) else "filter"
    filterbank("show", name, "-o", folder / f"{name}.png", "--scale", scale, "--quiet")
    with Image.open(folder / f"{name}.png") as sheet:
        sheet.thumbnail((900, 900), Image.Resampling.LANCZOS)
        return sheet.quantize(COLOURS)


def make_gallery(folder: Path) -> None:
    """Write the sheet of every shipped bank; it carries the digest of the bank that it shows."""
    (PICTURES / "banks").mkdir(parents=True, exist_ok=True)
    for path in (PICTURES / "banks").glob("*.png"):
        path.unlink()
    for name in bankfile.shipped():
        note = PngInfo()
        note.add_text("digest", bankfile.load(name).digest)
        path = PICTURES / "banks" / f"{name}.png"
        sheet_of(name, folder).save(path, optimize=True, pnginfo=note)
        print(f"banks/{name}.png: {path.stat().st_size:,} bytes")


def main() -> None:
    """Make all pictures."""
    with tempfile.TemporaryDirectory() as folder:
        make_maps(Path(folder))
        make_padding(Path(folder))
        make_sheet(Path(folder))
        make_matrix(Path(folder))
        make_layers(Path(folder))
        make_gallery(Path(folder))


if __name__ == "__main__":
    main()
