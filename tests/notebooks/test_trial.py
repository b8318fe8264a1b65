"""Trials in a fork of a real kernel: verdicts, limits, and that nothing reaches the kernel or the disk."""

import asyncio
import os
import socket
from pathlib import Path

import pytest

from codemad_jupyter.notebooks import trial, trial_scan
from codemad_jupyter.notebooks.live import LiveKernel
from tests.waiting import awaiting, making, until

pytestmark = pytest.mark.skipif(
    not hasattr(os, "fork") or os.uname().sysname != "Linux", reason="forks on Linux"
)


@pytest.mark.parametrize(
    ("code", "status", "said"),
    [
        ("y = x + 1\nprint(y)\ny", "passed", ""),
        ("import math\nawait __import__('asyncio').sleep(0)\nmath.pi", "passed", ""),
        ("%time z = 3", "passed", ""),
        ("import matplotlib.pyplot as plt\nplt.plot([1])\nplt.show()", "passed", ""),
        ("a = 1\n\nb = a / 0", "failed", "ZeroDivisionError: division by zero (line 3)"),
        ("\n\nnothing_here", "failed", "NameError: name 'nothing_here' is not defined (line 3)"),
        ("x = 1\nif x\n  y", "failed", "SyntaxError: expected ':' (line 2)"),
        ("return 5", "failed", "SyntaxError: 'return' outside function (line 1)"),
        ("%%time\n1 / 0", "failed", "ZeroDivisionError"),
        ("def f(n): return 1 / n\nf(\n0)", "failed", "(line 1)"),
        ("raise SystemExit(3)", "failed", "SystemExit: 3 (line 1)"),
        ("import ctypes\nctypes.string_at(0)", "failed", "SIGSEGV"),
        ("raise ValueError('key sk-abcdefghijklmnop')", "failed", "ValueError: key [masked] (line 1)"),
        ("class E(Exception):\n  def __str__(self): raise SystemExit\nraise E", "failed", "E"),
        ("import asyncio\nasyncio.run(asyncio.sleep(0))", "failed", "RuntimeError"),
        ("bytearray(10 ** 14)", "skipped", "MemoryError"),
        ("import subprocess as sp\nsp.run(['true'])", "skipped", "processes"),
        ("!true", "skipped", "shell command"),
        ("%run other.py", "skipped", "the magic run"),
        ("input('x')", "skipped", "asks for input"),
        ("ask = input\nask()", "skipped", "asks for input"),
        ("frame.to_csv('x.csv')", "skipped", "changes files (frame.to_csv)"),
        ("from os import remove as rm\nrm('x')", "skipped", "changes files (os.remove)"),
        ("import requests\nrequests.get('http://127.0.0.1')", "skipped", "network"),
    ],
)
async def test_verdicts(kernel: LiveKernel, code: str, status: str, said: str) -> None:
    await kernel.execute("x = 1", timeout=30)
    verdict = await kernel.try_code(code, timeout=10)
    assert (verdict.status, said in verdict.detail) == (status, True), verdict
    assert verdict.method in ("fork", "syntax")


async def test_the_kernel_is_as_before(clean: LiveKernel) -> None:
    prepare = "data = [1, 2]\nimport os, random\nrandom.seed(1)\nheld = open('/dev/null', 'w')"
    await clean.execute(prepare, timeout=30)
    names = "sorted(n for n in globals() if not n.startswith('_'))"
    look = f"{names}, data, os.getcwd(), random.getstate()[1][:3]"
    before = await clean.execute(look, timeout=30)
    changing = "data.append(3); extra = 1; random.random(); os.chdir('/'); os.environ['NEW'] = '1'; del held"
    assert (await clean.try_code(changing)).status == "passed"
    after = await clean.execute(look, timeout=30)
    assert after.outputs[0]["data"] == before.outputs[0]["data"]


async def test_an_endless_trial_is_killed(clean: LiveKernel) -> None:
    verdict = await clean.try_code("while True: pass", timeout=1)
    assert (verdict.status, verdict.method) == ("skipped", "fork")
    assert "did not finish within 1 s" in verdict.detail
    children = await clean.execute(
        "from pathlib import Path\n"
        "sorted(p for t in Path('/proc/self/task').iterdir() for p in (t / 'children').read_text().split())",
        timeout=30,
    )
    assert children.outputs[0]["data"]["text/plain"] == "[]"


async def test_while_a_cell_runs(clean: LiveKernel, tmp_path: Path) -> None:
    code = f"step = 19\n{making(tmp_path / 'began')}{awaiting(tmp_path / 'go')}step"
    running = asyncio.ensure_future(clean.execute(code))
    await until((tmp_path / "began").exists, "the cell")
    assert (await clean.try_code("step + 1; step = 'changed'")).status == "passed"
    assert (await clean.try_code("print('into the cell?'); 1 / 0")).status == "failed"
    assert not running.done()
    (tmp_path / "go").touch()
    result = await running
    assert [output["output_type"] for output in result.outputs] == ["execute_result"]


