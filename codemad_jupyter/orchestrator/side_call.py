"""A short question to a model beside the conversation: no tools, no session, through the privacy gate."""

from contextlib import aclosing
from typing import TYPE_CHECKING, Protocol, cast

from codemad_jupyter.config.redaction import Redactor
from codemad_jupyter.gateway.provider import Delta, Failed, Finished, Request
from codemad_jupyter.gateway.router import Router
from codemad_jupyter.orchestrator.privacy import Guarded
from codemad_jupyter.protocol.errors import ModelError
from codemad_jupyter.protocol.supply import Account

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator


class Supply(Protocol):
    """What a question goes through: the models, and what masks secrets."""

    @property
    def router(self) -> Router: ...

    @property
    def redact(self) -> Redactor: ...


async def answer_to(
    services: Supply, request: Request, *, account: Account, fallbacks: tuple[str, ...] = ()
) -> str:
    """The text of the answer. Raises `ModelError` when the model, and those that may step in, fail."""
    provider = services.router.provider_for(request.model, fallbacks=fallbacks, account=account)
    guarded = Guarded(provider, redact=services.redact, level="schema")
    async with aclosing(cast("AsyncGenerator[Delta]", guarded.stream(request))) as deltas:
        async for delta in deltas:
            if isinstance(delta, Finished):
                return delta.message.text
            if isinstance(delta, Failed):
                raise ModelError(delta.text, hint=delta.hint)
    raise AssertionError("a provider ends with Finished or Failed")
