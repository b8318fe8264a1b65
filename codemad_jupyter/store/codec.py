"""Owns how values become text in the database: JSON that survives lone surrogates and NUL."""

import json
from typing import Any

from pydantic import BaseModel

from codemad_jupyter.protocol.errors import StoreError


def encode(value: Any) -> str:
    """JSON text of a value or of plain data. A lone surrogate is no valid UTF-8, so it is escaped."""
    plain = value.model_dump() if isinstance(value, BaseModel) else value
    try:
        text = json.dumps(plain, ensure_ascii=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise StoreError(
            f"A {type(value).__name__} cannot be stored, for JSON has no form for part of it: {error}.",
            hint="Please report this; nothing was written.",
        ) from error
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(plain, separators=(",", ":"))
    return text


def decode(text: str) -> Any:
    """The plain data of `encode`."""
    return json.loads(text)
