"""``codemad models``: list them, pull one through Ollama, try one with a tiny call."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codemad_jupyter.batch.subcommand import subcommand

if TYPE_CHECKING:
    from codemad_jupyter.batch.subcommand import Commands
    from codemad_jupyter.gateway.probing import Probe
    from codemad_jupyter.gateway.provider import Failed, Finished
    from codemad_jupyter.gateway.pulling import Step
    from codemad_jupyter.gateway.router import Router
    from codemad_jupyter.protocol.models import ModelInfo

BAR = 30
MEGABYTE = 1_000_000
QUESTION = "Answer with the one word: ready"


def add_models(commands: Commands) -> None:
    """``codemad models``."""
    text = "list the models that can be asked and what the others lack, pull one, or try one"
    models = subcommand(
        commands, "models", text, examples=("--probe", "pull qwen3", "test anthropic/claude-opus-5-5")
    )
    models.add_argument(
        "what",
        nargs="?",
        choices=("list", "pull", "test"),
        default="list",
        metavar="ACTION",
        help="list (default), pull NAME through Ollama, or test NAME with one tiny call",
    )
    models.add_argument("name", nargs="?", metavar="NAME", help="the model to pull or to test")
    models.add_argument(
        "--probe", action="store_true", help="ask local servers for their models, and who answers"
    )
    models.add_argument("--json", action="store_true", help="print it as JSON")
    models.set_defaults(perform=perform)


def perform(args: argparse.Namespace) -> int:
    """Do what was asked; 1 when it failed."""
    from codemad_jupyter.protocol.errors import UsageError

    if args.what == "list":
        if args.name:
            raise UsageError("A list takes no name.", hint="Did you mean: codemad models test NAME?")
        return _list(probe=args.probe, as_json=args.json)
    if not args.name:
        raise UsageError("Which model?", hint=f"Write: codemad models {args.what} NAME.")
    work = _pull if args.what == "pull" else _test
    return work(args.name, as_json=args.json)


def _router() -> Router:
    from codemad_jupyter.config.settings import load_settings
    from codemad_jupyter.gateway.configuration import GatewayConfig
    from codemad_jupyter.gateway.offline import OfflineProvider
    from codemad_jupyter.gateway.router import Router

    settings = load_settings(Path.cwd())
    config = GatewayConfig(**settings.gateway())
    return Router(config, redact=settings.redact, offline=OfflineProvider())


def _list(*, probe: bool, as_json: bool) -> int:
    router = _router()
    found, health = asyncio.run(_found(router, probe=probe))
    default = router.default_model()
    if as_json:
        told: dict[str, Any] = {"models": [model.model_dump() for model in found], "default": default}
        if probe:
            told["health"] = {
                name: {**each.model_dump(), "ok": each.answers} for name, each in health.items()
            }
        print(json.dumps(told, indent=2))
        return 0
    lines = [
        _row("  MODEL", "WINDOW", "$ IN / OUT", "CAN", "STATE"),
        *(_line(each, default) for each in found),
    ]
    lines += [_health_line(name, each) for name, each in health.items()]
    print("\n".join(lines))
    return 0


async def _found(router: Router, *, probe: bool) -> tuple[tuple[ModelInfo, ...], dict[str, Probe]]:
    try:
        if not probe:
            return await router.models(), {}
        return await asyncio.gather(router.models(probe=True), router.check())
    finally:
        await router.aclose()


def _line(model: ModelInfo, default: str) -> str:
    mark = "*" if model.name == default else " "
    able = ("tools", model.tools), ("thinking", model.thinking), ("images", model.images)
    prices = model.input_price, model.output_price
    price = "" if None in prices else " / ".join(f"{each:g}" for each in prices)
    state = model.why or (f"ready ({model.health})" if model.health else "ready")
    can = " ".join(name for name, there in able if there)
    return _row(f"{mark} {model.name}", _tokens(model.window), price, can, state)


def _row(name: str, window: str, price: str, can: str, state: str) -> str:
    return f"{name:<44} {window:>7}  {price:<13} {can:<22} {state}"


def _tokens(window: int | None) -> str:
    if window is None:
        return ""
    return f"{window / 1_000_000:.1f}M" if window >= 1_000_000 else f"{window // 1_000}k"


def _health_line(name: str, found: Probe) -> str:
    if not found.answers:
        return f"{name}: {found.why}"
    return f"{name}: answers in {found.seconds:.2f} s and names {len(found.names)} models"


def _pull(name: str, *, as_json: bool) -> int:
    from codemad_jupyter.config.settings import load_settings
    from codemad_jupyter.gateway.pulling import pull

    bare = name.removeprefix("ollama/")
    address = load_settings(Path.cwd()).ollama_url
    bar = _Bar(quiet=as_json)
    for step in pull(address, bare):
        bar.show(step)
    bar.end()
    model = f"ollama/{bare}"
    print(json.dumps({"model": model, "pulled": True}) if as_json else f"{model} is there.")
    return 0


class _Bar:
    """The progress on stderr: one line that is drawn over on a terminal, else one line for each part."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._drawn = sys.stderr.isatty()
        self._last = ""
        self._width = 0

    def show(self, step: Step) -> None:
        """Draw how far it is."""
        from codemad_jupyter.app.plain_text import plain_text

        if self._quiet:
            return
        status = plain_text(step.status).replace("\n", " ")
        if self._drawn:
            line = f"{_bar(step)}{status}"
            sys.stderr.write(f"\r{line:<{self._width}}")
            self._width = len(line)
        elif status != self._last or (step.total and step.done >= step.total):
            sys.stderr.write(f"{_bar(step)}{status}\n")
        self._last = status
        sys.stderr.flush()

    def end(self) -> None:
        """Leave the line."""
        if self._drawn and self._width:
            sys.stderr.write("\n")


