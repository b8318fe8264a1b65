"""Looks whether Binder can start these demos, without Docker: `python binder/check.py [--measure]`.

The files as repo2docker reads them, the pins, the notebooks and cassettes, and (where the package
jupyter-repo2docker is installed) the Dockerfile that would be built. With ``--measure`` the lab is started as
a visitor's launch does, the tour is executed in it, and time and memory are told. Exit code 1: something is
wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

BINDER = Path(__file__).resolve().parent
sys.path[:0] = [str(BINDER), str(BINDER.parent)]

from apart import LEFT  # noqa: E402 - beside this file

LIMIT = 300
SIZE = 2_000_000
"""Bytes that the demos may have; images have to be pulled at each launch."""
OWN = (f"{BINDER.parent}/", "/home/", "/root/", "/tmp/", "/Users/")  # noqa: S108 - looked for, not written to
IN_DOCKERFILE = (
    '-r "binder/requirements.txt"',
    "RUN ./binder/postBuild",
    'ENV R2D_ENTRYPOINT="${REPO_DIR}/binder/start"',
)
Check = Callable[[], Iterator[str]]
"""Yields what is wrong, in a sentence each."""


class Skipped(Exception):
    """A check cannot be made here; the text says why."""


def scripts() -> Iterator[str]:
    """postBuild, first_page and start: executable, with a first line, and bash can read them."""
    for name in ("postBuild", "first_page", "start"):
        path = BINDER / name
        if not os.access(path, os.X_OK):
            yield f"binder/{name} is not executable: chmod +x it."
        if not path.read_text(encoding="utf-8").startswith("#!/bin/bash\n"):
            yield f"binder/{name} has to begin with #!/bin/bash."
        read = subprocess.run(["bash", "-n", path], capture_output=True, text=True, timeout=LIMIT)
        if read.returncode:
            yield f"bash cannot read binder/{name}: {read.stderr.strip()}"
    if not (BINDER / "start").read_text(encoding="utf-8").endswith('\nexec "$@"\n'):
        yield 'binder/start has to end with exec "$@", or the lab is never started.'


def pins() -> Iterator[str]:
    """A Python that repo2docker has and we support; packages in the versions that are tested."""
    runtime = (BINDER / "runtime.txt").read_text(encoding="utf-8")
    if not re.fullmatch(r"python-3\.1[1-4]\n", runtime):
        yield f"binder/runtime.txt names {runtime.strip()}, not python-3.11 to python-3.14."
    tested = set((BINDER.parent / "constraints.txt").read_text(encoding="utf-8").split())
    for line in (BINDER / "requirements.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#") and line not in tested:
            yield f"binder/requirements.txt: {line} is not the version in constraints.txt."
    if "-c constraints.txt" not in (BINDER / "postBuild").read_text(encoding="utf-8"):
        yield "binder/postBuild installs other versions than those in constraints.txt."


def settings() -> Iterator[str]:
    """The first page is a notebook that there is."""
    json.loads((BINDER / "default_setting_overrides.json").read_text(encoding="utf-8"))
    lab = json.loads((BINDER / "jupyter_lab_config.json").read_text(encoding="utf-8"))
    first = lab["LabApp"]["default_url"].removeprefix("/lab/tree/")
    if not (BINDER / "demo" / first).is_file():
        yield f"binder/jupyter_lab_config.json opens {first}, which is not there."
    workspace = json.loads((BINDER / "workspace.json").read_text(encoding="utf-8"))
    if f"notebook:{first}" not in workspace["data"]:
        yield f"binder/workspace.json does not hold {first}."


def notebooks() -> Iterator[str]:
    """Valid, without outputs, and every link in them leads somewhere."""
    import nbformat

    for path in (*sorted(demo_files("*.ipynb")), BINDER / "demo" / "README.md"):
        name = path.relative_to(BINDER.parent)
        texts = [path.read_text(encoding="utf-8")]
        if path.suffix == ".ipynb":
            notebook = nbformat.reads(texts[0], as_version=nbformat.NO_CONVERT)
            nbformat.validate(notebook)
            if any(cell.get("outputs") or cell.get("execution_count") for cell in notebook.cells):
                yield f"{name} holds outputs: clear them."
            texts = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
        for link in re.findall(r"\]\(([^)#:]+)\)", "\n".join(texts)):
            if not (path.parent / link).exists():
                yield f"{name} links to {link}, which is not there."


def cassettes() -> Iterator[str]:
    """Every line can be read, and none tells of the machine where it was recorded."""
    from codemad_jupyter.gateway.cassette import Cassette

    for path in sorted(demo_files("*.cassette.jsonl")):
        name, cassette = path.relative_to(BINDER.parent), Cassette(path)
        if not sum(1 for _ in cassette.records()) or cassette.damaged:
            yield f"{name} is empty or damaged: python binder/record.py"
        text = path.read_text(encoding="utf-8")
        for sign in OWN:
            if sign in text:
                yield f"{name} holds a path of the machine where it was recorded ({sign}…)."


def size() -> Iterator[str]:
    """Small enough to be pulled."""
    total = sum(path.stat().st_size for path in demo_files("*") if path.is_file())
    if total > SIZE:
        yield f"The demos have {total:,} bytes; {SIZE:,} are the most."


def dockerfile() -> Iterator[str]:
    """What repo2docker would build."""
    program = Path(sys.executable).with_name("repo2docker")
    found = str(program) if program.exists() else shutil.which("repo2docker")
    if found is None:
        raise Skipped("pip install jupyter-repo2docker")
    command = [found, "--no-build", "--debug", str(BINDER.parent)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT)
    if done.returncode:
        yield f"repo2docker refuses it: {done.stderr.strip().splitlines()[-1]}"
    for line in IN_DOCKERFILE:
        if line not in done.stdout:
            yield f"The Dockerfile has no {line}."


def demo_files(pattern: str) -> Iterator[Path]:
    """Those that belong to the repository, not what a run left."""
    return (path for path in (BINDER / "demo").rglob(pattern) if not set(LEFT) & set(path.parts))


CHECKS: tuple[Check, ...] = (scripts, pins, settings, notebooks, cassettes, size, dockerfile)


def main() -> int:
    """Make all checks; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--measure", action="store_true", help="also start the lab and measure it")
    asked = parser.parse_args()
    wrong = 0
    for check in CHECKS:
        try:
            problems = list(check())
            said = "FAILED" if problems else "ok"
        except Skipped as reason:
            problems, said = [], f"skipped ({reason})"
        wrong += len(problems)
        print(f"{check.__name__:<11} {said:<7} {(check.__doc__ or '').splitlines()[0]}")
        for problem in problems:
            print(f"{'':<11} {problem}")
    if asked.measure:
        from measure import measured  # Linux alone

        wrong += measured()
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
