"""Bytes of a file to text and back, only where every byte that is not changed stays what it is."""

import codecs
from dataclasses import dataclass

from codemad_jupyter.tools.edits.changes import Refused

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


@dataclass(frozen=True)
class Encoding:
    """How a file is encoded, and the byte order mark it begins with."""

    name: str = "utf-8"
    mark: bytes = b""

    def encode(self, text: str, path: str) -> bytes:
        """The bytes of a text. Raises `Refused` for a character the encoding lacks."""
        if "\0" in text:
            hint = "Write it as an escape of the language."
            raise Refused(f"{path}: text cannot hold a NUL character.", hint=hint, cause="encoding")
        try:
            data = text.encode(self.name)
        except UnicodeEncodeError as error:
            odd = f"U+{ord(text[error.start]):04X}"
            raise Refused(
                f"{path} is encoded in {self.name}, which has no {odd}.",
                hint="Convert the file to UTF-8 first, or write the character otherwise.",
                cause="encoding",
            ) from None
        if self.name == "latin-1" and any(0x80 <= byte < 0xA0 for byte in data):
            raise Refused(f"{path} is not UTF-8, and the new text does not fit.", cause="encoding")
        return self.mark + data


def decoded(data: bytes, path: str) -> tuple[str, Encoding]:
    """The text and its encoding. Raises `Refused` where a guess could spoil bytes."""
    mark, name = next(((m, n) for m, n in _MARKS if data.startswith(m)), (b"", "utf-8"))
    body = data[len(mark) :]
    try:
        text = body.decode(name)
    except UnicodeDecodeError:
        if mark:
            raise _unknown(path) from None
        name, text = "latin-1", body.decode("latin-1")
    if "\0" in text or (name == "latin-1" and any("\x7f" <= letter < "\xa0" for letter in text)):
        raise _unknown(path)
    encoding = Encoding(name, mark)
    if encoding.encode(text, path) != data:
        raise _unknown(path)
    return text, encoding


def _unknown(path: str) -> Refused:
    hint = "Only UTF-8, UTF-16 with a byte order mark, and Latin-1 text can be changed."
    return Refused(f"{path} is not text in a known encoding.", hint=hint, cause="encoding")
