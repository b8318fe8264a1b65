"""What becomes of the server's kernels: deaths, restarts and ends, whoever caused them.

A restarter tells of deaths; the server's own events tell of restarts and shutdowns, culling included.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

    from jupyter_server.serverapp import ServerApp

    from codemad_jupyter.notebooks.ports import KernelFate

ACTIONS = "https://events.jupyter.org/jupyter_server/kernel_actions/v1"
SETTLE = 0.3
"""Seconds after which a kernel that was shut down is looked for: a restart shuts down, too."""
State = Literal["died", "restarted", "ended"]


class Fates:
    """Watches kernels by id. ``tell`` hears of their ends; ``gone`` of those that are no more."""

    def __init__(self, app: ServerApp, *, gone: Callable[[str], None]) -> None:
        self.tell: Callable[[KernelFate], None] | None = None
        self._app = app
        self._gone = gone
        self._notebooks: dict[str, str | None] = {}
        self._callbacks: dict[str, tuple[Any, dict[str, Callable[[], None]]]] = {}
        self._listening = False

    def watch(self, id: str, notebook: str | None) -> None:
        """From now on; ``notebook`` is the one it runs, as known now."""
        self._notebooks[id] = notebook or self._notebooks.get(id)
        if id not in self._callbacks:
            manager = self._app.kernel_manager.get_kernel(id)
            callbacks: dict[str, Callable[[], None]] = {
                "restart": lambda: self._say(id, "died"),
                "dead": lambda: self._say(id, "died"),
            }
            for event, callback in callbacks.items():
                manager.add_restart_callback(callback, event)
            self._callbacks[id] = (manager, callbacks)
        if not self._listening and self._app.event_logger is not None:
            self._app.event_logger.add_listener(schema_id=ACTIONS, listener=self._heard)
            self._listening = True

    def close(self) -> None:
        """Stop watching."""
        self.tell = None
        for id in list(self._callbacks):
            self._forget(id)
        if self._listening and self._app.event_logger is not None:
            self._app.event_logger.remove_listener(schema_id=ACTIONS, listener=self._heard)
            self._listening = False

    async def _heard(self, logger: Any, schema_id: str, data: dict[str, Any]) -> None:
        id, action = str(data.get("kernel_id", "")), data.get("action")
        if id not in self._notebooks or data.get("status") != "success":
            return
        if action == "restart":
            self._say(id, "restarted")
        elif action == "shutdown":
            asyncio.get_running_loop().call_later(SETTLE, self._look, id)

    def _look(self, id: str) -> None:
        if id in self._notebooks and id not in self._app.kernel_manager:
            self._say(id, "ended")
            self._forget(id)
            self._gone(id)

    def _say(self, id: str, state: State) -> None:
        from codemad_jupyter.notebooks.ports import KernelFate

        if self.tell is not None:
            self.tell(KernelFate(kernel=id, state=state, notebook=self._notebooks.get(id)))

    def _forget(self, id: str) -> None:
        self._notebooks.pop(id, None)
        manager, callbacks = self._callbacks.pop(id, (None, {}))
        for event, callback in callbacks.items():
            manager.remove_restart_callback(callback, event)
