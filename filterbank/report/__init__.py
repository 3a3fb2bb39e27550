"""Pictures of filters, made from a bank alone."""

from filterbank.report.colours import signed_colours
from filterbank.report.sheet import draw_sheet, write_sheet

__all__ = ["draw_sheet", "signed_colours", "write_sheet"]
