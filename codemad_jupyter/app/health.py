"""What works on this machine and what to do about what does not, as data.

``codemad doctor`` prints it and the server answers with it. Every check really tries the thing it
names, has a limit, and never fails itself: what goes wrong becomes a check that says so.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import platform
import shutil
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

from codemad_jupyter.app import machine_checks as machine
from codemad_jupyter.app.machine_checks import Check, State
from codemad_jupyter.protocol.base import Value
from codemad_jupyter.protocol.errors import CodemadError, StoreHeld

if TYPE_CHECKING:
    from codemad_jupyter.config.settings import Settings

LIMIT = 20.0


class HealthReport(Value):
    """All checks, in the order in which a person reads them."""

    version: str
    checks: tuple[Check, ...]

    @property
    def healthy(self) -> bool:
        """Whether nothing failed; warnings are fine."""
        return all(check.state != "failed" for check in self.checks)


async def examine(root: Path, settings: Settings, *, online: bool = False) -> HealthReport:
    """Try everything, for the workspace ``root``; settings that were loaded leniently show what is wrong.
    Only where ``online`` are the providers of models asked whether they answer."""
    from codemad_jupyter import __version__

    checks: tuple[tuple[str, Callable[[], Awaitable[Check]]], ...] = (
        ("python", lambda: asyncio.to_thread(_python)),
        ("versions", lambda: asyncio.to_thread(machine.versions)),
        ("settings", lambda: asyncio.to_thread(_settings, settings)),
        ("rights", lambda: asyncio.to_thread(machine.rights, settings)),
        ("policy", lambda: asyncio.to_thread(machine.policy)),
        ("server extension", lambda: asyncio.to_thread(_server_extension)),
        ("sidebar", lambda: asyncio.to_thread(_labextension)),
        ("running server", lambda: asyncio.to_thread(_running_server)),
        ("magics", lambda: asyncio.to_thread(_magics)),
        ("kernelspec", lambda: asyncio.to_thread(_kernelspec)),
        ("git", _git),
        ("models", lambda: _models(settings)),
        *((("providers", lambda: machine.providers(settings)),) if online else ()),
        ("store", lambda: asyncio.to_thread(_store, root, settings)),
        ("disk", lambda: asyncio.to_thread(machine.disk, settings)),
        ("log", lambda: asyncio.to_thread(machine.log, settings)),
        ("search", lambda: asyncio.to_thread(_search, root, settings)),
        ("mcp", lambda: asyncio.to_thread(_mcp, root, settings)),
        ("sandbox", lambda: _sandbox(settings)),
        ("trials", lambda: asyncio.to_thread(_trials)),
        ("diagnostics", lambda: asyncio.to_thread(_diagnostics, root)),
        ("node", lambda: asyncio.to_thread(_node)),
    )
    done = await asyncio.gather(*(_tried(name, check) for name, check in checks))
    return HealthReport(version=__version__, checks=tuple(done))


async def _tried(name: str, check: Callable[[], Awaitable[Check]]) -> Check:
    try:
        return await asyncio.wait_for(check(), LIMIT)
    except TimeoutError:
        return Check(
            name=name, state="failed", detail=f"gave no answer in {LIMIT:g} seconds", hint="Try again."
        )
    except CodemadError as error:
        return Check(name=name, state="failed", detail=error.message, hint=error.hint)
    except Exception as error:  # a doctor does not fall ill: the person wants the other checks too
        said = f"{type(error).__name__}: {error}"
        return Check(name=name, state="failed", detail=said, hint="Install CodeMAD again.")


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    return Check(name="python", state="ok", detail=f"Python {version} on {sys.platform}")


def _settings(settings: Settings) -> Check:
    if not settings.notices:
        chosen = [name for name, origin in settings.origins.items() if origin != "default"]
        return Check(name="settings", state="ok", detail=f"set: {', '.join(chosen) or 'nothing'}")
    hint = "Mend what is named; until then it does not count."
    return Check(name="settings", state="warning", detail=" ".join(settings.notices), hint=hint)


def _found(kinds: tuple[str, ...], folders: list[str]) -> Path | None:
    paths = (Path(folder, *kinds) for folder in folders)
    return next((path for path in paths if path.exists()), None)


def _server_extension() -> Check:
    from jupyter_core.paths import jupyter_config_path

    found = _found(("jupyter_server_config.d", "codemad_jupyter.json"), jupyter_config_path())
    if found is not None:
        return Check(name="server extension", state="ok", detail="enabled for Jupyter Server")
    return Check(
        name="server extension",
        state="warning",
        detail="not enabled: the sidebar has no engine to talk to",
        hint="Run: jupyter server extension enable codemad_jupyter",
    )


def _labextension() -> Check:
    from jupyter_core.paths import jupyter_path

    found = _found(("codemad-jupyter", "package.json"), jupyter_path("labextensions"))
    if found is not None:
        return Check(name="sidebar", state="ok", detail="the JupyterLab extension is installed")
    return Check(
        name="sidebar",
        state="warning",
        detail="the JupyterLab extension is not installed",
        hint="Install the package codemad-jupyter into the environment that JupyterLab runs in.",
    )


def _running_server() -> Check:
    from codemad_jupyter.app.client import connect

    client, notice = connect()
    if client is not None:
        return Check(name="running server", state="ok", detail="a Jupyter server with CodeMAD answers")
    if notice:
        return Check(
            name="running server", state="warning", detail=notice, hint="Restart the Jupyter server."
        )
    detail = "none started this process; magics and commands bring their own engine"
    return Check(name="running server", state="ok", detail=detail)


def _magics() -> Check:
    missing = [name for name in ("IPython", "ipykernel") if importlib.util.find_spec(name) is None]
    if missing:
        hint = f"Run: python -m pip install {' '.join(missing)}"
        return Check(name="magics", state="failed", detail=f"{', '.join(missing)} missing", hint=hint)
    importlib.import_module("codemad_jupyter.magics.magics")
    return Check(name="magics", state="ok", detail="%load_ext codemad_jupyter works in any Python kernel")


def _diagnostics(root: Path) -> Check:
    from codemad_jupyter.context.diagnostics.service import Diagnostics, lacking

    choice = Diagnostics(root).choice("python")
    found = ", ".join(server.name for server, _ in choice.used) or "no language server"
    detail = f"{found} for Python"
    if not choice.missing:
        return Check(name="diagnostics", state="ok", detail=detail)
    return Check(name="diagnostics", state="warning", detail=detail, hint=lacking(choice))


def _kernelspec() -> Check:
    from jupyter_core.paths import jupyter_path

    if _found(("codemad", "kernel.json"), jupyter_path("kernels")) is not None:
        return Check(name="kernelspec", state="ok", detail="“Python 3 (CodeMAD)” loads the magics by itself")
    return Check(
        name="kernelspec",
        state="warning",
        detail="“Python 3 (CodeMAD)” is not installed",
        hint="Use %load_ext codemad_jupyter, or install the package codemad-jupyter again.",
    )


async def _git() -> Check:
    if shutil.which("git") is None:
        return Check(
            name="git",
            state="warning",
            detail="not found: files cannot be brought back by undo",
            hint="Install git.",
        )
    status, said = await _program("git", "--version")
    if status == 0:
        return Check(name="git", state="ok", detail=said)
    return Check(name="git", state="warning", detail=f"it fails: {said}", hint="Repair or reinstall git.")


async def _models(settings: Settings) -> Check:
    from codemad_jupyter.gateway.configuration import GatewayConfig
    from codemad_jupyter.gateway.offline import OfflineProvider
    from codemad_jupyter.gateway.router import Router

    config = GatewayConfig(**settings.gateway())
    router = Router(config, redact=settings.redact, offline=OfflineProvider())
    models = await router.models()
    ready = sorted({model.provider for model in models if model.ready})
    lacking = {model.provider: model.why for model in models if not model.ready}
    lines = [f"default {router.default_model()}; ready: {', '.join(ready)}"]
    lines += [f"{provider}: {why}" for provider, why in sorted(lacking.items()) if provider not in ready]
    hint = "" if len(ready) > 1 else "The built-in assistant needs no key; set one to ask a model."
    return Check(name="models", state="ok", detail="; ".join(lines), hint=hint)


def _store(root: Path, settings: Settings) -> Check:
    """Takes the store's lock for a moment; the store itself is neither opened nor made."""
    from codemad_jupyter.config.paths import workspace_dir
    from codemad_jupyter.store.lock import FileLock
    from codemad_jupyter.store.opening import MAIN

    store = workspace_dir(root.resolve(), settings=settings) / MAIN
    if settings.store == "memory":
        return Check(name="store", state="ok", detail="in memory alone, as the setting store says")
    if not store.parent.is_dir():
        said = f"{store.parent} cannot be made: sessions are kept in memory and end with their process"
        hint = "Make its folder writable, or name another one with CODEMAD_DATA_DIR."
        return Check(name="store", state="warning", detail=said, hint=hint)
    if not store.exists() and os.access(store.parent, os.W_OK):
        return Check(name="store", state="ok", detail=f"{store} (not there yet)")
    try:
        FileLock.take(store.with_name(f"{store.name}.lock"), store=store).release()
    except StoreHeld as held:
        return Check(name="store", state="ok", detail=held.message, hint="Others keep a store of their own.")
    except OSError as error:
        hint = "Make its folder writable, or name another one with CODEMAD_DATA_DIR."
        return Check(name="store", state="warning", detail=f"{store}: {error.strerror}", hint=hint)
    return Check(name="store", state="ok", detail=f"{store} (free)")


