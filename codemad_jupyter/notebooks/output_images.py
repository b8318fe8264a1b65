"""Images among outputs: which may be sent to a model, in what size, and how they are called in text.

Sizes are read from the image's own header. Without Pillow nothing is decoded and what is too large is
named only.
"""

import base64
import binascii
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from codemad_jupyter.protocol.messages import ImagePart

MOST_BYTES = 5_000_000
"""What the strictest provider takes of one image, counted in base64."""
MOST_SIDE = 8_000
GOOD_SIDE = 1_568
"""Longest side of an image that had to be made smaller: more is scaled down by the providers anyway."""
MOST_PIXELS = 64_000_000
MOST_IMAGES = 8
MIMES = ("image/png", "image/jpeg", "image/webp", "image/gif")


@dataclass(frozen=True)
class Found:
    """An image of an output: its true type, its size in pixels (0: unknown), its bytes."""

    mime: str
    width: int
    height: int
    data: bytes

    @property
    def fits(self) -> bool:
        """May it be sent as it is?"""
        encoded = (len(self.data) + 2) // 3 * 4
        return 0 < max(self.width, self.height) <= MOST_SIDE and encoded <= MOST_BYTES


def image_parts(outputs: Iterable[Any], *, most: int = MOST_IMAGES) -> tuple[ImagePart, ...]:
    """The images of outputs that a model may get, the last ones where there are too many."""
    bundles = [output.get("data") for output in outputs if isinstance(output, dict)]
    found: list[ImagePart] = []
    for bundle in reversed(bundles):
        if len(found) == most:
            break
        part = _part(bundle) if isinstance(bundle, dict) else None
        if part is not None:
            found.append(part)
    return tuple(reversed(found))


def _part(bundle: dict[str, Any]) -> ImagePart | None:
    for mime in MIMES:
        image = decoded(bundle.get(mime))
        if image is not None:
            image = image if image.fits else smaller(image)
        if image is not None:
            return ImagePart(mime=image.mime, data=base64.b64encode(image.data).decode())
    return None


def label(mime: str, value: Any) -> str:
    """An image as a few words: its type, its size in pixels and bytes."""
    image = decoded(value) if mime in MIMES else None
    if image is None or not image.width:
        return f"[{mime}]"
    return f"[{mime}, {image.width:,} x {image.height:,} pixels, {len(image.data):,} bytes]"


def decoded(value: Any) -> Found | None:
    """The image in base64 text, if it is one of the types that models read."""
    if isinstance(value, list):
        value = "".join(part for part in value if isinstance(part, str))
    if not isinstance(value, str) or not value:
        return None
    try:
        data = base64.b64decode(value)
    except (binascii.Error, ValueError):
        return None
    return _measured(data)


def _measured(data: bytes) -> Found | None:
    if data[:8] == b"\x89PNG\r\n\x1a\n" and len(data) >= 24:
        width, height = struct.unpack(">II", data[16:24])
        return Found("image/png", width, height, data)
    if data[:6] in (b"GIF87a", b"GIF89a") and len(data) >= 10:
        width, height = struct.unpack("<HH", data[6:10])
        return Found("image/gif", width, height, data)
    if data[:3] == b"\xff\xd8\xff":
        width, height = _jpeg_size(data)
        return Found("image/jpeg", width, height, data)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP" and len(data) >= 30:
        width, height = _webp_size(data)
        return Found("image/webp", width, height, data)
    return None


def _jpeg_size(data: bytes) -> tuple[int, int]:
    at = 2
    while at + 9 < len(data) and data[at] == 0xFF:
        kind, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if 0xC0 <= kind <= 0xCF and kind not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return width, height
        at += 2 + max(length, 2)
    return 0, 0


def _webp_size(data: bytes) -> tuple[int, int]:
    kind = data[12:16]
    if kind == b"VP8X":
        return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    if kind == b"VP8 ":
        width, height = struct.unpack("<HH", data[26:30])
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return 0, 0


def smaller(image: Found) -> Found | None:
    """The image scaled down so that it may be sent; None without Pillow or where that is not possible."""
    if not 0 < image.width * image.height <= MOST_PIXELS:
        return None  # a few bytes that decode to gigabytes
    try:
        from PIL import Image
    except ImportError:
        return None
    import io

    try:
        with Image.open(
            io.BytesIO(image.data), formats=(image.mime.removeprefix("image/").upper(),)
        ) as opened:
            opened.thumbnail((GOOD_SIDE, GOOD_SIDE))
            for kind, mode, options in (
                ("PNG", "RGBA", {"optimize": True}),
                ("JPEG", "RGB", {"quality": 85}),
            ):
                made = io.BytesIO()
                opened.convert(mode).save(made, kind, **options)
                found = _measured(made.getvalue())
                if found is not None and found.fits:
                    return found
    except (OSError, ValueError, SyntaxError, MemoryError, Image.DecompressionBombError):
        return None
    return None
