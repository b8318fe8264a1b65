"""What a confined program may reach, as a value, and the places that belong to a workspace's one.

How it is enforced stands in `bubblewrap`, `landlock` and `mac`; nothing here starts anything.
"""

import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from codemad_jupyter.config.paths import data_dir, user_file
from codemad_jupyter.config.trust import PROJECT_FILE
from codemad_jupyter.notebooks.environment import allowed_environment
from codemad_jupyter.protocol.errors import ToolError

HARMLESS = (
    ".local/bin .local/lib .local/share/uv .local/share/pipx .local/share/jupyter/kernels .pyenv .conda .nvm"
    " .rustup .cargo/bin .cargo/registry .julia .m2/repository .gem .rbenv .sdkman .virtualenvs .venv .venvs"
    " .cache/uv .cache/pip .cache/pre-commit .cache/matplotlib .cache/ms-playwright .cache/fastembed .fonts"
)
"""Hidden places of a home that programs need and that hold no keys. All other hidden ones are masked."""
MASKED_PLACES = (
    "/etc/shadow /etc/gshadow /etc/sudoers /etc/ssh /etc/kubernetes /var/run /run /var/lib/docker"
    " /var/lib/containerd /var/spool /var/backups"
)
SCRATCH = (Path("/tmp"), Path("/var/tmp"))  # noqa: S108 - names inside the sandbox
"""What a program has of its own, in place of the machine's."""
PROTECTED = (".git", PROJECT_FILE, ".vscode", ".idea", ".envrc", ".mcp.json")
"""What in a workspace makes other programs run something: a command may read it, not write it."""
GIGABYTE = 1_000_000_000


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one program may take; 0 is no limit. ``memory`` counts bytes of data of one process,
    ``total`` those of all together where the system can, ``cpu`` seconds of one process."""

    memory: int = 8 * GIGABYTE
    total: int = 0
    cpu: int = 3_600
    processes: int = 512
    file_size: int = 4 * GIGABYTE


@dataclass(frozen=True, kw_only=True)
class Confinement:
    """``writable`` folders, ``protected`` places in them that are read only, ``masked`` ones that cannot be
    read, ``shown`` ones that can although they lie in masked ones or in the machine's scratch folders. The
    deeper place wins.

    ``sockets`` lets the program make Unix sockets also where they reach beyond the sandbox. ``variables``
    are set besides the ``environment``, also where they name another place than its scratch folder.
    ``reports`` are files of its scratch folder that are wanted when it has ended.
    """

    writable: tuple[Path, ...]
    protected: tuple[Path, ...] = ()
    masked: tuple[Path, ...] = ()
    shown: tuple[Path, ...] = ()
    network: bool = False
    sockets: bool = False
    reports: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)


def workspace_confinement(
    root: Path,
    *,
    environ: Mapping[str, str],
    prefix: Path | None = None,
    network: bool = False,
    data: Iterable[Path] = (),
    writable: Iterable[Path] = (),
    variables: Mapping[str, str] | None = None,
    reports: tuple[str, ...] = (),
    limits: Limits | None = None,
) -> Confinement:
    """What a command of the workspace ``root`` may reach. ``prefix`` is the environment whose programs come
    first, ``data`` are further folders of ours that it must not see, ``writable`` ones that it may change
    beside the workspace, ``variables`` are its own beside those of the list."""
    root = root.resolve()
    home = _home(environ)
    if root == Path("/") or (home is not None and root in home.parents):
        raise ToolError(
            f"The workspace {root} holds your whole home or machine: commands could change all of it.",
            hint="Open JupyterLab in the folder of a project.",
        )
    own = {Path(sys.prefix), Path(sys.base_prefix), Path(__file__).parents[2]}
    programs = own | ({prefix} if prefix else set())
    inside = [place.resolve() for place in own if place.resolve().is_relative_to(root)]
    masked = masked_places(home, data=data)
    hidden = (*masked, *SCRATCH)
    reopened = (p.resolve() for p in (*programs, *harmless(home)) if there(p))
    opened = tuple(dict.fromkeys([root, *(p.resolve() for p in writable if there(p))]))
    kept = dict.fromkeys([*_protected(root), *inside])
    environment = command_environment(environ, prefix=prefix, network=network)
    return Confinement(
        writable=opened,
        protected=tuple(p for p in kept if p not in opened),
        masked=masked,
        shown=tuple(dict.fromkeys(p for p in reopened if any(p.is_relative_to(each) for each in hidden))),
        network=network,
        reports=reports,
        environment={**environment, **(variables or {})},
        limits=limits or Limits(),
    )


def _protected(root: Path) -> list[Path]:
    found = [root / name for name in PROTECTED if (root / name).exists()]
    pointer = root / ".git"
    if pointer.is_file():
        text = pointer.read_text(encoding="utf-8", errors="replace")
        real = Path(root, text.removeprefix("gitdir:").strip())
        found += [real.resolve()] if real.is_dir() else []
    return found


def masked_places(home: Path | None, *, data: Iterable[Path] = ()) -> tuple[Path, ...]:
    """Key files, Jupyter's and our own folders, and every hidden place of the home: real paths that exist."""
    from jupyter_core.paths import jupyter_config_dir, jupyter_data_dir, jupyter_runtime_dir

    places = [Path(text) for text in MASKED_PLACES.split()]
    places += [Path(jupyter_runtime_dir()), Path(jupyter_config_dir()), Path(jupyter_data_dir(), "runtime")]
    places += [data_dir(), user_file(), user_file().parent, *data]
    if home is not None and home.is_dir():
        open_ones = {name for name in HARMLESS.split() if "/" not in name}
        hidden = {entry.name for entry in os.scandir(home) if entry.name.startswith(".")}
        places += [home / name for name in sorted(hidden - open_ones)]
    existing = dict.fromkeys(place.resolve() for place in places if there(place))
    return tuple(place for place in existing if place != Path("/") and place != home)


