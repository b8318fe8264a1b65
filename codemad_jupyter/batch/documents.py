"""Notebook files of the batch commands: read with plain messages, written so that no reader sees half."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from codemad_jupyter.disk import write_whole
from codemad_jupyter.notebooks.cells import cell_ids, has_ids
from codemad_jupyter.notebooks.document import RESTORE, checked, loaded
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
    try:
        raw = loaded(path.read_bytes(), str(path))
        notebook = _older(raw) if _version(raw) in (1, 2, 3) else _current(checked(raw, str(path)))
        import_nbformat().validate(notebook, relax_add_props=True)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {error.strerror}.", hint="Check its permissions."
        ) from error
    except NotebookError as error:
        raise UsageError(error.message, hint=error.hint) from error
    except (ValueError, KeyError, TypeError, AttributeError, import_nbformat().ValidationError) as error:
        raise UsageError(f"{path} is no Jupyter notebook: {_reason(error)}.", hint=RESTORE) from error
    return notebook


def _version(raw: Any) -> Any:
    return raw.get("nbformat") if isinstance(raw, dict) else None


def _older(raw: Any) -> Any:
    nbformat = import_nbformat()
    return nbformat.convert(nbformat.reader.reads(json.dumps(raw)), 4)


def _current(raw: Any) -> Any:
    """As nbformat reads it. Where it would make ids up at random, or warn, they are those known elsewhere."""
    if has_ids(raw):
        raw = {
            **raw,
            "cells": [{**cell, "id": name} for cell, name in zip(raw["cells"], cell_ids(raw), strict=True)],
        }
    return import_nbformat().v4.nbjson.JSONReader().to_notebook(raw)


def _reason(error: Exception) -> str:
    """The first line of what nbformat says, which may quote the whole file."""
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
    if output.exists() and not output.is_file():  # a device would be replaced by a file
        raise UsageError(f"{output} is no file.", hint="Name a file for the executed notebook.")


def write_notebook(notebook: Any, path: Path) -> None:
    """Put the notebook in place at once. Raises `NotebookError`."""
    text = import_nbformat().v4.writes_json(notebook).rstrip("\n") + "\n"
    try:
        replace(path, text.encode("utf-8", "surrogatepass"))
    except OSError as error:
        raise NotebookError(
            f"{path} cannot be written: {error.strerror}.", hint="Check space and permissions."
        ) from error


def replace(path: Path, data: bytes) -> None:
    """Put a file in place at once, with the rights of the one that was there. Raises `OSError`."""
    real = path.resolve()
    mode = real.stat().st_mode & 0o777 if real.exists() else 0o666 & ~_umask()
    write_whole(real, data, mode=mode)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