def _bar(step: Step) -> str:
    if not step.total:
        return ""
    share = min(1.0, step.done / step.total)
    full = round(share * BAR)
    size = f"{step.done // MEGABYTE}/{step.total // MEGABYTE} MB"
    return f"[{'#' * full}{'.' * (BAR - full)}] {share:4.0%} {size} "


def _test(name: str, *, as_json: bool) -> int:
    from codemad_jupyter.app.plain_text import plain_text
    from codemad_jupyter.gateway.provider import Finished

    ending, first, seconds = asyncio.run(_tried(_router(), name))
    worked = isinstance(ending, Finished)
    if as_json:
        told = ending.model_dump(include={"model", "usage", "cost", "kind", "text", "hint", "status"})
        answer = {"answer": ending.message.text} if isinstance(ending, Finished) else {}
        print(json.dumps({**told, **answer, "ok": worked, "first": first, "seconds": seconds}, indent=2))
    elif isinstance(ending, Finished):
        cost = "" if ending.cost is None else f", ${ending.cost:.6f}"
        tokens = ending.usage.input_tokens + ending.usage.output_tokens
        print(
            f"{ending.model} works: {seconds:.1f} s, first word after {first:.1f} s, {tokens} tokens{cost}."
        )
        print(f"It said: {plain_text(ending.message.text).strip()[:200]}")
    else:
        print(plain_text(f"codemad: {ending.text} {ending.hint}"), file=sys.stderr)
    return 0 if worked else 1


async def _tried(router: Router, name: str) -> tuple[Finished | Failed, float, float]:
    """The end of one tiny call, the seconds to its first piece, and all its seconds."""
    from codemad_jupyter.gateway.provider import Announcement, Failed, Finished, Request
    from codemad_jupyter.protocol.messages import Message

    request = Request(model=name, messages=(Message.user(QUESTION),), max_tokens=256)
    begun, first = time.monotonic(), 0.0
    try:
        async for delta in router.provider_for(name, fallbacks=()).stream(request):
            if isinstance(delta, Announcement):
                print(delta.text, file=sys.stderr)
            elif not first:
                first = time.monotonic() - begun
            if isinstance(delta, Finished | Failed):
                return delta, first, time.monotonic() - begun
    finally:
        await router.aclose()
    raise AssertionError("a provider ends with Finished or Failed")
