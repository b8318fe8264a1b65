"""The tests of a project as the judge of candidates: which command runs them, and what came of it. Pure but
for looking at files; running them is for who calls."""

import json
import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from codemad_jupyter.context.walking import list_paths

PYTEST = "python -B -m pytest -q -p no:cacheprovider"
MOST_LOOKED_AT = 20_000
_COUNT = re.compile(r"(\d+) (passed|failed|errors?)\b")
_TARGET = re.compile(r"^test:", re.MULTILINE)
_SETTLES = frozenset(
    (
        *("conftest.py", "pytest.ini", "tox.ini", "setup.cfg", "pyproject.toml", "package.json", "Makefile"),
        *("pytest.py", "sitecustomize.py", "usercustomize.py"),
    )
)
"""Files by which tests can be switched off, also where they are new."""


class Verdict(NamedTuple):
    """How tests went. ``bent``: files that decide what is tested are not as they were; ``idle``: no file is
    other than before."""

    passed: int
    failed: int
    ok: bool
    bent: tuple[str, ...] = ()
    idle: bool = False

    @property
    def score(self) -> float:
        """The more the better; one that left the tests as they were is before one that did not."""
        return (
            (0 if self.bent else 1_000_000) + (100_000 if self.ok else 0) + self.passed - self.failed / 1000
        )

    def __str__(self) -> str:
        if not self.passed and not self.failed:
            said = "the tests pass" if self.ok else "the tests do not pass"
        else:
            said = f"{self.passed} of {self.passed + self.failed} tests pass"
        return f"{said} (it changed {', '.join(self.bent[:3])})" if self.bent else said


def test_command(folder: Path) -> str:
    """What runs the tests of the project in this folder; empty where none are found."""
    if _has_python_tests(folder):
        return PYTEST
    if _has_script(folder / "package.json"):
        return "npm test --silent"
    makefile = folder / "Makefile"
    if makefile.is_file() and _TARGET.search(makefile.read_text(encoding="utf-8", errors="replace")):
        return "make test"
    return ""


def _has_python_tests(folder: Path) -> bool:
    for count, path in enumerate(list_paths(folder)):
        if count > MOST_LOOKED_AT:
            return False
        if path.endswith(".py") and _is_test(path):
            return True
    return False


def _is_test(path: str) -> bool:
    name = PurePosixPath(path)
    return name.stem.startswith("test_") or name.stem.endswith(("_test", ".test", ".spec"))


def _has_script(path: Path) -> bool:
    try:
        script = json.loads(path.read_text(encoding="utf-8"))["scripts"]["test"]
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return isinstance(script, str) and "no test specified" not in script


def verdict(output: str, exit_code: int | None, *, changed: Iterable[str], new: Iterable[str]) -> Verdict:
    """What the output of the tests says; ``changed`` are the files the agent changed, ``new`` those of them
    that were not there before."""
    fresh, changed = frozenset(new), tuple(changed)
    bent = tuple(
        path
        for path in changed
        if PurePosixPath(path).name in _SETTLES or (_is_test(path) and path not in fresh)
    )
    counts = {"passed": 0, "failed": 0, "error": 0}
    for number, kind in _COUNT.findall(output[-2_000:]):
        counts[kind.removesuffix("s")] = int(number)
    return Verdict(counts["passed"], counts["failed"] + counts["error"], exit_code == 0, bent, not changed)
