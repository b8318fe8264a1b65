"""Keeps one language server: started when first needed, started again when it fails, given up when it
fails too often, let go when it idles.
"""

import asyncio
import time
from collections import deque
from collections.abc import Sequence

from codemad_jupyter.context.diagnostics.client import LspClient, ServerFault
from codemad_jupyter.context.diagnostics.documents import Document
from codemad_jupyter.context.diagnostics.process import ServerProcess
from codemad_jupyter.context.diagnostics.servers import Place, Server
from codemad_jupyter.context.diagnostics.sheets import Sheet, sheet
from codemad_jupyter.context.diagnostics.wire import WireFault
from codemad_jupyter.protocol.diagnostics import Problem

MOST_FAILURES = 3
FORGIVEN = 600.0
"""Seconds after which a failure no longer counts."""
IDLE = 600.0
"""Seconds without a question after which a server is ended."""
PATIENCE = 20.0
"""Seconds from the first unanswered question on, after which a server that answers none is ended."""


class Unanswered(Exception):
    """The server gave nothing; the text says why and what follows."""


class Keeper:
    """One server for one workspace and one environment."""

    def __init__(self, server: Server, program: str, place: Place, *, patience: float = PATIENCE) -> None:
        self.server = server
        self._program = program
        self._place = place
        self._client: LspClient | None = None
        self._starting: asyncio.Task[LspClient] | None = None
        self._lock = asyncio.Lock()
        self._failures: deque[float] = deque(maxlen=MOST_FAILURES)
        self._words = ""
        self._patience = patience
        self._silent_since: float | None = None
        self._resting: asyncio.Task[None] | None = None

    async def look(self, documents: Sequence[Document], *, deadline: float) -> list[list[Problem]]:
        """The problems of each state, one after the other. Raises `Unanswered`."""
        try:
            async with asyncio.timeout(deadline), self._lock:
                found = await self._look(documents)
        except TimeoutError:
            raise Unanswered(await self._unheard(deadline)) from None
        except (WireFault, ServerFault, OSError) as error:
            raise Unanswered(await self._failed(error)) from None
        self._silent_since = None
        self._rest()
        return found

    async def _look(self, documents: Sequence[Document]) -> list[list[Problem]]:
        client = await self._ready()
        shown: Sheet | None = None
        found = []
        try:
            for document in documents:
                following = sheet(document, self._place.root, notebooks=client.notebooks)
                if shown is None:
                    shown = following
                    await client.show(following)
                else:
                    before, shown = shown, following
                    await client.change(before, following)
                found.append(following.problems(await client.diagnostics(following), self.server.name))
        finally:
            if shown is not None and client.alive:
                client.hide(shown)
        return found

    async def _ready(self) -> LspClient:
        if self._client is not None and self._client.alive:
            return self._client
        if self._client is not None:
            await self._drop(WireFault("it ended"))
        self._check_failures()
        if self._starting is None:
            self._starting = asyncio.create_task(self._start())
        try:
            # Whoever cannot wait leaves; the server gets ready all the same, for the next question.
            self._client = await asyncio.shield(self._starting)
        except asyncio.CancelledError:
            raise
        except BaseException:
            self._starting = None
            raise
        self._starting = None
        return self._client

    async def _start(self) -> LspClient:
        server, place = self.server, self._place
        options = dict(server.options)
        arguments = server.command[1:]
        if not place.trusted:
            arguments += server.untrusted_arguments
            options.update(server.untrusted)
        extra = {name: value.format(prefix=place.prefix) for name, value in server.variables.items()}
        process = await ServerProcess.start((self._program, *arguments), extra=extra, memory=server.memory)
        client = LspClient(process, root=place.root, settings=options)
        try:
            await client.open(options)
        except BaseException as error:
            self._words = process.last_words
            await client.close(grace=0)
            if isinstance(error, TimeoutError | ServerFault):
                raise WireFault(f"it did not get ready {error}".strip()) from None
            raise
        return client

    def _check_failures(self) -> None:
        now = time.monotonic()
        recent = [each for each in self._failures if now - each < FORGIVEN]
        if len(recent) >= MOST_FAILURES:
            minutes = max(1, round((FORGIVEN - (now - recent[0])) / 60))
            words = f" Its last words: {self._words}" if self._words else ""
            raise Unanswered(
                f"{self.server.name} failed {len(recent)} times and is left alone for {minutes} min.{words}"
            )

    async def _failed(self, error: Exception) -> str:
        if isinstance(error, ServerFault):
            return f"{self.server.name} refused the question: {error}."
        await self._drop(error)
        words = f" ({self._words})" if self._words else ""
        return f"{self.server.name} failed: {str(error) or type(error).__name__}{words}."

    async def _unheard(self, deadline: float) -> str:
        now = time.monotonic()
        if self._silent_since is None:
            self._silent_since = now  # it may just be slow
        elif now - self._silent_since >= self._patience and self._client is not None:
            self._silent_since = None
            await self._drop(WireFault("it did not answer"))
        return f"{self.server.name} gave no answer in {deadline:g} s."

    async def _drop(self, error: Exception) -> None:
        """Let a broken server go, and remember that it failed."""
        self._failures.append(time.monotonic())
        client, self._client = self._client, None
        if client is not None:
            self._words = client.last_words
            await client.close(grace=0)

    def _rest(self) -> None:
        if self._resting is not None:
            self._resting.cancel()
        self._resting = asyncio.create_task(self._idle())

    async def _idle(self) -> None:
        await asyncio.sleep(IDLE)
        async with self._lock:
            client, self._client = self._client, None
            if client is not None:
                await client.close()

    async def close(self) -> None:
        """End the server."""
        tasks = [task for task in (self._resting, self._starting) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        client, self._client = self._client, None
        if client is not None:
            await client.close()
