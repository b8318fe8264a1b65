"""``codemad doctor`` and ``codemad models``: what there is, as lines or as JSON."""

from __future__ import annotations

import asyncio
import json as json_format
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from codemad_jupyter.app.health import Check
    from codemad_jupyter.gateway.router import Router
    from codemad_jupyter.protocol.models import ModelInfo

MARKS = {"ok": "ok  ", "warning": "warn", "failed": "FAIL"}


def doctor(*, json: bool) -> int:
    """Print the health report; 1 when something failed."""
    from codemad_jupyter.app.health import examine
    from codemad_jupyter.config.settings import load_settings

    root = Path.cwd()
    report = asyncio.run(examine(root, load_settings(root, lenient=True)))
    if json:
        print(report.model_dump_json(indent=2))
    else:
        print(f"CodeMAD Jupyter {report.version}")
        for check in report.checks:
            print(_check_lines(check))
    return 0 if report.healthy else 1


def _check_lines(check: Check) -> str:
    line = f"{MARKS[check.state]}  {check.name:<17} {check.detail}"
    return f"{line}\n{'':<24}→ {check.hint}" if check.hint else line


def models(*, json: bool) -> int:
    """Print the models, those that can be asked first."""
    from codemad_jupyter.config.settings import load_settings
    from codemad_jupyter.gateway.configuration import GatewayConfig
    from codemad_jupyter.gateway.offline import OfflineProvider
    from codemad_jupyter.gateway.router import Router

    settings = load_settings(Path.cwd())
    config = GatewayConfig(**settings.gateway())
    router = Router(config, redact=settings.redact, offline=OfflineProvider())
    found, default = asyncio.run(_models(router)), router.default_model()
    if json:
        listed = {"models": [model.model_dump() for model in found], "default": default}
        print(json_format.dumps(listed, indent=2))
    else:
        print("\n".join(_model_line(model, default) for model in found))
    return 0


async def _models(router: Router) -> tuple[ModelInfo, ...]:
    try:
        return await router.models(probe=True)
    finally:
        await router.aclose()


def _model_line(model: ModelInfo, default: str) -> str:
    mark = "*" if model.name == default else " "
    return f"{mark} {model.name:<42} {'ready' if model.ready else model.why}"
