"""The tools that tell who defines, uses and calls a name, and what the workspace is made of."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from codemad_jupyter.context.symbols import Site, SymbolTable, Use
from codemad_jupyter.context.symbols_workspace import Symbols, WorkspaceSymbols
from codemad_jupyter.protocol.errors import ToolError
from codemad_jupyter.protocol.wording import counted
from codemad_jupyter.tools.tool import ToolContext, tool

MOST = 40
MOST_TOKENS = 8_000


@lru_cache(maxsize=4)
def _symbols(root: Path) -> WorkspaceSymbols:
    """What is known of a folder; kept between calls, for only changed files are read again."""
    return WorkspaceSymbols(root)


def _account(result: dict[str, Any]) -> str:
    return f"{len(result['definitions'])} definitions, {len(result['callers'])} callers"


@tool("read", account=_account)
async def find_symbol(context: ToolContext, name: str) -> dict[str, Any]:
    """Find where a function, class, method or variable is defined in the workspace, who calls it and where
    else it is used: ``name`` or ``Class.name``. ``certainty`` tells whether a call surely means it.
    """
    wanted = name.strip().removesuffix("()").strip()
    short = wanted.replace("::", ".").rpartition(".")[2]
    if not short or any(letter.isspace() for letter in wanted) or len(wanted) > 200:
        raise ToolError(f"{name!r} is not a name.", hint="Give one name, such as load_data or Model.fit.")
    narrowed = None if context.finder is None else await context.finder.narrowed(short)
    found = await asyncio.to_thread(_symbols(context.root).read, holding=short, narrowed=narrowed)
    return await asyncio.to_thread(_told, wanted, _readable(context, found))


def _readable(context: ToolContext, found: Symbols) -> Symbols:
    """Those of files that may be read: the map and what a name may mean tell of files, too."""
    files = tuple(file for file in found.files if context.may_read(file.path))
    return replace(found, files=files)


def _told(name: str, found: Symbols) -> dict[str, Any]:
    table = SymbolTable(found.files, paths=found.paths)
    sites, callers = table.definitions(name), table.callers(name)
    called = {(use.path, use.reference) for use in callers}
    others = [use for use in table.references(name) if (use.path, use.reference) not in called]
    result: dict[str, Any] = {
        "definitions": [_definition(site) for site in sites[:MOST]],
        "callers": [_use(use, sites) for use in callers[:MOST]],
        "references": [_use(use, sites) for use in others[:MOST]],
    }
    more = max(len(sites), len(callers), len(others)) > MOST
    notice = " ".join(
        filter(None, (found.notice, f"Only the first {MOST} of each are told." if more else ""))
    )
    return {**result, "notice": notice} if notice else result


def _definition(site: Site) -> dict[str, Any]:
    item = site.definition
    told = {"path": site.path, "line": item.start_line, "end_line": item.end_line, "cell": item.cell}
    return {**told, "symbol": item.qualified, "kind": item.kind, "text": item.signature}


def _use(use: Use, sites: Sequence[Site]) -> dict[str, Any]:
    item = use.reference
    told: dict[str, Any] = {
        "path": use.path,
        "lines": list(item.lines[:20]),
        "cell": item.cell,
        "in": item.scope,
    }
    if item.owner:
        told["owner"] = item.owner
    told["certainty"] = use.certainty
    if use.certainty == "ambiguous" or set(use.targets) - set(sites):
        told["means"] = [f"{site.path}:{site.definition.qualified}" for site in use.targets[:5]]
    return told


@tool("read", account=lambda result: counted(result["files"], "file"))
async def workspace_map(context: ToolContext, tokens: int = 2_000) -> dict[str, Any]:
    """See what the workspace is made of: its most used files with their most used functions and classes,
    in about ``tokens`` tokens. Good to begin with in a folder that is new to you.
    """
    from codemad_jupyter.context import symbols_map

    budget = min(max(tokens, 100), MOST_TOKENS)
    found = _readable(context, await asyncio.to_thread(_symbols(context.root).read))
    text = await asyncio.to_thread(symbols_map.workspace_map, found.files, budget)
    result: dict[str, Any] = {"files": len(found.files), "map": text}
    return {**result, "notice": found.notice} if found.notice else result


TOOLS = (find_symbol, workspace_map)
