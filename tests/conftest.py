"""What is made once before any test."""

from __future__ import annotations

import pytest

from filterbank.engine import compiled
from filterbank.engine.kernels.table import IMAGES


@pytest.fixture(scope="session", autouse=True)
def ready_kernels() -> None:
    """Kernels compiled before any test: what a run says must not depend on which test came first."""
    for image in IMAGES:
        compiled.kernels().file(image)
