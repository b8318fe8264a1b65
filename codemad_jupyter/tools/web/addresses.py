"""Which addresses of the web may be reached: public ones, by http or https, on their usual ports.

A name is looked up once, every address it has must be public, and the connection goes to that very address,
so that a name which answers differently a moment later leads nowhere else.
"""

import ipaddress
import socket
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from codemad_jupyter.protocol.errors import Denied, ToolError

PORTS = {"http": 80, "https": 443}
LONGEST = 2_000
_KEPT = "/%:@!$&'()*+,;=~?[]"
_EMBEDDING = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))
"""IPv6 networks whose addresses stand for IPv4 ones of somebody else's choice."""

Resolve = Callable[[str, int], list[str]]


@dataclass(frozen=True)
class Place:
    """Where a page is: ``target`` is the path with its query."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def url(self) -> str:
        """The address as it is fetched."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = self.port == PORTS[self.scheme]
        return f"{self.scheme}://{host}{'' if usual else f':{self.port}'}{self.target}"


def place_of(url: str, *, any_port: bool = False) -> Place:
    """What an address means. Raises `ToolError` for what is none that may be fetched."""
    hint = "Give a whole address, such as https://docs.python.org/3/."
    if len(url) > LONGEST or any(ord(letter) <= 32 or letter in "\\\x7f" for letter in url):
        raise ToolError(f"{url[:80]!r} is no address of a page.", hint=hint)
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        plain = host if ":" in host else host.encode("idna").decode("ascii")
    except (ValueError, UnicodeError) as error:
        raise ToolError(f"{url[:80]!r} is no address of a page.", hint=hint) from error
    if parts.scheme not in PORTS or not plain:
        raise ToolError(f"{url[:80]!r} is no address of http or https.", hint=hint)
    if parts.username is not None or parts.password is not None:
        raise Denied("An address with a name or password in it is not fetched.")
    port = PORTS[parts.scheme] if port is None else port
    if port != PORTS[parts.scheme] and not any_port:
        raise Denied(f"Port {port} is not the usual one of {parts.scheme}, so it is not fetched.")
    target = quote(parts.path or "/", safe=_KEPT) + (
        f"?{quote(parts.query, safe=_KEPT)}" if parts.query else ""
    )
    return Place(parts.scheme, plain.rstrip("."), port, target)


def public(address: str) -> bool:
    """Is it an address of the open internet, and not of this machine, this network or a cloud's insides?"""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if inner is not None or any(found in network for network in _EMBEDDING):
            return False
    return found.is_global and not (found.is_multicast or found.is_reserved or found.is_unspecified)


def resolved(host: str, port: int) -> list[str]:
    """The addresses of a name. Raises `ToolError`."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        hint = "Is the name right, and is there a network?"
        raise ToolError(f"{host} is not known: {error}.", hint=hint) from error
    return list(dict.fromkeys(str(each[4][0]) for each in found))


def checked(place: Place, *, resolve: Resolve = resolved, may: Callable[[str], bool] = public) -> str:
    """The address to connect to. Raises `Denied` where any that the name has is not public."""
    addresses = resolve(place.host, place.port)
    wrong = [each for each in addresses if not may(each)]
    if wrong or not addresses:
        said = f"{place.host} leads to {wrong[0] if wrong else 'nowhere'}, which is no public address"
        raise Denied(f"{said}, so it is not fetched.", hint="Name a page of the open web.")
    return addresses[0]
