"""``filterbank warmup``: compile the kernels now, so that no later run has to."""

from __future__ import annotations

import click


@click.command(short_help="Compile the kernels for this machine now.")
def command() -> None:
    """Compile the kernels for this machine now, once, and say where they are kept.

    Without it the first run does so, which takes some seconds. For containers and clusters: run it
    while the image is built, with FILTERBANK_CACHE naming a folder that only its user, or root, can
    write to. A wheel built with FILTERBANK_BUILD_IMAGE=1 has its kernels with it and compiles nothing.
    """
    import time

    from filterbank.engine import compiled

    began = time.perf_counter()
    file = compiled.kernels().file
    kept = "kept nowhere: each run compiles them anew" if file is None else f"kept in {file.parent}"
    click.echo(f"kernels ready after {time.perf_counter() - began:.1f} s, {kept}")
