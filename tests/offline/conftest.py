"""Plays the engine's loop around the built-in assistant: real data, real code, tools that act on them."""

import ast
import asyncio
import json
import time
import traceback
import types
import warnings
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from codemad_jupyter.gateway.offline import OfflineProvider
from codemad_jupyter.gateway.offline.wording import word_list
from codemad_jupyter.gateway.provider import CallPiece, Failed, Finished, Request, TextPiece, ToolSpec
from codemad_jupyter.protocol.kernels import Column, KernelReport, LastError, Variable
from codemad_jupyter.protocol.messages import Message, TextPart, ToolCallPart, ToolResultPart

TOOLS = word_list(
    "list_variables inspect_variable last_error read_notebook list_files read_file search_workspace "
    "insert_cell replace_cell delete_cell move_cell change_cell_type edit_file write_file run_code"
)


def variable(name: str, value: object, *, deep: bool) -> Variable:
    """The inspection of a real object."""
    common: dict[str, Any] = {"name": name, "type": type(value).__name__}
    if isinstance(value, pd.DataFrame):
        columns = tuple(
            Column(
                name=str(label),
                dtype=str(value.dtypes.iloc[at]),
                missing=int(value.iloc[:, at].isna().sum()),
                unique=int(value.iloc[:, at].nunique()) if deep else None,
            )
            for at, label in enumerate(value.columns)
        )
        return Variable(
            **common,
            kind="dataframe",
            shape=value.shape,
            columns=columns,
            memory=int(value.memory_usage().sum()),
        )
    if isinstance(value, pd.Series):
        return Variable(**common, kind="series", shape=value.shape, dtype=str(value.dtype))
    kinds = {types.ModuleType: "module", types.FunctionType: "function", str: "text"}
    kinds |= dict.fromkeys((dict, list, set, tuple), "collection") | dict.fromkeys(
        (bool, int, float), "number"
    )
    kind = kinds.get(type(value), "other")
    preview = repr(value)[:80] if kind in ("number", "text", "collection") else ""
    return Variable(**common, kind=kind, preview=preview)


class Room:
    """A kernel's namespace, a notebook, a folder, and the assistant that is asked about them."""

    def __init__(self, root: Path, **variables: object) -> None:
        self.root = root
        self.names: dict[str, Any] = dict(variables)
        self.cells: list[dict[str, Any]] = []
        self.active: str | None = None
        self.error: LastError | None = None
        self.tools = list(TOOLS)
        self.messages: list[Message] = []
        self.calls: list[ToolCallPart] = []
        self.deep = True
        self.notebook = True

    # the notebook
    def cell(self, source: str, *, run: bool = False, cell_type: str = "code") -> str:
        name = f"c{len(self.cells) + 1}"
        self.cells.append(
            {
                "id": name,
                "cell_type": cell_type,
                "source": source,
                "execution_count": None,
                "outputs_text": "",
            }
        )
        self.active = name
        if run:
            self.run(source)
            self.cells[-1]["execution_count"] = len(self.cells)
        return name

    def run(self, source: str) -> object:
        """Run a cell as a kernel would: the value of the last expression, or the error remembered."""
        try:
            return execute(source, self.names)
        except BaseException as error:
            frames = traceback.extract_tb(error.__traceback__)
            line = next((f.lineno for f in reversed(frames) if f.filename == "<cell>"), None)
            line = error.lineno if isinstance(error, SyntaxError) else line
            self.error = LastError(
                name=type(error).__name__, message=str(error), cell_source=source, line=line
            )
            return error

    # the tools
    def answer(self, call: ToolCallPart) -> ToolResultPart:
        self.calls.append(call)
        assert call.name in self.tools, f"{call.name} was not offered"
        try:
            content = getattr(self, f"_{call.name}")(**call.arguments)
        except LookupError as error:
            return ToolResultPart(id=call.id, name=call.name, content=str(error), is_error=True)
        text = content if isinstance(content, str) else json.dumps(content)
        return ToolResultPart(id=call.id, name=call.name, content=text)

    def _list_variables(self) -> Any:
        names = [n for n in self.names if not n.startswith("_")]
        found = tuple(variable(name, self.names[name], deep=False) for name in names)
        return json.loads(KernelReport(variables=found).model_dump_json(exclude_defaults=True))

    def _inspect_variable(self, name: str) -> Any:
        return json.loads(variable(name, self.names[name], deep=self.deep).model_dump_json())

    def _last_error(self) -> Any:
        return json.loads(self.error.model_dump_json()) if self.error else None

    def _read_notebook(self) -> Any:
        if not self.notebook:
            raise LookupError("No notebook is open.")
        return {"path": "work/nb.ipynb", "active": self.active, "cells": self.cells, "left_out": 0}

    def _list_files(self, pattern: str = "*") -> Any:
        paths = sorted(p.relative_to(self.root).as_posix() for p in self.root.rglob("*") if p.is_file())
        return {
            "files": [p for p in paths if fnmatch(p, pattern) or fnmatch(Path(p).name, pattern)],
            "more": False,
        }

    def _read_file(self, path: str, start: int = 1, lines: int = 400) -> str:
        every = (self.root / path).read_text().splitlines(keepends=True)
        return "".join(every[start - 1 : start - 1 + lines])

    def _search_workspace(self, query: str) -> Any:
        hits = []
        for path in sorted(p for p in self.root.rglob("*") if p.is_file()):
            for number, line in enumerate(path.read_text().splitlines(), start=1):
                if query.lower() in line.lower():
                    place = path.relative_to(self.root).as_posix()
                    hits.append({"path": place, "line": number, "text": line, "cell": None, "symbol": None})
        return {"hits": hits}

    def _insert_cell(self, source: str, title: str = "", after: str = "", before: str = "") -> Any:
        if not self.notebook:
            raise LookupError("No notebook is open.")
        assert source.strip()
        self.proposed = source
        self.before = before
        return {"edit": "e1", "cell": "new", "status": "proposed", "trial": self.trial(source)}

    def _replace_cell(self, cell: str, source: str, title: str = "") -> Any:
        self.proposed = source
        self.replaced = cell
        return {"edit": "e2", "cell": cell, "status": "proposed", "trial": self.trial(source)}

    def _edit_file(self, path: str, old: str, new: str, title: str = "") -> Any:
        text = (self.root / path).read_text()
        assert text.count(old) == 1
        self.proposed = text.replace(old, new)
        self.path = path
        return {"edit": "e3", "status": "proposed", "trial": None}

    def _write_file(self, path: str, content: str, title: str = "") -> Any:
        self.proposed = content
        self.path = path
        return {"edit": "e4", "status": "proposed", "trial": None}

    def trial(self, source: str) -> Any:
        """Run it on a copy, as the engine's trial does."""
        if source.lstrip().startswith("%"):
            return {"status": "skipped", "method": "none", "detail": "", "seconds": 0.0}
        names = {k: v.copy() if isinstance(v, pd.DataFrame | pd.Series) else v for k, v in self.names.items()}
        try:
            self.value = execute(source, names)
        except Exception as error:
            detail = f"{type(error).__name__}: {error}"
            return {"status": "failed", "method": "fork", "detail": detail, "seconds": 0.0}
        self.after = names
        return {"status": "passed", "method": "fork", "detail": "", "seconds": 0.0}

    # the loop
    def ask(self, words: str) -> str:
        return asyncio.run(self.turn(words))

    async def turn(self, words: str) -> str:
        plt.close("all")
        self.thought = 0.0
        self.proposed = ""
        self.replaced = self.before = self.path = ""
        self.value: Any = None
        self.after: dict[str, Any] = {}
        self.calls = []
        context = TextPart(text="<context>plot nothing, fix error, predict secret</context>")
        self.messages.append(Message(role="user", parts=(context, TextPart(text=words))))
        for _ in range(12):
            final = await self.step()
            self.messages.append(final.message)
            if not final.message.tool_calls:
                assert final.stop == "end"
                return final.message.text
            assert final.stop == "tool_calls"
            results = tuple(self.answer(call) for call in final.message.tool_calls)
            self.messages.append(Message(role="tool", parts=results))
        raise AssertionError("the assistant never came to an end")

    async def step(self) -> Finished:
        specs = tuple(ToolSpec(name=name, description="", parameters={}) for name in self.tools)
        request = Request(model="codemad/offline", messages=tuple(self.messages), tools=specs)
        start = time.process_time()
        deltas = [delta async for delta in OfflineProvider().stream(request)]
        self.thought = max(self.thought, time.process_time() - start)
        assert not any(isinstance(delta, Failed) for delta in deltas), deltas
        final = deltas[-1]
        assert isinstance(final, Finished)
        assert final.cost == 0.0
        assert final.usage.input_tokens == final.usage.output_tokens == 0
        assert "".join(d.text for d in deltas if isinstance(d, TextPiece)) == final.message.text
        assert tuple(d.call for d in deltas if isinstance(d, CallPiece)) == final.message.tool_calls
        return final

    @property
    def axes(self) -> Any:
        return plt.gca()


