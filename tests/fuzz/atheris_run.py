"""Coverage-guided fuzzing of one target: ``python tests/fuzz/atheris_run.py TARGET [SECONDS]``.

Needs ``pip install -e '.[test,fuzz]'``. An input that gets through is left in the current folder as
``crash-…``, ``timeout-…`` or ``oom-…``: mend what it shows, then keep it below ``tests/fuzz/found/TARGET``.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parents[1]))

with atheris.instrument_imports(include=["filterbank", "yaml", "click"]):
    from fuzz import targets

TIMEOUT, MEGABYTES, LONGEST = 30, 1500, 4096


def main() -> None:
    name, seconds = sys.argv[1], int((sys.argv[2:] or ["60"])[0])
    with tempfile.TemporaryDirectory(prefix="filterbank-corpus-") as corpus:
        kept = sorted(Path(__file__).parent.glob(f"found/{name}/*"))
        for number, data in enumerate([*targets.seeds()[name], *(path.read_bytes() for path in kept)]):
            Path(corpus, f"seed-{number}").write_bytes(data)
        limits = [f"-timeout={TIMEOUT}", f"-rss_limit_mb={MEGABYTES}", f"-max_len={LONGEST}"]
        arguments = [sys.argv[0], f"-max_total_time={seconds}", *limits, "-print_final_stats=1", corpus]
        atheris.Setup(arguments, targets.TARGETS[name])
        atheris.Fuzz()


if __name__ == "__main__":
    main()
