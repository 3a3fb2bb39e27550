"""Images that failed: each by its name, and how many there are of each cause."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import PurePath

from filterbank.batch.job import ImageFailed
from filterbank.errors import shown

_CAUSES = 12  # that are told; what is rarer is counted together

_NUMBER = re.compile(r"\d+(?:\.\d+)?")


def lines(failed: Iterable[ImageFailed], out: str) -> Iterator[str]:
    """Yield what is said of the *failed* images of a run into *out*: a line each, then the causes.

    Causes are told where images share one, with the first of each as an example.
    """
    groups: dict[str, list[ImageFailed]] = {}
    for event in failed:
        groups.setdefault(cause(event.reason, out), []).append(event)
    ordered = sorted(groups.values(), key=len, reverse=True)
    for group in ordered:
        for event in group:
            yield f"{event.source.shown}: {event.reason}"
    count = sum(map(len, ordered))
    if count == len(ordered):
        return
    yield f"{count} images failed:"
    width = len(str(len(ordered[0])))
    for group in ordered[:_CAUSES]:
        example = f", such as {group[0].source.shown}" if len(group) > 1 else ""
        yield f"  {len(group):{width}} × {_first_line(group[0].reason)}{example}"
    rest = sum(map(len, ordered[_CAUSES:]))
    if rest:
        yield f"  {rest:{width}} × {len(ordered) - _CAUSES} other causes"


def cause(reason: str, out: str) -> str:
    """Return what is equal for reasons that differ by a number or by a file below *out* only.

    >>> cause("maps/a/x.png: cannot be written: No space left", "maps")
    'cannot be written: No space left'
    >>> cause("found 3 channels", "maps") == cause("found 4 channels", "maps")
    True
    """
    head, colon, rest = reason.partition(": ")
    if colon and PurePath(head).is_relative_to(shown(out)):
        reason = rest
    return _NUMBER.sub("#", _first_line(reason))


def _first_line(text: str) -> str:
    return text.partition("\n")[0]
