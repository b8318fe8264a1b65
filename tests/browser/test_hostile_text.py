"""What a model says is text from a stranger: nothing is fetched, run or wired to Lab's commands."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Desk
from tests.browser.lab import Lab
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call, Turn

TEXT = """Look: ![plot](HOST/markdown.png)

![ref][r]

[r]: HOST/reference.png

<img src="HOST/html.png" srcset="HOST/set.png 2x" onerror="fetch('HOST/error')">
<div style="background: url(HOST/style.png); position: fixed; inset: 0">styled</div>
<style>@import url(HOST/import.css); body { background: url(HOST/body.png) }</style>
<link rel="stylesheet" href="HOST/link.css"><iframe src="HOST/frame"></iframe>
<svg><image href="HOST/svg.png"></image></svg><video poster="HOST/poster.png" src="HOST/v.mp4"></video>
<table background="HOST/table.png"><tr><td background="HOST/cell.png">cell</td></tr></table>
<script>fetch("HOST/script")</script>
<a href="#" data-commandlinker-command="codemad:new-session" data-commandlinker-args="{}">press me</a>
<button data-commandlinker-command="apputils:change-theme">or me</button>
[run](javascript:fetch('HOST/javascript'))

```mermaid
graph LR; A["<img src='HOST/mermaid.png'>"] --> B
```

$\\href{HOST/tex}{x} \\includegraphics{HOST/tex.png}$

END
"""


class Recorder:
    """An HTTP server of another origin that only remembers what was asked of it."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        paths = self.paths

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                paths.append(self.path)
                self.send_response(204)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    thread = threading.Thread(target=recorder.server.serve_forever, daemon=True)
    thread.start()
    yield recorder
    recorder.server.shutdown()
    recorder.server.server_close()
    thread.join(10)


def test_text_of_a_model_reaches_for_nothing(
    scripted_lab: Lab, script: ModelServer, open_desk: Callable[..., Desk], recorder: Recorder
) -> None:
    desk = open_desk(scripted_lab)
    text = TEXT.replace("HOST", recorder.host)
    script.play(
        Turn(text=text, calls=(Call("insert_cell", {"source": "1", "title": text}),), thinking=text),
        Turn(text=text, delay=0.02, chunk=32),
    )
    asked: list[str] = []
    desk.page.on("request", lambda request: asked.append(request.url))
    run = desk.sidebar.ask(text)
    expect(run.locator(".codemad-markdown").last).to_contain_text("END")
    for line in run.get_by_role("button", name="Thought about it").all():
        line.click()
    panel = desk.sidebar.panel
    for selector in (
        "[data-commandlinker-command]", "[style*=url]", "style", "script", "iframe", "video",
        "a[href^=javascript]", "[onerror]", ".codemad-markdown img:not([src^='data:'])",
    ):  # fmt: skip
        expect(panel.locator(selector)).to_have_count(0)
    sessions = scripted_lab.get("/codemad/sessions")
    panel.get_by_text("press me").last.click()
    assert scripted_lab.get("/codemad/sessions").count(b'"id"') == sessions.count(b'"id"')
    assert [url for url in asked if url.startswith(recorder.host)] == []
    assert recorder.paths == []

    desk.page.evaluate("url => fetch(url, {mode: 'no-cors'}).then(() => undefined)", recorder.host + "/seen")
    assert recorder.paths == ["/seen"]
