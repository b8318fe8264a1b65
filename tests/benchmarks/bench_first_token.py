"""Time to the first token: the bare SDK against the gateway, taken in turns against the scripted server.

Run ``python tests/benchmarks/bench_first_token.py``. The target is a difference of 5 ms at most at the
median. Both keep their connection open, so what is compared is the work per call.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from codemad_jupyter.gateway.configuration import GatewayConfig  # noqa: E402
from codemad_jupyter.gateway.provider import Request, TextPiece, ToolSpec  # noqa: E402
from codemad_jupyter.gateway.router import Router  # noqa: E402
from codemad_jupyter.protocol.messages import Message  # noqa: E402

TARGET = 0.005
PROMPT = "Draw a histogram of the column a"
TOOL = ToolSpec(name="run_code", description="Run code", parameters={"type": "object", "properties": {}})
Call = Callable[[], Awaitable[float]]


@contextlib.contextmanager
def model_server() -> Iterator[str]:
    """The scripted server in a process of its own, so that it does not share our interpreter."""
    turn = {"text": "Here is a histogram of the column a. " * 4, "repeat": True}
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "script.json"
        script.write_text(json.dumps({"turns": [turn]}), "utf-8")
        command = [sys.executable, "tests/servers/model_server.py", "--script", str(script)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
            assert process.stdout is not None
            try:
                yield process.stdout.readline().strip()
            finally:
                process.terminate()


def through_gateway(router: Router, model: str) -> Call:
    """One call through the whole stack of a model: adapter, fallback, metering."""
    provider = router.provider_for(model)
    request = Request(model=model, messages=(Message.user(PROMPT),), tools=(TOOL,), system="Be brief.")

    async def call() -> float:
        begun = time.perf_counter()
        first = 0.0
        async for delta in provider.stream(request):
            if not first and isinstance(delta, TextPiece):
                first = time.perf_counter() - begun
        return first

    return call


def bare_anthropic(url: str) -> Call:
    import anthropic

    client = anthropic.AsyncAnthropic(api_key="k", base_url=url, max_retries=0)
    tools: Any = [{"name": TOOL.name, "description": TOOL.description, "input_schema": TOOL.parameters}]

    async def call() -> float:
        begun = time.perf_counter()
        first = 0.0
        stream = await client.messages.create(
            model="claude-opus-4-8",
            max_tokens=8192,
            system="Be brief.",
            messages=[{"role": "user", "content": PROMPT}],
            tools=tools,
            stream=True,
        )
        async for event in stream:
            if not first and event.type == "content_block_delta":
                first = time.perf_counter() - begun
        return first

    return call


def bare_chat(url: str) -> Call:
    import openai

    client = openai.AsyncOpenAI(api_key="k", base_url=f"{url}/v1", max_retries=0)
    function = {"name": TOOL.name, "description": TOOL.description, "parameters": TOOL.parameters}
    tools: Any = [{"type": "function", "function": function}]

    async def call() -> float:
        begun = time.perf_counter()
        first = 0.0
        stream = await client.chat.completions.create(
            model="gpt-5.4",
            messages=[{"role": "system", "content": "Be brief."}, {"role": "user", "content": PROMPT}],
            tools=tools,
            stream=True,
            stream_options={"include_usage": True},
        )
        async for chunk in stream:
            if not first and chunk.choices and chunk.choices[0].delta.content:
                first = time.perf_counter() - begun
        return first

    return call


def bare_responses(url: str) -> Call:
    import openai

    client = openai.AsyncOpenAI(api_key="k", base_url=f"{url}/v1", max_retries=0)
    tools: Any = [{"type": "function", "name": TOOL.name, "parameters": TOOL.parameters, "strict": False}]

    async def call() -> float:
        begun = time.perf_counter()
        first = 0.0
        stream = await client.responses.create(
            model="gpt-5.4", instructions="Be brief.", input=PROMPT, tools=tools, stream=True
        )
        async for event in stream:
            if not first and event.type == "response.output_text.delta":
                first = time.perf_counter() - begun
        return first

    return call


async def compare(bare: Call, ours: Call, *, rounds: int) -> tuple[float, float]:
    """The medians of both, measured in turns; the first five rounds only warm up."""
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds + 5):
        order = (0, 1) if number % 2 else (1, 0)
        for which in order:
            taken = await (bare, ours)[which]()
            if number >= 5:
                times[which].append(taken)
    return statistics.median(times[0]), statistics.median(times[1])


async def measure(url: str, *, rounds: int) -> bool:
    """Print a line per wire format; whether all of them meet the target."""
    met = True
    for name, model, api, bare in (
        ("anthropic", "anthropic/claude-opus-4-8", "auto", bare_anthropic(url)),
        ("openai chat", "openai/gpt-5.4", "chat", bare_chat(url)),
        ("openai responses", "openai/gpt-5.4", "responses", bare_responses(url)),
    ):
        values = {"anthropic_api_key": "k", "anthropic_base_url": url, "openai_api_key": "k"}
        config = {**values, "openai_base_url": f"{url}/v1", "openai_api": api}
        router = Router(GatewayConfig.model_validate(config), redact=str)
        direct, through = await compare(bare, through_gateway(router, model), rounds=rounds)
        added = through - direct
        met = met and added <= TARGET
        sys.stdout.write(
            f"{name:18} SDK {direct * 1e3:6.2f} ms   gateway {through * 1e3:6.2f} ms   "
            f"difference {added * 1e3:+.2f} ms\n"
        )
        await router.aclose()
    return met


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100, help="calls of each kind")
    options = parser.parse_args()
    with model_server() as url:
        met = asyncio.run(measure(url, rounds=options.rounds))
    sys.stdout.write(f"target {TARGET * 1e3:.0f} ms: {'met' if met else 'MISSED'}\n")
    return 0 if met else 1


if __name__ == "__main__":
    raise SystemExit(main())
