"""What people install: one wheel with everything in it once, and nothing of the machine that built it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from collections import Counter
from pathlib import Path

import pytest

DATA = "codemad_jupyter-{version}.data/data/"
SHARED = (
    "etc/jupyter/jupyter_server_config.d/codemad_jupyter.json",
    "share/jupyter/kernels/codemad/kernel.json",
    "share/jupyter/kernels/codemad/logo-32x32.png",
    "share/jupyter/kernels/codemad/logo-64x64.png",
    "share/jupyter/kernels/codemad/logo-svg.svg",
    "share/jupyter/labextensions/codemad-jupyter/install.json",
    "share/jupyter/labextensions/codemad-jupyter/package.json",
    "share/jupyter/labextensions/codemad-jupyter/schemas/codemad-jupyter/plugin.json",
    "share/jupyter/labextensions/codemad-jupyter/static/style.js",
)
MACHINE_PATHS = re.compile(rb"/(?:home|root|tmp|Users|work|builds)/[\w.-]+")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def version(repository: Path) -> str:
    return str(json.loads((repository / "package.json").read_text())["version"])


@pytest.fixture(scope="module")
def files(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_shared_data_is_there_once(wheel: Path, version: str) -> None:
    with zipfile.ZipFile(wheel) as archive:
        counted = Counter(archive.namelist())
    data = DATA.format(version=version)
    assert {name: counted[data + name] for name in SHARED} == dict.fromkeys(SHARED, 1)
    assert sum("remoteEntry" in name for name in counted) == 1
    assert not [name for name in counted if name.startswith("codemad_jupyter/labextension/")]


def test_every_schema_is_packed(files: dict[str, bytes], repository: Path) -> None:
    schemas = {path.name for path in (repository / "labextension" / "schema").glob("*.json")}
    packed = {Path(name).name for name in files if "/schemas/codemad-jupyter/" in name}
    assert packed - {"package.json.orig"} == schemas


def test_the_package_and_its_data_files_are_packed(files: dict[str, bytes], clean_copy: Path) -> None:
    package = clean_copy / "codemad_jupyter"
    kept = {".py", ".md", ".sql", ".json", ".toml", ".typed"}
    expected = {
        path.relative_to(clean_copy).as_posix()
        for path in package.rglob("*")
        if path.suffix in kept and "labextension" not in path.parts
    }
    assert expected - files.keys() == set()
    assert "codemad_jupyter/py.typed" in files


def test_nothing_of_the_building_machine_is_packed(files: dict[str, bytes]) -> None:
    assert not [name for name in files if name.endswith(".map") or "build_log.json" in name]
    assert not [name for name in files if "__pycache__" in name or "tests/" in name]
    found = {name: match for name, content in files.items() if (match := MACHINE_PATHS.search(content))}
    ours = {name: match for name, match in found.items() if "labextension" in name or name.endswith("RECORD")}
    assert not ours


def test_metadata(files: dict[str, bytes], version: str) -> None:
    metadata = files[f"codemad_jupyter-{version}.dist-info/METADATA"].decode()
    assert f"Version: {version}\n" in metadata
    assert "License-Expression: BSD-3-Clause" in metadata
    assert "Requires-Dist: litellm" in metadata
    assert not re.search(r"^Requires-Dist: litellm[^;]*$", metadata, re.MULTILINE), "litellm is an extra only"
    entry_points = files[f"codemad_jupyter-{version}.dist-info/entry_points.txt"].decode()
    assert "codemad = codemad_jupyter.batch.cli:main" in entry_points


@pytest.mark.network
@pytest.mark.timeout(900)
def test_the_wheel_alone_makes_a_working_lab(
    wheel: Path, repository: Path, registry_environment: dict[str, str], tmp_path: Path
) -> None:
    """A fresh environment with pip and no Node: both extensions are enabled and say OK."""
    fresh = tmp_path / "venv"
    env = {**without_node(registry_environment), **own_jupyter_folders(tmp_path)}
    run([sys.executable, "-m", "venv", str(fresh)], env)
    python = str(fresh / "bin" / "python")
    constraints = str(repository / "constraints.txt")
    run([python, "-m", "pip", "install", "--quiet", "-c", constraints, str(wheel)], env)

    run([python, "-m", "pip", "check"], env)
    labextensions = run([python, "-m", "jupyter", "labextension", "list"], env)
    assert re.search(r"codemad-jupyter v\S+ .*enabled.*OK.*\(python, codemad-jupyter\)", labextensions)
    servers = run([python, "-m", "jupyter", "server", "extension", "list"], env)
    assert re.search(r"codemad_jupyter.*enabled", servers)
    assert re.search(r"codemad_jupyter\S* \S+ .*OK", servers)
    kernels = json.loads(run([python, "-m", "jupyter", "kernelspec", "list", "--json"], env))
    assert kernels["kernelspecs"]["codemad"]["spec"]["display_name"] == "Python 3 (CodeMAD)"
    run([str(fresh / "bin" / "codemad"), "--help"], env)


def without_node(environment: dict[str, str]) -> dict[str, str]:
    folders = environment.get("PATH", os.defpath).split(os.pathsep)
    kept = [folder for folder in folders if not (Path(folder) / "npm").exists()]
    return {**environment, "PATH": os.pathsep.join(kept), "NO_COLOR": "1"}


def own_jupyter_folders(folder: Path) -> dict[str, str]:
    names = ("CONFIG", "DATA", "RUNTIME")
    return {f"JUPYTER_{name}_DIR": str(folder / name.lower()) for name in names}


def run(command: list[str], env: dict[str, str]) -> str:
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout + done.stderr
