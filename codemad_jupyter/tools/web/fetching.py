"""Fetches one page: one request to a checked address, no cookie, no key, no proxy, within time and size."""

import http.client
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

from codemad_jupyter.protocol.errors import ToolError
from codemad_jupyter.tools.web.addresses import Place, Resolve, checked, place_of, public, resolved

SECONDS = 20.0
BYTES = 3_000_000
MOST_STEPS = 5
HEADERS = {
    "User-Agent": "codemad-jupyter",
    "Accept": "text/html, text/*;q=0.9, application/json;q=0.8",
    "Accept-Encoding": "identity",
    "Connection": "close",
}
TEXTS = ("text/", "application/json", "application/xml", "application/xhtml", "application/ld+json")
MOVED = (301, 302, 303, 307, 308)


@dataclass(frozen=True)
class Page:
    """What came. ``moved`` is where it leads, when that is another host, which nobody was asked about."""

    url: str
    status: int
    kind: str = ""
    data: bytes = b""
    cut: bool = False
    moved: str = ""


@dataclass(frozen=True)
class Reach:
    """How names are looked up, and which addresses and ports may be reached."""

    resolve: Resolve = resolved
    may: Callable[[str], bool] = public
    any_port: bool = False


def fetched(url: str, *, reach: Reach | None = None, seconds: float = SECONDS) -> Page:
    """Fetch a page; for a thread. Raises `ToolError` and `Denied`."""
    reach = reach or Reach()
    end = time.monotonic() + seconds
    place = place_of(url, any_port=reach.any_port)
    for _ in range(MOST_STEPS):
        page = _one(place, checked(place, resolve=reach.resolve, may=reach.may), end)
        if not page.moved:
            return page
        following = place_of(urljoin(place.url, page.moved), any_port=reach.any_port)
        if following.host != place.host or (place.scheme == "https" and following.scheme == "http"):
            return Page(page.url, page.status, moved=following.url)
        place = following
    raise ToolError(f"{url} leads on more than {MOST_STEPS} times.")


def _one(place: Place, address: str, end: float) -> Page:
    connection = _Pinned(place, address, end)
    try:
        connection.request("GET", place.target, headers=HEADERS)
        response = connection.getresponse()
        moved = response.getheader("Location", "") if response.status in MOVED else ""
        if moved:
            return Page(place.url, response.status, moved=moved)
        kind = response.getheader("Content-Type", "text/plain")
        if not kind.lower().startswith(TEXTS):
            raise ToolError(f"{place.url} is no text but {kind[:60]}.", hint="Name a page of text.")
        data = _read(response, connection, end)
        return Page(place.url, response.status, kind, data[:BYTES], cut=len(data) > BYTES)
    except TimeoutError:
        raise ToolError(f"{place.host} took too long.", hint="Try it later, or another page.") from None
    except (OSError, http.client.HTTPException) as error:
        said = f"{type(error).__name__}: {error}"[:200]
        raise ToolError(f"{place.host} could not be reached: {said}.") from error
    finally:
        connection.close()


def _read(response: http.client.HTTPResponse, connection: "_Pinned", end: float) -> bytes:
    """The body, as much as fits, as long as there is time: a slow one comes in drops."""
    data = bytearray()
    while len(data) <= BYTES:
        connection.patience(end)
        piece = response.read1(65_536)
        if not piece:
            break
        data += piece
    return bytes(data)


class _Pinned(http.client.HTTPConnection):
    """A connection to one address under the name of a host."""

    def __init__(self, place: Place, address: str, end: float) -> None:
        super().__init__(place.host, place.port)
        self._address = address
        self._end = end
        self._secure = place.scheme == "https"
        self._socket: Any = None

    def connect(self) -> None:
        """Connect to the address, whatever the name may mean by now."""
        self._socket = socket.create_connection((self._address, self.port), timeout=self._left(self._end))
        if self._secure:
            context = ssl.create_default_context()
            self._socket = context.wrap_socket(self._socket, server_hostname=self.host)
        self.sock = self._socket

    def patience(self, end: float) -> None:
        """No wait goes beyond the end."""
        self._socket.settimeout(self._left(end))

    def _left(self, end: float) -> float:
        left = end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left
