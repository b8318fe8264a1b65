"""Owns what of a tool's result may be told to a model at each data level. Pure.

What of single values may be told stands in `data_levels`.
"""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel

from codemad_jupyter.protocol.edits import Trial
from codemad_jupyter.protocol.privacy import DataLevel
from codemad_jupyter.tools.data_levels import (
    NEEDS,
    allows,
    bare_detail,
    file_level,
    limited,
    limited_file,
    withheld,
    without_images,
)

Rule = Callable[[Mapping[str, Any], Any, DataLevel], Any]


def limited_result(
    tool: str, arguments: Mapping[str, Any], result: Any, *, risk: str, level: DataLevel
) -> Any:
    """The result of a tool, as the level allows it. A tool nobody thought of tells nothing below
    ``outputs``."""
    if level == "images":
        return result
    source = "\n".join(str(each) for each in arguments.values())
    if result is None or isinstance(result, BaseModel):
        return limited(result, level, source=source)
    rule = _RULES.get(tool)
    if rule is not None:
        return rule(arguments, result, level)
    if risk == "write":
        return _proposal(result, level, source)
    return without_images(result) if allows(level, "outputs") else withheld(result, level)


def _proposal(result: Any, level: DataLevel, source: str) -> Any:
    """What editing tools answer is about sources, but for what a trial found."""
    if isinstance(result, list):
        return [_proposal(each, level, source) for each in result]
    if not isinstance(result, dict):
        return result
    told = {key: _proposal(each, level, source) for key, each in result.items() if key != "trial"}
    if "trial" in result:
        told["trial"] = _trial(result["trial"], level, source)
    return told


def _trial(told: dict[str, Any] | None, level: DataLevel, source: str) -> dict[str, Any] | None:
    """A trial as it is told to the model: names and shapes always, messages and outputs as for a cell."""
    if told is None:
        return None
    shown = dict(told)
    if "detail" in shown and not allows(level, NEEDS[Trial]["detail"]):
        shown["detail"] = bare_detail(shown["detail"], known=source)
    if "outputs" in shown and not allows(level, "outputs"):
        shown["outputs"] = withheld(shown["outputs"], level)
    return shown


def _notebook(arguments: Mapping[str, Any], result: Any, level: DataLevel) -> Any:
    if allows(level, "outputs"):
        return without_images(result)
    plain = ("id", "cell_type", "source", "execution_count", "tags")
    cells = [
        {
            key: each if key in plain else withheld(each, level)
            for key, each in cell.items()
            if key in plain or isinstance(each, str)
        }
        for cell in result["cells"]
    ]
    return {**{key: result[key] for key in ("path", "active", "left_out") if key in result}, "cells": cells}


def _execution(arguments: Mapping[str, Any], result: Any, level: DataLevel) -> Any:
    if allows(level, "outputs") or not isinstance(result, dict):
        return without_images(result) if allows(level, "outputs") else withheld(result, level)
    plain = {key: each for key, each in result.items() if isinstance(each, bool | int | float)}
    texts = {key: withheld(each, level) for key, each in result.items() if isinstance(each, str)}
    error = bare_detail(str(result.get("error", "")), known=str(arguments.get("code", "")))
    return {**texts, **plain, "error": error}


def _command(arguments: Mapping[str, Any], result: Any, level: DataLevel) -> Any:
    """What a command wrote is output; how it ended is not."""
    if allows(level, "outputs"):
        return result
    return {**result, **({"output": withheld(result["output"], level)} if "output" in result else {})}


def _tests(arguments: Mapping[str, Any], result: Any, level: DataLevel) -> Any:
    """Which tests failed and where is about sources; what they say may hold values."""
    if allows(level, "outputs") or not isinstance(result, dict):
        return result
    told = _command(arguments, result, level)
    if "failed" in result:
        told["failed"] = [
            {
                **row,
                "message": bare_detail(row["message"], known=""),
                "detail": withheld(row["detail"], level),
            }
            for row in result["failed"]
        ]
    if "checks" in result:
        told["checks"] = [_command(arguments, each, level) for each in result["checks"]]
    return told


