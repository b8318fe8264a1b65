"""The files around the package: locks without hosts, commands that say what they do, one version."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import codemad_jupyter


def test_the_npm_lock_names_no_host(repository: Path) -> None:
    text = (repository / "package-lock.json").read_text()
    lock = json.loads(text)
    assert '"resolved"' not in text
    packages = [package for name, package in lock["packages"].items() if name]
    assert all(package.get("integrity") for package in packages)
    assert "omit-lockfile-registry-resolved=true" in (repository / ".npmrc").read_text().splitlines()


def test_the_npm_lock_matches_the_manifest(repository: Path) -> None:
    manifest = json.loads((repository / "package.json").read_text())
    root = json.loads((repository / "package-lock.json").read_text())["packages"][""]
    for section in ("version", "dependencies", "devDependencies"):
        assert root[section] == manifest[section], section


def test_constraints_are_names_and_versions(repository: Path) -> None:
    lines = (repository / "constraints.txt").read_text().splitlines()
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!_]+", line) for line in lines)
    names = {re.sub(r"[-_.]+", "-", line.partition("==")[0]).lower() for line in lines}
    assert len(names) == len(lines)
    project = tomllib.loads((repository / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"]
    wanted = project["project"]["dependencies"] + [item for extra in extras.values() for item in extra]
    wanted = [re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", item)[0]).lower() for item in wanted]
    assert set(wanted) - names == set()


def test_there_is_one_version(repository: Path) -> None:
    assert codemad_jupyter.__version__ == json.loads((repository / "package.json").read_text())["version"]


def test_importing_the_package_imports_no_other_package() -> None:
    script = (
        "import sys; before = set(sys.modules); import codemad_jupyter; print(*set(sys.modules) - before)"
    )
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    packages = {name.partition(".")[0] for name in answer.stdout.split()}
    assert packages - sys.stdlib_module_names == {"codemad_jupyter"}


def test_git_does_not_see_what_is_built(repository: Path) -> None:
    built = [
        ".venv/x",
        "node_modules/x",
        "codemad_jupyter/labextension/x",
        "labextension/lib/x",
        "demo-work/x",
    ]
    command = ["git", "check-ignore", *built, "test-artifacts/x"]
    answer = subprocess.run(command, cwd=repository, capture_output=True, text=True)
    assert answer.stdout.split() == [*built, "test-artifacts/x"]


@pytest.mark.parametrize(("arguments", "code"), [(["--help"], 0), ([], 0), (["nonsense"], 2)])
def test_dev_says_what_it_does(repository: Path, arguments: list[str], code: int) -> None:
    answer = subprocess.run(
        [sys.executable, "dev.py", *arguments], cwd=repository, capture_output=True, text=True, timeout=30
    )
    assert answer.returncode == code
    assert "dev.py lab" in answer.stdout
    assert "dev.py test" in answer.stdout


def test_dev_refuses_an_old_python(repository: Path, tmp_path: Path) -> None:
    """A stand-in for an old interpreter: this one, told before dev.py starts that it is 3.10."""
    old = "import sys, runpy; sys.version_info = (3, 10); sys.argv = ['dev.py', 'setup']; "
    run = "runpy.run_path('dev.py', run_name='__main__')"
    env = {**os.environ, "PATH": str(tmp_path)}
    answer = subprocess.run(
        [sys.executable, "-c", old + run], cwd=repository, env=env, capture_output=True, text=True, timeout=30
    )
    assert answer.returncode == 1
    assert "needs Python 3.11 or newer" in answer.stderr


def test_ci_runs_the_readme_s_own_command(repository: Path) -> None:
    script = repository / ".ci" / "run"
    subprocess.run(["bash", "-n", str(script)], check=True)
    assert "python3 dev.py test" in script.read_text()
    assert "python3 dev.py test" in (repository / "README.md").read_text()
    assert "python3 dev.py lab" in (repository / "README.md").read_text()


def test_no_file_names_a_registry_or_a_machine(repository: Path) -> None:
    hosts = "|".join(("pypi" + r"\.org/simple", "files.pythonhosted" + r"\.org", "registry.npm" + r"js\.org"))
    homes = "|".join(("/home/" + r"\w+/", "/root/" + r"\.", "/Users/" + r"\w+/"))
    command = ["git", "grep", "-nIE", f"{hosts}|{homes}", "--", ".", ":!tests"]
    found = subprocess.run(command, cwd=repository, capture_output=True, text=True).stdout
    assert found == ""
