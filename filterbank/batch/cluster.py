"""Images by the workers of a Dask cluster: sent one a task, settled here, the same events as by a local pool.

Workers write the maps; this process alone writes the manifest.
"""

from __future__ import annotations

import logging
import os
import pydoc
import re
import signal
import uuid
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing import resource_tracker
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filterbank import __version__
from filterbank.batch import claims, work
from filterbank.batch.atomic import remove_leftovers
from filterbank.batch.flight import Flight, Killed, Lost
from filterbank.batch.inputs import Source, is_url
from filterbank.batch.interrupt import noted
from filterbank.batch.job import STANDARD_OUTPUT, Event, ImageFailed, ImageSkipped, Job
from filterbank.batch.resume import Excerpt, excerpt
from filterbank.errors import RequestError, shown
from filterbank.imagefile.tone import Extremes

if TYPE_CHECKING:
    from distributed import Client

    from filterbank.batch.on_worker import Ended

ACCEPTED = "local, local:N, or a scheduler's address such as tcp://host:8786"

CONNECT = 10  # seconds until a scheduler must have answered

_LOCAL = re.compile(r"local(?::([1-9][0-9]{0,3}))?")
_ADDRESS = re.compile(r"(?!local:)(?:[a-z]+://)?(?:[^\s/:@]+|\[[0-9a-fA-F:]+\]):[0-9]{1,5}")


def check(address: str, jobs: int | None, out: str) -> None:
    """Raise RequestError where *address* is none, other options do not go with it, or Dask is missing.

    >>> check("local:zero", None, "maps")
    Traceback (most recent call last):
    filterbank.errors.RequestError: --cluster local:zero; accepted: local, local:N, or ...
    """
    if not (_LOCAL.fullmatch(address) or _ADDRESS.fullmatch(address)):
        raise RequestError(f"--cluster {shown(address)}; accepted: {ACCEPTED}")
    if jobs is not None:
        raise RequestError(
            "--jobs with --cluster: a cluster has the workers that it has; accepted: one of them, "
            "or --cluster local:N for N workers on this machine"
        )
    if out == STANDARD_OUTPUT:
        raise RequestError("--cluster with --out -: workers write files; accepted: a folder, or no --cluster")
    try:
        import distributed  # noqa: F401, PLC0415 - an extra
    except ImportError as error:
        raise RequestError(
            "--cluster needs the package distributed, which is not there; "
            "install it with pip install 'filterbank[cluster]'"
        ) from error


@contextmanager
def connected(job: Job, address: str) -> Iterator[Cluster]:
    """Keep a connection to the cluster at *address*, whose workers all know *job*, while the block runs.

    Raises
    ------
    RequestError
        No scheduler answers, or a worker has another version of this program.
    """
    # What matters is told as events; callbacks of tasks that were taken back may find the process ending.
    for name in ("distributed", "tornado.application"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with _client(address) as client, noted() as check:  # Dask's futures have destructors
        _check_versions(client, address)
        cluster = Cluster(job, client, check)
        try:
            yield cluster
        finally:
            cluster.close()


@contextmanager
def _client(address: str) -> Iterator[Client]:
    from distributed import Client, LocalCluster  # noqa: PLC0415 - an extra

    if found := _LOCAL.fullmatch(address):
        # A terminal's Ctrl-C is for this process alone: all that is started here never hears of it. The
        # tracker first, as starting it lets the signal through again.
        resource_tracker.ensure_running()
        heard = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            local = LocalCluster(
                n_workers=int(found[1] or 0) or len(os.sched_getaffinity(0)),
                threads_per_worker=1,
                processes=True,
                dashboard_address="127.0.0.1:0",
                silence_logs=logging.CRITICAL,
            )
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, heard)
        with local, Client(local, set_as_default=False) as client:
            yield client
        return
    try:
        client = Client(address, timeout=CONNECT, set_as_default=False)
    except (OSError, ValueError) as error:
        raise RequestError(
            f"--cluster {shown(address)}: no scheduler answered within {CONNECT} s: "
            f"{str(error).splitlines()[0]}; accepted: {ACCEPTED}"
        ) from error
    with client:
        yield client


def _check_versions(client: Client, address: str) -> None:
    """Raise RequestError unless the scheduler and every worker there is have this version of the program."""
    name = "filterbank.__version__"
    # By a function of the standard library, which any worker has.
    found = {
        f"worker {worker}": each for worker, each in client.run(pydoc.locate, name, on_error="return").items()
    }
    found["the scheduler"] = client.run_on_scheduler(pydoc.locate, name)
    others = {who: each for who, each in found.items() if each != __version__}
    if not others:
        return
    who, version = next(iter(others.items()))
    has = f"filterbank {version}" if isinstance(version, str) else "no filterbank that can be imported"
    more = f" (and {len(others) - 1} more like it)" if len(others) > 1 else ""
    raise RequestError(
        f"--cluster {shown(address)}: {who} has {has}{more}; accepted: {__version__}, as here, on all; "
        "install that one there"
    )