def _file(arguments: Mapping[str, Any], result: Any, level: DataLevel) -> Any:
    return limited_file(str(arguments.get("path", "")), result, level, start=int(arguments.get("start") or 1))


def _hits(arguments: Mapping[str, Any], result: Any, level: DataLevel) -> Any:
    hits = [
        hit
        if hit.get("cell") or allows(level, file_level(str(hit.get("path", ""))))
        else {**hit, "text": withheld(hit.get("text", ""), level)}
        for hit in result["hits"]
    ]
    return {**result, "hits": hits}


def _lines(arguments: Mapping[str, Any], result: Any, level: DataLevel) -> Any:
    """Hits without those in files that hold data: that a pattern fits there tells what stands there."""
    hits = [hit for hit in result["hits"] if hit["cell"] or allows(level, file_level(hit["path"]))]
    if allows(level, "outputs"):
        return result
    note = f"Files that hold data are left out at data level {level}."
    return {"source": result["source"], "hits": hits, "more": result["more"], "note": note}


def _differences(arguments: Mapping[str, Any], result: Any, level: DataLevel) -> Any:
    told = [
        each if allows(level, file_level(each["path"])) else {**each, "diff": withheld(each["diff"], level)}
        for each in result["changes"]
    ]
    return {**result, "changes": told}


def _blamed(arguments: Mapping[str, Any], result: Any, level: DataLevel) -> Any:
    if allows(level, file_level(str(arguments.get("path", "")))):
        return result
    return {**result, "lines": [{**each, "text": withheld(each["text"], level)} for each in result["lines"]]}


def _queried(arguments: Mapping[str, Any], result: Any, level: DataLevel) -> Any:
    """Rows are outputs. How many fit a condition is a statistic, and whether a question fails can be made to
    depend on values, so below that level nothing is told."""
    if allows(level, "outputs"):
        return result
    if not allows(level, "statistics"):
        return {"note": f"SQL is answered from data level statistics on; here it is {level}."}
    if "error" in result:
        own = result["kind"] in ("ParserException", "BinderException", "CatalogException", "NotAllowed")
        said = result["error"].split("\n", 1)[0] if own else withheld(result["error"], level)
        return {**result, "error": said}
    return {**result, "rows": withheld("\n" * len(result["rows"]), level)}


def _facts(arguments: Mapping[str, Any], result: Any, level: DataLevel) -> Any:
    return [fact for fact in result if allows(level, fact["level"])]


_RULES: Mapping[str, Rule] = {
    "recall": _facts,
    "delegate": lambda arguments, report, level: report,  # by a model that was shown no more than this level
    "read_notebook": _notebook,
    "run_code": _execution,
    "run_command": _command,
    "run_tests": _tests,
    "query_data": _queried,
    "fetch_page": lambda arguments, result, level: result,  # it is nothing of the person's
    "install_packages": _command,
    "git_status": lambda arguments, result, level: result,
    "git_log": lambda arguments, result, level: result,
    "git_branches": lambda arguments, result, level: result,
    "git_branch": lambda arguments, result, level: result,
    "git_commit": lambda arguments, result, level: result,
    "git_diff": _differences,
    "git_blame": _blamed,
    "run_checks": _tests,
    "job_output": _command,
    "list_jobs": lambda arguments, result, level: result,
    "stop_job": _command,
    "read_file": _file,
    "search_workspace": _hits,
    "grep": _lines,
    "cell_dependencies": lambda arguments, result, level: result,
    "diagnostics": lambda arguments, result, level: result,
    "list_files": lambda arguments, result, level: result,
    "find_symbol": lambda arguments, result, level: result,
    "mcp_describe": lambda arguments, result, level: result,
    "workspace_map": lambda arguments, result, level: result,
}
