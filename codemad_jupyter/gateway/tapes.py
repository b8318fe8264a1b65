"""From settings to what is done with a cassette; ``auto`` and relative paths are read here."""

from collections.abc import Callable
from pathlib import Path

from codemad_jupyter.gateway.cassette import SUFFIX
from codemad_jupyter.gateway.configuration import GatewayConfig
from codemad_jupyter.gateway.replay import Tape

AUTO = "auto"


def beside(notebook: Path) -> Path:
    """Where the cassette of a notebook lies."""
    return notebook.with_name(f"{notebook.stem}{SUFFIX}")


def tape_of(
    config: GatewayConfig, *, redact: Callable[[str], str], root: Path | None, default: Callable[[], str]
) -> Tape | None:
    """The tape of these settings; None where nothing is recorded or replayed. Without a path, or with the
    word ``auto``, it is the workspace's folder."""
    if config.cassette_mode == "off":
        return None
    folder = root or Path.cwd()
    given = config.cassette
    path = folder if given is None or str(given) == AUTO else folder / given
    return Tape(
        path,
        config.cassette_mode,
        redact=redact,
        roots=(folder.resolve(), folder),
        pace=config.cassette_pace,
        default=default,
    )
