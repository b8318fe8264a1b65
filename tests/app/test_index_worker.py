"""The process that follows a folder: what it says, and how it bears work that fails."""

import asyncio
import itertools
import json
import time
from pathlib import Path

import pytest

from codemad_jupyter.app import index_worker
from codemad_jupyter.app.finding import WorkspaceFinder
from codemad_jupyter.app.index_text import index_text
from codemad_jupyter.app.index_worker import FIRST, LONGEST, Speaker, Work
from codemad_jupyter.config.settings import Settings
from codemad_jupyter.context.indexing import Progress
from codemad_jupyter.context.manifest import Held
from codemad_jupyter.protocol.errors import ModelError
from codemad_jupyter.protocol.indexing import IndexStatus, LeftOut

LIMIT = 90.0


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_work_that_fails_is_tried_again_after_ever_longer_waits() -> None:
    clock, tried = Clock(), []

    def fail() -> None:
        tried.append(clock.now)
        raise ModelError("The model is broken.")

    work = Work(fail, clock=clock)
    for _ in range(8 * int(LONGEST)):
        work.attempt()
        clock.now += 1
    gaps = [after - before for before, after in itertools.pairwise(tried)]
    assert gaps[:4] == [FIRST, 2 * FIRST, 4 * FIRST, 8 * FIRST]
    assert max(gaps) == LONGEST
    assert "The model is broken. It is tried again in 60 minutes." in work.fault


@pytest.mark.parametrize("harm", [OSError(28, "No space left on device"), MemoryError(), ModelError("x")])
def test_work_that_succeeds_again_has_no_fault(harm: Exception) -> None:
    clock, outcomes = Clock(), [harm, None]

    def act() -> None:
        outcome = outcomes.pop(0)
        if outcome is not None:
            raise outcome

    work = Work(act, clock=clock)
    work.attempt()
    assert work.fault
    clock.now += FIRST
    work.attempt()
    assert (work.fault, outcomes) == ("", [])


def test_work_that_another_process_does_is_no_fault() -> None:
    def held() -> None:
        raise Held("Another process is at it.")

    work = Work(held)
    work.attempt()
    assert work.fault == ""


def test_says_what_changes_and_no_more() -> None:
    clock, lines = Clock(), []
    speaker = Speaker(lambda line: lines.append(json.loads(line)), clock=clock)
    speaker.faults(["", ""])
    speaker.progress(Progress("reading", 0, 9))
    speaker.progress(Progress("reading", 1, 9))  # too soon
    clock.now += index_worker.SPOKEN
    speaker.progress(Progress("reading", 5, 9))
    speaker.progress(Progress("ready", 0, 0))
    speaker.faults(["The model is broken.", ""])
    speaker.faults(["The model is broken.", ""])
    assert [(line["state"], line["done"], line["fault"]) for line in lines] == [
        ("reading", 0, ""),
        ("reading", 5, ""),
        ("ready", 0, ""),
        ("ready", 0, "The model is broken."),
    ]


async def test_a_broken_model_is_told_with_the_status_and_search_goes_on(tmp_path: Path) -> None:
    root, model = tmp_path / "work", tmp_path / "model"
    root.mkdir()
    model.mkdir()
    (root / "load.py").write_text("def load_patients(path):\n    return path\n")
    (root / "empty.py").touch()
    (model / "model.onnx").write_bytes(b"no model at all")
    (model / "config.json").write_text('{"hidden_size": 8}')
    finder = WorkspaceFinder(root, Settings(index_dir=tmp_path / "i", index=True, embedding_model=model))
    finder.start()
    try:
        end = time.monotonic() + LIMIT
        status = await finder.status()
        while "tried again in" not in status.fault or status.state != "ready":
            assert time.monotonic() < end, status
            await asyncio.sleep(0.05)
            status = await finder.status()
        assert str(model) in status.fault
        assert (status.files, status.left_out) == (1, (LeftOut(reason="empty", count=1),))
        assert [hit.path for hit in (await finder.find("patients", limit=3)).hits] == ["load.py"]
    finally:
        await finder.close()


def test_status_in_words() -> None:
    left = (LeftOut(reason="too large", count=2), LeftOut(reason="empty", count=1))
    status = IndexStatus(state="reading", done=30, total=90, files=30, chunks=200, left_out=left)
    assert index_text(status) == (
        "Index: 30 files and 200 places indexed so far; 30 of 90 new or changed files are read.\n"
        "Left out: 3 (1 empty, 2 too large)."
    )
    broken = IndexStatus(state="ready", files=1, chunks=1, lacking=1, fault="The model is broken.")
    assert broken.sentence == (
        "The model is broken. 1 file and 1 place indexed; 1 place without a vector yet."
    )
