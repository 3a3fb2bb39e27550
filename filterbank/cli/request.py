"""What the options of ``apply`` ask for, turned into a Job."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import BinaryIO, TypeVar

import click

from filterbank import bankfile, imagefile
from filterbank.batch import inputs
from filterbank.batch.inputs import STANDARD_INPUT, Source, is_url, path_of
from filterbank.batch.job import STANDARD_OUTPUT, Job, Settings, each_page, make
from filterbank.cli.options import OVERRIDES
from filterbank.errors import BankError, ImageError, RequestError, shown
from filterbank.imagefile.tone import parse_range
from filterbank.model import Bank
from filterbank.record import record

Given = TypeVar("Given")


@record(frozen=True)
class Request:
    """The options of ``apply`` as Click gives them; ``page`` None means all."""

    images: tuple[str, ...]
    references: tuple[str, ...]
    filters: tuple[str, ...]
    stride: str | None
    padding: str | None
    padding_mode: str | None
    padding_value: str | None
    dilation: str | None
    activation: str | None
    bias: str | None
    out: str
    template: str | None
    format: str
    stack: bool
    all_layers: bool
    range_text: str
    range_over: str
    on_exists: str
    resume: bool
    shard: tuple[int, int]
    files_from: str | None
    page: int | None
    max_pixels: int
    max_memory: int | None
    layout: str
    linear: bool
    compress: str
    no_orient: bool
    method: str
    jobs: int | None
    cluster: str | None
    fail_fast: bool
    fail_on_clip: bool
    fsync: bool
    report: bool
    dry_run: bool
    as_json: bool
    quiet: bool
    progress: bool | None

    def job(self) -> Job:
        """Return the checked job.

        Raises
        ------
        BankError, RequestError
            Something that was asked for cannot be done; nothing was written.
        """
        settings = self._settings()
        banks = self._banks()
        stream = self._stream()
        if self.report:
            self._check_report()
        sources = self._sources()
        return make(
            sources,
            banks,
            path_of(self.out),
            settings,
            jobs=self.jobs,
            stream=stream,
            shard=self.shard,
            cluster=self.cluster,
            max_memory=self.max_memory,
        )

    @property
    def _overrides(self) -> dict[str, str]:
        given = {key: getattr(self, key) for key in OVERRIDES}
        return {key: value for key, value in given.items() if value is not None}

    def _settings(self) -> Settings:
        return Settings(
            template=self.template,
            format=self.format,
            stack=self.stack,
            all_layers=self.all_layers,
            range=parse_range(self.range_text),
            range_over=self.range_over,
            method=self.method,
            on_exists=self.on_exists,
            resume=self.resume,
            fail_fast=self.fail_fast,
            fsync=self.fsync,
            linear=self.linear,
            compress=self.compress,
            reading=imagefile.ReadOptions(
                page=self.page or 0,
                max_pixels=self.max_pixels,
                layout=self.layout,
                orient=not self.no_orient,
            ),
            overrides=tuple(sorted(self._overrides.items())),
            filters=self.filters,
        )

    def _banks(self) -> list[Bank]:
        """Return the banks, changed as asked; the faults of all of them are told at once."""
        banks = _every(bankfile.load, self.references)
        banks = _every(lambda bank: bankfile.override(bank, self._overrides), banks)
        return _selected(banks, self.filters) if self.filters else banks

    def _check_report(self) -> None:
        from filterbank.cli import contact

        if self.out == STANDARD_OUTPUT:
            raise RequestError(
                "--report with --out -: there is no folder for the page; accepted: one of them"
            )
        if is_url(self.out):
            raise RequestError(
                "--report with a URL: the page shows what lies beside it on a disk; accepted: one of them. "
                "Copy the folder to a disk, then filterbank report FOLDER"
            )
        contact.check(self.out)

    def _sources(self) -> list[Source]:
        takes_stdin = [*self.images, self.files_from or ""].count(STANDARD_INPUT)
        if takes_stdin > 1:
            raise RequestError("-: standard input is asked for twice; accepted: one image or one list")
        if not self.images and self.files_from is None:
            raise click.UsageError("no IMAGE given; accepted: files, folders, globs, -, or --files-from FILE")
        sources = inputs.collect(
            self.images,
            extensions=imagefile.IMAGE_EXTENSIONS,
            listed=None if self.files_from is None else _list(self.files_from),
            standard_input=_standard_input() if STANDARD_INPUT in self.images else None,
            out=None if self.out == STANDARD_OUTPUT else path_of(self.out),
        )
        return each_page(sources) if self.page is None else sources

    def _stream(self) -> BinaryIO | None:
        if self.out != STANDARD_OUTPUT:
            return None
        if self.as_json and not self.dry_run:
            raise RequestError("--json and --out - would share standard output; accepted: one of them")
        if sys.stdout.isatty() and not self.dry_run:
            raise RequestError("--out -: standard output is a terminal; send it to a file or another program")
        return sys.stdout.buffer


def _every(change: Callable[[Given], Bank], given: Iterable[Given]) -> list[Bank]:
    """Return *change* of each; the errors of all of them are one error."""
    banks, errors = [], []
    for each in given:
        try:
            banks.append(change(each))
        except (BankError, RequestError) as error:
            errors.append(error)
    if len(errors) > 1:
        raise RequestError("\n".join(dict.fromkeys(str(error) for error in errors)))
    if errors:
        raise errors[0]
    return banks


def _selected(banks: list[Bank], globs: tuple[str, ...]) -> list[Bank]:
    """Return *banks* with only the filters that a glob matches; a bank without any is left out."""
    every = [name for bank in banks for name in bank.layer.maps]
    for glob in globs:
        if len(banks) > 1 and not any(fnmatchcase(name, glob) for name in every):
            names = ", ".join(bank.name for bank in banks)
            raise RequestError(f"--filter: {glob!r} matches no filter of the banks {names}")
    chosen = []
    for bank in banks:
        own = [glob for glob in globs if any(fnmatchcase(name, glob) for name in bank.layer.maps)]
        if own or len(banks) == 1:
            chosen.append(bankfile.select(bank, own if len(banks) > 1 else globs))
    return chosen


def _standard_input() -> bytes:
    return sys.stdin.buffer.read()


def _list(path: str) -> bytes:
    if path == STANDARD_INPUT:
        return _standard_input()
    if is_url(path):
        from filterbank.batch import places

        try:
            return places.read(path)
        except ImageError as error:
            raise RequestError(f"--files-from {error}") from error
    try:
        return Path(path_of(path)).read_bytes()
    except OSError as error:
        raise RequestError(
            f"--files-from {shown(path)}: cannot be read: {error.strerror or error}"
        ) from error
