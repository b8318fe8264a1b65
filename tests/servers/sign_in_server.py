"""An authorization server on loopback that speaks RFC 8628 and refreshes what it gave."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs


class SignInServer:
    """``script`` holds the errors of the token endpoint before it gives in; all forms are kept."""

    def __init__(self) -> None:
        self.script: list[str] = []
        self.forms: list[dict[str, str]] = []
        self.lasts = 3600
        self.code: dict[str, Any] = {}
        self.discovery = True
        self.given = 0
        self.refresh = ""
        self.url = ""

    def answer(self, path: str, form: dict[str, str]) -> tuple[int, Any]:
        if path == "/.well-known/openid-configuration":
            found = {"token_endpoint": f"{self.url}/token"}
            more = {"device_authorization_endpoint": f"{self.url}/device"} if self.discovery else {}
            return 200, {**found, **more}
        self.forms.append(form)
        if path == "/device":
            page = {"user_code": "WDJB-MJHT", "verification_uri": f"{self.url}/enter"}
            return 200, {"device_code": "dev-1", **page, "expires_in": 600, "interval": 5, **self.code}
        if path == "/moved":
            return 302, {}
        if self.script:
            return 400, {"error": self.script.pop(0), "error_description": "so it\n is."}
        if form["grant_type"] == "refresh_token" and form["refresh_token"] != self.refresh:
            return 400, {"error": "invalid_grant"}
        self.given += 1
        self.refresh = f"refresh-CANARY-{self.given}"
        token = {"access_token": f"eyJ.CANARY.access-{self.given}", "token_type": "Bearer"}
        return 200, {**token, "refresh_token": self.refresh, "expires_in": self.lasts}


@contextmanager
def sign_in_server() -> Iterator[SignInServer]:
    state = SignInServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._reply(*state.answer(self.path, {}))

        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._reply(*state.answer(self.path, {key: values[0] for key, values in parse_qs(text).items()}))

        def _reply(self, status: int, body: Any) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            if status == 302:
                self.send_header("Location", f"{state.url}/token")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            """Nothing on the terminal."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
