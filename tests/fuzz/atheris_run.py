"""Coverage-guided fuzzing of one target: ``python tests/fuzz/atheris_run.py TARGET [SECONDS]``.

Needs ``pip install -e '.[test,fuzz]'``. An input that gets through is left in the current folder as
``crash-…``, ``timeout-…`` or ``oom-…``: mend what it shows, then keep it below ``tests/fuzz/found/TARGET``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

TIMEOUT, MEGABYTES, LONGEST = 30, 1500, 4096
CORPUS = "FILTERBANK_FUZZ_CORPUS"  # set in the process that fuzzes


def main() -> None:
    if CORPUS in os.environ:
        fuzz(sys.argv[1], int((sys.argv[2:] or ["60"])[0]), os.environ[CORPUS])
        return
    # The fuzzer ends its process without a word to Python: somebody has to clean up behind it.
    with tempfile.TemporaryDirectory(prefix="filterbank-fuzz-") as corpus:
        environment = {**os.environ, CORPUS: corpus, "TMPDIR": corpus}
        ended = subprocess.run([sys.executable, *sys.argv], env=environment, check=False)
    sys.exit(ended.returncode)


def fuzz(name: str, seconds: int, corpus: str) -> None:
    import atheris

    sys.path.insert(0, str(Path(__file__).parents[1]))
    with atheris.instrument_imports(include=["filterbank", "yaml", "click"]):
        from fuzz import targets

    kept = sorted(Path(__file__).parent.glob(f"found/{name}/*"))
    inputs = Path(corpus, "inputs")
    inputs.mkdir()
    for number, data in enumerate([*targets.seeds()[name], *(path.read_bytes() for path in kept)]):
        (inputs / f"seed-{number}").write_bytes(data)
    limits = [f"-timeout={TIMEOUT}", f"-rss_limit_mb={MEGABYTES}", f"-max_len={LONGEST}"]
    arguments = [sys.argv[0], f"-max_total_time={seconds}", *limits, "-print_final_stats=1", str(inputs)]
    atheris.Setup(arguments, targets.TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
