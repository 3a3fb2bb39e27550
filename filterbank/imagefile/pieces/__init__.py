"""Images too large to hold: some rows at a time, the same pixels as of the whole.

>>> import io, numpy as np
>>> file = io.BytesIO()
>>> np.save(file, np.arange(12, dtype=np.uint8).reshape(4, 3))
>>> with opened(io.BytesIO(file.getvalue())) as image:
...     image.info.height, (255 * image.rows(1, 3).planes).round().tolist()
(4, [[[3.0, 4.0, 5.0], [6.0, 7.0, 8.0]]])
"""

from filterbank.imagefile.pieces.opening import opened
from filterbank.imagefile.pieces.rows import Held, NotByRows, Pieces
from filterbank.imagefile.pieces.size import Size, size_of

__all__ = ["Held", "NotByRows", "Pieces", "Size", "opened", "size_of"]
