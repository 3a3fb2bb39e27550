"""The compiled kernels as one image of machine code: built once, kept, mapped at the next start.

Importing Numba costs more than most runs, so the kernels are compiled by it once, linked into one
position-independent image and kept in the user's cache. ``load`` gives them as C functions.
"""

from filterbank.engine.image.loader import Kernels, load

__all__ = ["Kernels", "load"]
