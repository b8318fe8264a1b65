# ruff: noqa: ASYNC240, E501
"""Code under trial that attacks: forks, signals, tracing, sockets, shared memory, memory hunger, escape."""

import json
import os
import re
from pathlib import Path

import pytest
from jupyter_client.manager import KernelManager

from codemad_jupyter.notebooks.live import LiveKernel
from codemad_jupyter.notebooks.trial import RefusedTrial
from tests.notebooks.conftest import process_of
from tests.waiting import LIMIT, until

pytestmark = pytest.mark.skipif(
    not hasattr(os, "fork") or os.uname().sysname != "Linux", reason="forks on Linux"
)

NATIVE = "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\n"


def processes(kernel: int) -> set[int]:
    """Processes of the kernel's session, wherever their parents are, and its descendants."""
    parents: dict[int, int] = {}
    named = set()
    for name in os.listdir("/proc"):  # noqa: PTH208
        if name.isdigit():
            try:
                stat = Path(f"/proc/{name}/stat").read_text(errors="replace").rpartition(")")[2].split()
                line = Path(f"/proc/{name}/cmdline").read_bytes()
            except OSError:
                continue
            parents[int(name)] = int(stat[1])
            if line and line == Path(f"/proc/{kernel}/cmdline").read_bytes():
                named.add(int(name))  # a copy has the command line of the kernel
    found, grew = {kernel} | named, True
    while grew:
        more = {child for child, parent in parents.items() if parent in found} - found
        found, grew = found | more, bool(more)
    return found


async def none_left(manager: KernelManager) -> None:
    """The kernel is alone again, soon."""
    kernel = process_of(manager)
    await until(lambda: processes(kernel) == {kernel}, lambda: processes(kernel))


@pytest.mark.parametrize(
    "code",
    [
        f"{NATIVE}for i in range(30):\n    if libc.fork() == 0:\n        libc.setsid(); libc.sleep(60)\n",
        f"{NATIVE}for i in range(9):\n    libc.syscall(435, 0, 0)\nlibc.system(b'sleep 60 &')\nlibc.sleep(60)",
        "import signal, time\ngetattr(signal, 'signal')(14, getattr(signal, 'SIG_IGN'))\nwhile True: time.sleep(1)",
        f"{NATIVE}libc.signal(14, 1); libc.signal(15, 1); libc.alarm(0); libc.prctl(1, 0); libc.sleep(60)",
        "import threading, time\nfor i in range(20): threading.Thread(target=time.sleep, args=(60,)).start()\nspin = 1\n"
        "while True: pass",
        "def deep(n):\n    return deep(n)\nwhile True:\n    try: deep(1)\n    except RecursionError: pass",
    ],
    ids=["forks", "other-ways", "signals", "native-signals", "threads", "recursion"],
)
async def test_nothing_is_left_of_what_hangs(clean: LiveKernel, manager: KernelManager, code: str) -> None:
    await clean.try_code(code, timeout=1)
    await none_left(manager)
    assert (await clean.execute("1", timeout=LIMIT)).ok


@pytest.mark.parametrize(
    "call",
    [
        "libc.kill({pid}, 9)",
        "libc.syscall(234, {pid}, {pid}, 9)",
        "libc.ptrace(16, {pid}, 0, 0)",
        "libc.ptrace(0x4206, {pid}, 0, 0)",
        "libc.process_vm_writev({pid}, 0, 0, 0, 0, 0)",
        "libc.socket(2, 2, 0) and libc.connect(9, b'x' * 16, 16)",
        "libc.bind(9, b'x' * 16, 16)",
        "libc.chmod({file}, 0)",
        "libc.truncate({file}, 0)",
        "getattr(libc, 'unlink')({file})",
        "libc.rename({file}, {file} + b'x')",
        "libc.open({file}, 1)",
        "libc.open(b'/proc/{pid}/mem', 2)",
        "libc.shmget(0, 4096, 0o1600)",
        "libc.unshare(0x10000000)",
        "libc.execl(b'/bin/true', b'true', None)",
        "libc.fork()",
        "libc.vfork()",
        "libc.syscall(425, 8, 0)",
        "libc.setrlimit(9, ctypes.create_string_buffer(b'\\xff' * 16))",
    ],
)
async def test_native_calls_are_refused(
    clean: LiveKernel, manager: KernelManager, tmp_path: Path, call: str
) -> None:
    kept = tmp_path / "connection.json"
    kept.write_text("kept")
    kept.chmod(0o640)
    code = call.replace("{pid}", str(process_of(manager))).replace("{file}", repr(os.fsencode(kept)))
    trial = await clean.try_code(f"{NATIVE}done = {code}\nprint(done)")
    assert trial.status == "passed", trial
    if os.uname().machine == "x86_64":
        assert trial.outputs[0]["text"] == "-1\n"
    assert (kept.read_text(), kept.stat().st_mode & 0o777) == ("kept", 0o640)
    assert os.listdir(tmp_path) == ["connection.json"]  # noqa: PTH208
    assert (await clean.execute("1", timeout=LIMIT)).ok
    await none_left(manager)


