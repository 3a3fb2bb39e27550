"""Compiled kernels in the wheel, if FILTERBANK_BUILD_IMAGE=1 asks for them: see docs/decisions/0007."""

import os
import platform
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_PLACE = "filterbank/engine/image/packaged_images"


class ImageHook(BuildHookInterface[Any]):
    """Builds an image for each level of this kind of processor; without being asked it does nothing."""

    def _is_asked(self) -> bool:
        return self.target_name == "wheel" and os.environ.get("FILTERBANK_BUILD_IMAGE") == "1"

    def dependencies(self) -> list[str]:
        """Return what a build in isolation needs: Numba, and what the package imports on the way."""
        return list(self.metadata.core.dependencies) if self._is_asked() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the images to the wheel, which then is for one kind of processor."""
        if not self._is_asked() or version == "editable":
            return
        sys.path.insert(0, self.root)
        from filterbank.engine.image import mapping, packaged  # noqa: PLC0415 - not installed yet

        if not mapping.can_map():
            raise RuntimeError("FILTERBANK_BUILD_IMAGE: images are for Linux on x86-64 or AArch64 only")
        self._folder = tempfile.TemporaryDirectory()
        for path in packaged.build(Path(self._folder.name)):
            build_data["force_include"][str(path)] = f"{_PLACE}/{path.name}"
        build_data["pure_python"] = False
        # An image calls nothing of a C library, so any will do.
        machine = platform.machine()
        build_data["tag"] = f"py3-none-manylinux_2_17_{machine}.musllinux_1_1_{machine}"
