"""In which environment the programs of a project run: the notebook's kernel's, the project's own, or ours."""

import asyncio
import sys
from pathlib import Path

from codemad_jupyter.context.diagnostics.environments import kernel_prefix
from codemad_jupyter.protocol.errors import ToolError
from codemad_jupyter.tools.diagnostics import kernel_of
from codemad_jupyter.tools.tool import ToolContext

OWN_FOLDERS = (".venv", "venv", "env", ".conda")


async def kernel_environment(context: ToolContext) -> Path | None:
    """The environment of the kernel that the open notebook names; None where none is open."""
    if context.notebook is None or context.target.notebook is None:
        return None
    try:
        name = kernel_of(await context.notebook.snapshot(context.target.notebook))
    except (OSError, ToolError):
        return None
    return await asyncio.to_thread(kernel_prefix, name)


async def environments(context: ToolContext) -> tuple[Path, ...]:
    """Those a project's programs may live in, the likeliest first; they may be conda's, too."""
    of_kernel = await kernel_environment(context)
    return await asyncio.to_thread(_candidates, context.root, of_kernel)


def _candidates(root: Path, of_kernel: Path | None) -> tuple[Path, ...]:
    own = [root / name for name in OWN_FOLDERS if python_of(root / name) is not None]
    found = [*([of_kernel] if of_kernel else []), *own, Path(sys.prefix)]
    return tuple(dict.fromkeys(found))


def python_of(prefix: Path) -> Path | None:
    """The interpreter of an environment; None where it is none."""
    return next((p for name in ("python", "python3") if (p := prefix / "bin" / name).exists()), None)


def site_packages(prefix: Path) -> list[Path]:
    """Where the environment's packages are."""
    return sorted(prefix.glob("lib/python3*/site-packages"))


def has(prefix: Path, program: str) -> bool:
    """Does the environment have this program, or the module that is run as one?"""
    module = program.replace("-", "_")
    return (prefix / "bin" / program).exists() or any((p / module).is_dir() for p in site_packages(prefix))


def first_with(prefixes: tuple[Path, ...], program: str) -> Path | None:
    """The first environment that has it."""
    return next((each for each in prefixes if has(each, program)), None)


def versions(prefix: Path) -> dict[str, str]:
    """The installed distributions and their versions, read from the names of their folders."""
    found: dict[str, str] = {}
    for folder in site_packages(prefix):
        for entry in (*folder.glob("*.dist-info"), *folder.glob("*.egg-info")):
            name, _, version = entry.name.rpartition(".")[0].partition("-")
            found[normal(name)] = version.partition("-py")[0]
    return found


def normal(name: str) -> str:
    """The name of a distribution as it is compared."""
    return name.lower().replace("_", "-").replace(".", "-")
