"""Owns where CodeMAD keeps its data: one folder per workspace, never inside the workspace."""

import contextlib
import hashlib
import os
from pathlib import Path
from typing import Protocol


class HasDataDir(Protocol):
    """Settings, as far as this file needs them."""

    @property
    def data_dir(self) -> Path | None: ...


def data_dir(settings: HasDataDir | None = None) -> Path:
    """The folder for all workspaces: as set, or with Jupyter's own data."""
    chosen = settings.data_dir if settings is not None else None
    if chosen is None and os.environ.get("CODEMAD_DATA_DIR"):
        chosen = Path(os.environ["CODEMAD_DATA_DIR"])
    if chosen is not None:
        return chosen.expanduser().absolute()
    from jupyter_core.paths import jupyter_data_dir

    return Path(jupyter_data_dir()) / "codemad"


def workspace_dir(root: Path, *, settings: HasDataDir | None = None) -> Path:
    """The folder of the workspace ``root``, made for its owner alone where that is possible.

    The name is made from the resolved root, so a link to a workspace leads to the same data.
    """
    name = hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:24]
    folder = data_dir(settings) / name
    # A folder that cannot be made is the store's to report: it then keeps everything in memory.
    with contextlib.suppress(OSError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
    return folder


def user_file() -> Path:
    """Where the person's own settings are: ``CODEMAD_CONFIG``, or with Jupyter's configuration."""
    named = os.environ.get("CODEMAD_CONFIG")
    if named:
        return Path(named).expanduser().absolute()
    from jupyter_core.paths import jupyter_config_dir

    return Path(jupyter_config_dir()) / "codemad" / "config.toml"
