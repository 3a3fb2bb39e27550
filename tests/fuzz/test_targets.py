"""Hostile bytes: what was found stays mended, Hypothesis looks for more, and a fuzzer where there is one."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
from fuzz.targets import TARGETS, seeds
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

FOUND = Path(__file__).parent / "found"
SEEDS = seeds()
PIECES = [
    b"\0",
    b"\xff",
    b"\n",
    b"-",
    b"9" * 20,
    b"1e999",
    b"nan",
    b"[" * 40,
    b"{",
    b"..",
    b"/",
    b"%",
    b"\x7f\xff",
]
SECONDS = int(os.environ.get("FILTERBANK_FUZZ_SECONDS", "5"))


def test_every_target_has_good_seeds() -> None:
    assert SEEDS.keys() == TARGETS.keys()
    assert all(SEEDS.values())


@pytest.mark.parametrize("name", TARGETS)
def test_good_and_found_inputs(name: str) -> None:
    for data in [*SEEDS[name], *(path.read_bytes() for path in sorted(FOUND.glob(f"{name}/*")))]:
        TARGETS[name](data)


def test_what_was_found_belongs_to_a_target() -> None:
    assert {path.name for path in FOUND.glob("*")} <= TARGETS.keys()


@pytest.mark.parametrize("name", TARGETS)
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(choices=st.data())
def test_mutated_seeds(name: str, choices) -> None:
    data = choices.draw(st.sampled_from(SEEDS[name]))
    for _ in range(choices.draw(st.integers(1, 4))):
        start = choices.draw(st.integers(0, len(data)))
        end = start + choices.draw(st.sampled_from([0, 1, 1, 2, 8, 1000]))
        data = data[:start] + choices.draw(st.binary(max_size=4) | st.sampled_from(PIECES)) + data[end:]
    TARGETS[name](data)


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="needs the extra fuzz")
@pytest.mark.parametrize("name", TARGETS)
def test_guided_by_coverage(name: str, tmp_path: Path) -> None:
    program = Path(__file__).with_name("atheris_run.py")
    ended = subprocess.run(
        [sys.executable, str(program), name, str(SECONDS)], cwd=tmp_path, capture_output=True, check=False
    )
    assert ended.returncode == 0, ended.stderr[-3000:].decode(errors="replace")
    assert list(tmp_path.iterdir()) == []
    assert b"stat::number_of_executed_units" in ended.stderr


def test_a_crash_would_be_seen() -> None:
    with pytest.raises(TypeError):
        TARGETS["yaml"](None)
