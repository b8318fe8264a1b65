"""``codemad mcp serve``: CodeMAD's tools for an outside agent, over standard input and output.

The engine lives in this process, as for ``codemad ask``. Nobody can be asked here, so what needs a person is
refused, and edits wait in the session for a review.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from codemad_jupyter.orchestrator.engine import Engine


def serve(notebook: Path | None, kernel_file: Path | None) -> int:
    """Serve until the other side ends."""
    return asyncio.run(_serve(notebook, kernel_file))


async def _serve(notebook: Path | None, kernel_file: Path | None) -> int:
    from codemad_jupyter.app.mcp_server import McpFace, serve_stdio
    from codemad_jupyter.batch.desk import Desk

    async with Desk.open(notebook, kernel_file, execute=False) as desk:
        engine = await desk.engine(attended=False)

        async def the_engine() -> Engine:
            return engine

        try:
            await serve_stdio(McpFace(engine=the_engine, target=desk.target))
        finally:
            await engine.close()
    return 0
