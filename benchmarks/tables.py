"""The committed results as a page: ``python -m benchmarks.tables`` writes ``benchmarks/results/README.md``.

Reads the JSON files of that folder. Several ``kernels*.json`` or ``endtoend*.json`` with the same workload on
the same processor are one row, its ratios the median and, in brackets, the least and the largest.
"""

import json
from pathlib import Path
from statistics import median

RESULTS = Path(__file__).with_name("results")

# What each row should reach at least, as best peer's time ÷ ours; W6 for floats.
MUST = {"W1": 1.6, "W2": 5, "W2g": 5, "W3": 1.5, "W4": 5, "W5": 1.8, "W6": 2, "W7": 2}
MUST |= {"W8a": 1.3, "W8b": 1.3, "W8c": 1.3, "W8d": 1.3, "E1": 5, "E2": 1.2, "E3": 4}
LAYERS = ("layer", "", "best peer", "its ms", "ours", "ratio", "8-bit in", "8-bit in, out", "share", "least")
JOBS = ("job", "", "ours, ms", "peer", "its ms", "ratio", "processors' ratio", "least")
KINDS = ("", " 8-bit in", " 8-bit in and out")


def read(pattern):
    """Return, for each processor, {(workload, pixels): its results in all runs} and what is told of it."""
    found = {}
    for path in sorted(RESULTS.glob(pattern)):
        told = json.loads(path.read_text("utf-8"))
        results, machines = found.setdefault(told["machine"]["processor"], ({}, []))
        machines.append(told["machine"])
        for result in told["results"]:
            key = result["workload"], result.get("width", 0) * result.get("height", 0)
            results.setdefault(key, []).append(result)
    return found.values()


def spread(values, digits=2):
    """Return the median, with the least and the largest where there are several."""
    middle = f"{median(values):.{digits}f}"
    return f"{middle} ({min(values):.{digits}f}–{max(values):.{digits}f})" if len(values) > 1 else middle


def fit_rows():
    for path in sorted(RESULTS.glob("fitting*.json")):
        told = json.loads(path.read_text("utf-8"))
        pair = f"{told['megapixels']:g} MP, F = {told['F']}, C = {told['C']}"
        for row in told["rows"]:
            ratio = row["seconds"] / told["rows"][0]["seconds"]
            part = f"of 1/{row['scale']:.1f} of the rows, scaled" if row["scale"] > 1 else ""
            yield (
                pair,
                row["name"],
                f"{row['seconds']:.1f}",
                f"{ratio:.1f}",
                f"{row['peak'] / 1e6:.0f}",
                f"{row['worst']:.0e}",
                part,
            )


def kernel_rows(found):
    for (name, pixels), results in sorted(found.items(), key=lambda item: (item[0][1] > 2e6, item[0][0])):
        chosen = next(row["name"] for row in results[0]["rows"] if row["name"].endswith("*"))
        ratios = []
        for kind in KINDS:
            rows = [row for result in results for row in result["rows"] if row["name"] == chosen + kind]
            ratios.append(spread([row["ratio"] for row in rows]))
        own = [row["ms"] for result in results for row in result["rows"] if row["name"] == chosen]
        peers = {result["best"] for result in results}
        best = [row["ms"] for result in results for row in result["rows"] if row["name"] == result["best"]]
        share = [row["share"] for result in results for row in result["rows"] if row["name"] == chosen]
        yield (
            f"{name}, {pixels / 1e6:.2g} MP",
            results[0]["text"],
            ", ".join(sorted(peers)),
            f"{median(best):.3g}",
            f"{chosen[:-1]} {median(own):.3g}",
            *ratios,
            f"{100 * median(share):.0f} %",
            f"{MUST.get(name, '')}",
        )


def end_rows(found):
    for (name, _), results in sorted(found.items()):
        by_name = {}
        for result in results:
            for row in result["rows"]:
                by_name.setdefault(row["name"], []).append(row)
        own = median(row["ms"] for row in by_name["filterbank"])
        for peer, rows in by_name.items():
            if peer != "filterbank":
                ratios = [spread([row[key] for row in rows]) for key in ("ratio", "processor_ratio")]
                ms = median(row["ms"] for row in rows)
                yield name, results[0]["text"], f"{own:.0f}", peer, f"{ms:.0f}", *ratios, f"{MUST[name]}"


