"""Which environment a notebook's kernel runs in, so that its packages are known to whoever checks types."""

import sys
from pathlib import Path


def kernel_prefix(name: str | None) -> Path:
    """The prefix of the environment of an installed kernel; ours for one that is not, or names none.

    Reads what Jupyter knows of the kernel and starts nothing.
    """
    own = Path(sys.prefix)
    if not name:
        return own
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    try:
        argv = KernelSpecManager().get_kernel_spec(name).argv
    except (NoSuchKernel, OSError, ValueError):
        return own
    program = Path(argv[0]) if argv else own
    prefix = program.parent.parent
    named = program.is_absolute() and program.parent.name in ("bin", "Scripts")
    return prefix if named and program.name.lower().startswith("python") and prefix.is_dir() else own
