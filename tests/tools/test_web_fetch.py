"""Fetching pages: which addresses are refused, that the checked one is connected to, and what a page is."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from codemad_jupyter.protocol.errors import CodemadError, Denied, ToolError
from codemad_jupyter.protocol.permissions import Rule
from codemad_jupyter.tools.permissions import Action, Permissions, decide
from codemad_jupyter.tools.web.addresses import checked, place_of, public
from codemad_jupyter.tools.web.fetch import answer_of, fetch_page
from codemad_jupyter.tools.web.fetching import BYTES, Reach, fetched
from codemad_jupyter.tools.web.page_text import text_of
from tests.tools.using import bare_context

PAGE = """<html><head><title> A  page </title><style>p{}</style></head><body><h1>Head</h1>
<p>Some <a href="/more">words</a>.</p><script>alert('x')</script><ul><li>one<li>two</ul>
<a href="javascript:x()">js</a><!-- hidden --></body></html>"""


class Site(BaseHTTPRequestHandler):
    """A few pages, and what was asked of them."""

    asked: ClassVar[list[dict[str, str]]] = []

    def do_GET(self) -> None:
        Site.asked.append({"path": self.path, **{name.lower(): each for name, each in self.headers.items()}})
        if self.path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix("/to/"))
            self.end_headers()
            return
        kinds = {
            "/image": "image/png",
            "/plain": "text/plain; charset=latin-1",
            "/odd": "text/html; charset=zz",
        }
        body = (
            b"na\xefve"
            if self.path == "/plain"
            else b"x" * (BYTES + 9)
            if self.path == "/big"
            else PAGE.encode()
        )
        self.send_response(404 if self.path == "/gone" else 200)
        self.send_header("Content-Type", kinds.get(self.path, "text/html; charset=utf-8"))
        self.send_header("Set-Cookie", "a=b")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is written."""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


HERE = Reach(resolve=lambda host, port: ["127.0.0.1"], may=lambda address: True, any_port=True)


INSIDE = [
    "127.0.0.1",
    "127.9.9.9",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",  # noqa: S104 - it is to be refused
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "fd00:ec2::254",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
    "2001:db8::1",
    "::127.0.0.1",
    "x",
]


@pytest.mark.parametrize("address", INSIDE)
def test_addresses_that_are_not_public(address: str) -> None:
    assert not public(address)


def test_addresses_that_are_public() -> None:
    assert all(map(public, ("1.1.1.1", "93.184.216.34", "2606:4700:4700::1111")))


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://x.org/",
        "gopher://x.org",
        "x.org",
        "http://",
        "http://u:p@x.org/",
        "http://u@x.org/",
        "http://x.org:22/",
        "https://x.org:80/",
        "http://x.org/a b",
        "http://x.org/\r\nX: y",
        "http://x.org\\@127.0.0.1/",
        "http://[::1",
        "http://x.org:99999/",
        "http://a..b/",
        "http://" + "x" * 3000,
        "",
        "javascript:1",
        "data:text/plain,x",
    ],
)
def test_what_is_no_page_is_refused(url: str) -> None:
    with pytest.raises(CodemadError):
        place_of(url)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_names_of_this_machine_are_refused(host: str, port: int) -> None:
    before = len(Site.asked)
    with pytest.raises(CodemadError):
        fetched(f"http://{host}:{port}/", reach=Reach(any_port=True))
    with pytest.raises(CodemadError):
        fetched(f"http://{host}/")
    assert len(Site.asked) == before


def test_one_bad_address_of_a_name_is_enough() -> None:
    place = place_of("https://x.org/")
    with pytest.raises(Denied, match=r"169\.254"):
        checked(place, resolve=lambda host, port: ["1.1.1.1", "169.254.169.254"])
    with pytest.raises(Denied, match="nowhere"):
        checked(place, resolve=lambda host, port: [])


def test_a_name_is_looked_up_once_and_its_address_connected_to(port: int) -> None:
    answers = iter([["127.0.0.1"]])  # a second look would fail
    page = fetched(
        f"http://rebinding.test:{port}/a?b=ü", reach=replace(HERE, resolve=lambda *_: next(answers))
    )
    assert page.status == 200
    sent = Site.asked[-1]
    assert (sent["host"], sent["path"]) == (f"rebinding.test:{port}", "/a?b=%C3%BC")
    assert not {"cookie", "authorization", "referer"} & set(sent)


def test_steps_within_a_host_are_followed_and_checked_each(port: int) -> None:
    page = fetched(f"http://a.test:{port}/to//to//end", reach=HERE)
    assert (page.status, page.url) == (200, f"http://a.test:{port}/end")
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])
    reach = Reach(lambda *_: next(answers), lambda address: address == "127.0.0.1", any_port=True)
    with pytest.raises(Denied, match=r"10\.0\.0\.1"):
        fetched(f"http://a.test:{port}/to//end", reach=reach)
    away = fetched(f"http://a.test:{port}/to/http://b.test/x", reach=HERE)
    assert away.moved == "http://b.test/x"
    assert "another host" in answer_of(away, limit=100)["next"]
    for wrong in ("file:///etc/passwd", "http://u:p@a.test/"):
        with pytest.raises(CodemadError):
            fetched(f"http://a.test:{port}/to/{wrong}", reach=HERE)
    with pytest.raises(ToolError, match="more than"):
        fetched(f"http://a.test:{port}" + "/to/" * 9 + "/end", reach=HERE)


def test_kinds_and_sizes(port: int) -> None:
    top = f"http://a.test:{port}"
    with pytest.raises(ToolError, match="no text"):
        fetched(f"{top}/image", reach=HERE)
    assert answer_of(fetched(f"{top}/plain", reach=HERE), limit=100)["text"] == "naïve"
    big = fetched(f"{top}/big", reach=HERE)
    assert (big.cut, len(big.data)) == (True, BYTES)
    gone = answer_of(fetched(f"{top}/gone", reach=HERE), limit=1000)
    assert (gone["status"], gone["title"]) == (404, "A page")
    assert "untrusted" in gone["source"]
    assert answer_of(fetched(f"{top}/odd", reach=HERE), limit=1000)["title"] == "A page"
    with pytest.raises(ToolError, match="too long"):
        fetched(f"{top}/", reach=HERE, seconds=0)


def test_the_text_of_a_page() -> None:
    title, text = text_of(PAGE, url="https://x.org/a/")
    assert title == "A page"
    assert text == "# Head\n\nSome words (https://x.org/more).\n\n- one\n- two\n\njs"
    assert text_of("<script>" + "<div>" * 5000 + "x", url="https://x.org")[1] == ""


async def test_each_address_is_asked_about_unless_a_rule_allows_its_host(tmp_path: Path) -> None:
    assert fetch_page.prepare is not None
    found = await fetch_page.prepare(bare_context(tmp_path), {"url": "https://docs.python.org/3/?q=1"})
    action = Action(
        tool="fetch_page", risk="network", axis="network", arguments=found.arguments, root=tmp_path
    )
    for mode in ("ask", "auto_edit", "auto_sandboxed"):
        assert decide(action, Permissions(mode=mode)).outcome == "ask"
    assert decide(action, Permissions(mode="batch")).outcome == "deny"
    allows = Rule(decide="allow", tool="fetch_page", arguments={"host": "docs.python.org"})
    assert decide(action, Permissions(rules=(allows,))).outcome == "allow"
    other = replace(action, arguments={"url": "https://evil.org/", "host": "evil.org"})
    assert decide(other, Permissions(rules=(allows,))).outcome == "ask"
