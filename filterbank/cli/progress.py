"""One line on a terminal that says how far a batch is."""

from __future__ import annotations

import sys
import time
from types import TracebackType

# Seconds between two drawings: often enough to look alive, seldom enough to cost nothing.
_PAUSE = 0.1


class Progress:
    """A line like ``12/60 images  20 %  41 s left`` on standard error, redrawn in place.

    Not drawn at all unless *enabled*.
    """

    def __init__(self, total: int, *, enabled: bool, pause: float = _PAUSE) -> None:
        self._total = total
        self._enabled = enabled and total > 0
        self._pause = pause
        self._began = time.monotonic()
        self._drawn = -pause
        self._ended = 0

    def __enter__(self) -> Progress:
        self._draw()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.clear()

    def advance(self) -> None:
        """Count one image."""
        self._ended += 1
        self._draw()

    def clear(self) -> None:
        """Take the line away, so that other lines can be printed."""
        if self._enabled:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def _draw(self) -> None:
        now = time.monotonic() - self._began
        if not self._enabled or now - self._drawn < self._pause:
            return
        self._drawn = now
        import shutil  # it loads every compressor of the standard library

        columns = shutil.get_terminal_size().columns
        sys.stderr.write("\r\x1b[K" + self._line(now)[: columns - 1])
        sys.stderr.flush()

    def _line(self, now: float) -> str:
        share = self._ended / self._total
        bar = "█" * round(share * 20) + "·" * (20 - round(share * 20))
        text = f"{bar} {self._ended}/{self._total} images"
        if self._ended:
            text += f", about {_duration(now * (1 - share) / share)} left"
        return text


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
