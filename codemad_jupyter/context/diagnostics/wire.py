"""Messages of the language server protocol on a pipe: how they are framed, read and written.

Knows nothing of what the messages mean; whatever is not framed as it should be is a `WireFault`.
"""

import asyncio
import json
from typing import Any

MOST_HEADER = 8_192
MOST_BODY = 32_000_000
"""Bytes of the longest message that is read; a server that says more is taken for broken."""

Json = dict[str, Any]


class WireFault(Exception):
    """The other side does not speak the protocol, or speaks no more."""


def framed(message: Json) -> bytes:
    """The bytes of a message, header first."""
    body = json.dumps(message, ensure_ascii=True, separators=(",", ":")).encode("ascii")
    return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


async def read_message(stream: asyncio.StreamReader) -> Json:
    """The next message. Raises `WireFault` at the end of the stream and for what is no message."""
    try:
        header = await stream.readuntil(b"\r\n\r\n")
        body = await stream.readexactly(_length(header))
        message = json.loads(body)
    except asyncio.IncompleteReadError:
        raise WireFault("it ended") from None
    except (asyncio.LimitOverrunError, ValueError, RecursionError, OSError) as error:
        raise WireFault(f"it sent no proper message ({type(error).__name__})") from None
    if not isinstance(message, dict):
        raise WireFault("it sent no proper message (no object)")
    return message


def _length(header: bytes) -> int:
    for line in header.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            length = int(value)
            if 0 <= length <= MOST_BODY:
                return length
    raise ValueError("no length")
