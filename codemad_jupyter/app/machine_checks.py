"""The doctor's checks of what CodeMAD stands on: versions, disk, what is allowed here, and, when asked,
whether the providers of models answer."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from codemad_jupyter.protocol.base import Value
from codemad_jupyter.protocol.wording import counted

if TYPE_CHECKING:
    from codemad_jupyter.config.settings import Settings

State = Literal["ok", "warning", "failed"]
"""``warning``: something is missing that CodeMAD can do without; ``failed``: it cannot work so."""
PACKAGES = ("jupyterlab", "jupyter_server", "ipykernel", "duckdb", "pydantic", "anthropic", "openai")
SCARCE, NONE_LEFT = 1_000_000_000, 50_000_000
"""Bytes of free space below which one is warned, and below which nothing can be kept safely."""


class Check(Value):
    """One thing that was tried. ``hint`` is what to do, empty when all is well."""

    name: str
    state: State
    detail: str
    hint: str = ""


def versions() -> Check:
    """What is installed beside us."""
    found: dict[str, str] = {}
    missing = []
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    detail = ", ".join(f"{name} {version}" for name, version in found.items())
    if not missing:
        return Check(name="versions", state="ok", detail=detail)
    hint = f"Run: python -m pip install {' '.join(missing)}"
    return Check(
        name="versions", state="warning", detail=f"{detail}; missing: {', '.join(missing)}", hint=hint
    )


def rights(settings: Settings) -> Check:
    """Who decides about effects here, and what was given and does not count."""
    rules = len(settings.permissions)
    detail = f"mode {settings.mode}, {counted(rules, 'rule')}, data level {settings.data_level}"
    limits = [f"{name} {value:g}" for name in ("cost_limit", "token_limit", "time_limit")
              if (value := getattr(settings, name)) is not None]  # fmt: skip
    detail = "; ".join((detail, *limits))
    if not settings.ignored:
        return Check(name="rights", state="ok", detail=detail)
    told = "; ".join(f"{each.key} of {each.origin}: {each.reason}" for each in settings.ignored)
    hint = "codemad config list --show-origin shows what counts."
    return Check(name="rights", state="warning", detail=f"{detail}. Ignored: {told}", hint=hint)


def policy() -> Check:
    """The administrator's policy, where there is one."""
    from codemad_jupyter.app.policy_desk import check

    return check()


def disk(settings: Settings) -> Check:
    """Room where sessions are kept."""
    from codemad_jupyter.config.paths import data_dir

    folder = data_dir(settings)
    there = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(there).free
    taken = _size(folder)
    detail = f"{_megabytes(free)} free at {there}; CodeMAD's data take {_megabytes(taken)}"
    if free > SCARCE:
        return Check(name="disk", state="ok", detail=detail)
    hint = "Free some space, name another folder with CODEMAD_DATA_DIR, or prune: codemad checkpoints prune."
    return Check(name="disk", state="warning" if free > NONE_LEFT else "failed", detail=detail, hint=hint)


def log(settings: Settings) -> Check:
    """Where the log is, and whether it can be written."""
    from codemad_jupyter.config.json_log import log_file

    path = log_file(settings)
    if settings.log_level == "off":
        hint = "Turn it on with: codemad config set log_level info"
        return Check(name="log", state="warning", detail="the log is off", hint=hint)
    there = next(each for each in (path, *path.parents) if each.exists())
    if os.access(there, os.W_OK):
        return Check(name="log", state="ok", detail=f"{path}, level {settings.log_level}; see: codemad logs")
    hint = "Make the folder writable, or name another one with CODEMAD_DATA_DIR."
    return Check(name="log", state="warning", detail=f"{path} cannot be written", hint=hint)


async def providers(settings: Settings) -> Check:
    """Whether the providers that could be used answer; this reaches out to each of them."""
    from codemad_jupyter.gateway.configuration import GatewayConfig
    from codemad_jupyter.gateway.offline import OfflineProvider
    from codemad_jupyter.gateway.router import Router

    config = GatewayConfig(**settings.gateway())
    router = Router(config, redact=settings.redact, offline=OfflineProvider())
    try:
        answers = await router.check()
    finally:
        await router.aclose()
    if not answers:
        detail = "none is set up that could be asked; the built-in assistant needs none"
        return Check(name="providers", state="ok", detail=detail)
    told = [
        f"{name} answers in {each.seconds:.2f} s" if each.answers else f"{name}: {settings.redact(each.why)}"
        for name, each in answers.items()
    ]
    silent = [name for name, each in answers.items() if not each.answers]
    hint = f"Look at the address, the key and the network of {', '.join(silent)}: codemad keys test PROVIDER"
    state: State = "warning" if silent else "ok"
    return Check(name="providers", state=state, detail="; ".join(told), hint=hint if silent else "")


def _size(folder: Path) -> int:
    """Bytes of the files in the folder; one that goes meanwhile counts as nothing."""
    total = 0
    for path in folder.rglob("*") if folder.is_dir() else ():
        try:
            total += 0 if path.is_symlink() or not path.is_file() else path.stat().st_size
        except OSError:
            continue
    return total


def _megabytes(count: int) -> str:
    return f"{count / 1_000_000_000:.1f} GB" if count >= 1_000_000_000 else f"{count / 1_000_000:.1f} MB"
