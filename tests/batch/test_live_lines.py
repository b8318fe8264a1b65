"""What a terminal is drawn on while runs go on, and what stands there where none is."""

import io
import os
import pty
import re
import subprocess
from pathlib import Path

import pytest

from codemad_jupyter.batch.batch_table import BatchTable
from codemad_jupyter.batch.jobs import Job
from codemad_jupyter.batch.journal import JobResult, Journal
from codemad_jupyter.batch.live_lines import LiveLines, bar
from codemad_jupyter.batch.pool import Batch, Going
from tests.batch.test_notebook_runs import CODEMAD, code, write
from tests.waiting import LIMIT


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True

    @property
    def seen(self) -> str:
        return self.getvalue().replace("\x1b[J", "")


@pytest.fixture(autouse=True)
def _size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "6")


def test_what_is_said_stands_above_what_is_drawn() -> None:
    terminal = Terminal()
    lines = LiveLines(terminal)
    lines.draw(["one", "two"])
    lines.draw(["one", "two"])
    assert terminal.seen == "one\ntwo\n", "what has not changed is not drawn again"
    lines.say("ended \x1b]0;title\x07well")
    assert terminal.seen == "one\ntwo\n\x1b[2Fended well\none\ntwo\n"
    lines.close()
    assert terminal.seen.endswith("\x1b[2F")


def test_only_what_there_is_room_for_is_drawn_and_the_last_always() -> None:
    terminal = Terminal()
    LiveLines(terminal).draw([*map(str, range(9)), "x" * 200])
    drawn = terminal.seen.splitlines()
    assert drawn[:3] == ["6", "7", "8"]
    assert len(drawn[3]) == 79


def test_without_a_terminal_lines_are_plain() -> None:
    stream = io.StringIO()
    lines = LiveLines(stream)
    lines.draw(["never"])
    lines.say("said")
    lines.close()
    assert stream.getvalue() == "said\n"


@pytest.mark.parametrize(("done", "most", "full"), [(0, 5, 0), (5, 5, 24), (1, 3, 8), (0, 0, 24)])
def test_a_bar(done: int, most: int, full: int) -> None:
    assert bar(done, most) == f"[{'#' * full}{'-' * (24 - full)}]"


def test_the_table_of_a_batch(tmp_path: Path) -> None:
    jobs = [Job(number=at, notebook=f"n{at}.ipynb", output=f"o{at}.ipynb") for at in (1, 2, 3, 4)]
    stream = io.StringIO()
    table = BatchTable(jobs, LiveLines(stream))
    batch = Batch(jobs, Journal(tmp_path / "j.jsonl"), table.show)
    failed = JobResult(number=2, key="k", title="n2.ipynb", output="o", state="failed", text="It broke.")
    batch.results[2] = failed
    batch.going = {2: Going(0.0, "cell 9 of 9"), 3: Going(10.0, "cell 2 of 7")}
    table.show(batch, 2)
    table.show(batch, 2)
    assert stream.getvalue() == "   2 of 4  FAILED 0.0 s     n2.ipynb  It broke.\n"
    assert table.table(batch, now=42.0) == [
        "   3     32 s  cell 2 of 7      n3.ipynb",
        "[######------------------] 1 of 4: 1 failed, 1 running, 2 waiting",
    ]


def test_a_run_shows_a_bar_on_a_terminal_and_leaves_its_sum(tmp_path: Path) -> None:
    write(tmp_path / "n.ipynb", code("x = 1", "a"), code("print('two')", "b"))
    ours, theirs = pty.openpty()
    own = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    command = [*CODEMAD, "run", "n.ipynb", "-o", "o.ipynb"]
    done = subprocess.run(command, cwd=tmp_path, env=own, stderr=theirs, timeout=LIMIT, check=False)
    os.close(theirs)
    seen = os.read(ours, 65_536).decode()
    os.close(ours)
    assert done.returncode == 0
    assert "[############------------] cell 2 of 2  print('two')" in seen
    assert re.search(r"\x1b\[1F\x1b\[J2 of 2 cells ran in [\d.]+ s\s*$", seen)
