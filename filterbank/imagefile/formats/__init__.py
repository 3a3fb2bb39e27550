"""One module per family of formats, imported when a file of it is met: ``decode`` and ``count_pages``."""
