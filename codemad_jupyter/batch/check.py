"""``codemad check``: what language servers say of files and notebooks. Nothing is run or changed.

Owns the command's reading and printing; the asking is done in ``context/diagnostics``.
"""

from __future__ import annotations

import asyncio
import json as json_format
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from codemad_jupyter.protocol.diagnostics import Diagnosis, problem_line
from codemad_jupyter.protocol.errors import CodemadError, UsageError
from codemad_jupyter.protocol.wording import counted

if TYPE_CHECKING:
    from codemad_jupyter.context.diagnostics.documents import Document
    from codemad_jupyter.context.diagnostics.service import Diagnostics

DEADLINE = 60.0
MOST_BYTES = 20_000_000
MOST_FILES = 5_000


@dataclass(frozen=True, kw_only=True)
class Order:
    """What to check; folders mean the files in them."""

    paths: tuple[Path, ...]
    json: bool = False


@dataclass(frozen=True)
class Checked:
    """A file and what was said of it; ``unread`` is why it could not be looked at."""

    path: str
    diagnosis: Diagnosis
    unread: str = ""


def check(order: Order) -> int:
    """Ask and print; 0 when nothing is wrong, 1 when something is. Raises `UsageError`."""
    files = [file for path in order.paths for file in _files(path)]
    if not files:
        raise UsageError("There is no file of code or notebook here.", hint="Name files or a folder.")
    checked = asyncio.run(_checked(files))
    _print_json(checked) if order.json else _print_lines(checked)
    wrong = any(each.diagnosis.problems or each.unread for each in checked)
    return 1 if wrong or not any(each.diagnosis.servers for each in checked) else 0


def _files(path: Path) -> list[Path]:
    from codemad_jupyter.context.diagnostics.servers import language_of
    from codemad_jupyter.context.walking import walk_files

    if path.is_file():
        if path.suffix.lower() != ".ipynb" and language_of(path.name) is None:
            raise UsageError(f"No language server knows {path}.", hint="Name code files or notebooks.")
        return [path]
    if not path.is_dir():
        raise UsageError(f"There is no file or folder {path}.", hint="Check the path.")
    # In a folder, what people mean are their notebooks and Python files; others are checked when named.
    kinds = (".py", ".pyi", ".ipynb")
    found = [each.path for each in walk_files(path) if Path(each.path).suffix.lower() in kinds]
    if len(found) > MOST_FILES:
        raise UsageError(f"{path} has {len(found):,} files to check.", hint="Name a folder inside it.")
    return [path / each for each in found]


async def _checked(files: list[Path]) -> list[Checked]:
    from codemad_jupyter.config.trust import TrustedFolders
    from codemad_jupyter.context.diagnostics.service import Diagnostics

    tops = await asyncio.to_thread(lambda: [each.resolve() for each in files])
    root = Path(os.path.commonpath([Path.cwd(), *(each.parent for each in tops)]))
    diagnostics = Diagnostics(root, trusted=TrustedFolders().advises)
    try:
        return [await _one(diagnostics, root, file) for file in tops]
    finally:
        await diagnostics.close()


async def _one(diagnostics: Diagnostics, root: Path, file: Path) -> Checked:
    from codemad_jupyter.context.diagnostics.environments import kernel_prefix

    path = file.relative_to(root).as_posix()
    try:
        document, kernel = await asyncio.to_thread(_read, file, path)
    except (CodemadError, OSError) as error:
        return Checked(path, Diagnosis(), str(error))
    if document is None:
        return Checked(path, Diagnosis(detail=f"No language server knows the language of {path}."))
    prefix = await asyncio.to_thread(kernel_prefix, kernel)
    return Checked(path, await diagnostics.check(document, deadline=DEADLINE, prefix=prefix))


def _read(file: Path, path: str) -> tuple[Document | None, str | None]:
    from codemad_jupyter.notebooks.disk import read_bytes
    from codemad_jupyter.notebooks.document import parse
    from codemad_jupyter.tools.diagnostics import document_of, kernel_of, of_notebook

    data = read_bytes(file, path)
    if file.suffix.lower() == ".ipynb":
        notebook = parse(data, path)
        return of_notebook(notebook, path), kernel_of(notebook)
    try:
        return document_of(path, data.decode("utf-8")), None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8 text.") from None


def _print_lines(checked: list[Checked]) -> None:
    for each in checked:
        for problem in each.diagnosis.problems:
            print(f"{each.path}: {problem_line(problem, path=each.path)}")
        if each.diagnosis.more:
            print(f"{each.path}: … and {each.diagnosis.more} more")
        if each.unread:
            print(f"{each.path}: {each.unread}")
    for detail in dict.fromkeys(each.diagnosis.detail for each in checked if each.diagnosis.detail):
        print(f"codemad: {detail}", file=sys.stderr)
    count = sum(len(each.diagnosis.problems) + each.diagnosis.more for each in checked)
    by = ", ".join(dict.fromkeys(name for each in checked for name in each.diagnosis.servers)) or "no server"
    what = counted(count, "problem") if count else "No problem"
    print(f"{what} in {counted(len(checked), 'file')} ({by}).")


def _print_json(checked: list[Checked]) -> None:
    files = [
        {"path": each.path, **each.diagnosis.model_dump(), **({"unread": each.unread} if each.unread else {})}
        for each in checked
    ]
    print(json_format.dumps({"files": files}, ensure_ascii=False, indent=2))
