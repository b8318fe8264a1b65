"""Whether two images look the same: small grey copies with Pillow, else size class of the data.

What smoothing of edges and fonts changes from one machine to the other is no difference; a line that
runs elsewhere is one.
"""

import base64
import binascii
import io
from typing import Any

BLOCK = 4
SHIFT = 40
"""By how much the brightness of a block (0 to 255) must differ to count."""
MOST_BLOCKS = 0.0008
MOST_MEAN = 1.5
MOST_PIXELS = 40_000_000


def alike(old: str, new: str) -> bool:
    """Do two images in base64 look the same?"""
    if "".join(old.split()) == "".join(new.split()):
        return True
    try:
        first, second = base64.b64decode(old), base64.b64decode(new)
    except (binascii.Error, ValueError):
        return False
    try:
        from PIL import Image
    except ImportError:
        return len(first).bit_length() == len(second).bit_length()
    try:
        return _looks(Image, first, second)
    except (
        OSError,
        ValueError,
        SyntaxError,
        Image.DecompressionBombError,
    ):  # what no one can see is not equal
        return False


def _looks(image: Any, first: bytes, second: bytes) -> bool:
    one, two = image.open(io.BytesIO(first)), image.open(io.BytesIO(second))
    if one.size != two.size or one.width * one.height > MOST_PIXELS:
        return False
    from PIL import ImageChops

    bands = zip(_small(image, one), _small(image, two), strict=True)
    return all(_near(ImageChops.difference(a, b).histogram()) for a, b in bands)


def _small(image: Any, picture: Any) -> list[Any]:
    """The colours on white, each block of pixels as one."""
    seen = picture.convert("RGBA")
    white = image.new("RGBA", seen.size, "white")
    white.alpha_composite(seen)
    return list(white.convert("RGB").reduce(BLOCK).split())


def _near(histogram: list[int]) -> bool:
    blocks = sum(histogram) or 1
    mean = sum(value * count for value, count in enumerate(histogram)) / blocks
    return sum(histogram[SHIFT:]) / blocks <= MOST_BLOCKS and mean <= MOST_MEAN
