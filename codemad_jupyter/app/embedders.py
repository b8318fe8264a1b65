"""Which model search reads meaning with: a folder of this machine, or the provider of the purpose ``embed``.

What a provider is sent has its secrets masked, and what the data level keeps here is not sent at all.
Which texts those are is left to `context.embedding`, the calls to the gateway.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from codemad_jupyter.config.paths import data_dir, workspace_dir
from codemad_jupyter.config.trust import PROJECT_FILE
from codemad_jupyter.context.embeddings import CalledModel, LocalModel
from codemad_jupyter.protocol.errors import ModelError
from codemad_jupyter.protocol.supply import Account, Charge, Scope, Spent

if TYPE_CHECKING:
    from codemad_jupyter.config.settings import Settings
    from codemad_jupyter.context.embeddings import Embedder
    from codemad_jupyter.gateway.budgets import Ledger
    from codemad_jupyter.gateway.router import Router

REQUEST, AT_ONCE = 64, 4
"""Texts in one request, and requests under way while nobody waits."""
WAITED = 4.0
"""Seconds of silence after which a search goes on without the vector of its query."""
LONGEST = 20.0
"""The same from its beginning: a process that calls for the first time loads the SDK, which takes seconds."""
ACCOUNT = Account(purpose="embed")
Result = TypeVar("Result")


def local_model(settings: Settings) -> LocalModel | None:
    """The model of this machine that search reads meaning with, where one is set."""
    if settings.embedding_model is None:
        return None
    return LocalModel(settings.embedding_model, made=data_dir(settings) / "models")


def called_model(root: Path, settings: Settings) -> str:
    """The provider's model that search reads meaning with, "" for none.

    A folder's own file may choose among models, but not have all of the folder sent to one. Where answers
    are recorded or replayed search goes by words, for these are the same everywhere.
    """
    own = settings.purposes.get("embed")
    if own is None or own.model is None or settings.embedding_model or settings.cassette_mode != "off":
        return ""
    origin = settings.origins.get("purposes.embed.model", "")
    return "" if Path(origin) == root / PROJECT_FILE else own.model


def embedder_for(root: Path, settings: Settings) -> Embedder | None:
    """What makes vectors of the texts of this folder; None: search goes by words."""
    if name := called_model(root, settings):
        calls = Calls(name, settings)
        return CalledModel(name, calls, kept=data_dir(settings) / "models", sent=Sent(root, settings))
    return local_model(settings)


class Sent:
    """Which files' texts may leave this machine: sources always, data as the strictest data level says that
    was chosen here."""

    def __init__(self, root: Path, settings: Settings) -> None:
        from codemad_jupyter.config.levels import Levels

        self._levels = Levels(
            workspace_dir(root, settings=settings), default=settings.data_level, policy=settings.policy
        )

    def __call__(self, path: str) -> bool:
        from codemad_jupyter.tools.data_levels import allows, file_level

        # Of a notebook the sources alone are embedded, and those go at every level.
        needed = file_level(path)
        return (
            needed == "schema"
            or path.endswith(".ipynb")
            or allows(self._levels.of(None, kernel=True), needed)
        )


class _Counted:
    """A ledger that also counts for itself."""

    def __init__(self, inner: Ledger) -> None:
        self._inner = inner
        self.charges: list[Charge] = []

    async def record(self, charge: Charge) -> None:
        self.charges.append(charge)
        await self._inner.record(charge)

    async def spent(self, scope: Scope, key: str, *, since: float = 0.0) -> Spent:
        return await self._inner.spent(scope, key, since=since)


class Calls:
    """Asks a provider for vectors, from any thread: the calls are made on a loop of their own."""

    def __init__(self, model: str, settings: Settings) -> None:
        self.model = model
        self._settings = settings
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    @cached_property
    def _ledger(self) -> _Counted:
        from codemad_jupyter.store.spending import Spending

        return _Counted(Spending(data_dir(self._settings) / "spending"))

    @cached_property
    def _router(self) -> Router:
        from codemad_jupyter.gateway.configuration import GatewayConfig
        from codemad_jupyter.gateway.router import Router

        config = GatewayConfig.model_validate(self._settings.gateway())
        return Router(config, redact=self._settings.redact, ledger=self._ledger)

    @property
    def told(self) -> str:
        """What the calls of this process used, in words."""
        spent = Spent.of(self._ledger.charges)
        cost = f"${spent.cost:.4f}" if not spent.unpriced else "at a price that is not known"
        return f"{spent.tokens} tokens to {self.model}, {cost}"

    def __call__(self, texts: list[str], *, waited_for: bool) -> list[list[float]]:
        """A vector for each text; raises `ModelError`. Who is ``waited_for`` is asked once, and briefly."""
        from codemad_jupyter.config.redaction import unnumbered
        from codemad_jupyter.gateway.failures import CallFailed

        masked = [unnumbered(self._settings.redact(text)) for text in texts]
        try:
            return self._ran(self._asked(masked, waited_for=waited_for))
        except CallFailed as error:
            raise ModelError(error.text, hint=error.hint) from error
        except TimeoutError as error:
            said = f"{self.model} did not answer within {LONGEST:g} s."
            raise ModelError(said, hint="Search goes by words for a minute.") from error

    async def _asked(self, texts: list[str], *, waited_for: bool) -> list[list[float]]:
        if waited_for:
            async with asyncio.timeout(LONGEST):
                return await self._router.embed(self.model, texts, account=ACCOUNT, tries=1, timeout=WAITED)
        room = asyncio.Semaphore(AT_ONCE)

        async def part(at: int) -> list[list[float]]:
            async with room:
                return await self._router.embed(self.model, texts[at : at + REQUEST], account=ACCOUNT)

        parts = await asyncio.gather(
            *(part(at) for at in range(0, len(texts), REQUEST)), return_exceptions=True
        )
        return [vector for made in _whole(parts) for vector in made]

    def _ran(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._running()).result()

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=self._loop.run_forever, name="codemad-embedding", daemon=True
                )
                self._thread.start()
            return self._loop

    def close(self) -> None:
        """Close the connections; a later call opens them anew."""
        with self._lock:
            loop, thread, self._loop, self._thread = self._loop, self._thread, None, None
        if loop is None or thread is None:
            return
        asyncio.run_coroutine_threadsafe(self._router.aclose(), loop).result(timeout=WAITED)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=WAITED)
        loop.close()
        self.__dict__.pop("_router", None)


def _whole(parts: Iterable[list[list[float]] | BaseException]) -> Iterable[list[list[float]]]:
    """All parts, or the first failure among them."""
    for part in parts:
        if isinstance(part, BaseException):
            raise part
        yield part
