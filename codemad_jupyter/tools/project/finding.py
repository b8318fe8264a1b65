"""Which programs test and check a project, found from its files; nothing is run for that."""

import json
import re
import shlex
import shutil
import tomllib
from collections.abc import Callable, Iterator
from configparser import ConfigParser, Error
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from codemad_jupyter.context.walking import SKIPPED
from codemad_jupyter.tools.project.environments import first_with

LARGEST = 1_000_000
MOST_LOOKED_AT = 5_000
Reads = Literal["pytest", "ruff", "mypy", "text"]
REPORT = "codemad-report"


@dataclass(frozen=True)
class Program:
    """A program, the words it begins with, and how what it finds is read. ``takes`` paths: what is named is
    put behind its words. ``prefix`` is the environment it runs in; None where it is not installed."""

    name: str
    words: tuple[str, ...]
    prefix: Path | None = None
    reads: Reads = "text"
    takes: bool = False
    whole: tuple[str, ...] = ()
    """What is put behind the words when nothing is named."""
    variables: dict[str, str] = field(default_factory=dict)

    def command(self, named: tuple[str, ...] = ()) -> str:
        """The command line."""
        return shlex.join([*self.words, *(named if self.takes and named else self.whole)])


@dataclass(frozen=True)
class Project:
    """The files of a project that say what it uses."""

    root: Path

    def text(self, name: str) -> str:
        """A file's text; empty where there is none."""
        path = self.root / name
        try:
            if not path.is_file() or path.is_symlink() or path.stat().st_size > LARGEST:
                return ""
            return path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""

    @cached_property
    def tools(self) -> dict[str, Any]:
        """The tables of tools in pyproject.toml."""
        try:
            found = tomllib.loads(self.text("pyproject.toml")).get("tool")
        except tomllib.TOMLDecodeError:
            return {}
        return found if isinstance(found, dict) else {}

    def section(self, file: str, name: str) -> dict[str, str] | None:
        """A section of an ini file."""
        parser = ConfigParser(interpolation=None, strict=False)
        try:
            parser.read_string(self.text(file))
        except Error:
            return None
        return dict(parser[name]) if parser.has_section(name) else None

    @cached_property
    def scripts(self) -> frozenset[str]:
        """The scripts of package.json that do something."""
        try:
            found = json.loads(self.text("package.json") or "{}").get("scripts")
        except (ValueError, AttributeError, RecursionError):
            return frozenset()
        told = found.items() if isinstance(found, dict) else ()
        return frozenset(name for name, does in told if does and "no test specified" not in str(does))

    @cached_property
    def targets(self) -> frozenset[str]:
        """The targets of the Makefile, as far as they are spelled out."""
        return frozenset(re.findall(r"^([A-Za-z][\w-]*)\s*:(?!=)", self.text("Makefile"), re.MULTILINE))

    def files(self, fits: Callable[[str], bool], *, depth: int = 3) -> bool:
        """Is there a file whose name fits, not too deep?"""
        pending, seen = [(self.root, 0)], 0
        while pending and seen < MOST_LOOKED_AT:
            folder, level = pending.pop()
            for entry in sorted(folder.iterdir()):
                seen += 1
                if entry.is_symlink() or entry.name in SKIPPED:
                    continue
                if entry.is_dir():
                    pending += [(entry, level + 1)] if level < depth else []
                elif fits(entry.name):
                    return True
        return False


def for_tests(root: Path, prefixes: tuple[Path, ...]) -> tuple[Program, ...]:
    """What tests the project, what is most likely meant first."""
    project = Project(root)
    return tuple(
        [
            *_python_tests(project, prefixes),
            *_scripts(project, ("test",), prefixes),
            *_wrapping(project, prefixes),
            *_made(project, ("test", "tests"), prefixes),
        ]
    )


def _python_tests(project: Project, prefixes: tuple[Path, ...]) -> Iterator[Program]:
    asked = (
        "pytest" in project.tools
        or any((project.root / name).is_file() for name in ("pytest.ini", "conftest.py", "tests/conftest.py"))
        or project.section("tox.ini", "pytest") is not None
        or project.section("setup.cfg", "tool:pytest") is not None
    )
    there = asked or project.files(lambda name: re.fullmatch(r"test_.*\.py|.*_test\.py", name) is not None)
    if not there:
        return
    prefix = first_with(prefixes, "pytest")
    if prefix is not None or asked:
        report = f"--junitxml={{scratch}}/{REPORT} -o junit_family=xunit1"
        words = ("python", "-m", "pytest", "-q")
        yield Program("pytest", words, prefix, "pytest", takes=True, variables={"PYTEST_ADDOPTS": report})
    else:
        yield Program("unittest", ("python", "-m", "unittest"), prefixes[0], takes=True, whole=("discover",))


def _wrapping(project: Project, prefixes: tuple[Path, ...]) -> Iterator[Program]:
    """Programs that make environments of their own: they need the network, so they are not taken first."""
    if (project.root / "tox.ini").is_file() or "tox" in project.tools:
        yield Program("tox", ("python", "-m", "tox"), first_with(prefixes, "tox"))
    if (project.root / "noxfile.py").is_file():
        yield Program("nox", ("python", "-m", "nox"), first_with(prefixes, "nox"))


def for_checks(root: Path, prefixes: tuple[Path, ...]) -> tuple[Program, ...]:
    """The linters and type checkers of the project; all of them are meant."""
    project = Project(root)
    found = [*_python_checks(project, prefixes)]
    found += _scripts(project, ("lint", "eslint", "typecheck", "type-check", "check"), prefixes)
    return tuple(found or _made(project, ("lint", "check"), prefixes))


def _python_checks(project: Project, prefixes: tuple[Path, ...]) -> Iterator[Program]:
    ruff = first_with(prefixes, "ruff")
    named = "ruff" in project.tools or any((project.root / n).is_file() for n in ("ruff.toml", ".ruff.toml"))
    if named or (ruff and project.files(lambda name: name.endswith(".py"))):
        variables = {"RUFF_OUTPUT_FORMAT": "json", "RUFF_OUTPUT_FILE": f"{{scratch}}/{REPORT}"}
        yield Program("ruff", ("ruff", "check"), ruff, "ruff", takes=True, variables=variables)
    places = (
        project.tools.get("mypy"),
        project.section("mypy.ini", "mypy"),
        project.section("setup.cfg", "mypy"),
    )
    settings = next((each for each in places if each is not None), None)
    if settings is not None:
        own = {"files", "packages", "modules"} & set(settings)
        words = ("python", "-m", "mypy", "-O", "json")
        whole = () if own else (".",)
        yield Program("mypy", words, first_with(prefixes, "mypy"), "mypy", takes=True, whole=whole)


def _scripts(project: Project, names: tuple[str, ...], prefixes: tuple[Path, ...]) -> Iterator[Program]:
    """Scripts of package.json, run by whichever manager its lock file is of."""
    locks = {"pnpm-lock.yaml": "pnpm", "yarn.lock": "yarn"}
    manager = next((m for file, m in locks.items() if (project.root / file).exists()), "npm")
    for name in names:
        if name in project.scripts:
            prefix = prefixes[0] if shutil.which(manager) else None
            yield Program(f"{manager} {name}", (manager, "run", name), prefix)


def _made(project: Project, names: tuple[str, ...], prefixes: tuple[Path, ...]) -> Iterator[Program]:
    for name in names:
        if name in project.targets:
            yield Program(f"make {name}", ("make", name), prefixes[0] if shutil.which("make") else None)
