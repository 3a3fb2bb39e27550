"""What a careful user of PyTorch writes for many: ``torch_dataloader.py BANK.json OUT WORKERS IMAGE...``.

A DataLoader decodes in worker processes; maps are computed here, and encoded by threads that are at most a
few images behind.
"""

import json
import sys
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset


class Photographs(Dataset):
    def __init__(self, paths):
        self.paths = paths

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        pixels = np.array(Image.open(self.paths[index]).convert("RGB"))
        return self.paths[index], torch.from_numpy(pixels)


def write(path, values, is_signed):
    if is_signed:
        values = values * (127 / values.abs().max()) + 128
    codes = values.round().clamp(0, 255).to(torch.uint8).contiguous()
    Image.fromarray(codes.numpy()).save(path, compress_level=1)


def main():
    bank_file, out, workers, *images = sys.argv[1:]
    bank = json.loads(Path(bank_file).read_text())["filters"]
    torch.set_num_threads(1)  # the workers and the encoders have the cores
    last = torch.channels_last
    weights = torch.tensor([entry["kernel"] for entry in bank]).to(memory_format=last)
    sums, sizes = weights.sum((1, 2, 3)), weights.abs().sum((1, 2, 3))
    signed = (sums.abs() < 1e-6 * sizes).tolist()
    # The images have many sizes: each is a batch of its own.
    loader = DataLoader(Photographs(images), batch_size=None, num_workers=int(workers))
    pending = deque()
    with ThreadPoolExecutor(int(workers)) as pool, torch.inference_mode():
        for path, pixels in loader:
            folder = Path(out, Path(path).stem)
            folder.mkdir(parents=True)
            maps = torch.nn.functional.conv2d(pixels.permute(2, 0, 1)[None].float(), weights, padding=1)[0]
            for k, entry in enumerate(bank):
                pending.append(pool.submit(write, folder / f"{entry['name']}.png", maps[k], signed[k]))
            while len(pending) > 4 * len(bank):
                pending.popleft().result()
        for each in pending:
            each.result()


if __name__ == "__main__":
    main()
