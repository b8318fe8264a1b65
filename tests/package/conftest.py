"""One wheel, built as a release is: from a clean copy of the sources, with the front end from scratch."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


def sources(repository: Path) -> list[str]:
    """What is or would be committed: nothing that git ignores, nothing that is gone."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=True).stdout
    return [name for name in listed.split("\0") if name and (repository / name).is_file()]


@pytest.fixture(scope="session")
def clean_copy(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("release") / "sources"
    for name in sources(repository):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(repository / name, folder / name)
    modules = repository / "node_modules"
    try:
        shutil.copytree(modules, folder / "node_modules", symlinks=True, copy_function=os.link)
    except OSError:  # another file system
        shutil.rmtree(folder / "node_modules", ignore_errors=True)
        shutil.copytree(modules, folder / "node_modules", symlinks=True)
    return folder


@pytest.fixture(scope="session")
def wheel(clean_copy: Path, registry_environment: dict[str, str]) -> Path:
    """Built with the tools of this environment, whose node and npm come first on PATH."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", "dist", "."]
    built = subprocess.run(
        command, cwd=clean_copy, env={**registry_environment, "PATH": path}, capture_output=True, text=True
    )
    assert built.returncode == 0, built.stdout[-4000:] + built.stderr[-4000:]
    (wheel,) = (clean_copy / "dist").glob("*.whl")
    return wheel
