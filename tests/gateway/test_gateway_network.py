"""Certificates and proxies: what the environment says holds for both SDKs."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from codemad_jupyter.gateway.router import Router
from tests.gateway.calls import KEYS, MODELS, alone, ask, assert_clear, failed, finished
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Turn

BOTH = (MODELS["anthropic"], MODELS["openai"])


async def refuse_the_key(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 401 No\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}")
    await writer.drain()
    writer.close()


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for 127.0.0.1 signed by nobody; its key is beside it."""
    path = tmp_path / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=x"]
    names = ["-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-out", str(path), "-keyout", str(tmp_path / "key.pem")]
    subprocess.run([*command, *names, *files], check=True, capture_output=True, timeout=60)
    return path


@pytest.fixture
async def secure(certificate: Path) -> AsyncIterator[str]:
    """The address of a TLS server with that certificate, which refuses every key."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("key.pem"))
    server = await asyncio.start_server(refuse_the_key, "127.0.0.1", 0, ssl=context)
    async with server:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_a_certificate_nobody_signed(routers: Callable[..., Router], secure: str) -> None:
    router = routers(anthropic_base_url=secure, openai_base_url=f"{secure}/v1")
    for model in BOTH:
        failure = await failed(alone(router, model), ask(model))
        assert failure.kind == "connection"
        assert "certificate" in failure.text
        assert "SSL_CERT_FILE" in failure.hint
        assert_clear(failure)


async def test_a_certificate_named_in_the_environment(
    routers: Callable[..., Router], secure: str, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    router = routers(anthropic_base_url=secure, openai_base_url=f"{secure}/v1")
    for model in BOTH:
        assert (await failed(alone(router, model), ask(model))).kind == "bad_key"


async def test_a_proxy_named_in_the_environment(
    routers: Callable[..., Router], model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, model_server.url)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name)
    model_server.play(Turn(text="ok", repeat=True))
    # An address reserved for examples: only a proxy can answer for it.
    router = routers(anthropic_base_url="http://203.0.113.1", openai_base_url="http://203.0.113.1/v1")
    for model in BOTH:
        await finished(alone(router, model), ask(model))
    assert [request.path for request in model_server.asked] == [
        "http://203.0.113.1/v1/messages",
        "http://203.0.113.1/v1/chat/completions",
    ]
    assert model_server.asked[0].key == KEYS["anthropic"]
