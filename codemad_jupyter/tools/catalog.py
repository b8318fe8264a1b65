"""The built-in tools, in the order a model sees them."""

from codemad_jupyter.tools import (
    cell_parts,
    cells,
    data,
    dataflow,
    delegate,
    diagnostics,
    files,
    grep,
    kernel,
    memory,
    patches,
    person,
    plan,
    shell,
    symbols,
)
from codemad_jupyter.tools.project import checks, packages, vcs
from codemad_jupyter.tools.tool import Tool

BUILT_IN: tuple[Tool, ...] = (
    *kernel.TOOLS,
    *data.TOOLS,
    *shell.TOOLS,
    *checks.TOOLS,
    *packages.TOOLS,
    *vcs.TOOLS,
    *cells.TOOLS,
    *cell_parts.TOOLS,
    *dataflow.TOOLS,
    *files.TOOLS,
    *grep.TOOLS,
    *symbols.TOOLS,
    *patches.TOOLS,
    *diagnostics.TOOLS,
    *memory.TOOLS,
    *plan.TOOLS,
    *delegate.TOOLS,
    *person.TOOLS,
)
