# ruff: noqa: ASYNC240
"""Trials by replay: the needed cells and no others, in a caged process without keys; what is refused."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from codemad_jupyter.notebooks.live import LiveKernel
from codemad_jupyter.notebooks.trial import RefusedTrial
from codemad_jupyter.notebooks.trial_replay import Replay, proposed_view, replay
from codemad_jupyter.protocol.edits import Trial
from codemad_jupyter.protocol.kernels import Cell, NotebookView

pytestmark = pytest.mark.skipif(os.name != "posix", reason="process groups")

CELLS = ("import numpy as np", "x = 1", "y = x + 1\nprint('above')", "z = 1 / 0", "a = np.zeros(5)")


def notebook(*sources: str, tags: tuple[str, ...] = ()) -> NotebookView:
    cells = (Cell(id=f"c{n}", cell_type="code", source=source, tags=tags) for n, source in enumerate(sources))
    return NotebookView(path="n.ipynb", cells=tuple(cells))


async def tried(
    code: str, view: NotebookView | None = None, *, timeout: float = 30, folder: Path | None = None
) -> Trial:
    why = "a library's threads"
    refused = RefusedTrial(
        status="skipped",
        method="syntax",
        detail=f"syntax is fine; not run: {why}",
        why=why,
        python=sys.executable,
        cwd=str(folder or ""),
    )
    whole = proposed_view(view or notebook(*CELLS), "new", code, None, "after")
    return await replay(Replay(view=whole, cell="new", code=code, timeout=timeout), refused)


async def test_only_what_it_needs_is_replayed() -> None:
    trial = await tried("a[0] = y\nprint('here')\ny")
    assert (trial.status, trial.method, trial.replayed) == ("passed", "replay", ("c0", "c1", "c2", "c4"))
    assert "a library's threads" in trial.detail
    assert [output["output_type"] for output in trial.outputs] == ["stream", "execute_result"]
    assert trial.outputs[0]["text"] == "here\n", "what the cells above print is not the proposal's"
    assert trial.receipt is not None
    assert [(c.after.name, c.in_place) for c in trial.receipt.changed] == [("a", True)]


async def test_figures_and_failures() -> None:
    plot = await tried("import matplotlib.pyplot as plt\nfig, ax = plt.subplots()\nax.plot([1, y])")
    assert "image/png" in plot.outputs[-1]["data"]
    failed = await tried("y\nnothing_here")
    assert (failed.status, failed.method) == ("failed", "replay")
    assert "NameError" in failed.detail
    assert "line 2" in failed.detail
    above = await tried("z + 1")
    assert (above.status, above.replayed) == ("skipped", ())
    assert "cell c3, which it needs, cannot be replayed: ZeroDivisionError" in above.detail


async def test_it_has_no_keys_no_network_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "canary-0123456789")
    monkeypatch.setenv("JUPYTER_TOKEN", "canary-0123456789")
    view = notebook(
        "import os", "f = open", "import ctypes\nlibc = ctypes.CDLL(None)", "s = __import__('socket')"
    )
    seen = await tried("print(sorted(os.environ))", view)
    assert "KEY" not in seen.outputs[0]["text"]
    assert "TOKEN" not in seen.outputs[0]["text"]
    hidden = await tried("g = f\ng('made', 'w' + '')", view, folder=tmp_path)
    assert hidden.status == "skipped"
    native = await tried("libc.open(b'made', 0o101, 0o600), libc.fork()", view, folder=tmp_path)
    assert native.outputs[0]["data"]["text/plain"] == "(-1, -1)"
    assert list(tmp_path.iterdir()) == []
    net = await tried("t = getattr(s, 'soc' + 'ket')()\nt.connect(('127.0.0.1', 9))", view)
    assert (net.status, "network" in net.detail) == ("skipped", True)


@pytest.mark.parametrize(
    ("view", "said"),
    [
        (notebook("import requests", "r = requests.get('http://x')"), "reaches outside: it uses the network"),
        (notebook("r = 1", "open('x', 'w').write('x'); r = 2"), "reaches outside: it changes files"),
        (notebook("r = 5", tags=("Expensive",)), "tagged expensive"),
    ],
)
async def test_cells_that_must_not_run_again(view: NotebookView, said: str) -> None:
    trial = await tried("r + 1", view)
    assert (trial.status, trial.method, trial.replayed) == ("skipped", "syntax", ())
    assert said in trial.detail


async def test_limits() -> None:
    late = await tried("y\nprint('so far')\nwhile True: pass", timeout=10)
    assert (late.status, late.method) == ("skipped", "replay")
    assert "did not finish within 10 s" in late.detail
    assert late.outputs[0]["text"] == "so far\n"
    hungry = await tried("y\nbytearray(50 * 10 ** 9)")
    assert "MemoryError" in hungry.detail
    crashed = await tried("import ctypes\nctypes.string_at(0)")
    assert (crashed.status, "SIGSEGV" in crashed.detail) == ("failed", True)


async def test_a_cancelled_replay_leaves_no_process() -> None:
    task = asyncio.ensure_future(tried("while True: pass"))
    await asyncio.sleep(1.5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    lines = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            lines.append((place / "cmdline").read_bytes() + (place / "stat").read_bytes().split()[3])
        except OSError:
            continue
    mine = str(os.getpid()).encode()
    assert not [line for line in lines if b"alone.py" in line and line.endswith(mine)]


async def test_a_kernel_that_is_set_not_to_be_copied(kernel: LiveKernel) -> None:
    refused = await kernel.try_code("1 + 1", method="replay")
    assert isinstance(refused, RefusedTrial)
    assert (refused.status, refused.method) == ("skipped", "syntax")
    assert Path(refused.python).exists()
    assert "python" not in refused.model_dump()


@pytest.mark.parametrize(
    ("anchor", "position", "at"),
    [(None, "before", 0), (None, "after", 5), ("c1", "before", 1), ("c1", "after", 2)],
)
def test_where_the_cell_would_stand(anchor: str | None, position: str, at: int) -> None:
    view = proposed_view(notebook(*CELLS), "new", "1", anchor, position)
    assert [cell.id for cell in view.cells].index("new") == at
    replaced = proposed_view(notebook(*CELLS), "c2", "w = 3", None, "after")
    assert [cell.source for cell in replaced.cells][2] == "w = 3"
