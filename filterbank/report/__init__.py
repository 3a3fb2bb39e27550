"""Pictures of filters, made from a bank alone, and of a matrix."""

from filterbank.report.colours import signed_colours
from filterbank.report.layers import one_layer, write_layers
from filterbank.report.sheet import draw_sheet, write_sheet
from filterbank.report.spectrum import draw_spectra, write_spectra
from filterbank.report.structure import draw_structure

__all__ = [
    "draw_sheet",
    "draw_spectra",
    "draw_structure",
    "one_layer",
    "signed_colours",
    "write_layers",
    "write_sheet",
    "write_spectra",
]
