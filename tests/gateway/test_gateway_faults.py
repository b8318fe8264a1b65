"""Every way a call can fail: its kind, one clear sentence, a next step, and never a key."""

from __future__ import annotations

import base64
import socket
import time
from collections.abc import Callable
from email.utils import formatdate
from urllib.parse import quote

import pytest

from codemad_jupyter.gateway.failures import Caller, failure_of, seconds_to_wait
from codemad_jupyter.gateway.provider import Failed
from codemad_jupyter.gateway.router import Router
from codemad_jupyter.protocol.errors import ProviderErrorKind
from tests.gateway.calls import (
    KEYS,
    MODELS,
    TOOL,
    alone,
    ask,
    assert_clear,
    collect,
    failed,
    finished,
    text_of,
)
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call, Turn

STATUSES = [
    (401, "authentication_error", "invalid_api_key", "bad_key"),
    (403, "permission_error", "", "bad_key"),
    (404, "not_found_error", "model_not_found", "unknown_model"),
    (413, "request_too_large", "", "context_window"),
    (429, "rate_limit_error", "rate_limit_exceeded", "rate_limited"),
    (429, "billing_error", "insufficient_quota", "out_of_quota"),
    (500, "api_error", "server_error", "server"),
    (503, "", "", "overloaded"),
    (504, "timeout_error", "", "timeout"),
    (529, "overloaded_error", "", "overloaded"),
    (400, "invalid_request_error", "invalid_request_error", "bad_request"),
]


@pytest.mark.parametrize(("status", "anthropic", "openai", "kind"), STATUSES)
async def test_statuses(
    spoken: tuple[Router, str],
    model_server: ModelServer,
    status: int,
    anthropic: str,
    openai: str,
    kind: str,
) -> None:
    router, model = spoken
    error = anthropic if model.startswith("anthropic") else openai
    model_server.play(Turn(status=status, error=error, message="no luck"))
    failure = await failed(alone(router, model), ask(model))
    assert (failure.kind, failure.status, failure.model) == (kind, status, model)
    assert (failure.started, failure.partial) == (False, None)
    assert f"HTTP {status}" in failure.text
    assert_clear(failure)


async def test_context_window_is_recognised(spoken: tuple[Router, str], model_server: ModelServer) -> None:
    router, model = spoken
    official = model.startswith("anthropic")
    words = "prompt is too long: 212000 tokens > 200000" if official else "maximum context length is 8192"
    code = "invalid_request_error" if official else "context_length_exceeded"
    model_server.play(Turn(status=400, error=code, message=words))
    failure = await failed(alone(router, model), ask(model))
    assert failure.kind == "context_window"
    assert "compact" in failure.hint


async def test_an_echoed_key_is_not_shown(spoken: tuple[Router, str], model_server: ModelServer) -> None:
    router, model = spoken
    key = KEYS[model.partition("/")[0]]
    for text in (
        "bad key {key}",
        f"{base64.b64encode(key.encode()).decode()} is wrong",
        f"at https://me:{key}@host/?k={quote(key)}",
        f"hex {key.encode().hex()} and sk-abcdefghijklmnop1234",
    ):
        body = f'{{"error": {{"message": "{text}", "type": "invalid_request_error"}}}}'
        for status in (400, 401, 500):
            model_server.play(Turn(status=status, body=body))
            failure = await failed(alone(router, model), ask(model))
            assert_clear(failure)
            assert "sk-abcdefghijklmnop1234" not in failure.text


@pytest.mark.parametrize("error", ["overloaded_error", "rate_limit_error", "api_error", "not_found_error"])
@pytest.mark.parametrize("after", [1, 4])
async def test_errors_inside_a_good_stream(
    spoken: tuple[Router, str], model_server: ModelServer, error: str, after: int
) -> None:
    router, model = spoken
    names = {"overloaded_error": "overloaded", "rate_limit_error": "rate_limited"}
    kind = names.get(error, "server" if error == "api_error" else "unknown_model")
    model_server.play(Turn(text="0123456789" * 4, chunk=4, error=error, error_after=after))
    deltas = await collect(alone(router, model), ask(model))
    failure = deltas[-1]
    assert isinstance(failure, Failed)
    assert failure.kind == kind
    assert failure.started == bool(text_of(deltas))
    assert (failure.partial.text if failure.partial else "") == text_of(deltas)
    assert_clear(failure)


async def test_a_web_page_with_status_200(spoken: tuple[Router, str], model_server: ModelServer) -> None:
    router, model = spoken
    model_server.play(Turn(html=True))
    failure = await failed(alone(router, model), ask(model))
    assert failure.kind == "malformed"
    assert "web page" in failure.text
    assert "base URL" in failure.hint


@pytest.mark.parametrize("turn", [Turn(raw=""), Turn(text="x", cut=0), Turn(text="x", cut=0, clean_cut=True)])
async def test_no_answer_at_all(spoken: tuple[Router, str], model_server: ModelServer, turn: Turn) -> None:
    router, model = spoken
    model_server.play(turn)
    failure = await failed(alone(router, model), ask(model))
    assert (failure.kind, failure.started) == ("connection", False)
    assert_clear(failure)


