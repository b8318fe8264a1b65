"""Records the demos' cassettes anew: `python binder/record.py [batch|team|class …]`, in a checkout.

Needed when prompts, tools or demos change: then a demo says that no answer is recorded. The answers are those
of `binder/answers`, spoken by the scripted model server of the tests; the commands are the demos' own, with
recording in place of replaying. No key and no network; what is recorded holds no path of this machine.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

BINDER = Path(__file__).resolve().parent
sys.path[:0] = [str(BINDER), str(BINDER.parent)]

from apart import copied, environment  # noqa: E402 - beside this file

from tests.servers.model_server import ModelServer, read_script  # noqa: E402 - in the checkout only

MODEL = "compatible/scripted"
LIMIT = 600
"""Seconds that a recording may take."""


@dataclass(frozen=True)
class Recording:
    """How a cassette comes about: a shell command in a copy of the demos, which leaves it at ``made``."""

    command: str
    made: str
    kept: str


def recordings(demo: Path) -> dict[str, Recording]:
    """By the name of their answers."""
    batch = cell(demo / "batch.ipynb", "run-report").replace("--replay", "--record")
    team = cell(demo / "team.ipynb", "run-team").replace("MODE=replay", "MODE=record")
    prepared = f"cp -r team team-work; {team}"
    lesson = "class/lesson.cassette.jsonl"
    return {
        "batch": Recording(f"mkdir -p batch/results\n{batch}", *["batch/sources.cassette.jsonl"] * 2),
        "team": Recording(prepared, "team-work/team.cassette.jsonl", "team/team.cassette.jsonl"),
        "class": Recording(f"cd class && codemad record lesson.ipynb --model {MODEL}", lesson, lesson),
    }


def cell(notebook: Path, name: str) -> str:
    """The shell commands of a cell, without the magic above them."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    found = next("".join(each["source"]) for each in cells if each["id"] == name)
    return found.removeprefix("%%bash\n")


def record(name: str, *, demo: Path = BINDER / "demo") -> int:
    """Record one cassette into ``demo``; how many calls it holds. Ends the program where that fails."""
    with tempfile.TemporaryDirectory(prefix="codemad-record-") as scratch:
        copy, home = Path(scratch) / "demo", Path(scratch) / "home"
        home.mkdir()
        copied(demo, copy)
        for old in copy.rglob("*.cassette.jsonl"):
            old.unlink()
        plan = recordings(demo)[name]
        with ModelServer(read_script(BINDER / "answers" / f"{name}.json")) as server:
            done = subprocess.run(
                ["bash", "-c", plan.command],
                cwd=copy,
                env={
                    **environment(home),
                    "CODEMAD_DIAGNOSTICS": "off",
                    "CODEMAD_COMPATIBLE_BASE_URL": server.openai_url,
                    "CODEMAD_COMPATIBLE_MODELS": MODEL.partition("/")[2],
                },
                capture_output=True,
                text=True,
                timeout=LIMIT,
            )
            made = copy / plan.made
            if done.returncode or server.unscripted or not made.is_file():
                sys.exit(
                    f"{name} was not recorded (calls without an answer: {server.unscripted}).\n"
                    f"{done.stdout}{done.stderr}"
                )
        shutil.copyfile(made, demo / plan.kept)
        return sum('"answer":' in line for line in made.read_text(encoding="utf-8").splitlines())


def main() -> None:
    """Record those that are named, or all."""
    names = list(recordings(BINDER / "demo"))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(names))
    asked = parser.parse_args().names or names
    if unknown := [name for name in asked if name not in names]:
        parser.error(f"There is no recording {unknown[0]}; there are {', '.join(names)}.")
    for name in asked:
        print(f"{name}: {record(name)} calls recorded")


if __name__ == "__main__":
    main()
