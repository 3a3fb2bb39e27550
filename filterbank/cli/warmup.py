"""``filterbank warmup``: compile the kernels now, so that no later run has to."""

from __future__ import annotations

import click


@click.command(short_help="Compile the kernels for this machine now.")
@click.option(
    "--calibrate",
    is_flag=True,
    help="Measure this machine, too, while nothing else runs, so that the method that is fastest here is "
    "chosen; kept beside the kernels.",
)
def command(calibrate: bool) -> None:
    """Compile the kernels for this machine now, once, and say where they are kept.

    Without it the first run does so, which takes some seconds. For containers and clusters: run it
    while the image is built, with FILTERBANK_CACHE naming a folder that only its user, or root, can
    write to. A wheel built with FILTERBANK_BUILD_IMAGE=1 has its kernels with it and compiles nothing.
    """
    import time

    from filterbank.engine import compiled
    from filterbank.engine.kernels.table import IMAGES

    began = time.perf_counter()
    for image in IMAGES:
        file = compiled.kernels().file(image)
    kept = "kept nowhere: each run compiles them anew" if file is None else f"kept in {file.parent}"
    click.echo(f"kernels ready after {time.perf_counter() - began:.1f} s, {kept}")
    if calibrate:
        _calibrate()


def _calibrate() -> None:
    from filterbank.engine import calibrate, compiled
    from filterbank.engine.constants import keep
    from filterbank.errors import RequestError

    folder = compiled.folder()
    if folder is None:
        raise RequestError("--calibrate: FILTERBANK_CACHE is empty: there is no folder to keep the result in")
    steps = []
    for name, machine in calibrate.calibrate():
        click.echo(f"measured: {name}")
        steps.append(machine)
    try:
        place = keep(steps[-1], folder)
    except OSError as error:
        reason = error.strerror or str(error)
        raise RequestError(f"--calibrate: {folder}: cannot be written to: {reason}") from error
    click.echo(f"constants kept in {place}")