def _search(root: Path, settings: Settings) -> Check:
    """What search has to go by here; nothing is built and no model is loaded."""
    from codemad_jupyter.app.indexing import FolderIndex

    status = FolderIndex(root, settings).status()
    built = "It is built when something is searched; codemad index builds it now."
    hint = "" if status.state == "ready" else built
    state: State = "warning" if status.fault else "ok"
    return Check(name="search", state=state, detail=status.sentence, hint=hint)


def _mcp(root: Path, settings: Settings) -> Check:
    from codemad_jupyter.app import mcp_desk

    todo, detail = mcp_desk.summary(mcp_desk.Desk(root, settings).servers())
    return Check(name="mcp", state="warning" if todo else "ok", detail=detail, hint=todo)


async def _sandbox(settings: Settings) -> Check:
    """How commands of assistants are confined: each backend is tried by a program that wants out."""
    from codemad_jupyter.tools.sandbox.state import remedy
    from codemad_jupyter.tools.sandbox.state import state as sandbox_state

    found = await sandbox_state(settings.sandbox)
    named = f"{found.strength}: {found.backend or 'nothing confines commands'}"
    detail = "; ".join((named, *found.reasons))
    if found.strength in ("strong", "container"):
        return Check(name="sandbox", state="ok", detail=detail)
    return Check(name="sandbox", state="warning", detail=detail, hint=remedy(found))


def _trials() -> Check:
    if platform.system() == "Linux":
        return Check(name="trials", state="ok", detail="proposed code is tried in a copy of the kernel first")
    return Check(
        name="trials",
        state="warning",
        detail=f"no copies of a running kernel on {platform.system()}; proposed code is only parsed",
        hint="Run proposed cells yourself before you rely on them.",
    )


def _node() -> Check:
    return Check(name="node", state="ok", detail="not needed: the JupyterLab extension comes built")


async def _program(*command: str) -> tuple[int, str]:
    """Exit status and the first line a program says."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), LIMIT / 2)
    except TimeoutError:
        process.kill()
        await process.wait()
        return -1, "it does not end"
    lines = output.decode(errors="replace").strip().splitlines() or [""]
    return process.returncode or 0, lines[0][:200]
