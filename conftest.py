"""What the tests of every folder share: modules of an extra are passed over where it is not installed."""

from __future__ import annotations

from importlib.util import find_spec

collect_ignore = [] if find_spec("distributed") else ["filterbank/batch/on_worker.py"]
