"""What a careful user of libvips writes: ``pyvips_maps.py BANK.json OUT THREADS IMAGE...``."""

import json
import sys
from pathlib import Path

import pyvips


def maps_of(image, bank, out):
    folder = Path(out, Path(image).stem)
    folder.mkdir(parents=True)
    # Each filter passes over the image once or twice: in memory it is decoded once.
    pixels = pyvips.Image.new_from_file(image).copy_memory()
    height, width = pixels.height, pixels.width
    framed = pixels.embed(1, 1, width + 2, height + 2, extend="black")
    for entry in bank:
        parts = [
            framed[c].conv(pyvips.Image.new_from_array(plane), precision="float")
            for c, plane in enumerate(entry["kernel"])
        ]
        values = pyvips.Image.sum(parts).crop(1, 1, width, height)
        flat = [weight for plane in entry["kernel"] for row in plane for weight in row]
        if abs(sum(flat)) < 1e-6 * sum(map(abs, flat)):
            values = values.copy_memory()
            values = values.linear(127 / values.abs().max(), 128)
        codes = values.rint().cast("uchar")
        codes.pngsave(str(folder / f"{entry['name']}.png"), compression=1, filter="up")


def main():
    bank_file, out, _, *images = sys.argv[1:]  # libvips uses every core
    bank = json.loads(Path(bank_file).read_text())["filters"]
    pyvips.cache_set_max(0)
    for image in images:
        maps_of(image, bank, out)


if __name__ == "__main__":
    main()
