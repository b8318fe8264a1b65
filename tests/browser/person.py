"""Somebody signed in to a hub, with their lab in a browser, and the ways there are to try somebody else's."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, Page, WebSocket

from tests.browser.conftest import PAGE_TIMEOUT
from tests.browser.hub import Hub, sign_in
from tests.browser.sidebar import Sidebar
from tests.waiting import LIMIT, wait_until

ASK = """async code => {
    window.ourKernel ??= await window.jupyterapp.serviceManager.kernels.startNew({ name: 'codemad' });
    const future = window.ourKernel.requestExecute({ code });
    const said = [];
    future.onIOPub = message => said.push(message.content.text ?? message.content.evalue
        ?? message.content.data?.['text/plain'] ?? '');
    await future.done;
    return [window.ourKernel.id, said.join('')];
}"""
ASK_ALL = """async ([server, paths]) => {
    const xsrf = /(?:^|; )_xsrf=([^;]*)/.exec(document.cookie)[1];
    const headers = { 'Content-Type': 'application/json', 'X-XSRFToken': xsrf };
    const ask = async (path, method) => {
        const body = method === 'POST' ? '{}' : undefined;
        return (await fetch(`${server}/${path}`, { method, headers, body })).status;
    };
    const found = {};
    await Promise.all(paths.map(async path => {
        found[path] = await Promise.all(['GET', 'POST', 'DELETE'].map(method => ask(path, method)));
    }));
    return found;
}"""
LISTEN = """url => new Promise(resolve => {
    const socket = new WebSocket(url);
    socket.onopen = () => { socket.close(); resolve('open'); };
    socket.onerror = () => resolve('refused');
})"""
REACH = """
import json, os, urllib.error, urllib.request

def status(url, **headers):
    try:
        return urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60).status
    except urllib.error.HTTPError as error:
        return error.code

own, theirs = os.environ["CODEMAD_JUPYTER_URL"].rstrip("/"), {theirs!r}
hub = {{"Authorization": "token " + os.environ["JUPYTERHUB_API_TOKEN"]}}
kernel = {{"X-Codemad-Kernel-Token": os.environ["CODEMAD_KERNEL_TOKEN"]}}
print(json.dumps([
    [status(own + "/codemad/sessions", **hub), status(own + "/codemad/kernel/session", **kernel)],
    [status(each + path, **headers) for each in theirs for path, headers in [
        ("/codemad/sessions", hub), ("/api/contents", hub), ("/codemad/kernel/session", kernel),
        ("/codemad/kernel/models", {{**hub, **kernel}}),
    ]],
]))
"""


@dataclass
class Person:
    """Somebody signed in, with the panel open in their own lab."""

    name: str
    page: Page
    server: str
    asked: list[str] = field(default_factory=list)
    """The addresses of all requests and sockets of the page."""
    streams: list[WebSocket] = field(default_factory=list)

    def statuses(self, server: str, paths: list[str]) -> dict[str, set[int]]:
        """How a server answers this person's page at these paths, to reading, writing and deleting."""
        found: dict[str, list[int]] = self.page.evaluate(ASK_ALL, [server, paths])
        return {path: set(statuses) for path, statuses in found.items()}

    def command(self, **command: Any) -> Any:
        """A command to their own server, sent as the lab's own front end would."""
        return self.page.evaluate(
            """async ([url, body]) => {
                const xsrf = /(?:^|; )_xsrf=([^;]*)/.exec(document.cookie)[1];
                const headers = { 'Content-Type': 'application/json', 'X-XSRFToken': xsrf };
                const answer = await fetch(url, { method: 'POST', headers, body });
                return [answer.status, await answer.json()];
            }""",
            [f"{self.server}/codemad/commands", json.dumps(command)],
        )

    def settings(self) -> dict[str, dict[str, Any]]:
        """What holds, by its key."""
        answer = self.page.request.get(f"{self.server}/codemad/settings", timeout=1000 * LIMIT)
        return {each["key"]: each for each in answer.json()["settings"]}

    def sessions(self) -> str:
        answer = self.page.request.get(f"{self.server}/codemad/sessions", timeout=1000 * LIMIT)
        assert answer.ok
        return answer.text()

    def run(self, code: str) -> tuple[str, str]:
        """Run code in a kernel of theirs: the kernel's id, and what the code said."""
        id, said = self.page.evaluate(ASK, code)
        return id, said

    def try_from_a_kernel(self, *servers: str) -> tuple[list[int], list[int]]:
        """How their own server answers code of theirs, and how these do, whatever the code brings along."""
        own, others = json.loads(self.run(REACH.format(theirs=list(servers)))[1])
        return own, others

    def listens(self, server: str) -> str:
        """What becomes of a socket of their page to a server's stream."""
        outcome: str = self.page.evaluate(LISTEN, server.replace("http", "ws", 1) + "/codemad/stream")
        return outcome

    def follow(self, socket: WebSocket) -> None:
        """Note a socket of their page, and the stream once it speaks."""
        self.asked.append(socket.url.replace("ws:", "http:", 1))
        if socket.url.endswith("/codemad/stream"):
            socket.once("framereceived", lambda _: self.streams.append(socket))

    def lines(self) -> int:
        """How many lines to the stream their page has had so far."""
        self.page.evaluate("() => true")  # what happened since is told now
        return len(self.streams)


@contextmanager
def in_their_labs(hub: Hub, browser: Browser, *names: str) -> Iterator[list[Person]]:
    """All at once, each in a browser profile of their own, with the panel open."""
    people = []
    for name in names:
        page = browser.new_context(viewport={"width": 1400, "height": 900}).new_page()
        page.set_default_timeout(PAGE_TIMEOUT)
        person = Person(name, page, hub.server(name))
        page.on("request", lambda request, person=person: person.asked.append(request.url))
        page.on("websocket", person.follow)
        people.append(person)
        sign_in(page, hub, name)
    for name in names:  # each step has its own limit: their servers and labs start at once
        wait_until(lambda name=name: hub.servers(name).get("", {}).get("ready"), "the start of a server")
    for person in people:
        person.page.wait_for_url(re.compile(".*/lab.*"), wait_until="commit")
    for person in people:
        Sidebar(person.page).open()
    yield people
    for person in people:
        person.page.context.close()
