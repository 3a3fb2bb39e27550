"""What a careful user of PyTorch writes: ``torch_maps.py BANK.json OUT THREADS IMAGE...``, with Pillow."""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image


def main():
    bank_file, out, threads, *images = sys.argv[1:]
    bank = json.loads(Path(bank_file).read_text())["filters"]
    torch.set_num_threads(int(threads))
    last = torch.channels_last
    weights = torch.tensor([entry["kernel"] for entry in bank]).to(memory_format=last)
    sums, sizes = weights.sum((1, 2, 3)), weights.abs().sum((1, 2, 3))
    signed = (sums.abs() < 1e-6 * sizes).tolist()
    for image in images:
        folder = Path(out, Path(image).stem)
        folder.mkdir(parents=True)
        pixels = torch.from_numpy(np.array(Image.open(image).convert("RGB")))
        with torch.inference_mode():
            # A view of interleaved pixels is channels_last already.
            maps = torch.nn.functional.conv2d(pixels.permute(2, 0, 1)[None].float(), weights, padding=1)[0]

            def one(k, maps=maps, folder=folder):
                values = maps[k]
                if signed[k]:
                    values = values * (127 / values.abs().max()) + 128
                codes = values.round().clamp(0, 255).to(torch.uint8).contiguous()
                Image.fromarray(codes.numpy()).save(folder / f"{bank[k]['name']}.png", compress_level=1)

            with ThreadPoolExecutor(int(threads)) as pool:
                list(pool.map(one, range(len(bank))))


if __name__ == "__main__":
    main()
