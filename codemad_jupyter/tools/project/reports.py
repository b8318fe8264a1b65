"""What testers and linters report, read from their own files and JSON, as rows for a model.

The files were written by what was tested, so nothing in them is believed further than its form.
"""

import json
import re
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from codemad_jupyter.notebooks.terminal_text import cleaned, shortened

MOST_ROWS = 60
MESSAGE = 600
DETAIL = 1_500
_PLACE = re.compile(r"^(\S[^:\n]*):(\d+): (\w[\w.]*)?", re.MULTILINE)
_COUNTED = ("tests", "failures", "errors", "skipped")


@dataclass(frozen=True)
class Report:
    """How many there were, and the rows of those that failed."""

    counts: dict[str, int]
    rows: list[dict[str, Any]]


def junit(data: bytes) -> Report | None:
    """A JUnit report; None where it is none."""
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        return None  # what pytest writes has none, and entities are how XML bites
    try:
        top = ElementTree.fromstring(data)  # noqa: S314 - without entities there is nothing to expand
        suites = [top] if top.tag == "testsuite" else top.findall("testsuite")
        sums = {name: sum(int(each.get(name) or 0) for each in suites) for name in _COUNTED}
    except (ElementTree.ParseError, ValueError):
        return None
    counts = {
        "passed": max(sums["tests"] - sums["failures"] - sums["errors"] - sums["skipped"], 0),
        "failed": sums["failures"],
        "errors": sums["errors"],
        "skipped": sums["skipped"],
    }
    rows = [row for suite in suites for case in suite.iter("testcase") if (row := _case(case)) is not None]
    return Report(counts, rows)


def _case(case: ElementTree.Element) -> dict[str, Any] | None:
    for kind in ("failure", "error"):
        found = case.find(kind)
        if found is None:
            continue
        text = cleaned(found.text or "")
        message = cleaned(found.get("message") or text.strip().rpartition("\n")[2])
        return {
            "test": _named(case),
            "kind": "failed" if kind == "failure" else "error",
            "place": _place(case, text),
            "message": message[:MESSAGE],
            "detail": shortened(text, DETAIL),
        }
    return None


def _named(case: ElementTree.Element) -> str:
    """As pytest takes it on its command line."""
    file, name, group = case.get("file") or "", case.get("name") or "", case.get("classname") or ""
    if not file:
        return "::".join(filter(None, (group, name)))
    module = re.sub(r"\.py$", "", file).replace("/", ".")
    inner = group.removeprefix(module).strip(".").replace(".", "::")
    return "::".join(filter(None, (file, inner, name)))


def _place(case: ElementTree.Element, text: str) -> str:
    """Where it failed: the last place of the traceback, else where the test stands."""
    places = _PLACE.findall(text)
    if places:
        return f"{places[-1][0]}:{places[-1][1]}"
    line = case.get("line")
    return f"{case.get('file')}:{int(line) + 1}" if line and line.isdigit() else case.get("file") or ""


def ruff(data: bytes, root: str) -> Report | None:
    """What ruff has found."""
    try:
        rows = [
            {
                "place": _placed(each, root),
                "rule": each.get("code") or "syntax",
                "message": str(each["message"])[:MESSAGE],
                "fixable": each.get("fix") is not None,
            }
            for each in json.loads(data)
        ]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return Report({"problems": len(rows)}, rows)


def mypy(text: str) -> Report | None:
    """What mypy has found, a JSON object a line among others."""
    rows = []
    for line in text.splitlines():
        if not line.startswith('{"file":'):
            continue
        try:
            found = json.loads(line)
            place = f"{found['file']}:{found['line']}:{int(found['column']) + 1}"
            row = {"place": place, "rule": found.get("code") or "", "message": found["message"][:MESSAGE]}
        except (ValueError, KeyError, TypeError):
            return None
        if found.get("severity") == "error":
            rows.append(row)
    if not rows and "Success: no issues" not in text:
        return None
    return Report({"problems": len(rows)}, rows)


def _placed(found: dict[str, Any], root: str) -> str:
    at = found["location"]
    return f"{found['filename'].removeprefix(root).lstrip('/')}:{at['row']}:{at['column']}"
