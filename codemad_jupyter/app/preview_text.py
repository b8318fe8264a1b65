"""A preview of what a prompt would send, as text for terminals and exports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codemad_jupyter.app.plain_text import plain_text

if TYPE_CHECKING:
    from codemad_jupyter.protocol.privacy import ContextPreview, PreviewPart

MAX_TOOLS = 200
"""Characters shown of the description of the tools, which is the same for every prompt."""


def preview_text(preview: ContextPreview) -> str:
    """Where it would go, each part with its size, and the parts themselves."""
    where = "leaves this machine" if preview.leaves else "stays on this machine"
    window = f" of {preview.window:,}" if preview.window else ""
    lines = [
        f"To {preview.model}: about {preview.tokens:,}{window} tokens; it {where}.",
        f"Data level: {preview.level}. Sources of cells are your own text and go at every level.",
    ]
    if not preview.leaves and preview.model == "codemad/offline":
        lines.append("The built-in assistant looks at everything, whatever the level.")
    if preview.images:
        lines.append(f"Images: {preview.images}")
    for part in preview.parts:
        lines += ["", _heading(part), _shown(part)]
    return "\n".join(lines)


def _heading(part: PreviewPart) -> str:
    notes = [f"{part.tokens:,} tokens"]
    if part.masked:
        notes.append(f"{part.masked} masked")
    if part.truncated:
        notes.append(f"cut to fit: {plain_text(', '.join(part.left_out))}")
    return f"── {part.name} ({', '.join(notes)})"


def _shown(part: PreviewPart) -> str:
    text = plain_text(part.text)
    if part.name == "tools" and len(text) > MAX_TOOLS:
        return f"{text[:MAX_TOOLS]} […]"
    return text