def execute(source: str, names: dict[str, Any]) -> object:
    """Run code and give the value of its last expression."""
    tree = ast.parse(source, "<cell>")
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*non-interactive.*")
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        exec(compile(tree, "<cell>", "exec"), names)  # noqa: S102
        if not isinstance(last, ast.Expr):
            return None
        return eval(compile(ast.Expression(last.value), "<cell>", "eval"), names)  # noqa: S307


@pytest.fixture
def room(tmp_path):
    """Opens a room with these variables."""
    plt.close("all")
    yield lambda **variables: Room(tmp_path, **variables)
    plt.close("all")


def with_names(loaded: Any, target: str) -> pd.DataFrame:
    names = [str(loaded.target_names[value]) for value in loaded.target]
    return loaded.frame.drop(columns="target").assign(**{target: names})


@pytest.fixture(scope="session")
def cancer() -> pd.DataFrame:
    from sklearn.datasets import load_breast_cancer

    return with_names(load_breast_cancer(as_frame=True), "diagnosis")


@pytest.fixture(scope="session")
def iris() -> pd.DataFrame:
    from sklearn.datasets import load_iris

    return with_names(load_iris(as_frame=True), "species")


@pytest.fixture(scope="session")
def wine() -> pd.DataFrame:
    from sklearn.datasets import load_wine

    return load_wine(as_frame=True).frame


@pytest.fixture(scope="session")
def diabetes() -> pd.DataFrame:
    from sklearn.datasets import load_diabetes

    return load_diabetes(as_frame=True).frame


@pytest.fixture
def sales() -> pd.DataFrame:
    """Dates, categories, flags, nullable numbers and missing values."""
    days = pd.date_range("2025-01-01", periods=120, freq="D")
    return pd.DataFrame(
        {
            "order_id": range(1, 121),
            "Order Date": days,
            "region": pd.Categorical(["north", "south", "east"] * 40),
            "Product Name": ["pen", "book", "lamp", "desk"] * 30,
            "unitPrice": [float(n % 7) + 0.5 for n in range(119)] + [None],
            "quantity": pd.array([*range(1, 120), None], dtype="Int64"),
            "paid": [True, False] * 60,
            "customer_id": [n % 10 for n in range(120)],
        }
    )
