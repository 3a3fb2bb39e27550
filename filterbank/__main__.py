"""``python -m filterbank``: the command line."""

from filterbank.cli.main import main

main()
