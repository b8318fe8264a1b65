"""The client's side of the language server protocol: requests, answers, and diagnostics pushed or pulled.

One `LspClient` talks to one server process. When to start one, and what becomes of a server that fails,
is decided in `keeper`.
"""

import asyncio
import contextlib
import itertools
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from codemad_jupyter.context.diagnostics.offers import CAPABILITIES, GRANTED
from codemad_jupyter.context.diagnostics.process import ServerProcess
from codemad_jupyter.context.diagnostics.sheets import Sheet
from codemad_jupyter.context.diagnostics.wire import Json, WireFault, framed, read_message

START = 20.0
"""Seconds a server may take to get ready."""
SETTLE = 0.3
"""Seconds after which diagnostics pushed without a version count as the last ones."""
CANCELLED, MODIFIED, NO_METHOD = -32802, -32801, -32601
TRIES = 3


class ServerFault(Exception):
    """The server refused a request."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class LspClient:
    """Talks to one server. `open` it first; `close` ends the server."""

    def __init__(self, process: ServerProcess, *, root: Path, settings: Mapping[str, Any]) -> None:
        self._process = process
        self._root = root
        self._settings = settings
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._pushed: dict[str, tuple[int | None, list[Json]]] = {}
        self._news = asyncio.Event()
        self._versions = itertools.count(1)
        self._current: dict[str, int] = {}
        self._fault: WireFault | None = None
        self._reading = asyncio.create_task(self._read())
        self.capabilities: Json = {}

    async def open(self, options: Mapping[str, Any]) -> None:
        """Get the server ready. Raises `WireFault`, `ServerFault` or `TimeoutError`."""
        uri = self._root.as_uri()
        folders = [{"uri": uri, "name": self._root.name or "workspace"}]
        asked = {
            "processId": os.getpid(),
            "clientInfo": {"name": "codemad"},
            "rootUri": uri,
            "workspaceFolders": folders,
            "capabilities": CAPABILITIES,
            "initializationOptions": dict(options),
        }
        async with asyncio.timeout(START):
            answer = await self.request("initialize", asked)
            self.capabilities = (answer or {}).get("capabilities") or {}
            await self.notify("initialized", {})

    @property
    def pulls(self) -> bool:
        """Whether diagnostics are asked for; else the server sends them by itself."""
        return bool(self.capabilities.get("diagnosticProvider"))

    @property
    def notebooks(self) -> bool:
        """Whether the server takes notebooks as such."""
        return bool(self.capabilities.get("notebookDocumentSync"))

    @property
    def last_words(self) -> str:
        """The last line the server wrote to stderr."""
        return self._process.last_words

    @property
    def alive(self) -> bool:
        """Whether it can still be talked to."""
        return self._fault is None

    async def show(self, sheet: Sheet) -> None:
        """Open what is to be looked at."""
        version = self._next(sheet)
        if not sheet.notebook:
            part = sheet.parts[0]
            item = {"uri": part.uri, "languageId": part.language, "version": version, "text": part.text}
            await self.notify("textDocument/didOpen", {"textDocument": item})
            return
        cells = [{"kind": 2, "document": part.uri} for part in sheet.parts]
        notebook = {"uri": sheet.uri, "notebookType": "jupyter-notebook", "version": version, "cells": cells}
        texts = [
            {"uri": part.uri, "languageId": part.language, "version": version, "text": part.text}
            for part in sheet.parts
        ]
        asked = {"notebookDocument": notebook, "cellTextDocuments": texts}
        await self.notify("notebookDocument/didOpen", asked)

    async def change(self, old: Sheet, new: Sheet) -> None:
        """Let the new state take the place of the old one."""
        if new.notebook or old.uri != new.uri:
            self.hide(old)
            await self.show(new)
            return
        named = {"uri": new.uri, "version": self._next(new)}
        changes = [{"text": new.parts[0].text}]
        await self.notify("textDocument/didChange", {"textDocument": named, "contentChanges": changes})

    def hide(self, sheet: Sheet) -> None:
        """Close it again. Waits for nothing: the server may be the one that does not listen."""
        if sheet.notebook:
            texts = [{"uri": part.uri} for part in sheet.parts]
            asked = {"notebookDocument": {"uri": sheet.uri}, "cellTextDocuments": texts}
            self._tell("notebookDocument/didClose", asked)
        else:
            self._tell("textDocument/didClose", {"textDocument": {"uri": sheet.uri}})
        for part in sheet.parts:
            self._pushed.pop(part.uri, None)
            self._current.pop(part.uri, None)

    async def diagnostics(self, sheet: Sheet) -> dict[str, list[Json]]:
        """The diagnostics of each part of what is shown, by the part's uri."""
        if not sheet.parts:
            return {}
        if not self.pulls:
            return await self._await_pushed(sheet)
        found = await asyncio.gather(*(self._pull(part.uri) for part in sheet.parts))
        return {part.uri: items for part, items in zip(sheet.parts, found, strict=True)}

    async def _pull(self, uri: str) -> list[Json]:
        for left in reversed(range(TRIES)):
            try:
                answer = await self.request("textDocument/diagnostic", {"textDocument": {"uri": uri}})
            except ServerFault as fault:
                if fault.code not in (CANCELLED, MODIFIED) or not left:
                    raise
                continue
            items = answer.get("items") if isinstance(answer, dict) else None
            return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
        return []

    async def _await_pushed(self, sheet: Sheet) -> dict[str, list[Json]]:
        wanted = {part.uri for part in sheet.parts}
        while not all(self._is_current(uri) for uri in wanted):
            if wanted <= self._pushed.keys() and all(self._pushed[uri][0] is None for uri in wanted):
                # Without versions nobody can tell whether more comes: what is there after a pause counts.
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._heard(), SETTLE)
                    continue
                break
            await self._heard()
        return {uri: self._pushed[uri][1] for uri in wanted}

    def _is_current(self, uri: str) -> bool:
        pushed = self._pushed.get(uri)
        return pushed is not None and pushed[0] is not None and pushed[0] == self._current.get(uri)

    async def _heard(self) -> None:
        self._news.clear()
        if self._fault is not None:
            raise self._fault
        await self._news.wait()
        if self._fault is not None:
            raise self._fault

    def _next(self, sheet: Sheet) -> int:
        version = next(self._versions)
        for part in sheet.parts:
            self._current[part.uri] = version
            self._pushed.pop(part.uri, None)
        return version

    async def request(self, method: str, asked: Json | None) -> Any:
        """The server's answer. Raises `ServerFault` where it refuses, `WireFault` where it is gone."""
        number = next(self._numbers)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            await self._send({"jsonrpc": "2.0", "id": number, "method": method, "params": asked})
            return await answer
        except asyncio.CancelledError:
            self._tell("$/cancelRequest", {"id": number})
            raise
        finally:
            self._waiting.pop(number, None)

    async def notify(self, method: str, told: Json | None) -> None:
        """Tell the server something."""
        await self._send({"jsonrpc": "2.0", "method": method, "params": told})

    def _tell(self, method: str, told: Json) -> None:
        self._write({"jsonrpc": "2.0", "method": method, "params": told})

    async def _send(self, message: Json) -> None:
        if self._fault is not None:
            raise self._fault
        self._write(message)
        try:
            await self._process.writer.drain()
        except OSError:
            raise WireFault("it ended") from None

    def _write(self, message: Json) -> None:
        with contextlib.suppress(OSError, RuntimeError):
            self._process.writer.write(framed(message))

    async def _read(self) -> None:
        try:
            while True:
                self._take(await read_message(self._process.reader))
        except WireFault as fault:
            self._fault = fault
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_exception(fault)
            self._news.set()

    def _take(self, message: Json) -> None:
        method, number = message.get("method"), message.get("id")
        if method is None:
            self._answered(message)
        elif number is not None:
            self._asked(str(method), number, message.get("params"))
        elif method == "textDocument/publishDiagnostics":
            self._published(message.get("params"))

    def _answered(self, message: Json) -> None:
        number = message.get("id")
        answer = self._waiting.get(number) if isinstance(number, int) else None
        if answer is None or answer.done():
            return
        error = message.get("error")
        if isinstance(error, dict):
            code = error.get("code")
            fault = ServerFault(code if isinstance(code, int) else 0, str(error.get("message"))[:200])
            answer.set_exception(fault)
        else:
            answer.set_result(message.get("result"))

    def _published(self, told: Any) -> None:
        if not isinstance(told, dict) or told.get("uri") not in self._current:
            return
        version, items = told.get("version"), told.get("diagnostics")
        kept = [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
        self._pushed[told["uri"]] = (version if isinstance(version, int) else None, kept)
        self._news.set()

    def _asked(self, method: str, number: Any, asked: Any) -> None:
        """What a server wants of us: its settings and leave to announce things, never a change of files."""
        reply: Json = {"jsonrpc": "2.0", "id": number}
        if method == "workspace/configuration":
            items = asked.get("items") if isinstance(asked, dict) else None
            reply["result"] = [self._section(item) for item in items or ()]
        elif method == "workspace/workspaceFolders":
            reply["result"] = [{"uri": self._root.as_uri(), "name": self._root.name or "workspace"}]
        elif method in GRANTED:
            reply["result"] = None
        elif method == "workspace/applyEdit":
            reply["result"] = {"applied": False}
        else:
            reply["error"] = {"code": NO_METHOD, "message": "not offered"}
        self._write(reply)

    def _section(self, item: Any) -> Any:
        name = item.get("section") if isinstance(item, dict) else None
        return self._settings.get(str(name)) if name else dict(self._settings)

    async def close(self, *, grace: float = 1.0) -> None:
        """End the server: asked to at first, then without asking."""
        if grace and self.alive:
            with contextlib.suppress(WireFault, ServerFault, TimeoutError):
                async with asyncio.timeout(grace):
                    await self.request("shutdown", None)
                    await self.notify("exit", None)
        await self._process.end(grace=grace if self.alive else 0)
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