async def test_nobody_listens(routers: Callable[..., Router]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    router = routers(anthropic_base_url=url, openai_base_url=f"{url}/v1")
    for model in (MODELS["anthropic"], MODELS["openai"]):
        failure = await failed(alone(router, model), ask(model))
        assert failure.kind == "connection"
        assert url in failure.text
        assert_clear(failure)


@pytest.mark.parametrize("kind", ["connection", "no_key"])
def test_a_label_that_begins_a_sentence_begins_it(kind: ProviderErrorKind) -> None:
    caller = Caller("The model server", "compatible/x", "X_KEY", "http://127.0.0.1:1/v1")
    assert failure_of(kind, caller).text.startswith("The model server ")


async def test_no_key_is_said_before_anything_is_sent(
    routers: Callable[..., Router], model_server: ModelServer
) -> None:
    router = routers(anthropic_api_key=None, openai_api_key="  ")
    for model, name in ((MODELS["anthropic"], "ANTHROPIC_API_KEY"), (MODELS["openai"], "OPENAI_API_KEY")):
        failure = await failed(alone(router, model), ask(model))
        assert failure.kind == "no_key"
        assert name in failure.hint
        assert "codemad/offline" in failure.hint
    assert model_server.requests == []


@pytest.mark.parametrize("key", ["half a-key-0123456789", "a\nkey-0123456789", "schlüssel-0123456789"])
async def test_a_key_that_cannot_be_one(
    routers: Callable[..., Router], model_server: ModelServer, key: str
) -> None:
    router = routers(anthropic_api_key=key, openai_api_key=key)
    for model in (MODELS["anthropic"], MODELS["openai"]):
        failure = await failed(alone(router, model), ask(model))
        assert failure.kind == "bad_key"
        assert "characters that no key has" in failure.text
        assert "0123456789" not in failure.text + failure.hint
    assert model_server.requests == []


async def test_spaces_around_a_key_do_not_matter(
    routers: Callable[..., Router], model_server: ModelServer
) -> None:
    model_server.play(Turn(text="ok"))
    router = routers(anthropic_api_key=f" {KEYS['anthropic']}\n")
    await finished(alone(router, MODELS["anthropic"]), ask(MODELS["anthropic"]))
    assert model_server.asked[0].key == KEYS["anthropic"]


BAD_ARGUMENTS = [
    '{"source": "df.hist(',
    '{"source": "a"} and more',
    '{"a": 1, "a": 2}',
    '{"a": NaN}',
    '{"a": -Infinity}',
    "[1, 2]",
    '"text"',
    "null",
    "7",
    '{"a": "\\ud800"}',
    '{"a": ' + "9" * 5000 + "}",
    '{"a": ' + "[" * 100_000,
    "{'a': 1}",
    '{"a": 1,}',
]


async def test_bad_arguments_are_never_delivered(
    spoken: tuple[Router, str], model_server: ModelServer
) -> None:
    router, model = spoken
    for arguments in BAD_ARGUMENTS:
        calls = (Call("replace_cell", {"source": "ok"}), Call("replace_cell", arguments))
        model_server.play(Turn(text="Here", calls=calls, chunk=50_000))
        deltas = await collect(alone(router, model), ask(model, tools=(TOOL,)))
        assert [delta.type for delta in deltas] == ["text", "failed"], arguments[:40]
        failure = deltas[-1]
        assert isinstance(failure, Failed)
        assert failure.kind == "malformed", arguments[:40]
        assert failure.partial is not None
        assert failure.partial.text == "Here"
        assert "replace_cell" in failure.text
        assert_clear(failure)


async def test_a_call_cut_off_by_the_length_is_not_delivered(
    spoken: tuple[Router, str], model_server: ModelServer
) -> None:
    router, model = spoken
    stop = {"anthropic": "max_tokens"}.get(model.partition("/")[0], "length")
    stop = "max_output_tokens" if router.config.openai_api == "responses" else stop
    for arguments in ('{"source": "df', ""):
        model_server.play(Turn(calls=(Call("replace_cell", arguments),), stop=stop))
        failure = await failed(alone(router, model), ask(model, tools=(TOOL,)))
        assert failure.kind == "malformed", arguments


def test_retry_after_in_all_its_forms() -> None:
    assert seconds_to_wait({"retry-after": "7"}) == 7
    assert seconds_to_wait({"retry-after": "0.25"}) == 0.25
    assert seconds_to_wait({"retry-after-ms": "1500", "retry-after": "9"}) == 1.5
    in_a_minute = seconds_to_wait({"retry-after": formatdate(time.time() + 60, usegmt=True)})
    assert in_a_minute is not None
    assert 57 < in_a_minute <= 60
    assert seconds_to_wait({"retry-after": formatdate(time.time() - 60, usegmt=True)}) == 0
    for odd in ("", "soon", "nan", "inf", "-3", "Mon, 99 Foo 2026"):
        assert seconds_to_wait({"retry-after": odd}) is None, odd