def there(place: Path) -> bool:
    """Whether it is there for this user: what lies behind a closed folder is not."""
    try:
        return place.exists()
    except OSError:
        return False


def harmless(home: Path | None) -> list[Path]:
    """The hidden places of a home that stay readable."""
    found = [home / name for name in HARMLESS.split()] if home is not None else []
    return [place for place in found if there(place)]


def command_environment(environ: Mapping[str, str], *, prefix: Path | None, network: bool) -> dict[str, str]:
    """The variables a command gets: those on the list, nothing that asks a person, the environment first."""
    given = allowed_environment(environ)
    kept = {name: value for name, value in given.items() if network or "proxy" not in name.lower()}
    programs = prefix or Path(sys.prefix)
    path = os.pathsep.join([str(programs / "bin"), *_absolute(kept.get("PATH", os.defpath))])
    quiet = {
        "PATH": path,
        "VIRTUAL_ENV": str(programs),
        "TERM": "dumb",
        "NO_COLOR": "1",
        "PAGER": "cat",
        "GIT_PAGER": "cat",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_EDITOR": "true",
        "NPM_CONFIG_USERCONFIG": os.devnull,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "DEBIAN_FRONTEND": "noninteractive",
        "PYTHONUNBUFFERED": "1",
    }
    return {name: value for name, value in kept.items() if name != "CONDA_PREFIX"} | quiet


def _absolute(path: str) -> list[str]:
    """A relative entry would find programs in whatever folder the command runs."""
    return [entry for entry in path.split(os.pathsep) if entry.startswith("/") or sys.platform == "win32"]


def _home(environ: Mapping[str, str]) -> Path | None:
    text = environ.get("HOME") or os.path.expanduser("~")  # noqa: PTH111 - may be no path at all
    home = Path(text)
    return home.resolve() if home.is_absolute() and home != Path("/") else None
