"""Over TLS the kernel trusts exactly the certificate that the server named."""

from __future__ import annotations

import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from codemad_jupyter.app.client import connect


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b'{"session": "s", "notebook": null}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    file = tmp_path / "own.pem"
    subject = ["-subj", "/CN=elsewhere.example", "-days", "2", "-nodes", "-newkey", "rsa:2048"]
    command = ["openssl", "req", "-x509", *subject, "-keyout", str(file), "-out", str(tmp_path / "cert")]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    file.write_text(file.read_text() + (tmp_path / "cert").read_text())
    return file


@pytest.fixture
def address(certificate: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"https://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join(10)
    server.server_close()


def test_the_named_certificate_is_trusted_and_no_other(address: str, certificate: Path) -> None:
    variables = {"CODEMAD_JUPYTER_URL": address, "CODEMAD_KERNEL_TOKEN": "t"}
    client, notice = connect(environ=variables)
    assert client is None
    assert "certificate" in notice.lower()
    client, notice = connect(environ={**variables, "CODEMAD_JUPYTER_CERT": str(certificate)})
    assert client is not None, notice
    assert client.session() == "s"
