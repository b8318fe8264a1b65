"""Runs the suite and prints which case holds where: ``python -m tests.hostile.table``.

What depends on the sandbox runs as root and as a plain user, with bubblewrap, with Landlock alone and with
neither, as far as whoever calls it can become them; the rest runs once. `without` takes the sandboxes away.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as Xml
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.hostile.catalogue import NO_SURFACE, PARTLY, TESTS, Case, cases

ROOT = TESTS.parent
PLAIN = 65_534
MISSING: dict[str, tuple[str, ...]] = {
    "bubblewrap": (),
    "Landlock": ("namespaces",),
    "none": ("namespaces", "landlock"),
}
OPEN_UP = """set -e
closed={closed} kept={kept} aside={aside}
mount --bind "$kept" "$aside"
mount -t tmpfs -o mode=755 tmpfs "$closed"
mkdir -p "$kept"
mount --bind "$aside" "$kept"
exec "$@"
"""
"""In a mount name space of its own: the interpreter can be reached by everybody, root's home by nobody."""

Results = dict[str, set[str]]
"""The outcomes of each test, by ``file::function``."""


def run(nodes: Iterable[str], *, user: int, missing: tuple[str, ...], log: Path) -> Results:
    """Run these tests as that user without these sandboxes."""
    with _place(user) as place:
        report = place / "report.xml"
        pytest = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}"]
        wanted = ["-o", "junit_family=xunit1", f"--basetemp={place / 'base'}", *_in_order(nodes)]
        command = [sys.executable, "-m", "tests.hostile.without", *missing, "--", *pytest, *wanted]
        variables = {**os.environ, "HOME": str(place), "HOSTILE_PLACE": str(place), "PYTHONPATH": str(ROOT)}
        if user != os.getuid():
            command = _as_other(user, command)
            variables["PYTHONDONTWRITEBYTECODE"] = "1"
        with log.open("ab") as output:
            subprocess.run(command, cwd=ROOT, env=variables, stdout=output, stderr=output, check=False)
        return _read(report) if report.exists() else {}


def _in_order(nodes: Iterable[str]) -> list[str]:
    """Each once, by file and as they stand in it: those about a hub share one, and the last takes it down."""

    def place(node: str) -> tuple[str, int]:
        file, _, name = node.partition("::")
        return file, (ROOT / file).read_text(encoding="utf-8").find(f"def {name.partition('[')[0]}(")

    return sorted(set(nodes), key=place)


@contextmanager
def _place(user: int) -> Iterator[Path]:
    """A folder of that user's which no sandbox replaces."""
    above = "/opt" if os.access("/opt", os.W_OK) else str(Path.home())
    place = Path(tempfile.mkdtemp(prefix="codemad-hostile-", dir=above))
    place.chmod(0o755)
    if user != os.getuid():
        os.chown(place, user, user)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _as_other(user: int, command: list[str]) -> list[str]:
    changed = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", *command]
    real = Path(sys.executable).resolve()
    closed = [each for each in reversed(real.parents) if not each.stat().st_mode & 0o001]
    if not closed:
        return changed
    kept = closed[0] / real.relative_to(closed[0]).parts[0]
    aside = tempfile.mkdtemp(prefix="codemad-aside-")
    script = OPEN_UP.format(closed=closed[0], kept=kept, aside=aside)
    return ["unshare", "--mount", "sh", "-c", script, "sh", *changed]


def _read(report: Path) -> Results:
    found: Results = {}
    for each in Xml.parse(report).iter("testcase"):  # noqa: S314 - our own file
        kinds = {child.tag for child in each} & {"failure", "error", "skipped"}
        outcome = "fail" if kinds & {"failure", "error"} else "skipped" if kinds else "pass"
        path = each.get("file", "")
        inner = each.get("classname", "").removeprefix(path.removesuffix(".py").replace("/", ".")).strip(".")
        name = "::".join(filter(None, [path, inner, each.get("name", "").partition("[")[0]]))
        found.setdefault(name, set()).add(outcome)
    return found


def verdict(nodes: Iterable[str], results: Results) -> str:
    """What the tests of a case said together."""
    said: set[str] = set().union(*(results.get(node, {"not run"}) for node in nodes))
    return next((word for word in ("fail", "not run", "pass", "skipped") if word in said), "-")


def line(case: Case, once: Results, boxes: dict[str, Results]) -> str:
    """A row of the table."""
    start = f"| {case.id} | {case.severity} | {case.title} | "
    if case.id in NO_SURFACE:
        return f"{start}no surface yet: {NO_SURFACE[case.id]} |" + " |" * len(boxes)
    rest = [node for node in case.proofs if node not in case.boxed]
    cells = [verdict(rest, once) if rest else "-"]
    cells += [verdict(case.boxed, results) if case.boxed else "-" for results in boxes.values()]
    cells[0] += f" (in part: {PARTLY[case.id]})" if case.id in PARTLY else ""
    return start + " | ".join(cells) + " |"


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--boxed", action="store_true", help="only what depends on the sandbox")
    parser.add_argument("--case", action="append", help="only these cases")
    parser.add_argument("--log", type=Path, default=Path(tempfile.gettempdir()) / "hostile.log")
    given = parser.parse_args()
    chosen = [case for case in cases() if not given.case or case.id in given.case]
    given.log.unlink(missing_ok=True)
    users = {"root": 0, "plain user": PLAIN} if os.getuid() == 0 else {"plain user": os.getuid()}
    boxed = [node for case in chosen for node in case.boxed]
    boxes = {
        f"{name}, {backend}": run(boxed, user=user, missing=missing, log=given.log)
        for name, user in users.items()
        for backend, missing in MISSING.items()
    }
    rest = [node for case in chosen for node in case.proofs if node not in case.boxed]
    once = {} if given.boxed else run(rest, user=os.getuid(), missing=(), log=given.log)
    heads = ["case", "severity", "title", "once", *boxes]
    lines = [
        f"| {' | '.join(heads)} |",
        "|" + " --- |" * len(heads),
        *(line(each, once, boxes) for each in chosen),
    ]
    sys.stdout.write("\n".join(lines) + f"\n\nlog: {given.log}\n")


if __name__ == "__main__":
    main()
