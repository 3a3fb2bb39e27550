"""What a careful user of libvips writes for many: ``pyvips_batch.py BANK.json OUT PROCESSES IMAGE...``."""

import json
import multiprocessing
import os
import sys
from pathlib import Path

os.environ["VIPS_CONCURRENCY"] = "1"  # before libvips is loaded: the processes have the cores

from pyvips_maps import maps_of


def main():
    bank_file, out, processes, *images = sys.argv[1:]
    bank = json.loads(Path(bank_file).read_text())["filters"]
    with multiprocessing.Pool(int(processes)) as pool:
        pool.starmap(maps_of, [(image, bank, out) for image in images], chunksize=4)


if __name__ == "__main__":
    main()
