"""Every escape under every backend of this machine, as whoever runs the tests and as a plain user."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from codemad_jupyter.notebooks import confined
from codemad_jupyter.tools.sandbox import bubblewrap
from codemad_jupyter.tools.sandbox.process import Backend
from tests.hostile.escapes import BACKENDS, CASES, PYTHON, Case, attempt

REPOSITORY = Path(__file__).parents[2]
PLAIN = 65_534
ALONE = ["WORK-01", "EXE-05", "EXE-07", "EXE-07d", "KEY-01", "GIT-01"]
"""The cases that are tried without a fresh /proc, too, where nothing else differs."""


def absent(backend: Backend) -> str:
    """Why a backend cannot be tried here; in CI there must be no such reason."""
    if not sys.platform.startswith("linux"):
        return "these backends are Linux's"
    if backend.startswith("bubblewrap") and bubblewrap.program() is None:
        return "bubblewrap is not installed as a program of the system"
    if backend == "landlock" and confined.version() < 3:
        return f"Landlock has version {confined.version()} here, 3 is needed"
    return ""


def skip_unless(backend: Backend) -> None:
    why = absent(backend)
    if why and os.environ.get("CI"):
        pytest.fail(f"{why}, and CI installs it: nothing would be tested")
    if why:
        pytest.skip(why)


RUNS = [
    pytest.param(case, backend, id=f"{case.id}-{backend}")
    for backend in BACKENDS
    for case in CASES
    if backend not in case.open_in
    and (backend in ("bubblewrap", "landlock") or case.id in ALONE or not case.open_in)
    and (backend != "bubblewrap without /proc" or case.id in ALONE)
]


@pytest.mark.parametrize(("case", "backend"), RUNS)
async def test_an_escape_ends_at_the_wall(case: Case, backend: Backend) -> None:
    skip_unless(backend)
    assert await attempt(case, backend), f"{case.title}: open under {backend}"


@pytest.mark.parametrize("backend", ["bubblewrap", "landlock"])
def test_a_plain_user_has_the_same_walls(backend: Backend, tmp_path_factory: pytest.TempPathFactory) -> None:
    skip_unless(backend)
    if os.getuid() != 0:
        pytest.skip("the tests run as a plain user already")
    place = Path("/opt" if Path("/opt").is_dir() else "/srv", "codemad-plain-user")
    packages = os.pathsep.join((str(REPOSITORY), sysconfig.get_path("purelib")))
    command = [PYTHON, "-m", "tests.hostile.escapes", "--backend", backend]
    marks = {"HOSTILE_PLACE": str(place), "HOME": str(place)}
    place.mkdir(exist_ok=True)
    os.chown(place, PLAIN, PLAIN)
    try:
        ran = subprocess.run(
            ["setpriv", f"--reuid={PLAIN}", f"--regid={PLAIN}", "--clear-groups", *command],
            cwd="/",
            env={**marks, "PATH": os.defpath, "PYTHONPATH": packages},
            capture_output=True,
            text=True,
            check=False,
            timeout=110,
        )
    finally:
        shutil.rmtree(place, ignore_errors=True)
    if "No module named" in ran.stderr or "Permission denied" in ran.stderr[:300]:
        pytest.skip(f"a plain user cannot read what the tests need: {ran.stderr.strip()[-200:]}")
    assert ran.returncode == 0, ran.stderr
    lines = dict(line.split(maxsplit=1) for line in ran.stdout.splitlines()[1:])
    assert len(lines) == len(CASES)
    opened = [case.id for case in CASES if "OPEN" in lines[case.id] and backend not in case.open_in]
    assert opened == []
