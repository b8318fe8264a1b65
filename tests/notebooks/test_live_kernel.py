"""Running code in a real kernel from outside; what happens when the kernel does not play along."""

import asyncio
import os
import queue
import signal
import sys
from pathlib import Path

import pytest
from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.manager import KernelManager

from codemad_jupyter.notebooks.line import KernelLine
from codemad_jupyter.notebooks.live import LiveKernel
from codemad_jupyter.protocol.errors import KernelError
from tests.waiting import LIMIT, awaiting, making, until


def process_of(manager: KernelManager) -> int:
    pid = getattr(manager.provisioner, "pid", None)
    assert isinstance(pid, int)
    return pid


async def test_outputs_as_nbformat(clean: LiveKernel) -> None:
    code = (
        "import sys\nfrom IPython.display import display, Markdown, clear_output\n"
        "print('gone')\nclear_output()\nprint('a'); print('b')\nprint('e', file=sys.stderr)\n"
        "h = display(Markdown('# one'), display_id=True)\nh.update(Markdown('# two'))\n41 + 1"
    )
    result = await clean.execute(code, timeout=30)
    assert result.ok
    kinds = [(o["output_type"], o.get("name") or sorted(o["data"])) for o in result.outputs]
    assert kinds == [
        ("stream", "stdout"),
        ("stream", "stderr"),
        ("display_data", ["text/markdown", "text/plain"]),
        ("execute_result", ["text/plain"]),
    ]
    assert result.outputs[0]["text"] == "a\nb\n"
    assert result.outputs[2]["data"]["text/markdown"] == "# two"
    assert result.outputs[3]["execution_count"] == result.execution_count


async def test_an_error_is_a_result(clean: LiveKernel) -> None:
    result = await clean.execute("print('before')\n1 / 0", timeout=30)
    assert (result.ok, result.error_name, result.error_message) == (
        False,
        "ZeroDivisionError",
        "division by zero",
    )
    assert "\x1b" not in result.traceback
    assert [output["output_type"] for output in result.outputs] == ["stream", "error"]


async def test_history_and_variables_change(clean: LiveKernel) -> None:
    first = await clean.execute("value = 5", timeout=30)
    second = await clean.execute("value, In[-2]", timeout=30)
    assert second.execution_count == (first.execution_count or 0) + 1
    assert second.outputs[0]["data"]["text/plain"] == "(5, 'value = 5')"


async def test_input_is_refused(clean: LiveKernel) -> None:
    result = await clean.execute("input('name? ')", timeout=30)
    assert result.error_name == "StdinNotImplementedError"


async def test_a_storm_of_output_is_bounded(clean: LiveKernel) -> None:
    code = "for n in range(200_000): print('x' * 20)\nfor n in range(700): display(n)"
    result = await clean.execute(code, timeout=60)
    assert result.ok
    assert len(result.outputs) <= 502
    assert len(result.outputs[0]["text"]) < 500_000
    assert "more outputs were left out" in result.outputs[-1]["text"]


async def test_too_long_is_interrupted(clean: LiveKernel) -> None:
    result = await clean.execute("import time\ntime.sleep(600)", timeout=3)
    assert (result.ok, result.error_message) == (False, "Interrupted because it ran too long.")
    assert (await clean.execute("1", timeout=LIMIT)).ok


async def test_code_queued_behind_a_cell_does_not_interrupt_it(clean: LiveKernel, tmp_path: Path) -> None:
    code = f"{making(tmp_path / 'began')}{awaiting(tmp_path / 'go')}'unharmed'"
    running = asyncio.ensure_future(clean.execute(code, timeout=LIMIT))
    await until((tmp_path / "began").exists, "the cell")
    with pytest.raises(KernelError, match="busy with another cell"):
        await clean.execute("1", timeout=0.5)
    (tmp_path / "go").touch()
    assert (await running).ok


async def test_code_that_ignores_the_interrupt(own_manager: KernelManager, own_kernel: LiveKernel) -> None:
    code = "import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\ntime.sleep(600)"
    with pytest.raises(KernelError, match="still running"):
        await own_kernel.execute(code, timeout=3)


async def test_many_looks_at_once(clean: LiveKernel) -> None:
    reports = await asyncio.gather(*(clean.report() for _ in range(20)))
    assert len(reports) == 20


async def test_a_killed_kernel_is_noticed(
    own_manager: KernelManager, own_kernel: LiveKernel, tmp_path: Path
) -> None:
    code = f"{making(tmp_path / 'began')}import time\ntime.sleep(600)"
    running = asyncio.ensure_future(own_kernel.execute(code))
    await until((tmp_path / "began").exists, "the cell")
    os.kill(process_of(own_manager), signal.SIGKILL)
    with pytest.raises(KernelError, match="died"):
        await running
    with pytest.raises(KernelError, match="does not answer"):
        await own_kernel.report()


