"""Make the pictures of the documents, through the program itself.

    python docs/make_pictures.py

Every map is written by ``filterbank apply``; Pillow only puts them side by side with their names.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import click
from PIL import Image, ImageDraw, ImageFont

from filterbank.cli.main import cli
from filterbank.model import PADDING_MODES

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "docs" / "pictures"
SCENE = ROOT / "sample_images" / "scene.png"

PAPER = (255, 255, 255)
INK = (40, 40, 40)
GAP = 10
LINE = 22

# bank and filter
MAPS = (
    ("sobel", "sobel_x"),
    ("sobel", "sobel_y"),
    ("gaussian", "gaussian_4"),
    ("laplacian", "laplacian_8"),
    ("opponent", "red_green"),
)

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
    """Write *sheet* with few colours, so that it stays small."""
    PICTURES.mkdir(exist_ok=True)
    few = sheet.quantize(128, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    few.save(PICTURES / name, optimize=True)
    print(f"{name}: {sheet.width}x{sheet.height}, {(PICTURES / name).stat().st_size:,} bytes")


def make_maps(folder: Path) -> None:
    """One picture and some of its maps."""
    small = folder / "scene.png"
    with Image.open(SCENE) as scene:
        picture = scene.convert("RGB")
        picture.thumbnail((256, 256), Image.Resampling.LANCZOS)
        picture.save(small)
    panels = [("the picture", picture)]
    panels += [(name, one_map(small, bank, name, folder)) for bank, name in MAPS]
    save(captioned(panels, 3), "maps.png")


def make_padding(folder: Path) -> None:
    """A small piece of the picture, padded in every mode by a 1×1 layer that copies."""
    small = folder / "piece.png"
    with Image.open(SCENE) as scene:
        picture = scene.convert("RGB")
        picture.thumbnail((128, 128), Image.Resampling.LANCZOS)
        picture = picture.crop((28, 12, 100, 72))
        picture.save(small)
    bank = folder / "copy.yaml"
    bank.write_text(COPY_BANK, "utf-8")
    padding = 36
    panels = []
    for mode in PADDING_MODES:
        out = folder / f"padding-{mode}"
        options = ["--padding", str(padding), "--padding-mode", mode, "--quiet"]
        if mode == "constant":
            options += ["--padding-value", "0.75"]
        filterbank("apply", small, "-b", bank, "-o", out, *options)
        planes = [
            Image.open(next(out.rglob(f"{name}.png"))).convert("L") for name in ("red", "green", "blue")
        ]
        panel = Image.merge("RGB", planes)
        box = padding - 1, padding - 1, padding + picture.width, padding + picture.height
        ImageDraw.Draw(panel).rectangle(box, outline=(255, 0, 90))
        caption = "constant 0.75" if mode == "constant" else mode
        panels.append(
            (caption, panel.resize((panel.width * 3 // 2, panel.height * 3 // 2), Image.Resampling.NEAREST))
        )
    save(captioned(panels, 3), "padding.png")


def main() -> None:
    """Make all pictures."""
    with tempfile.TemporaryDirectory() as folder:
        make_maps(Path(folder))
        make_padding(Path(folder))


if __name__ == "__main__":
    main()
