"""A session file of a stranger's: every field that an import reads, filled with strings that want to be more
than text. The strings, and the look for any that came alive, are those of `labextension/tests/hostile.ts`.
"""

from __future__ import annotations

import itertools
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.waiting import LIMIT

LOT = 16
"""How many go into one field at once."""
TO_SCRIPT = """const ts = require('typescript');
const source = require('fs').readFileSync('labextension/tests/hostile.ts', 'utf8');
const options = { module: 'CommonJS', target: 'ES2020' };
const { outputText } = ts.transpileModule(source, { compilerOptions: options });
const script = `(() => { const exports = {}; ${outputText}; return exports; })()`;
process.stdout.write(JSON.stringify([script, eval(script).HOSTILE]));"""


def strings(repository: Path) -> tuple[str, list[str]]:
    """A script whose value has ``alive``, and the strings."""
    done = subprocess.run(
        ["node", "-e", TO_SCRIPT], cwd=repository, capture_output=True, text=True, timeout=LIMIT, check=True
    )
    script, found = json.loads(done.stdout)
    return script, found


def in_lots(found: list[str]) -> list[str]:
    """All of them, so many in one text."""
    return ["\n".join(found[at : at + LOT]) for at in range(0, len(found), LOT)]


def document(texts: list[str], *, title: str, runs: int | None = None) -> str:
    """A session with a run for each of the texts, or so many; each field holds each of them in turn."""
    numbers = range(len(texts) if runs is None else runs)
    entries = [each for number in numbers for each in _filled(_entries(number), texts, number)]
    head = entries[-1]["id"] if entries else None
    branches = [{"id": id, "name": "§", "head": head, "created": 1} for id in ("main", *map(str, numbers))]
    given = {
        "format": "codemad-session",
        "version": 1,
        "session": {"id": "s", "title": title, "model": "§", "created": 1, "updated": 2, "branch": "main"},
        "branches": [
            {**branch, "head": entries[-1]["id"] if entries else None}
            for branch in _filled(branches, texts, 0)
        ],
        "entries": entries,
        "events": [each for number in numbers for each in _filled(_run(number), texts, number)],
    }
    return json.dumps(given)


def titles(found: list[str]) -> Iterator[str]:
    """The strings as titles, as many in one as are kept of it."""
    packed = ""
    for text in (" ".join(each.split()) for each in found):
        if packed and len(packed) + len(text) > 190:
            yield packed
            packed = ""
        packed = f"{packed} {text}".strip()
    yield packed


def _filled(value: Any, texts: list[str], first: int) -> Any:
    """The value with the next of the texts for each ``§``, from the first on, over and over."""
    following = itertools.cycle([*texts[first:], *texts[:first]])

    def put(part: Any) -> Any:
        if isinstance(part, dict):
            return {key: put(each) for key, each in part.items()}
        if isinstance(part, list):
            return [put(each) for each in part]
        return next(following) if part == "§" else part

    return put(value)


def _entries(number: int) -> list[dict[str, Any]]:
    said = {"role": "user", "parts": [{"type": "text", "text": "§"}]}
    call = {"type": "tool_call", "id": f"k{number}", "name": "§", "arguments": {"path": "§"}}
    answer = {"role": "assistant", "parts": [{"type": "text", "text": "§"}, call]}
    result = {"type": "tool_result", "id": f"k{number}", "name": "§", "content": "§"}
    messages = (said, answer, {"role": "tool", "parts": [result]})
    ids = [f"n{3 * number + at}" for at in range(-1, 3)]
    parents = [ids[0] if number else None, *ids[1:]]
    return [
        {"id": id, "parent": parent, "run": f"r{number}", "at": 1, "message": message}
        for id, parent, message in zip(ids[1:], parents, messages, strict=False)
    ]