async def test_a_restarted_kernel_is_noticed(
    own_manager: KernelManager, own_kernel: LiveKernel, tmp_path: Path
) -> None:
    code = f"{making(tmp_path / 'began')}import time\ntime.sleep(600)"
    running = asyncio.ensure_future(own_kernel.execute(code))
    await until((tmp_path / "began").exists, "the cell")
    await asyncio.to_thread(own_manager.restart_kernel, now=True)
    with pytest.raises(KernelError, match=r"restarted|died"):
        async with asyncio.timeout(LIMIT):
            await running
    await own_kernel.wait_until_ready(timeout=LIMIT)
    assert (await own_kernel.report()).variables == ()


async def test_the_process_is_asked_first() -> None:
    kernel = LiveKernel({"key": "k", "shell_port": 1}, alive=lambda: False)
    with pytest.raises(KernelError, match="has ended"):
        await kernel.report()
    with pytest.raises(KernelError, match="has ended"):
        await kernel.execute("1")


async def test_a_stopped_kernel_does_not_hang_a_look(
    own_manager: KernelManager, own_kernel: LiveKernel
) -> None:
    await own_kernel.report()
    os.kill(process_of(own_manager), signal.SIGSTOP)
    try:
        with pytest.raises(KernelError):
            await own_kernel.report()
    finally:
        os.kill(process_of(own_manager), signal.SIGCONT)


async def test_from_a_connection_file(manager: KernelManager, tmp_path: Path) -> None:
    kernel = LiveKernel.from_file(Path(manager.connection_file))
    assert (await kernel.report()).language == "python"
    kernel.close()
    with pytest.raises(KernelError, match="cannot be read"):
        LiveKernel.from_file(tmp_path / "absent.json")


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts what Linux lists")
async def test_a_question_after_it_was_let_go_of_leaves_nothing_open(clean: LiveKernel) -> None:
    await clean.report()
    clean.close()
    before = descriptors()
    for _ in range(3):
        assert (await clean.report()).language == "python"
    assert descriptors() <= before


async def test_who_waits_when_it_is_let_go_of_is_told_and_not_stopped(
    manager: KernelManager, clean: LiveKernel
) -> None:
    own = LiveKernel(manager.get_connection_info())
    running = asyncio.ensure_future(own.execute("import time\ntime.sleep(600)"))
    await until(lambda: any(run.running for run in own._runs))
    os.kill(process_of(manager), signal.SIGSTOP)
    looking = asyncio.ensure_future(own.report())
    await until(lambda: own._line._turn.locked())
    own.close()
    try:
        for work in (running, looking):
            with pytest.raises(KernelError, match="has ended"):
                await work
    finally:
        os.kill(process_of(manager), signal.SIGCONT)
    await clean.interrupt()
    assert (await clean.execute("1", timeout=LIMIT)).ok


async def test_a_question_that_is_only_just_sent_is_told_the_same(manager: KernelManager) -> None:
    line = KernelLine(manager.get_connection_info())
    asking = asyncio.ensure_future(line.ask("kernel_info_request", {}, timeout=LIMIT))
    await asyncio.sleep(0)
    assert line._turn.locked()  # sent, and nobody listens yet
    line.close()
    with pytest.raises(KernelError, match="has ended"):
        await asking


async def test_a_look_leaves_a_busy_kernel_looking_busy(
    client: BlockingKernelClient, kernel: LiveKernel, tmp_path: Path
) -> None:
    request = client.execute(awaiting(tmp_path / "go"))
    states: list[tuple[str, bool]] = []
    looked = False
    while ("idle", True) not in states:
        message = await asyncio.to_thread(client.get_iopub_msg, timeout=LIMIT)
        if message["msg_type"] != "status":
            continue
        own = message["parent_header"].get("msg_id") == request
        states.append((message["content"]["execution_state"], own))
        if states[-1] == ("busy", True) and not looked:
            looked = True
            assert (await kernel.report()).busy
            await asyncio.sleep(1)
            (tmp_path / "go").touch()
    while_running = states[states.index(("busy", True)) : -1]
    assert ("idle", False) in while_running, "the look itself makes the kernel say idle"
    assert while_running[-1] == ("busy", False)
    assert states[-1] == ("idle", True)
    with pytest.raises(queue.Empty):
        await asyncio.to_thread(client.get_iopub_msg, timeout=1)


async def test_a_look_leaves_it_to_the_cell_whether_a_person_can_be_asked(
    client: BlockingKernelClient, kernel: LiveKernel, tmp_path: Path
) -> None:
    for number, asks in enumerate((True, False)):
        begun, go = tmp_path / f"begun{number}", tmp_path / f"go{number}"
        code = making(begun) + awaiting(go) + "name = input('Name? ')"
        request = client.execute(code, allow_stdin=asks)
        await until(begun.exists)
        assert (await kernel.report()).busy
        go.touch()
        if asks:
            message = await asyncio.to_thread(client.get_stdin_msg, timeout=LIMIT)
            assert message["content"]["prompt"] == "Name? "
            client.input("Ada")
        reply = await asyncio.to_thread(client._recv_reply, request, timeout=LIMIT)
        assert reply["content"].get("ename", "asked") == ("asked" if asks else "StdinNotImplementedError")