async def test_the_connection_file_stays(clean: LiveKernel, manager: KernelManager) -> None:
    path = Path(manager.connection_file)
    before = path.read_bytes()
    trial = await clean.try_code(f"keep = open\nwrite = keep({str(path)!r}, 'r' + '+')\nwrite.write('x')")
    assert trial.status == "skipped"
    assert path.read_bytes() == before
    assert json.loads(before)["key"]


async def test_hunger_for_memory_does_not_kill_the_kernel(clean: LiveKernel, manager: KernelManager) -> None:
    assert (await clean.execute("kept = bytearray(50_000_000)", timeout=LIMIT)).ok
    one = await clean.try_code("x = bytearray(50 * 10 ** 9)")
    assert (one.status, "MemoryError" in one.detail) == ("skipped", True)
    many = "hoard = []\nwhile True: hoard.append(bytes(10_000_000) + b'x')"
    all_of_it = await clean.try_code(many, memory=300_000_000)
    assert (all_of_it.status, "MemoryError" in all_of_it.detail) == ("skipped", True)
    status = Path(f"/proc/{process_of(manager)}/status").read_text()
    assert int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) < 1_000_000
    assert (await clean.execute("len(kept)", timeout=LIMIT)).outputs[0]["data"]["text/plain"] == "50000000"


async def test_a_storm_of_output_is_bounded(clean: LiveKernel) -> None:
    code = "import sys\nfor i in range(300): print('x' * 1_000_000)\nfor i in range(500): display({'text/plain': 'y'}, raw=True)"
    trial = await clean.try_code(code, timeout=LIMIT)
    assert trial.status == "passed", trial
    assert len(json.dumps(trial.outputs)) < 60_000
    assert "more outputs were left out" in trial.outputs[-1]["text"]


async def test_a_lying_trial_is_no_harm(clean: LiveKernel) -> None:
    lies = (
        "import sys, os, gc, json\nframes = [f for f in gc.get_objects() if type(f).__name__ == 'Line']\n"
        "for fd in range(3, 40):\n"
        "    for text in (b'{}\\n', b'[1]\\n', b'x' * 70000, b'\\n\\n', b'{\"kind\": \"ranges\", \"names\": {\"a\": [[1, 99]]}, \"seconds\": 9}\\n'):\n"
        "        try: os.write(fd, text)\n        except OSError: pass\n"
    )
    trial = await clean.try_code(lies, timeout=3)
    assert trial.status in ("passed", "failed", "skipped")
    assert (await clean.execute("1", timeout=LIMIT)).ok


SHARED = {
    "file": "import numpy as np\nheld = np.memmap({path!r}, dtype='int8', mode='w+', shape=5000)",
    "anonymous": "import mmap\nheld = mmap.mmap(-1, 5000)",
    "shm": "from multiprocessing import shared_memory\nblock = shared_memory.SharedMemory(create=True, size=5000)\nheld = block.buf",
    "sysv": (
        "import ctypes\nlibc = ctypes.CDLL(None); libc.shmat.restype = ctypes.c_void_p\n"
        "number = libc.shmget(0, 5000, 0o1600); place = libc.shmat(number, None, 0); libc.shmctl(number, 0, None)\n"
        "held = (ctypes.c_char * 5000).from_address(place)"
    ),
}


@pytest.mark.parametrize("kind", SHARED)
async def test_memory_that_is_shared_is_never_copied(
    own_kernel: LiveKernel, tmp_path: Path, kind: str
) -> None:
    path = str(tmp_path / "shared.bin")
    made = await own_kernel.execute(SHARED[kind].replace("{path!r}", repr(path)), timeout=60)
    assert made.ok, made.traceback
    trial = await own_kernel.try_code("held[0:1] = b'7' if type(held).__name__ != 'memmap' else 7")
    assert isinstance(trial, RefusedTrial)
    assert "shares memory" in trial.detail
    value = await own_kernel.execute("bytes(held[0:1]) in (b'\\0', b'')", timeout=LIMIT)
    assert value.outputs[0]["data"]["text/plain"] == "True"
    await own_kernel.execute(
        "if 'block' in globals(): held.release(); block.close(); block.unlink()", timeout=20
    )


async def test_a_map_that_is_only_read_is_no_reason(clean: LiveKernel, tmp_path: Path) -> None:
    path = tmp_path / "read.bin"
    path.write_bytes(bytes(range(200)))
    made = f"import numpy as np\nread = np.memmap({str(path)!r}, dtype='uint8', mode='r')"
    assert (await clean.execute(made, timeout=60)).ok
    trial = await clean.try_code("int(read.sum())")
    assert trial.outputs[0]["data"]["text/plain"] == "19900"
