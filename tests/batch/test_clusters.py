"""`codemad batch --cluster`: the same jobs on dask; a killed worker, none done twice, cancelling."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from codemad_jupyter.batch.cluster import OnCluster, cluster
from codemad_jupyter.batch.jobs import Job, jobs_of
from codemad_jupyter.batch.journal import JobResult, Journal
from codemad_jupyter.batch.pool import Batch
from codemad_jupyter.protocol.errors import UsageError
from tests.batch.test_notebook_runs import code, outputs, text_of, write
from tests.waiting import LIMIT, is_alive, until

TELLS = """
import os, pathlib, time
place = pathlib.Path("begun") / f"{n}-{os.getpid()}"
place.touch()
if n == 2 and len(list(place.parent.glob("2-*"))) == 1:
    time.sleep(600)
print("ran", n)
"""


@pytest.fixture
def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Job, ...]:
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    monkeypatch.setenv("CODEMAD_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "begun").mkdir()
    write(tmp_path / "n.ipynb", code("n = 0", "a", "parameters"), code(TELLS, "b"))
    table = {"notebook": "n.ipynb", "output": "out/{n}.ipynb", "parameters": {"n": [1, 2, 3]}}
    return jobs_of({"job": [table]}, folder=tmp_path, source=Path("plan.toml"))


async def test_a_killed_workers_jobs_run_elsewhere_and_none_twice(
    tmp_path: Path, jobs: tuple[Job, ...], caplog: pytest.LogCaptureFixture
) -> None:
    """The second run waits until it was begun twice: its worker is killed while it waits."""
    batch = Batch(jobs, Journal(tmp_path / "j.jsonl"), lambda *_: None)
    begun = tmp_path / "begun"
    async with cluster("local:2", batch="test") as runner, asyncio.timeout(LIMIT):
        going = asyncio.create_task(batch.run(runner))
        await until(lambda: len(list(begun.glob("[13]-*"))) == 2 and bool(list(begun.glob("2-*"))))
        await until(lambda: {1, 3} <= set(batch.results))
        kernel = int(next(begun.glob("2-*")).name.partition("-")[2])
        os.kill(await worker_of(runner, 2), signal.SIGKILL)
        await going
        await until(lambda: not is_alive(kernel))
        await until(lambda: batch.going[1].text == f"cell 3 of 3 on {batch.results[1].where}", "word of it")
    assert {number: result.state for number, result in batch.results.items()} == dict.fromkeys(
        (1, 2, 3), "done"
    )
    for n in (1, 2, 3):
        assert text_of(outputs(tmp_path / f"out/{n}.ipynb")[-1][0]) == f"ran {n}\n"
    assert sorted(path.name[0] for path in begun.iterdir()) == ["1", "2", "2", "3"]
    assert "variable_get" not in caplog.text  # what was looked for in vain would be complained of


async def test_a_cancelled_batch_ends_its_kernels(tmp_path: Path, jobs: tuple[Job, ...]) -> None:
    batch = Batch(jobs[1:2], Journal(tmp_path / "j.jsonl"), lambda *_: None)
    begun = tmp_path / "begun"
    async with cluster("local:1", batch="test") as runner, asyncio.timeout(LIMIT):
        going = asyncio.create_task(batch.run(runner))
        await until(lambda: bool(list(begun.glob("2-*"))))
        kernel = int(next(begun.glob("2-*")).name.partition("-")[2])
        going.cancel()
        await asyncio.wait({going})
        await until(lambda: not is_alive(kernel))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "address", ["local:0", "local:x", "os.system", "tcp:nowhere", "dask_jobqueue.Nothing"]
)
async def test_addresses_that_are_none(address: str) -> None:
    with pytest.raises(UsageError):
        async with cluster(address, batch="test"):
            pytest.fail("there is no such cluster")


async def worker_of(runner: OnCluster, number: int) -> int:
    """The process of the worker that has a job."""
    processing = await runner.client.processing()
    [address] = [at for at, keys in processing.items() if any(f"-{number}-" in key for key in keys)]
    pids = await runner.client.run(os.getpid, workers=[address])
    return int(pids[address])


def test_a_result_says_where_it_was_made() -> None:
    made = JobResult(number=1, key="k", title="n", output="o", state="done", where="tcp://a:1")
    assert JobResult.model_validate_json(made.model_dump_json()) == made
