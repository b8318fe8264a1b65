"""Puts the order that a model gives to what was found together with the settings, for engine and commands."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from codemad_jupyter.app.embedders import Sent
from codemad_jupyter.orchestrator.reranking import CANDIDATES, Reranker

if TYPE_CHECKING:
    from codemad_jupyter.config.redaction import Redactor
    from codemad_jupyter.config.settings import Settings
    from codemad_jupyter.context.search import Hit
    from codemad_jupyter.gateway.router import Router


@dataclass(frozen=True)
class _Supplied:
    router: Router
    redact: Redactor


def reranker_for(root: Path, settings: Settings, router: Router) -> Reranker:
    """What orders places of this folder, by models of this router."""
    return Reranker(_Supplied(router, settings.redactor), root, sent=Sent(root, settings))


class OrderedSearch:
    """The same for a command, which has no loop of its own. To be closed."""

    looked_at = CANDIDATES

    def __init__(self, root: Path, settings: Settings) -> None:
        from codemad_jupyter.app.build import router_for
        from codemad_jupyter.app.plugins import gathered_offers
        from codemad_jupyter.hooks import plugin_manager

        self._runner = asyncio.Runner()
        self._router = router_for(root, settings, gathered_offers(plugin_manager()).providers)
        self._reranker = reranker_for(root, settings, self._router)

    def order(self, query: str, hits: list[Hit]) -> tuple[list[Hit], str]:
        """See `Reranker.order`."""
        found, notice = self._runner.run(self._reranker.order(query, hits))
        return list(found), notice

    def close(self) -> None:
        """Close the connections."""
        self._runner.run(self._router.aclose())
        self._runner.close()
