"""The text, and at the level of images the pictures, of what a person attached to a prompt."""

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from codemad_jupyter.context.render import kernel_text
from codemad_jupyter.notebooks.ports import KernelPort
from codemad_jupyter.protocol.commands import Attachment
from codemad_jupyter.protocol.errors import NotFound
from codemad_jupyter.protocol.kernels import Cell, NotebookView
from codemad_jupyter.protocol.messages import ImagePart, Message
from codemad_jupyter.protocol.privacy import DataLevel
from codemad_jupyter.tools.data_levels import allows, limited, limited_file, withheld
from codemad_jupyter.tools.files import read_text

MAX_SESSION = 8_000
"""Characters of another session that are told."""
MAX_OUTPUT = 24_000
MAX_IMAGES = 4
MAX_IMAGE = 5_000_000
"""Characters of an image in base64."""
_FORMATS = ("image/png", "image/jpeg", "image/gif", "image/webp")


async def attached_text(
    attachment: Attachment,
    *,
    root: Path,
    kernel: KernelPort | None,
    view: NotebookView | None,
    deadline: float,
    level: DataLevel,
) -> str:
    """The text of a file, a variable, a cell or its outputs. ``view`` is limited to the level already."""
    name = attachment.name
    match attachment.kind:
        case "file":
            text = await asyncio.to_thread(read_text, root, name)
            return f"File {name}:\n{limited_file(name, text, level)}"
        case "variable" if kernel is not None:
            report = limited(await kernel.report(names=(name,), deadline=deadline), level)
            variables = report.model_copy(update={"last_error": None})
            return f"Variable:\n{kernel_text(variables)}"
        case "cell" if view is not None:
            cell = _cell(view, name)
            return f"Cell {cell.id}:\n{cell.source}"
        case "output" if view is not None:
            cell = _cell(view, name)
            shown = cell.outputs_text or "(none)"
            return f"Output of cell {cell.id}:\n{shown[:MAX_OUTPUT]}"
    return ""


def _cell(view: NotebookView, name: str) -> Cell:
    found = view.cell(name)
    if found is None:
        raise NotFound(f"{view.path} has no cell {name} to attach.", hint="It may have been deleted.")
    return found


def session_text(title: str, messages: Iterable[Message], level: DataLevel) -> str:
    """Another session: its title and its last exchange. What was said there may hold outputs."""
    said = [message for message in messages if message.text.strip()]
    at = max((i for i, message in enumerate(said) if message.role == "user"), default=0)
    last = "\n".join(f"{message.role}: {message.text}" for message in said[at:])
    if not allows(level, "outputs"):
        last = withheld(last, level)
    cut = last if len(last) <= MAX_SESSION else f"{last[:MAX_SESSION]} […]"
    return f"Session “{title}”, its last exchange:\n{cut}"


def attached_image_parts(document: Mapping[str, Any], cells: Iterable[str]) -> tuple[ImagePart, ...]:
    """The images among the outputs of the cells, as many and as large as can be sent."""
    named = set(cells)
    found = [
        ImagePart(mime=mime, data=data)
        for cell in document.get("cells", ())
        if cell.get("id") in named
        for output in cell.get("outputs", ())
        for mime, data in _pictures(output.get("data"))
    ]
    return tuple(found[:MAX_IMAGES])


def _pictures(data: Any) -> Iterable[tuple[str, str]]:
    """The first format of an output that models take."""
    for mime in _FORMATS if isinstance(data, dict) else ():
        content = data.get(mime)
        joined = "".join(content) if isinstance(content, list) else content
        if isinstance(joined, str) and joined and len(joined) <= MAX_IMAGE:
            yield mime, "".join(joined.split())
            return
