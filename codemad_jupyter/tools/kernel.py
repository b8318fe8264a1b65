"""Kernel tools: look at live variables and the last error, and run code with approval."""

from codemad_jupyter.notebooks.output_images import image_parts
from codemad_jupyter.notebooks.outputs import outputs_text
from codemad_jupyter.notebooks.terminal_text import shortened
from codemad_jupyter.protocol.errors import NotFound
from codemad_jupyter.protocol.kernels import ExecutionResult, KernelReport, LastError, Variable
from codemad_jupyter.tools.executor import MAX_CONTENT
from codemad_jupyter.tools.live_output import LiveOutput
from codemad_jupyter.tools.tool import Answer, ToolContext, tool

TRACEBACK = 4_000
"""Characters of a traceback: its head names the cell, its end the error."""


def _named(report: KernelReport) -> str:
    names = [each.name for each in report.variables if each.kind != "module"]
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return f"{', '.join(names[:5])}{more}" if names else "no variables yet"


def _described(variable: Variable) -> str:
    shape = " x ".join(map(str, variable.shape)) if variable.shape else ""
    return f"{variable.name}: {variable.type} {shape}".rstrip()


def _failure(error: LastError | None) -> str:
    return f"{error.name}: {error.message}"[:120] if error else "no error so far"


@tool("read", axis="kernel_inspect", account=_named)
async def list_variables(context: ToolContext) -> KernelReport:
    """The variables of the live kernel with type, shape, columns, memory and missing counts."""
    report = await context.need_kernel().report(deadline=context.inspect_deadline)
    return fitted(report.model_copy(update={"history": (), "last_error": None}))


def fitted(report: KernelReport, limit: int = MAX_CONTENT) -> KernelReport:
    """The report with fewer columns, then fewer variables, until its JSON has ``limit`` characters."""
    for columns, variables in ((60, 400), (20, 200), (5, 100), (0, 50)):
        cut = tuple(_shortened(each, columns) for each in report.variables[:variables])
        truncated = report.truncated or len(cut) < len(report.variables)
        report = report.model_copy(update={"variables": cut, "truncated": truncated})
        if len(report.model_dump_json(exclude_defaults=True)) <= limit:
            break
    return report


def _shortened(variable: Variable, columns: int) -> Variable:
    over = len(variable.columns) - columns
    if over <= 0:
        return variable
    more = variable.more_columns + over
    return variable.model_copy(update={"columns": variable.columns[:columns], "more_columns": more})


@tool("read", axis="kernel_inspect", account=_described)
async def inspect_variable(context: ToolContext, name: str) -> Variable:
    """One variable in more depth."""
    report = await context.need_kernel().report(names=(name,), deadline=context.inspect_deadline)
    found = next((each for each in report.variables if each.name == name), None)
    if found is None:
        raise NotFound(f"The kernel has no variable {name}.", hint="list_variables shows what there is.")
    return found


@tool("read", axis="kernel_inspect", account=_failure)
async def last_error(context: ToolContext) -> LastError | None:
    """The kernel's last exception with the source of the cell that raised it, or null."""
    report = await context.need_kernel().report(deadline=context.inspect_deadline)
    return report.last_error


@tool("execute", axis="kernel_mutate")
async def run_code(context: ToolContext, code: str) -> Answer:
    """Run code in the live kernel, after the person approved it. Outputs come back as text."""
    kernel = context.need_kernel()
    live = LiveOutput(context.say)
    try:
        result = await kernel.execute(code, on_output=live.take)
    finally:
        live.close()
    return answer_of(result, limit=context.output_limit, images=context.images)


def answer_of(result: ExecutionResult, *, limit: int, images: bool) -> Answer:
    """What a model gets of a result: the error once, outputs as text, images where they may go."""
    shown = [output for output in result.outputs if output.get("output_type") != "error"]
    data = {
        "ok": result.ok,
        "error": "" if result.ok else f"{result.error_name}: {result.error_message}",
        "traceback": shortened(result.traceback, TRACEBACK),
        "text": outputs_text(shown, limit),
        "seconds": result.seconds,
    }
    return Answer(data, image_parts(shown) if images else ())


TOOLS = (list_variables, inspect_variable, last_error, run_code)