async def test_files_and_network_are_out_of_reach(clean: LiveKernel, tmp_path: Path) -> None:
    kept = tmp_path / "kept.txt"
    kept.write_text("kept")
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.5)
        port = server.getsockname()[1]
        hidden = {
            "opened": f"f = open; f({str(kept)!r}, 'w').write('x')",
            "descriptor": f"g = getattr(os, 'op' + 'en'); g({str(kept)!r}, os.O_TRUNC | os.O_WRONLY)",
            "removed": f"getattr(os, 'rem' + 'ove')({str(kept)!r})",
            "native": f"ctypes.CDLL(None).truncate({os.fsencode(kept)!r}, 0)",
            "held": "log.write('more'); log.flush()",
            "connected": f"t = getattr(net, 'soc' + 'ket')(); t.connect(('127.0.0.1', {port}))",
            "process": f"getattr(os, 'sys' + 'tem')('touch {tmp_path}/made')",
            "killed": "getattr(os, 'ki' + 'll')(os.getppid(), 9)",
        }
        await clean.execute("import ctypes, os\nnet = __import__('socket')", timeout=30)
        await clean.execute(f"log = open({str(kept)!r}, 'a')", timeout=30)
        for name, code in hidden.items():
            verdict = await clean.try_code(code)
            # Native code gets an error number from Landlock and may go on; Python code is stopped.
            assert verdict.status == ("passed" if name == "native" else "skipped"), (name, verdict)
        with pytest.raises(TimeoutError):
            server.accept()
    assert kept.read_text() == "kept"
    assert os.listdir(tmp_path) == ["kept.txt"]  # noqa: PTH208
    assert (await clean.execute("log.write('!'); log.close()", timeout=30)).ok
    assert kept.read_text() == "kept!"


async def test_temporary_files_are_allowed_and_go_away(clean: LiveKernel) -> None:
    code = (
        "import tempfile, pathlib\np = pathlib.Path(tempfile.mkdtemp(), 'x')\n"
        "w = getattr(p, 'open')\nwith w('wb') as f: f.write(b'1')"
    )
    trial_run = await clean.try_code(code + "\nprint(p.parent.parent)")
    assert trial_run.status == "passed"
    folder = trial_run.outputs[0]["text"].strip()
    assert "codemad-trial-" in folder
    assert not os.path.exists(folder)  # noqa: ASYNC240, PTH110


async def test_reasons_not_to_fork(own_kernel: LiveKernel, tmp_path: Path) -> None:
    named = (
        "import ctypes, threading, time\n"
        "def f(): ctypes.CDLL(None).prctl(15, b'polars-3', 0, 0, 0); time.sleep(60)\n"
        "threading.Thread(target=f, daemon=True).start(); time.sleep(0.3)"
    )
    await own_kernel.execute(named, timeout=30)
    verdict = await own_kernel.try_code("this_fails")
    assert (verdict.status, verdict.method) == ("skipped", "syntax")
    assert "polars-3" in verdict.detail
    broken = await own_kernel.try_code("if")
    assert (broken.status, broken.method) == ("failed", "syntax")


async def test_shared_memory_is_a_reason(own_kernel: LiveKernel, tmp_path: Path) -> None:
    target = tmp_path / "array.bin"
    code = f"import numpy as np\nm = np.memmap({str(target)!r}, dtype='int8', mode='w+', shape=9)"
    assert (await own_kernel.execute(code, timeout=60)).ok
    verdict = await own_kernel.try_code("m[:] = 7")
    assert (verdict.status, verdict.method) == ("skipped", "syntax")
    assert target.read_bytes() == bytes(9)


async def test_libraries_with_threads(clean: LiveKernel) -> None:
    code = (
        "import numpy as np\nfrom sklearn.ensemble import HistGradientBoostingClassifier as H\n"
        "X = np.random.rand(400, 4); y = (X[:, 0] > 0.5).astype(int)\nmodel = H(max_iter=5).fit(X, y)"
    )
    assert (await clean.execute(code, timeout=90)).ok
    verdict = await clean.try_code("H(max_iter=5).fit(X, y).score(X, y)", timeout=20)
    assert verdict.status == "passed", verdict


def test_syntax_without_a_kernel() -> None:
    assert trial.check_syntax("%matplotlib inline\nawait f()\n!ls").status == "skipped"
    broken = trial.check_syntax("x = (\n")
    assert (broken.status, broken.method) == ("failed", "syntax")
    assert broken.detail.startswith("SyntaxError: ")


@pytest.mark.parametrize(
    "code",
    [
        "open('x')", "open('x', 'rb')", "text.replace('a', 'b')", "df.rename(columns={})", "items.remove(3)",
        "json.dumps(x)", "os.path.join('a', 'b')", "df.to_dict()", "requests = 5", "img.open('name')",
    ],
)  # fmt: skip
def test_harmless_code_is_tried(code: str) -> None:
    assert trial_scan.effect(code, str) == ""