def _run(number: int) -> list[dict[str, Any]]:
    """All that can happen in a run, as far as an import takes it over."""
    target = {"notebook": "§", "kernel": None, "cell": None}
    call, run = f"k{number}", f"r{number}"
    given, said = {"path": "§", "other": "§"}, {"sender": "§", "to": "§", "text": "§"}
    told: list[dict[str, Any]] = [
        {"type": "run_started", "prompt": "§", "model": "§", "edge": "sidebar", "target": target, "why": "§"},
        {"type": "intent_decided", "intent": "edit", "reason": "§"},
        {"type": "phase_changed", "phase": "execute", "step": "§"},
        {"type": "context_built", "segments": [{"name": "§", "tokens": 1, "left_out": ["§"]}], "tokens": 1},
        {"type": "notice", "level": "warning", "code": "§", "text": "§"},
        {"type": "message_done", "id": f"m{number}", "message": _said(), "model": "§", "cost": None},
        {"type": "tool_called", "call": call, "tool": "§", "arguments": given, "risk": "read"},
        {"type": "tool_done", "call": call, "tool": "§", "status": "ok", "summary": "§", "content": "§"},
        *_edits(number),
        {"type": "cell_executed", "notebook": "§", "cell": "§", "ok": False, "error": "§"},
        {"type": "agent_changed", "status": _agent(number)},
        {"type": "agent_said", "message": {"number": 1, "kind": "notice", **said}},
        {"type": "verified", "report": _report()},
        {"type": "kernel_changed", "state": "died", "notebook": "§", "text": "§", "lost": ["§"]},
        {"type": "restored", "kind": "undo", "checkpoint": "§", "runs": [], "files": ["§"], "cells": ["§"],
         "merged": ["§"], "conflicts": ["§"]},
        {"type": "run_finished", "status": "failed", "text": "§", "cost": 0.0,
         "fault": {"model": "§", "kind": "server", "status": 500}},
    ]  # fmt: skip
    return [{"at": 1, "run": run, **each} for each in told]


def _said() -> dict[str, Any]:
    return {"role": "assistant", "parts": [{"type": "text", "text": "§"}, {"type": "thinking", "text": "§"}]}


def _edits(number: int) -> list[dict[str, Any]]:
    hunk = {"id": 0, "start": 0, "old": ["§"], "new": ["§"]}
    cell = {"type": "cell", "notebook": "§", "op": "replace", "cell": "§", "cell_type": "markdown"}
    file = {"type": "file", "path": "§", "op": "write", "exists": True}
    parts = {"title": "§", "before": "§", "after": "§", "hunks": [hunk]}
    edits = [
        {"id": f"{kind}{number}", "target": target, **parts} for kind, target in (("e", cell), ("f", file))
    ]
    kinds = (
        "text/html",
        "text/markdown",
        "text/latex",
        "image/svg+xml",
        "text/plain",
        "application/javascript",
    )
    shown = dict.fromkeys(kinds, "§")
    outputs = [
        {"output_type": "display_data", "data": {kind: text}, "metadata": {}} for kind, text in shown.items()
    ]
    outputs += [
        {"output_type": "stream", "name": "stdout", "text": "§"},
        {"output_type": "error", "ename": "§", "evalue": "§", "traceback": ["§"]},
    ]
    trial = {"status": "failed", "method": "fork", "detail": "§", "outputs": outputs, "replayed": ["§"]}
    problem = {"path": "§", "cell": "§", "line": 1, "code": "§", "server": "§", "text": "§"}
    diagnosis = {"problems": [problem], "servers": ["§"], "detail": "§"}
    stale = {"type": "edit_settled", "edit": f"f{number}", "status": "stale", "hunks": {}, "detail": "§"}
    return [
        {"type": "edit_proposed", "edit": edits[0]},
        {"type": "edit_tried", "edit": f"e{number}", "trial": trial},
        {"type": "edit_diagnosed", "edit": f"e{number}", "diagnosis": diagnosis},
        {"type": "edit_proposed", "edit": edits[1]},
        stale,
    ]


def _agent(number: int) -> dict[str, Any]:
    return {"name": f"agent-{number}", "role": "§", "task": "§", "parent": "§", "state": "working",
            "worktree": "§", "model": "§", "text": "§"}  # fmt: skip


def _report() -> dict[str, Any]:
    verdict = {"cell": "§", "number": 1, "status": "differs", "detail": "§", "diff": "§"}
    lists = {name: ["§"] for name in ("missing", "out_of_order", "notes")}
    return {"notebook": "§", "same": False, "cells": [verdict], **lists}
