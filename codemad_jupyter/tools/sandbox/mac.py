"""A profile for macOS's ``sandbox-exec``. Written from its description and not yet tried on a Mac:
it counts there only if the self-test finds that it holds."""

import json
from collections.abc import Iterable
from pathlib import Path

from codemad_jupyter.tools.sandbox.confinement import Confinement

PROGRAM = Path("/usr/bin/sandbox-exec")
DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom", "/dev/tty", "/dev/dtracehelper")


def words(confinement: Confinement, *, private: Path) -> list[str]:
    """The command line before the program's own."""
    return [str(PROGRAM), "-p", profile(confinement, private=private)]


def profile(confinement: Confinement, *, private: Path) -> str:
    """The rules; a later one wins, so deeper places come later."""
    lines = ["(version 1)", "(allow default)", "(deny file-write*)", "(deny signal (target others))"]
    lines += [f"(allow file-write* {_literals(DEVICES)})", f"(allow file-write* {_below(private)})"]
    ranked = [(len(p.parts), 0, f"(allow file-read* file-write* {_below(p)})") for p in confinement.writable]
    ranked += [(len(p.parts), 1, f"(allow file-read* {_below(p)})") for p in confinement.shown]
    ranked += [(len(p.parts), 2, f"(deny file-write* {_below(p)})") for p in confinement.protected]
    ranked += [(len(p.parts), 3, f"(deny file-read* file-write* {_below(p)})") for p in confinement.masked]
    lines += [line for _, _, line in sorted(ranked, key=lambda each: each[:2])]
    if not confinement.network:
        lines.append("(deny network*)")
    return "\n".join(lines)


def _below(path: Path) -> str:
    return f"(subpath {json.dumps(str(path), ensure_ascii=False)})"


def _literals(paths: Iterable[str]) -> str:
    return " ".join(f"(literal {json.dumps(path)})" for path in paths)
