"""``python -m filterbank``: the command line."""

from filterbank.cli.main import process

process()
