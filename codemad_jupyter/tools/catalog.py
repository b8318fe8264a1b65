"""The built-in tools, in the order a model sees them."""

from codemad_jupyter.tools import cells, dataflow, files, kernel, patches
from codemad_jupyter.tools.tool import Tool

BUILT_IN: tuple[Tool, ...] = (*kernel.TOOLS, *cells.TOOLS, *dataflow.TOOLS, *files.TOOLS, *patches.TOOLS)
