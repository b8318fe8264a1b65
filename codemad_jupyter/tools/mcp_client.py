"""Keeps the connections to MCP servers: started at the first call, one call at a time, ended when they hang.

A server that dies, floods or hangs costs the call that met it, and is started again at most three times.
Which tools it may serve, and as what, is the business of `mcp_tools`.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from codemad_jupyter.config.mcp_definitions import definition_digest
from codemad_jupyter.protocol.errors import ToolChanged, ToolError
from codemad_jupyter.protocol.mcp import McpDefinition
from codemad_jupyter.tools.mcp_sdk import Session, http_streams, is_answer, opened, told
from codemad_jupyter.tools.mcp_stdio import Fate, stdio_streams
from codemad_jupyter.tools.person import can_be_chosen
from codemad_jupyter.tools.reach import AsksPerson

T = TypeVar("T")
RESTARTS = 3
MESSAGE = 1_900
"""Characters of a server's question that are shown."""
DECLINED = {"action": "decline"}
Asks = Callable[[str], Awaitable[bool]]


async def _declines(question: str) -> bool:
    return False


class McpConnection:
    """The connection to one server, started only while its definition, with the files it names, has the
    digest that was approved."""

    def __init__(self, given: McpDefinition, root: Path, *, digest: str) -> None:
        self.name = given.name
        self._given = given
        self._root = root
        self._digest = digest
        self._lock = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._session: Session | None = None
        self._fate = Fate()
        self._failures = 0
        self._asks: Asks = _declines
        self._person: AsksPerson | None = None
        self._clock: asyncio.Timeout | None = None

    @property
    def off(self) -> str:
        """Why it is not started any more; empty while it may be."""
        if self._failures <= RESTARTS:
            return ""
        return f"The MCP server {self.name} is off: it failed {self._failures} times; {self._fate.told()}."

    async def use(
        self,
        work: Callable[[Session], Awaitable[T]],
        *,
        asks: Asks = _declines,
        person: AsksPerson | None = None,
    ) -> T:
        """Do something with the session; what the server asks meanwhile goes to ``asks`` where yes or no
        answers it, to the ``person`` where a word does. Raises `ToolError`."""
        async with self._lock:
            try:
                async with asyncio.timeout(self._given.server.timeout):  # to start and greet
                    session = await self._connected()
                async with asyncio.timeout(self._given.server.timeout) as self._clock:
                    self._asks, self._person, self._fate.messages = asks, person, 0
                    return await work(session)
            except ToolError:
                raise
            except asyncio.CancelledError:
                await self._end()  # who knows what it still does for a call that nobody waits for
                raise
            except Exception as error:
                if is_answer(error):
                    raise ToolError(f"The MCP server {self.name} answered: {told(error)}") from None
                raise await self._failed(error) from None
            finally:
                self._asks, self._person, self._clock = _declines, None, None

    async def close(self) -> None:
        """End the server."""
        async with self._lock:
            await self._end()

    async def _connected(self) -> Session:
        if self._session is not None and self._fate.reason:
            self._failures += 1  # it has ended by itself since the last call
            self._session = None
        if self.off:
            raise ToolError(self.off, hint="See it with: codemad mcp test. A new engine tries it again.")
        if self._session is not None and self._task is not None and not self._task.done():
            return self._session
        await self._end()
        if await asyncio.to_thread(definition_digest, self._given, self._root) != self._digest:
            raise ToolChanged(
                f"What the MCP server {self.name} would run has changed since it was approved, so it is off.",
                hint=f"A person can look at it and approve it: codemad mcp approve {self.name}",
            )
        self._fate = Fate()
        ready: asyncio.Future[Session] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._serve(ready), name=f"mcp {self.name}")
        self._session = await asyncio.shield(ready)
        return self._session

    async def _serve(self, ready: asyncio.Future[Session]) -> None:
        """Hold the connection: the SDK wants it opened and closed by one and the same task."""
        try:
            async with AsyncExitStack() as stack:
                streams = await stack.enter_async_context(self._streams())
                session = await stack.enter_async_context(opened(streams, elicit=self._elicit))
                if not ready.done():
                    ready.set_result(session)
                await asyncio.Event().wait()
        except Exception as error:
            if not ready.done():
                ready.set_exception(error)
            self._fate.reason = self._fate.reason or told(error)

    @asynccontextmanager
    async def _streams(self) -> AsyncIterator[tuple[Any, Any]]:
        server = self._given.server
        if server.url:
            token = os.environ.get(server.bearer_env, "") if server.bearer_env else ""
            if server.bearer_env and not token:
                raise ToolError(
                    f"The variable {server.bearer_env} for the MCP server {self.name} is not set."
                )
            async with http_streams(server.url, token) as streams:
                yield streams
        else:
            async with stdio_streams(server, cwd=self._root, fate=self._fate) as streams:
                yield streams

    async def _failed(self, error: Exception) -> ToolError:
        """Count a failure and end the server; what to say about it."""
        self._failures += 1
        await self._end()
        self._fate.reason = self._fate.reason or told(error)
        left = RESTARTS + 1 - self._failures
        hint = f"It is started again at the next call ({left} more)." if left > 0 else "It stays off now."
        return ToolError(f"The MCP server {self.name} failed: {self._fate.told()}.", hint=hint)

    async def _end(self) -> None:
        task, self._task, self._session = self._task, None, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task], timeout=10)

    async def _elicit(self, params: dict[str, Any]) -> dict[str, Any]:
        """Put a server's question to the person, who can say yes, no or a word; more is declined."""
        if params.get("mode", "form") != "form":
            return DECLINED
        fields = params.get("requestedSchema", {}).get("properties", {})
        asks, person = self._asks, self._person
        question = f"The MCP server {self.name} asks: {str(params.get('message', ''))[:MESSAGE]}"
        with self._waiting():
            if _is_plain_question(fields):
                content = dict.fromkeys(fields, True) if await asks(question) else None
            else:
                content = await _worded(person, question, fields)
        return DECLINED if content is None else {"action": "accept", "content": content}

    @contextlib.contextmanager
    def _waiting(self) -> Any:
        """While a person thinks the server's time stands still."""
        clock = self._clock
        if clock is not None:
            clock.reschedule(None)
        try:
            yield
        finally:
            if clock is not None and clock is self._clock:
                clock.reschedule(asyncio.get_running_loop().time() + self._given.server.timeout)


def _is_plain_question(fields: dict[str, Any]) -> bool:
    """Whether yes or no answers it: it wants nothing, or only words of yes."""
    return len(fields) <= 1 and all(each.get("type") == "boolean" for each in fields.values())


async def _worded(person: AsksPerson | None, question: str, fields: dict[str, Any]) -> dict[str, Any] | None:
    """The person's own words, where one field of text is all that is wanted."""
    if person is None or len(fields) != 1:
        return None
    [(name, field)] = fields.items()
    options = tuple(map(str, field.get("enum", ())))
    if field.get("type") != "string" or not can_be_chosen(options):
        return None
    try:
        words = await person.ask(question, options)
    except ToolError:  # nobody answered
        return None
    return {name: words} if not options or words in options else None