class Cluster:
    """The workers of a Dask cluster, each with what all images of a job have in common."""

    def __init__(self, job: Job, client: Client, check: Callable[[], None]) -> None:
        from filterbank.batch.on_worker import Room  # noqa: PLC0415 - an extra

        self._job, self._client, self._check = job, client, check
        self._out = os.path.abspath(job.out) if job.remote is None else job.out  # links stay
        self._run = f"filterbank-{uuid.uuid4().hex}"
        # A plugin reaches every worker once, also those that come later or come again.
        client.register_plugin(Room(_common(job, self._out), __version__), name=self._run)
        self._is_open, self._has_lost = True, False
        self._doubtful: set[str] = set()

    def close(self) -> bool:
        """End all work at its next step, wait for that, and return whether it is so."""
        self._is_open = False
        try:
            self._client.unregister_worker_plugin(name=self._run)
        except (OSError, ValueError):  # the cluster has gone, or it is done already
            return False
        return True

    def extremes(self) -> Generator[tuple[int, dict[str, Extremes] | ImageFailed], None, None]:
        """Yield the extremes of every image's maps."""
        from filterbank.batch import on_worker  # noqa: PLC0415 - an extra

        every = range(len(self._job.sources))
        for number, found in self._results(on_worker.extremes, every, lambda _source: ()):
            source, is_map = self._job.sources[number], isinstance(found, dict)
            yield number, found if is_map else ImageFailed(source, getattr(found, "reason", str(found)))

    def apply(
        self, numbers: Sequence[int], shared: dict[str, Extremes] | None
    ) -> Generator[Event, None, None]:
        """Yield what became of each image."""
        from filterbank.batch import on_worker  # noqa: PLC0415 - an extra

        self._check_shared()
        results = self._results(on_worker.apply, numbers, lambda source: (shared, self._known(source)))
        for number, found in results:
            source = self._job.sources[number]
            if isinstance(found, Killed | Lost):
                if isinstance(found, Killed):  # where the cluster is lost, its workers may live and write
                    self._clear_away(source)
                yield ImageFailed(source, str(found))
            else:
                yield self._settled(source, *found)
        if self._has_lost and self._job.remote is None and self.close():
            self._tidy_up()

    def _settled(self, source: Source, event: Ended, written: list[Any]) -> Ended:
        event = replace(event, source=source)
        if isinstance(event, ImageFailed):  # told as a run here would have told it
            event = replace(event, reason=event.reason.replace(shown(self._out), shown(self._job.out)))
        if isinstance(event, ImageSkipped):
            return event
        return work.settle(self._job, event, written)

    def _clear_away(self, source: Source) -> None:
        """Remove what has been made of *source*, which nobody works on any more."""
        if source.fault:
            return
        names = self._job.namer.names(source)
        if self._job.remote is not None:
            self._job.remote.undo(names)
        elif not claims.undo(Path(self._job.out), names):
            self._doubtful.add(claims.name_of(names))

    def _tidy_up(self) -> None:
        """Remove what workers that died have left, once nothing works any more."""
        for folder in self._job.folders:
            remove_leftovers(Path(folder))
        # A result that is lost just as it arrives is made again, and claimed after it was settled.
        pending = claims.pending(Path(self._job.out)) - self._doubtful
        for source in self._job.sources if pending else ():
            names = self._job.namer.names(source)
            if claims.name_of(names) in pending:
                claims.release(Path(self._job.out), names)

    def _known(self, source: Source) -> Excerpt | None:
        """Return of what the manifest shows as done only what concerns *source*."""
        ledger = self._job.ledger
        return None if ledger is None or source.fault else excerpt(self._job, ledger, source)

    def _check_shared(self) -> None:
        """Raise RequestError where a worker does not see the folder for maps."""
        if self._job.remote is not None:
            return
        for worker, is_there in self._client.run(os.path.isdir, self._out, on_error="return").items():
            if is_there is not True:
                raise RequestError(
                    f"worker {worker} does not see the folder {shown(self._out)}; accepted: a file system "
                    "that all workers share, at one path, or URLs of a store that all reach"
                )

    def _results(
        self,
        function: Callable[..., Any],
        numbers: Sequence[int],
        more: Callable[[Source], tuple[Any, ...]],
    ) -> Generator[tuple[int, Any], None, None]:
        """Yield what *function* returned for each image, or why it could not.

        Once the cluster is lost it is nothing.
        """
        if not self._is_open:
            return

        def arguments(number: int) -> tuple[Any, ...]:
            source = self._job.sources[number]
            return self._run, _placed(source), *more(source)

        flight = Flight[int](self._client, function, arguments, self._check)
        try:
            yield from flight.results(numbers)
        except Lost as lost:
            flight.cancel()
            self.close()
            for number in flight.under_way:
                yield number, lost
        except BaseException:
            flight.cancel()
            if self.close():  # what has ended without our hearing of it is not done
                for number in flight.under_way:
                    self._clear_away(self._job.sources[number])
            raise
        finally:
            flight.look()
            self._has_lost |= flight.lost_workers


def _common(job: Job, out: str) -> Job:
    """Return what all images of *job* share: without the images, and with places that hold everywhere."""
    namer = replace(job.namer, out=out)
    return replace(
        job,
        sources=(),
        folders=(),
        done=frozenset(),
        ledger=None,
        ahead=None,
        cluster=None,
        jobs=1,
        out=out,
        namer=namer,
    )


def _placed(source: Source) -> Source:
    """Return *source* as a process in another folder finds it."""
    if source.data is not None or source.fault or source.place or is_url(source.path):
        return source
    return replace(source, place=os.path.abspath(source.path))  # links stay
