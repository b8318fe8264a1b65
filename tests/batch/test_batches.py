"""`codemad batch`: plans and what they stand for, real runs side by side, journals, what is done twice."""

import asyncio
import json
import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from codemad_jupyter.batch.batch_command import WORST
from codemad_jupyter.batch.cli import main
from codemad_jupyter.batch.job_run import job_key, run_job
from codemad_jupyter.batch.jobs import Job, jobs_of, key_of
from codemad_jupyter.batch.journal import JobResult, Journal
from codemad_jupyter.batch.pool import Batch
from codemad_jupyter.protocol.errors import UsageError
from tests.batch.test_notebook_runs import CODEMAD, code, outputs, text_of, write
from tests.waiting import LIMIT, is_alive, wait_until

SOURCE = Path("plan.toml")


def planned(folder: Path, *jobs: dict[str, Any]) -> tuple[Job, ...]:
    return jobs_of({"job": list(jobs)}, folder=folder, source=SOURCE)


def test_a_list_is_an_axis_and_names_stand_for_values(tmp_path: Path) -> None:
    jobs = planned(
        tmp_path,
        {
            "notebook": "sub/n.ipynb",
            "output": "out/{notebook}-{city}-{n}.ipynb",
            "parameters": {"city": ["Bern", "../Oslo"], "n": [1, 2], "fixed": True},
            "policy": "auto",
        },
        {
            "notebook": "s3://b/m.ipynb",
            "output": "s3://b/{notebook}.{number}.ipynb",
            "policy": "p.toml",
        },
    )
    assert [Path(job.output).name for job in jobs] == [
        "n-Bern-1.ipynb", "n-Bern-2.ipynb", "n-_Oslo-1.ipynb", "n-_Oslo-2.ipynb", "m.5.ipynb"
    ]  # fmt: skip
    assert jobs[0].parameters == {"city": "Bern", "n": 1, "fixed": True}
    assert jobs[0].notebook == (tmp_path / "sub/n.ipynb").as_posix()
    assert (jobs[0].policy, jobs[0].rules) == ("auto", None)
    assert (jobs[4].policy, jobs[4].rules) == (None, (tmp_path / "p.toml").as_posix())
    assert jobs[4].output == "s3://b/m.5.ipynb"


def test_a_pattern_leaves_out_what_an_earlier_batch_wrote(tmp_path: Path) -> None:
    for name in ("a.ipynb", "b.ipynb", "a.out.ipynb", "b.out.ipynb", "c.txt"):
        (tmp_path / name).touch()
    jobs = planned(tmp_path, {"notebook": "*.ipynb"})
    assert [Path(job.notebook).name for job in jobs] == ["a.ipynb", "b.ipynb"]


@pytest.mark.parametrize(
    ("jobs", "part"),
    [
        ([], "has no job"),
        ([{"notebook": 3}], "Job 1 of plan.toml: notebook"),
        ([{"notebook": "n.ipynb", "colour": "blue"}], "has colour, which no job has"),
        ([{"notebokk": "n.ipynb"}], "has notebokk, did you mean notebook"),
        ([{"notebook": "n.ipynb", "output": "/dev/null"}], "/dev/null is no file"),
        ([{"notebook": "n.ipynb", "parameters": {"a": []}}], "empty list"),
        ([{"notebook": "n.ipynb", "parameters": {"a": [1, 2]}}], "more than one run"),
        ([{"notebook": "n.ipynb", "output": "{b}.ipynb"}], "which is no parameter"),
        ([{"notebook": "n.ipynb", "output": "{notebook.x}.ipynb"}], "which is no parameter"),
        ([{"notebook": "n.ipynb", "output": "n.ipynb"}], "is a notebook of the plan and an output"),
        ([{"notebook": "none-*.ipynb"}], "no notebook is named"),
        ([{"notebook": "n.ipynb", "parameters": {"a": list(range(200)), "b": list(range(200))}}], "most"),
    ],
)
def test_plans_that_make_no_sense(tmp_path: Path, jobs: list[dict[str, Any]], part: str) -> None:
    with pytest.raises(UsageError, match=part):
        planned(tmp_path, *jobs)


def test_a_key_is_that_of_all_that_decides() -> None:
    job = Job(number=1, notebook="n", output="o", parameters={"a": 1})
    same = job.model_copy(update={"number": 7})
    other = job.model_copy(update={"parameters": {"a": 2}})
    assert key_of(job, b"x") == key_of(same, b"x")
    assert (
        len({key_of(job, b"x"), key_of(job, b"y"), key_of(other, b"x"), key_of(job, b"x", beside=[b""])}) == 4
    )


def result(key: str, state: str = "done") -> JobResult:
    return JobResult.model_validate({"number": 1, "key": key, "title": "n", "output": "o", "state": state})


