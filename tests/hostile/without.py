"""Runs a program as on a machine without a sandbox: ``python -m tests.hostile.without WHAT… -- PROGRAM``.

WHAT is ``namespaces`` (so that bubblewrap does not work) or ``landlock``. A filter of system calls refuses
them to the program and all it starts, so nothing of the product has to be replaced to see what it does then.
"""

import ctypes
import os
import platform
import sys

from codemad_jupyter.notebooks.confined import CREATE
from codemad_jupyter.notebooks.trial_filter import (
    ALLOW,
    AND_SET,
    ENOSYS,
    EPERM,
    EQUAL,
    RETURN,
    Step,
    load,
    opening,
    when,
)
from codemad_jupyter.tools.sandbox.system_calls import NAME_SPACES, SPECIAL

UNSHARE = {"x86_64": "272 308", "aarch64": "97 268"}
"""unshare and setns, by number."""


def steps(missing: set[str]) -> list[Step]:
    """The filter that takes these away."""
    machine = platform.machine()
    clone, clone3, _, _ = SPECIAL[machine]
    found = opening(machine, UNSHARE[machine] if "namespaces" in missing else "")
    if "namespaces" in missing:
        found += [(EQUAL, 0, 1, clone3), (RETURN, 0, 0, ENOSYS)]
        found += when(clone, 0, [(AND_SET, 0, 1, NAME_SPACES), (RETURN, 0, 0, EPERM)])
    if "landlock" in missing:
        found += [(EQUAL, 0, 1, CREATE), (RETURN, 0, 0, ENOSYS)]
    return [*found, (RETURN, 0, 0, ALLOW)]


def main() -> None:
    """Become the program."""
    at = sys.argv.index("--")
    missing, program = set(sys.argv[1:at]), sys.argv[at + 1 :]
    if missing and not load(ctypes.CDLL(None, use_errno=True), steps(missing)):
        sys.exit("this system takes no filter of system calls")
    os.execvp(program[0], program)  # noqa: S606 - this is what it is for


if __name__ == "__main__":
    main()
