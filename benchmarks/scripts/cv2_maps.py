"""What a user of OpenCV writes: ``cv2_maps.py BANK.json OUT PROCESSES IMAGE...``.

One image after another, maps written one by one with OpenCV's own settings; many images share the
processes. With ``--tuned`` first, what a careful user writes: the maps of one image share the threads, and
PNG takes the fastest setting that OpenCV has.
"""

import json
import multiprocessing
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np

PNG = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_HUFFMAN_ONLY]
if hasattr(cv2, "IMWRITE_PNG_FILTER"):
    PNG = [cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_UP, *PNG]


def maps_of(path, bank, out, threads, tuned):
    cv2.setNumThreads(threads)
    folder = Path(out, Path(path).stem)
    folder.mkdir(parents=True)
    planes = [plane.astype(np.float32) for plane in cv2.split(cv2.imread(path))[::-1]]

    def one(entry):
        kernel = np.array(entry["kernel"], np.float32)
        values = cv2.filter2D(planes[0], cv2.CV_32F, kernel[0], borderType=cv2.BORDER_CONSTANT)
        for plane, taps in zip(planes[1:], kernel[1:], strict=True):
            part = cv2.filter2D(plane, cv2.CV_32F, taps, borderType=cv2.BORDER_CONSTANT)
            cv2.add(values, part, dst=values)
        if abs(kernel.sum()) < 1e-6 * np.abs(kernel).sum():
            values = cv2.multiply(values, 127 / cv2.norm(values, cv2.NORM_INF), dst=values)
            codes = cv2.add(values, 128, dtype=cv2.CV_8U)
        else:
            codes = cv2.add(values, 0, dtype=cv2.CV_8U)
        cv2.imwrite(str(folder / f"{entry['name']}.png"), codes, PNG if tuned else [])

    if threads == 1 or not tuned:
        for entry in bank:
            one(entry)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(one, bank))


def main():
    tuned = sys.argv[1] == "--tuned"
    bank_file, out, processes, *images = sys.argv[1 + tuned :]
    bank = json.loads(Path(bank_file).read_text())["filters"]
    if len(images) == 1:
        maps_of(images[0], bank, out, int(processes), tuned)
        return
    with multiprocessing.Pool(int(processes)) as pool:
        pool.starmap(maps_of, [(image, bank, out, 1, tuned) for image in images], chunksize=4)


if __name__ == "__main__":
    main()