def test_a_journal_that_was_cut_off_is_gone_on_with(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.jsonl")
    assert journal.read() == {}
    journal.add(result("a"))
    journal.add(result("b"))
    journal.path.write_bytes(journal.path.read_bytes()[:-20])
    assert set(journal.read()) == {"a"}
    journal.add(result("c", "failed"))
    assert {key: each.state for key, each in journal.read().items()} == {"a": "done", "c": "failed"}


class Counting:
    """A runner that only notes what it is given."""

    room = 2

    def __init__(self, states: Sequence[str]) -> None:
        self.states = list(states)
        self.given: list[tuple[int, int]] = []

    async def run(self, job: Job, key: str, *, attempt: int, heard: Callable[[str], None]) -> JobResult:
        heard("cell 1 of 1")
        self.given.append((job.number, attempt))
        state = self.states.pop(0)
        if state == "done":
            await asyncio.to_thread(Path(job.output).touch)
        made = result(key, state)
        return made.model_copy(update={"number": job.number, "attempt": attempt, "output": job.output})


def test_what_is_done_is_not_done_again_unless_its_output_or_source_changed(tmp_path: Path) -> None:
    write(tmp_path / "n.ipynb", code("1", "a"))
    jobs = planned(
        tmp_path, {"notebook": "n.ipynb", "output": "{x}.out.ipynb", "parameters": {"x": [1, 2, 3]}}
    )

    def go(*states: str, fresh: bool = False) -> list[tuple[int, int]]:
        runner = Counting(states)
        batch = Batch(jobs, Journal(tmp_path / "j.jsonl"), lambda *_: None)
        asyncio.run(batch.run(runner, fresh=fresh))
        assert set(batch.results) == {1, 2, 3}
        return sorted(runner.given)

    assert go("done", "done", "failed") == [(1, 1), (2, 1), (3, 1)]
    assert go("done") == [(3, 2)]
    assert go() == []
    (tmp_path / "2.out.ipynb").unlink()
    assert go("done") == [(2, 1)]
    assert len(go("done", "done", "done", fresh=True)) == 3
    write(tmp_path / "n.ipynb", code("2", "a"))
    assert len(go("done", "done", "done")) == 3


def test_a_batch_of_real_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    monkeypatch.setenv("CODEMAD_DATA_DIR", str(tmp_path / "data"))
    write(tmp_path / "n.ipynb", code("x = 0", "a", "parameters"), code("print(10 / x, name)", "b"))
    (tmp_path / "plan.toml").write_text(
        '[[job]]\nnotebook = "n.ipynb"\noutput = "out/{x}.ipynb"\n'
        'parameters = { x = [2, 0], name = "two words" }\n'
        '[[job]]\nnotebook = "missing.ipynb"\n'
    )
    assert main(["batch", str(tmp_path / "plan.toml"), "--workers", "2"]) == 1
    told = capsys.readouterr()
    assert told.out == "3 runs: 1 done, 1 failed, 1 usage.\n"
    assert "ZeroDivisionError" in told.err
    assert "missing.ipynb cannot be read" in told.err
    assert text_of(outputs(tmp_path / "out/2.ipynb")[2][0]) == "5.0 two words\n"
    assert outputs(tmp_path / "out/0.ipynb")[2][0]["ename"] == "ZeroDivisionError"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["0.ipynb", "2.ipynb"]
    assert main(["batch", str(tmp_path / "plan.toml"), "--list", "--json"]) == 0
    assert [json.loads(line)["number"] for line in capsys.readouterr().out.splitlines()] == [1, 2, 3]


async def test_notebooks_at_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fsspec

    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "n.ipynb", code("print('far')", "a"))
    with fsspec.open("memory://in/n.ipynb", "wb") as file:
        file.write((tmp_path / "n.ipynb").read_bytes())
    job = Job(number=1, notebook="memory://in/n.ipynb", output="memory://out/n.ipynb")
    done = await run_job(job, job_key(job))
    assert (done.state, done.text) == ("done", "Done.")
    with fsspec.open("memory://out/n.ipynb", "rb") as file:
        assert b"far" in file.read()


def test_a_stopped_batch_leaves_no_process_and_no_half_output(tmp_path: Path) -> None:
    telling = "import os, time\nopen('pid', 'w').write(str(os.getpid()))\ntime.sleep(600)"
    write(tmp_path / "n.ipynb", code(telling, "a"))
    (tmp_path / "plan.toml").write_text('[[job]]\nnotebook = "n.ipynb"\n')
    own = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    command = [*CODEMAD, "batch", "plan.toml"]
    process = subprocess.Popen(command, cwd=tmp_path, env=own, stderr=subprocess.PIPE)
    pid = tmp_path / "pid"
    wait_until(lambda: pid.exists() and pid.read_text() != "")
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=LIMIT)
    assert process.returncode == 130, said
    wait_until(lambda: not is_alive(int(pid.read_text())))
    assert not list(tmp_path.glob("*.out.ipynb"))


def test_the_worst_decides() -> None:
    assert [code for _, code in WORST] == [130, 1, 1, 4, 3, 5]
