"""Folders and disks that are against the index: nothing hangs or is damaged, and what is wrong is said."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from codemad_jupyter.app.index_worker import Work
from codemad_jupyter.app.indexing import FolderIndex
from codemad_jupyter.config.settings import Settings
from codemad_jupyter.context import manifest, walking
from codemad_jupyter.context.indexing import Indexer, Progress
from codemad_jupyter.context.reading import Index
from codemad_jupyter.context.search import Searcher
from codemad_jupyter.context.walking import Limits, Skips, walk_files

TEXT = "def load_patients(path):\n    return read_table(path)\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "load.py").write_text(TEXT)
    return folder


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "index"


def paths(place: Path, query: str) -> set[str]:
    return {hit.path for hit in Searcher(Index(place)).search(query, limit=500)}


def held(place: Path) -> set[str]:
    """What an index from nothing would hold is what this one holds."""
    snapshot = Index(place).current()
    assert snapshot is not None
    return {path for path, alive in zip(snapshot.paths, snapshot.alive, strict=True) if alive}


def test_very_many_empty_files_cost_no_memory_and_are_counted(tmp_path: Path) -> None:
    root = tmp_path / "many"
    root.mkdir()
    for number in range(3_000):
        (root / f"e{number}.py").touch()
    skips = Skips()
    tracemalloc.start()
    assert list(walk_files(root, skips=skips)) == []
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert skips.counts == {"empty": 3_000}
    assert peak < 3_000 * 200
    assert len(skips.paths) == 50


@pytest.mark.parametrize("limits", [Limits(visited=20), Limits(files=20)])
def test_a_walk_ends_where_there_are_too_many_files(root: Path, place: Path, limits: Limits) -> None:
    for number in range(30):
        (root / f"f{number:02}.py").write_text(TEXT)
    report = Indexer(root, place, limits=limits).update()
    assert report.files == 20
    assert report.skipped == {walking.BEYOND: 1}


def test_a_huge_table_is_left_out_unread_and_a_large_one_read_at_its_head(root: Path, place: Path) -> None:
    with (root / "huge.csv").open("wb") as file:
        file.write(b"patient,age\n")
        file.truncate(2_000_000_000)
    (root / "large.csv").write_text("subject,weight\n" + "1,zirconium\n" * 5_000)
    report = Indexer(root, place).update()
    assert report.skipped == {"too large": 1}
    assert paths(place, "subject weight") == {"large.csv"}


def test_a_file_that_grows_while_it_is_read_is_left_out(root: Path, place: Path) -> None:
    """It was small when the folder was listed: what it says is not read without bound."""
    grown = root / "log.txt"
    grown.write_text("patient\n")
    entries = list(walk_files(root))
    with grown.open("a") as file:
        file.write("patient\n" * 1_000)
    assert {entry.path for entry in entries} == {"load.py", "log.txt"}
    assert walking.read_text(grown, limit=4_000) is None
    assert Indexer(root, place, limits=Limits(text=4_000)).update().skipped == {"too large": 1}


def test_a_file_that_changes_under_the_reader_is_found_as_it_is_in_the_end(root: Path, place: Path) -> None:
    stop = threading.Event()

    def rewrite() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            (root / "load.py").write_text(f"def version_{number}(path):\n    return zirconium\n" * 20)

    writer = threading.Thread(target=rewrite)
    writer.start()
    try:
        for _ in range(5):
            Indexer(root, place).update()
    finally:
        stop.set()
        writer.join()
    (root / "load.py").write_text("def in_the_end():\n    return selenium\n")
    Indexer(root, place).update()
    assert paths(place, "selenium") == {"load.py"}
    assert paths(place, "zirconium") == set()


def test_a_folder_that_vanishes_while_it_is_read_leaves_an_index_without_it(root: Path, place: Path) -> None:
    for number in range(400):
        (root / f"f{number:03}.py").write_text(TEXT)

    def vanish(progress: Progress) -> None:
        if progress.state == "reading" and progress.done == 0:
            for path in root.iterdir():
                path.unlink()
            root.rmdir()

    report = Indexer(root, place, progress=vanish).update()
    assert (report.files, report.read) == (0, 0)
    again = Indexer(root, place).update()
    assert again.files == 0
    assert list(again.skipped) == ["cannot be listed (No such file or directory)"]


FULL = """
import resource, signal, sys
from pathlib import Path
from codemad_jupyter.context.indexing import Indexer
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), resource.RLIM_INFINITY))
Indexer(Path(sys.argv[1]), Path(sys.argv[2])).update()
"""


@pytest.mark.parametrize("room", [200, 4_000])
def test_a_disk_that_is_full_keeps_the_index_as_it_was(root: Path, place: Path, room: int) -> None:
    """A limit on the size of files stands in for the full disk: a write fails half way in the same manner."""
    Indexer(root, place).update()
    for number in range(200):
        (root / f"f{number:03}.py").write_text(f"def selenium_{number}(path):\n    return {number}\n")
    command = [sys.executable, "-c", FULL, str(root), str(place), str(room)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert "OSError" in done.stderr
    assert "load.py" in paths(place, "patients")
    assert Indexer(root, place).update().files == 201
    assert len(list(place.glob("*.new"))) == 0
    assert held(place) == {path.name for path in root.iterdir()}


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_folder_of_the_index_that_may_not_be_written_is_said(root: Path, place: Path) -> None:
    place.mkdir()
    place.chmod(0o500)
    work = Work(FolderIndex(root, Settings(index_dir=place)).catch_up)
    work.attempt()
    assert "ermission denied" in work.fault


def test_a_place_of_the_index_that_is_no_folder_is_said_and_searches_answer(root: Path, place: Path) -> None:
    place.write_text("in the way")
    index = FolderIndex(root, Settings(index_dir=place))
    work = Work(index.catch_up)
    work.attempt()
    assert str(place) in work.fault
    assert "tried again" in work.fault
    assert index.search("patients") == []
    place.unlink()
    index.catch_up()
    assert [hit.path for hit in index.search("patients")] == ["load.py"]


BUILD = """
import sys
from pathlib import Path
from codemad_jupyter.context import building
from codemad_jupyter.context.indexing import Indexer
building.BATCH_FILES = 5
Indexer(Path(sys.argv[1]), Path(sys.argv[2])).update(wait=100)
"""


@contextlib.contextmanager
def builder(root: Path, place: Path) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", BUILD, str(root), str(place)])
    try:
        yield process
    finally:
        process.kill()
        process.wait(timeout=60)


def test_two_processes_at_one_folder_make_one_whole_index(root: Path, place: Path) -> None:
    for number in range(60):
        (root / f"f{number:03}.py").write_text(TEXT)
    with builder(root, place) as one, builder(root, place) as other:
        assert [one.wait(timeout=120), other.wait(timeout=120)] == [0, 0]
    found, why = manifest.load(place)
    assert found is not None, why
    assert (found.files, found.complete) == (61, True)
    assert {path.name for path in place.glob("*.seg")} == {part.name for part in found.parts}
    assert held(place) == {path.name for path in root.iterdir()}


def test_killed_at_any_moment_the_index_is_whole_before_or_after(root: Path, place: Path) -> None:
    for number in range(60):
        (root / f"f{number:03}.py").write_text(TEXT)
    for parts in (1, 3):
        with builder(root, place) as process:
            while len(list(place.glob("*.seg"))) < parts and process.poll() is None:
                time.sleep(0.002)
            process.send_signal(signal.SIGKILL)
        index = Index(place)
        index.current()
        assert index.fault == ""
    assert Indexer(root, place).update().files == 61
    assert held(place) == {path.name for path in root.iterdir()}
    assert not list(place.glob("*.new"))