def batch_rows(told):
    for row in told["rows"]:
        grows = ", ".join(
            f"{int(count):,}: {peak:.0f}" for count, peak in told["peaks_mb"][row["name"]].items()
        )
        busy = f"{100 * row['core_use']:.0f} %"
        yield row["name"], f"{row['images_per_second']:.1f}", f"{row['ratio']:.2f}", busy, grows


def giant_rows(pattern):
    for path in sorted(RESULTS.glob(pattern)):
        for row in json.loads(path.read_text("utf-8"))["rows"]:
            peak, rate = f"{row['peak'] / 1e6:.0f}", 8 * row["side"] ** 2 / 1e6 / row["seconds"]
            side, format, cap, share = row["side"], row["format"], row["cap"], row["share"]
            yield f"{side:,}", format, cap, peak, f"{share:.2f}", f"{row['seconds']:.1f}", f"{rate:.0f}"


def cluster_rows(told):
    for name, one in told["milliseconds an image"].items():
        for how, wall in one["wall"].items():
            own, *others = one["processors"][how]
            scheduler, workers = (f"{others[0]:.1f}", f"{sum(others[1:]):.1f}") if others else ("", "")
            yield name, how, f"{wall:.1f}", f"{own:.1f}", scheduler, workers


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def machine_line(machines):
    one, dates = machines[0], sorted({each["date"] for each in machines})
    versions = ", ".join(f"{name} {value}" for name, value in one["versions"].items() if value)
    return (
        f"{one['processor']}, {one['threads']} threads; {one['system']}; {versions}; "
        f"{' to '.join(dict.fromkeys((dates[0], dates[-1])))}."
    )


def place(told):
    machine = told["machine"]
    return f"{machine['processor']}, {machine['date']}."


def tables(pattern, head, rows):
    """Return a table for each processor, below what is told of it."""
    found = read(pattern)
    return "\n\n".join(
        f"{machine_line(machines)}\n\n{table(head, rows(results))}" for results, machines in found
    )


def page():
    """Return the whole page."""
    batch, giant, cluster = (
        json.loads((RESULTS / f"{name}.json").read_text("utf-8")) for name in ("batch", "giant", "cluster")
    )
    count = batch["images"]
    return f"""# Results

Made by `python -m benchmarks.tables` from the files beside it; [engine.md](../../docs/engine.md) says what
bounds what.

## Layers

`python -m benchmarks.kernels --json …`. Milliseconds with float32 in and out; ratios are the best peer's time
÷ ours, for floats, for the decoded bytes of a picture, and for bytes in and codes out; the share is that of a
matrix product's speed, counting the multiplications of the formula. *Least* is what is aimed at. The Xeon
does two multiply-adds of 16 floats a cycle, the EPYC one.

{tables("kernels*.json", LAYERS, kernel_rows)}

## Whole processes

`python -m benchmarks.endtoend --json …`. Ratios are of time waited and of processors' time. The script for
OpenCV comes plain, with OpenCV's own settings, and tuned.

{tables("endtoend*.json", JOBS, end_rows)}

## Fitting

`python -m benchmarks.fitting --json …`. One thread; seconds of the processor, and the peak of resident memory
with interpreter and arrays. *Weights* is the largest error of a weight: noise of 0.01 is in the target.

{table(("pair", "contender", "seconds", "ratio", "peak, MB", "weights", ""), fit_rows())}

## Batches

`python -m benchmarks.batch --json …`: {count} photographs as JPEG of 0.5 to 1 megapixel, 8 filters of 3×3×3,
a PNG of each map. {place(batch)} The ratio is of a program's time to filterbank's; the peak is of all its
processes together, in MB, by the length of the batch.

{table(("program", "images a second", "ratio", "cores busy", "peak"), batch_rows(batch))}

## Giant images

`python -m benchmarks.giant --json …`: a tiled BigTIFF of 8 bits, never whole in memory, 8 filters,
`--range auto` (two passes for six of them). Peak of resident memory in MB, and as a share of `--max-memory`.
{place(giant)}

{
        table(
            ("rows and columns", "format", "cap", "peak", "of the cap", "seconds", "Mpixel/s a filter"),
            giant_rows("giant*.json"),
        )
    }

## Cluster

`python -m benchmarks.cluster --json …`: milliseconds an image, waited and worked by each part; scheduler,
workers and client share two cores. 8 filters of 3×3, PNG maps. {place(cluster)}

{table(("images", "by", "waited", "client", "scheduler", "workers"), cluster_rows(cluster))}
"""


if __name__ == "__main__":
    (RESULTS / "README.md").write_text(page(), "utf-8")
