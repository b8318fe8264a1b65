"""Which language servers there are for which language, as data, and where each is found.

A server that runs code of the folder it looks at (build scripts, plugins, start-up files) is used in
trusted folders only, and no program inside an untrusted folder is ever started.
"""

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Role = Literal["types", "lint"]
GIGABYTE = 1_000_000_000


@dataclass(frozen=True, kw_only=True)
class Server:
    """How to start a server and what it is for. ``options`` are sent at the start, ``untrusted``
    (and ``untrusted_arguments`` on the command line) besides in a folder that nobody trusts: they keep its
    configuration out.
    ``variables`` go into its environment; in them ``{prefix}`` is the kernel's."""

    name: str
    languages: tuple[str, ...]
    role: Role
    command: tuple[str, ...]
    install: str
    needs_trust: bool = True
    options: Mapping[str, Any] = field(default_factory=dict)
    untrusted: Mapping[str, Any] = field(default_factory=dict)
    untrusted_arguments: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    memory: int | None = None


EXTRA = "pip install 'codemad-jupyter[diagnostics]'"
_C = ("c", "cpp")
_SCRIPT = ("javascript", "javascriptreact", "typescript", "typescriptreact")

SERVERS: tuple[Server, ...] = (
    Server(
        name="ty",
        languages=("python",),
        role="types",
        command=("ty", "server"),
        install=EXTRA,
        needs_trust=False,
        options={"diagnosticMode": "openFilesOnly", "showSyntaxErrors": True},
        variables={"VIRTUAL_ENV": "{prefix}", "TY_MAX_PARALLELISM": "2"},
        untrusted={"configurationFile": os.devnull},
        memory=4 * GIGABYTE,
    ),
    Server(
        name="ruff",
        languages=("python",),
        role="lint",
        command=("ruff", "server"),
        install=EXTRA,
        needs_trust=False,
        options={"settings": {"showSyntaxErrors": True}},
        untrusted={
            "settings": {
                "showSyntaxErrors": True,
                "configurationPreference": "editorOnly",
                "lint": {"select": ["E71", "E72", "E9", "F", "B", "PLE"]},
            }
        },
        variables={"RAYON_NUM_THREADS": "2"},
        memory=2 * GIGABYTE,
    ),
    # Below: used where they are installed. Each of these runs, or may run, what the folder says.
    Server(
        name="basedpyright",
        languages=("python",),
        role="types",
        command=("basedpyright-langserver", "--stdio"),
        install="pip install basedpyright",
    ),
    Server(
        name="pyright",
        languages=("python",),
        role="types",
        command=("pyright-langserver", "--stdio"),
        install="npm install -g pyright",
    ),
    Server(
        name="languageserver",
        languages=("r",),
        role="types",
        command=("R", "--no-echo", "--no-init-file", "-e", "languageserver::run()"),
        install="in R: install.packages('languageserver')",
    ),
    Server(
        name="LanguageServer.jl",
        languages=("julia",),
        role="types",
        command=("julia", "--startup-file=no", "-e", "using LanguageServer; runserver()"),
        install='in Julia: using Pkg; Pkg.add("LanguageServer")',
    ),
    Server(
        name="typescript-language-server",
        languages=_SCRIPT,
        role="types",
        command=("typescript-language-server", "--stdio"),
        install="npm install -g typescript typescript-language-server",
    ),
    Server(
        name="clangd",
        languages=_C,
        role="types",
        command=("clangd", "--background-index=false", "--clang-tidy=false"),
        untrusted_arguments=("--enable-config=false",),
        install="the package clangd of your system",
        needs_trust=False,
        memory=4 * GIGABYTE,
    ),
    Server(
        name="gopls",
        languages=("go",),
        role="types",
        command=("gopls", "serve"),
        install="go install golang.org/x/tools/gopls@latest",
    ),
    Server(
        name="rust-analyzer",
        languages=("rust",),
        role="types",
        command=("rust-analyzer",),
        install="rustup component add rust-analyzer",
    ),
    Server(
        name="sqls",
        languages=("sql",),
        role="types",
        command=("sqls",),
        install="go install github.com/sqls-server/sqls@latest",
    ),
    Server(
        name="bash-language-server",
        languages=("shellscript",),
        role="lint",
        command=("bash-language-server", "start"),
        install="npm install -g bash-language-server",
    ),
    Server(
        name="jdtls",
        languages=("java",),
        role="types",
        command=("jdtls",),
        install="the package jdtls of your system",
    ),
)

LANGUAGES: Mapping[str, str] = {
    ".py": "python", ".pyi": "python", ".r": "r", ".jl": "julia", ".js": "javascript", ".mjs": "javascript",
    ".jsx": "javascriptreact", ".ts": "typescript", ".tsx": "typescriptreact", ".c": "c", ".h": "c",
    ".cc": "cpp", ".cpp": "cpp", ".hpp": "cpp", ".go": "go", ".rs": "rust", ".sql": "sql",
    ".sh": "shellscript", ".bash": "shellscript", ".java": "java",
}  # fmt: skip


def language_of(path: str) -> str | None:
    """The language of a file by its name."""
    return LANGUAGES.get(Path(path).suffix.lower())


@dataclass(frozen=True)
class Place:
    """Where servers are looked for and what they may see."""

    root: Path
    prefix: Path
    trusted: bool

    def find(self, program: str) -> str | None:
        """The program in the kernel's environment, in ours, or on PATH; links lead nowhere else."""
        return shutil.which(program, path=os.pathsep.join(self._folders()))

    def _folders(self) -> list[str]:
        own = Path(sys.executable).parent  # what runs us may be inside the folder: it runs anyway
        kernels = self.prefix / ("Scripts" if os.name == "nt" else "bin")
        listed = [Path(entry) for entry in os.environ.get("PATH", "").split(os.pathsep) if entry]
        beside = [kernels] if self._usable(kernels) else []
        return [str(folder) for folder in (*beside, own, *filter(self._usable, listed))]

    def _usable(self, folder: Path) -> bool:
        if not folder.is_absolute():
            return False
        root = os.path.realpath(self.root)
        return self.trusted or not Path(os.path.realpath(folder)).is_relative_to(root)


@dataclass(frozen=True)
class Choice:
    """The servers for a language: those that are used, and what the others lack."""

    used: tuple[tuple[Server, str], ...] = ()
    missing: tuple[Server, ...] = ()
    distrusted: tuple[Server, ...] = ()


def choose(language: str, place: Place, servers: tuple[Server, ...] = SERVERS) -> Choice:
    """For each role the first server that is installed and may be used here."""
    used: dict[Role, tuple[Server, str]] = {}
    missing: dict[Role, Server] = {}
    distrusted: dict[Role, Server] = {}
    for server in servers:
        if language not in server.languages or server.role in used:
            continue
        program = place.find(server.command[0])
        if program is None:
            missing.setdefault(server.role, server)
        elif server.needs_trust and not place.trusted:
            distrusted.setdefault(server.role, server)
        else:
            used[server.role] = (server, program)
    return Choice(
        used=tuple(used.values()),
        missing=tuple(each for role, each in missing.items() if role not in used),
        distrusted=tuple(each for role, each in distrusted.items() if role not in used),
    )
