"""One line on a terminal that says how far a batch is."""

from __future__ import annotations

import sys
import time
from collections import deque
from types import TracebackType

# Seconds between two drawings: often enough to look alive, seldom enough to cost nothing.
_PAUSE = 0.1
# Seconds that the rate is taken over: what was skipped at the start must not promise too much later.
_WINDOW = 20.0


class Progress:
    """A line like ``12/60 images, 1.2 a second, about 41 s left`` on standard error, redrawn in place.

    Not drawn at all unless *enabled*.
    """

    def __init__(self, total: int, *, enabled: bool, pause: float = _PAUSE) -> None:
        self._total = total
        self._enabled = enabled and total > 0
        self._pause = pause
        self._began = time.monotonic()
        self._drawn = -pause
        self._ended = 0
        self._past = deque([(0.0, 0)])  # (seconds, images) of drawings in the window, and one before it

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
        self._past.append((now, self._ended))
        while len(self._past) > 2 and self._past[1][0] <= now - _WINDOW:
            self._past.popleft()
        import shutil  # it loads every compressor of the standard library

        columns = shutil.get_terminal_size().columns
        sys.stderr.write("\r\x1b[K" + self._line(now)[: columns - 1])
        sys.stderr.flush()

    def _line(self, now: float) -> str:
        share = self._ended / self._total
        bar = "█" * round(share * 20) + "·" * (20 - round(share * 20))
        text = f"{bar} {self._ended}/{self._total} images"
        then, ended = self._past[0]
        if self._ended > ended and now > then:
            rate = (self._ended - ended) / (now - then)
            left = (self._total - self._ended) / rate
            text += f", {_rate(rate)}, about {_duration(left)} left"
        return text


def _rate(each_second: float) -> str:
    """Return a rate as people say it.

    >>> _rate(120.4), _rate(3.14159), _rate(0.2)
    ('120 a second', '3.1 a second', '5.0 s each')
    """
    if each_second < 1:
        return f"{1 / each_second:.1f} s each"
    return f"{each_second:.{0 if each_second >= 10 else 1}f} a second"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
