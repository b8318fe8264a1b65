"""The entry points that JupyterLab, Jupyter Server and IPython look for.

Nothing is imported here before it is called: a kernel or a server that loads CodeMAD pays
for what it uses, when it uses it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell
    from jupyter_server.serverapp import ServerApp

__version__: str


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("codemad-jupyter")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    return [{"src": "labextension", "dest": "codemad-jupyter"}]


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "codemad_jupyter"}]


def _load_jupyter_server_extension(app: ServerApp) -> None:
    from codemad_jupyter.server.extension import load

    load(app)


async def _start_jupyter_server_extension(app: ServerApp) -> None:
    """Runs once the server's loop is up, when its port and address are final."""
    from codemad_jupyter.server.extension import start

    await start(app)


def load_ipython_extension(ip: InteractiveShell) -> None:
    from codemad_jupyter.magics.magics import load

    load(ip)


def unload_ipython_extension(ip: InteractiveShell) -> None:
    from codemad_jupyter.magics.magics import unload

    unload(ip)
