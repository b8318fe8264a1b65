"""Notebook files of the batch commands: read with plain messages, written so that no reader sees half."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from codemad_jupyter.protocol.errors import NotebookError, UsageError


def import_nbformat() -> Any:
    """nbformat, quickly: jsonschema would compile a grammar of IRIs for seconds, which no notebook needs.

    jsonschema copes without that module. Only for processes of our own, never for a person's kernel.
    """
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    import nbformat

    return nbformat


def read_notebook(path: Path) -> Any:
    """The notebook in format 4. Raises `UsageError` when the path holds none."""
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise UsageError(f"{path} {what}.", hint="Name a notebook file.")
    nbformat = import_nbformat()
    try:
        text = path.read_text(encoding="utf-8")
        notebook = nbformat.reader.reads(text)
        if notebook.get("nbformat") != 4:
            notebook = nbformat.convert(notebook, 4)
        nbformat.validate(notebook, relax_add_props=True)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {error.strerror}.", hint="Check its permissions."
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError, nbformat.ValidationError) as error:
        raise UsageError(
            f"{path} is no Jupyter notebook: {_reason(error)}.", hint="Open and save it in JupyterLab."
        ) from error
    return notebook


def _reason(error: Exception) -> str:
    """The first line of what nbformat says, which may quote the whole file."""
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8 text"
    lines = str(getattr(error, "message", "") or error).strip().splitlines() or [type(error).__name__]
    return lines[0][:160].rstrip(".:")


def check_output(source: Path, output: Path) -> None:
    """Refuse an output that would destroy the input or cannot be written. Raises `UsageError`."""
    if output.is_dir():
        raise UsageError(f"{output} is a folder.", hint="Name a file for the executed notebook.")
    if not output.parent.is_dir():
        raise UsageError(f"The folder {output.parent} does not exist.", hint="Make it first.")
    if output.exists() and output.samefile(source):
        raise UsageError("The output is the notebook itself.", hint="Name another file with --output.")


def write_notebook(notebook: Any, path: Path) -> None:
    """Put the notebook in place at once. Raises `NotebookError`."""
    text = import_nbformat().v4.writes_json(notebook).rstrip("\n") + "\n"
    try:
        _replace(path, text.encode("utf-8", "surrogatepass"))
    except OSError as error:
        raise NotebookError(
            f"{path} cannot be written: {error.strerror}.", hint="Check space and permissions."
        ) from error


def _replace(path: Path, data: bytes) -> None:
    real = path.resolve()
    mode = real.stat().st_mode & 0o777 if real.exists() else 0o666 & ~_umask()
    handle, name = tempfile.mkstemp(dir=real.parent, prefix=f".{real.name}.", suffix=".part")
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        part.chmod(mode)
        part.replace(real)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink()
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
