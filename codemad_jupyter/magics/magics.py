"""The IPython extension: registers the magics. There are none yet."""

from __future__ import annotations

from IPython.core.interactiveshell import InteractiveShell


def load(ip: InteractiveShell) -> None:
    pass


def unload(ip: InteractiveShell) -> None:
    pass
