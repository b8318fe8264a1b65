"""The kernel this process is: an IPython shell whose main thread is served while the engine asks."""

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from codemad_jupyter.notebooks.in_process import MainThreadRunner, ShellKernel
from codemad_jupyter.notebooks.live import LiveKernel
from codemad_jupyter.protocol.errors import KernelError

# A cell that does what a magic does: an engine in another thread, the main thread serving it.
CELL = """
import asyncio, json, threading, time
from codemad_jupyter.notebooks.in_process import MainThreadRunner, ShellKernel

def magic(steps):
    shell = get_ipython()
    runner = MainThreadRunner(shell)
    kernel, answers = ShellKernel(shell, runner), []
    async def engine():
        for name, *arguments in steps:
            call = getattr(kernel, name)
            try:
                made = await call(*arguments[:1], **(arguments[1] if len(arguments) > 1 else {}))
                answers.append(json.loads(made.model_dump_json()))
            except Exception as error:
                answers.append(repr(error))
    worker = threading.Thread(target=lambda: asyncio.run(engine()))
    with runner.serving():
        worker.start()
        while worker.is_alive():
            runner.run(0.05)
    worker.join()
    return answers
"""


def in_terminal_shell(steps: str, tmp_path: Path) -> list[dict[str, Any]]:
    """Run the steps in a plain IPython shell of a new process; the last line printed is the answers."""
    script = (
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "import json\nshell = InteractiveShell.instance()\nshell.history_manager.enabled = False\n"
        f"shell.run_cell({CELL!r})\n"
        f"r = shell.run_cell({f'answers = magic({steps})'!r}, store_history=True)\nr.raise_error()\n"
        "names = sorted(n for n in shell.user_ns if not n.startswith('_'))\n"
        "print()\nprint(json.dumps([shell.user_ns['answers'], names]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=Path(__file__).parents[2],
        env={"HOME": str(tmp_path), "PATH": "", "IPYTHONDIR": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    answers, names = json.loads(done.stdout.splitlines()[-1])
    assert not [name for name in names if "probe" in name or "codemad" in name]
    return [*answers, {"shown": done.stdout}]


def test_a_shell_in_a_terminal(tmp_path: Path) -> None:
    steps = [
        ("execute", "print('shown'); x = 41\nx + 1"),
        ("report",),
        ("try_code", "x / 0"),
        ("try_code", "y = x"),
        ("execute", "import asyncio\nawait asyncio.sleep(0.01)\nz = 3\nz"),
        ("execute", "1 / 0"),
        ("execute", "import time\nwhile True: time.sleep(0.05)", {"timeout": 0.5}),
        ("execute", "from IPython.display import display, Markdown\ndisplay(Markdown('# hi'))"),
    ]
    ran, report, failed, passed, awaited, error, long, shown, last = in_terminal_shell(repr(steps), tmp_path)
    assert ran["ok"]
    assert [output["output_type"] for output in ran["outputs"]] == ["stream", "execute_result"]
    assert "shown" in last["shown"]
    names = {variable["name"]: variable["preview"] for variable in report["variables"]}
    assert names["x"] == "41"
    assert report["busy"]
    assert (failed["status"], failed["detail"]) == ("failed", "ZeroDivisionError: division by zero (line 1)")
    assert passed["status"] == "passed"
    assert (awaited["ok"], awaited["outputs"][0]["data"]["text/plain"]) == (True, "3")
    assert (error["error_name"], error["outputs"][0]["output_type"]) == ("ZeroDivisionError", "error")
    assert long["error_name"] == "KeyboardInterrupt"
    assert shown["outputs"][0]["data"]["text/markdown"] == "# hi"


async def test_in_a_kernel_outputs_are_kept_and_shown(clean: LiveKernel) -> None:
    steps = [
        ("execute", "print('from the engine'); import sys; print('err', file=sys.stderr)\n6 * 7"),
        ("execute", "await __import__('asyncio').sleep(0.01)\nprint('awaited')"),
        ("execute", "1 / 0"),
        ("try_code", "6 / 0"),
        ("report",),
    ]
    assert (await clean.execute(CELL, timeout=60)).ok
    result = await clean.execute(f"import json\nanswers = magic({steps!r})\njson.dumps(answers)", timeout=60)
    assert result.ok, result.traceback
    shown = "".join(output.get("text", "") for output in result.outputs)
    assert "from the engine\n" in shown
    assert "awaited\n" in shown
    kinds = [output["output_type"] for output in result.outputs]
    assert "error" in kinds
    text = result.outputs[-1]["data"]["text/plain"]
    first, awaited, error, failed, report = json.loads(ast.literal_eval(text))
    assert [output["output_type"] for output in first["outputs"]] == ["stream", "stream", "execute_result"]
    assert awaited["ok"]
    assert (error["error_name"], failed["status"]) == ("ZeroDivisionError", "failed")
    assert report["busy"]
    assert (await clean.execute("In[-1], get_ipython().execution_count", timeout=30)).ok


def test_nobody_serves() -> None:
    runner = MainThreadRunner(None)
    with pytest.raises(KernelError, match="not serving"):
        runner.submit("1")
    with runner.serving():
        future = runner.submit("1")
    with pytest.raises(KernelError):
        future.result(timeout=1)
    assert not runner.run(0.01)


async def test_queued_code_that_nobody_took(tmp_path: Path) -> None:
    runner = MainThreadRunner(None)
    with runner.serving(), pytest.raises(KernelError, match="did not end"):
        await ShellKernel(None, runner).execute("1", timeout=0.1)
