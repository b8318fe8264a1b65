"""``codemad context``: what a question would send, without a model, a kernel or a change."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from codemad_jupyter.batch.desk import Desk
from codemad_jupyter.protocol.commands import Prompt

if TYPE_CHECKING:
    from codemad_jupyter.protocol.privacy import ContextPreview


def preview(question: str, *, notebook: Path | None, model: str | None, json: bool) -> int:
    """Print it; the exit code."""
    from codemad_jupyter.app.preview_text import preview_text

    found = asyncio.run(_preview(question, notebook, model))
    print(found.model_dump_json(indent=2) if json else preview_text(found))
    return 0


async def _preview(question: str, notebook: Path | None, model: str | None) -> ContextPreview:
    async with Desk.open(notebook, None, execute=False) as desk:
        engine = await desk.engine(attended=False)
        try:
            prompt = Prompt(session="", text=question, target=desk.target, model=model, edge="cli")
            return await engine.preview(prompt)
        finally:
            await engine.close()
