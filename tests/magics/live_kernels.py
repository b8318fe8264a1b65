"""A real kernel for tests of the magics, driven as a front end or as a runner would."""

from __future__ import annotations

import os
import queue
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from tests.servers.wire_formats import Call, Turn
from tests.waiting import LIMIT

MODEL = "-m compatible/scripted"
OFFLINE = {"CODEMAD_MODEL": "codemad/offline"}


@dataclass
class Ran:
    """What running a cell gave: its outputs after all updates, and the reply."""

    reply: dict[str, Any]
    outputs: list[dict[str, Any]] = field(default_factory=list)
    updates: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    widgets: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """All plain text that was shown."""
        shown = [each.get("text") or each.get("data", {}).get("text/plain", "") for each in self.outputs]
        return "\n".join(shown)

    @property
    def error(self) -> str:
        """The error as it was shown, "" where there was none."""
        errors = [each for each in self.outputs if "ename" in each]
        return "\n".join(errors[0]["traceback"]) if errors else ""

    def kinds(self) -> list[list[str]]:
        return [sorted(each["data"]) for each in self.outputs if "data" in each]


class Kernel:
    """A client of a kernel."""

    def __init__(self, client: BlockingKernelClient, manager: KernelManager | None) -> None:
        self.client = client
        self.manager = manager

    def run(self, code: str, *, answer: str = "", **how: Any) -> Ran:
        """Run a cell to its end; ``answer`` is what the person types when asked."""
        return self.finish(self.send(code, **how), answer=answer)

    def send(self, code: str, *, person: bool = True, cell: str | None = None, history: bool = True) -> str:
        """Send a cell as a front end where a ``person`` is, else as a runner; its message id."""
        content = {
            "code": code,
            "silent": False,
            "store_history": history,
            "user_expressions": {},
            "allow_stdin": person,
            "stop_on_error": True,
        }
        metadata = {"cellId": cell} if cell else {}
        message = self.client.session.msg("execute_request", content, metadata=metadata)
        self.client.shell_channel.send(message)
        return str(message["header"]["msg_id"])

    def finish(
        self,
        request: str,
        *,
        answer: str = "",
        into: Ran | None = None,
        at: tuple[str, Callable[[], object]] | None = None,
    ) -> Ran:
        """Follow a cell to its end; ``at`` is a text that will be shown, and what to do when it is."""
        ran = into or Ran({})
        displays: dict[str, dict[str, Any]] = {}
        until = time.monotonic() + LIMIT
        while True:
            assert time.monotonic() < until, f"the cell did not end; it showed {ran.outputs}"
            self._answer(answer)
            try:
                message = self.client.get_iopub_msg(timeout=0.1)
            except queue.Empty:
                continue
            if message["parent_header"].get("msg_id") != request:
                continue
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                break
            _take(ran, message, displays)
            if at is not None and at[0] in ran.text:
                at[1]()
                at = None
        while not ran.reply:
            message = self.client.get_shell_msg(timeout=LIMIT)
            if message["parent_header"].get("msg_id") == request:
                ran.reply = message["content"]
        return ran

    def click(self, ran: Ran, label: str) -> Ran:
        """Press the first button of that label which the cell showed."""
        comm = next(id for id, state in ran.widgets.items() if state.get("description") == label)
        data = {"method": "custom", "content": {"event": "click"}}
        message = self.client.session.msg("comm_msg", {"comm_id": comm, "data": data})
        self.client.shell_channel.send(message)
        clicked = Ran({"status": "ok"})
        return self.finish(str(message["header"]["msg_id"]), into=clicked)

    def _answer(self, text: str) -> None:
        if self.client.stdin_channel.msg_ready():
            self.client.get_stdin_msg(timeout=1)
            self.client.input(text)

    def next_inputs(self, ran: Ran) -> list[str]:
        """What the kernel asked the front end to put into a new cell."""
        return [p["text"] for p in ran.reply.get("payload", []) if p["source"] == "set_next_input"]


def _take(ran: Ran, message: dict[str, Any], displays: dict[str, dict[str, Any]]) -> None:
    kind, content = message["msg_type"], message["content"]
    if kind == "comm_open":
        ran.widgets[content["comm_id"]] = content["data"]["state"]
    if kind not in ("stream", "display_data", "execute_result", "update_display_data", "error"):
        return
    display = content.get("transient", {}).get("display_id")
    if kind == "update_display_data":
        if display in displays:  # else one of an earlier cell
            displays[display]["data"] = content["data"]
        ran.updates.append((time.monotonic(), content["data"]))
        return
    ran.outputs.append(content)
    if display:
        displays[display] = content


@contextmanager
def kernel(
    folder: Path, environment: Mapping[str, str] | None = None, name: str = "python3"
) -> Iterator[Kernel]:
    """A kernel of its own whose working folder is ``folder``."""
    manager = KernelManager(kernel_name=name, transport_encryption="auto")
    variables = {**os.environ, "CODEMAD_DATA_DIR": f"{folder}-codemad", **(environment or {})}
    variables.pop("PYTEST_CURRENT_TEST", None)  # DuckDB's bindings count what is left when they see it
    manager.start_kernel(env=variables, cwd=str(folder))
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=LIMIT)
        yield Kernel(client, manager)
    finally:
        client.stop_channels()
        manager.shutdown_kernel()


def number(ran: Ran) -> str:
    """The number of the first edit that was shown."""
    found = re.search(r"^Edit (\d+): ", ran.text, re.MULTILINE)
    assert found is not None, ran.text
    return found[1]


def insert(source: str, **more: str) -> Turn:
    return Turn(text="I propose this.", calls=(Call("insert_cell", {"source": source, **more}),))
