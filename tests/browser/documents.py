"""Notebooks as browser tests see them: the file before it is opened, and the document in a page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.browser.sidebar import wait_until_restored
from tests.waiting import LIMIT

LOAD = """from sklearn.datasets import load_breast_cancer
_data = load_breast_cancer(as_frame=True)
df = _data.frame.drop(columns="target")
df["diagnosis"] = _data.target.map({0: "malignant", 1: "benign"})"""

CANCER = (("markdown", "intro", "# Breast cancer"), ("code", "load", LOAD), ("code", "last", "len(df)"))
"""Cell type, id and source of each cell."""

FIND = """const panel = [...window.jupyterapp.shell.widgets('main')].find(w => w.context?.path === path);
const notebook = panel?.content;"""


def write_notebook(
    path: Path, cells: tuple[tuple[str, str, str], ...] = CANCER, *, kernel: bool = True
) -> None:
    """A notebook file with these cells, none of them run."""
    spec = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    document = {
        "cells": [nbformat_cell(*cell) for cell in cells],
        "metadata": {"kernelspec": spec} if kernel else {},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def nbformat_cell(kind: str, id: str, source: str) -> dict[str, Any]:
    cell = {"cell_type": kind, "id": id, "metadata": {}, "source": source.splitlines(keepends=True)}
    return {**cell, "execution_count": None, "outputs": []} if kind == "code" else cell


class Document:
    """A notebook that is open in a page, found by its path whether its tab is in front or not."""

    def __init__(self, page: Page, path: str) -> None:
        self.page = page
        self.path = path

    def open(self) -> None:
        """Open its tab, or bring it to the front, and wait until it is drawn and its kernel is idle."""
        wait_until_restored(self.page)
        self.page.evaluate(
            "async path => void (await window.jupyterapp.commands.execute('docmanager:open', {path}))",
            self.path,
        )
        self.page.wait_for_function(
            f"path => {{ {FIND} return panel && panel === window.jupyterapp.shell.currentWidget }}",
            arg=self.path,
        )
        self.wait_for_kernel()

    def wait_for_kernel(self, status: str = "idle") -> None:
        self.page.wait_for_function(
            f"""([path, status]) => {{ {FIND}
            return panel?.context.isReady && panel.sessionContext.session?.kernel?.status === status }}""",
            arg=[self.path, status],
            timeout=1000 * LIMIT,
        )

    def run(self, cell: str) -> None:
        """Run one cell as the person would and wait for the end of it."""
        self.start(cell)
        self.wait_for_cell(cell, "idle")

    def start(self, cell: str) -> None:
        """Run one cell and do not wait."""
        self.activate(cell)
        self.page.evaluate("() => void window.jupyterapp.commands.execute('notebook:run-cell')")

    def wait_for_cell(self, cell: str, state: str) -> None:
        """Wait until the cell is ``running``, or ``idle`` again after a run."""
        self.page.wait_for_function(
            f"""([path, id, state]) => {{ {FIND}
            const model = notebook.widgets.find(w => w.model.id === id).model;
            return model.executionState === state && (state === 'running' || model.executionCount > 0) }}""",
            arg=[self.path, cell, state],
            timeout=1000 * LIMIT,
        )

    def activate(self, cell: str) -> None:
        self.page.evaluate(
            f"""([path, id]) => {{ {FIND}
            notebook.activeCellIndex = notebook.widgets.findIndex(w => w.model.id === id) }}""",
            [self.path, cell],
        )

    def cell(self, id: str) -> Locator:
        """The cell in the page; its notebook must be in front."""
        index = self.ids().index(id)
        return self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook .jp-Cell").nth(index)

    def type_into(self, cell: str, text: str) -> None:
        """Type at the end of a cell with real keys."""
        self.activate(cell)
        editor = self.cell(cell).locator(".cm-content")
        editor.click()
        expect(editor).to_be_focused()
        self.page.keyboard.press("Control+End")
        self.page.keyboard.type(text)

    def insert(self, index: int, id: str, source: str) -> None:
        """The person adds a code cell."""
        self.page.evaluate(
            f"""([path, index, id, source]) => {{ {FIND}
            notebook.model.sharedModel.insertCell(index, {{cell_type: 'code', id, source}}) }}""",
            [self.path, index, id, source],
        )

    def save(self) -> None:
        self.page.evaluate(f"path => {{ {FIND} void panel.context.save() }}", self.path)
        self.page.wait_for_function(f"path => {{ {FIND} return !notebook.model.dirty }}", arg=self.path)

    def cells(self) -> list[dict[str, Any]]:
        """The cells as they stand in the page, saved or not."""
        found: list[dict[str, Any]] = self.page.evaluate(
            f"path => {{ {FIND} return notebook.model.toJSON().cells }}", self.path
        )
        for cell in found:
            cell["source"] = "".join(cell["source"])
        return found

    def ids(self) -> list[str]:
        return [cell["id"] for cell in self.cells()]

    def sources(self) -> list[str]:
        return [cell["source"] for cell in self.cells()]

    def source(self, id: str) -> str:
        return next(cell["source"] for cell in self.cells() if cell["id"] == id)

    def wait_for_source(self, id: str, source: str) -> None:
        self.page.wait_for_function(
            f"""([path, id, source]) => {{ {FIND}
            return notebook.widgets.find(w => w.model.id === id)?.model.sharedModel.source === source }}""",
            arg=[self.path, id, source],
        )
