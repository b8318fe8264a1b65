"""The index: what is taken in, brought up to date, kept through kills, and told when it is damaged."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from codemad_jupyter.config.redaction import Redactor, unnumbered
from codemad_jupyter.context import manifest
from codemad_jupyter.context.indexing import MANY, Indexer
from codemad_jupyter.context.manifest import Held
from codemad_jupyter.context.reading import Index
from codemad_jupyter.context.scoring import Asked
from codemad_jupyter.context.search import Hit, Searcher
from codemad_jupyter.context.segment import FIELDS

CANARY = "wqx7canaryzebra"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    (folder / "pkg").mkdir(parents=True)
    (folder / "pkg" / "load.py").write_text("def load_patients(path):\n    return read_table(path)\n")
    (folder / "pkg" / "plot.py").write_text("def draw_histogram(frame):\n    return frame.hist()\n")
    cells = [
        {"id": "a1", "cell_type": "markdown", "metadata": {}, "source": "# Blood pressure"},
        {"id": "b2", "cell_type": "code", "metadata": {}, "source": ["fit = ols(pressure)\n"], "outputs": []},
    ]
    (folder / "study.ipynb").write_text(json.dumps({"cells": cells, "nbformat": 4, "nbformat_minor": 5}))
    return folder


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "index"


def find(place: Path, query: str) -> list[Hit]:
    return Searcher(Index(place)).search(query)


def paths(place: Path, query: str) -> list[str]:
    return list(dict.fromkeys(hit.path for hit in find(place, query)))


def test_finds_by_name_by_part_of_a_name_and_by_cell(root: Path, place: Path) -> None:
    Indexer(root, place).update()
    assert paths(place, "loadPatients")[0] == "pkg/load.py"
    assert paths(place, "drawing a histogram")[0] == "pkg/plot.py"
    hit = next(hit for hit in find(place, "ols pressure fit") if hit.cell == 1)
    assert (hit.path, hit.cell_id) == ("study.ipynb", "b2")
    assert find(place, "") == find(place, "?!") == []
    assert not list(root.glob("**/*.seg"))


def test_reads_only_what_changed(root: Path, place: Path) -> None:
    assert Indexer(root, place).update().read == 3
    assert Indexer(root, place).update().read == 0
    (root / "pkg" / "load.py").write_text("def fetch_subjects():\n    return 1\n")
    (root / "pkg" / "plot.py").unlink()
    report = Indexer(root, place).update()
    assert (report.read, report.removed, report.files) == (1, 1, 2)
    assert paths(place, "subjects") == ["pkg/load.py"]
    assert paths(place, "patients") == paths(place, "histogram") == []


def test_a_change_behind_the_clock_is_seen(root: Path, place: Path) -> None:
    """Same size, same time: written again right after it was read."""
    file = root / "pkg" / "load.py"
    before = file.stat()
    Indexer(root, place).update()
    file.write_text(file.read_text().replace("patients", "subjects"))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    Indexer(root, place).update()
    assert paths(place, "subjects") == ["pkg/load.py"]


def test_single_changes_and_folders_that_go(root: Path, place: Path) -> None:
    indexer = Indexer(root, place)
    indexer.update()
    (root / "new.md").write_text("# Consent\n\nHow consent forms are kept.\n")
    assert indexer.change(["new.md", "nowhere.py", "../outside.py"]).read == 1
    assert paths(place, "consent forms") == ["new.md"]
    for file in (root / "pkg").iterdir():
        file.unlink()
    (root / "pkg").rmdir()
    assert indexer.change(["pkg"]).removed == 2
    assert paths(place, "histogram") == []


def test_an_index_inside_its_folder_does_not_read_itself(root: Path) -> None:
    place = root / "kept" / "index"
    indexer = Indexer(root, place)
    assert indexer.update().files == 3
    before = manifest.signature(place)
    assert indexer.change(["kept/index/index.json", "kept/index/index.lock"]).read == 0
    assert manifest.signature(place) == before
    assert indexer.update().files == 3


def test_many_small_steps_become_one_segment(root: Path, place: Path) -> None:
    indexer = Indexer(root, place)
    indexer.update()
    for number in range(15):
        (root / f"note{number}.md").write_text(f"Remark{number} on gender and age\n")
        indexer.change([f"note{number}.md"])
    (root / "note3.md").unlink()
    indexer.change(["note3.md"])
    found, _ = manifest.load(place)
    assert found is not None
    assert len(found.parts) < MANY
    assert len([path for path in paths(place, "gender age") if path.startswith("note")]) == 14
    assert len(list(place.glob("*.seg"))) == len(found.parts)


def test_a_line_that_is_no_ignore_rule_leaves_the_others(root: Path, place: Path) -> None:
    (root / ".gitignore").write_text("!\n*.log\n[z-a]\nbad\\\n!keep.log\n")
    (root / "pkg" / ".gitignore").write_text("!\n")
    for name in ("a.log", "keep.log", "pkg/x.py"):
        (root / name).write_text("zirconium\n")
    Indexer(root, place).update()
    assert sorted(paths(place, "zirconium")) == ["keep.log", "pkg/x.py"]


def test_ignore_rules_are_those_of_git_and_more(root: Path, place: Path) -> None:
    (root / ".gitignore").write_text("*.log\n!keep.log\nbuilt/\n")
    (root / ".codemadignore").write_text("private.md\n")
    (root / "pkg" / ".gitignore").write_text("!x.log\nlocal_*\n")
    (root / "built").mkdir()
    names = ("a.log", "keep.log", "built/x.py", "private.md", "pkg/x.log", "pkg/local_a.py", "local_b.py")
    for name in names:
        (root / name).write_text("zirconium\n")
    Indexer(root, place).update()
    assert sorted(paths(place, "zirconium")) == ["keep.log", "local_b.py", "pkg/x.log"]
    (root / ".codemadignore").unlink()
    Indexer(root, place).update()
    assert "private.md" in paths(place, "zirconium")


def masking() -> Callable[[str], str]:
    """As the product masks: without numbers, whose digits would be words."""
    redact = Redactor()
    return lambda text: unnumbered(redact(text))


def test_secrets_stay_out(root: Path, place: Path) -> None:
    key = "sk-ant-" + "aB3dE5gH7jK9mN1pQ2rS4tU6vW8x"
    for name in (".env", ".env.local", "id_rsa", "server.pem", "credentials.json", ".npmrc"):
        (root / name).write_text(f"TOKEN={CANARY}\n")
    (root / ".aws").mkdir()
    (root / ".aws" / "config").write_text(CANARY)
    (root / "settings.py").write_text(f'API = "{key}"\nlimit_of_things = 3\n')
    output = {"output_type": "stream", "name": "stdout", "text": [f"key {key} cobalt\n"]}
    cell = {"id": "k1", "cell_type": "code", "metadata": {}, "source": "show()", "outputs": [output]}
    (root / "leak.ipynb").write_text(json.dumps({"cells": [cell], "nbformat": 4, "nbformat_minor": 5}))
    Indexer(root, place, mask=masking).update()
    assert find(place, CANARY) == []
    snapshot = Index(place).current()
    assert snapshot is not None
    whole = key.rpartition("-")[2].lower()
    assert all(Asked(snapshot, {whole: 1.0}).scores(name).max() == 0 for name in FIELDS)
    assert paths(place, "limit of things")[0] == "settings.py"
    written = b"".join(path.read_bytes() for path in place.iterdir())
    assert CANARY.encode() not in written
    assert key.encode() not in written


def test_odd_files_are_neither_followed_nor_opened(root: Path, place: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "far.py").write_text(CANARY)
    (root / "loop").symlink_to(root, target_is_directory=True)
    (root / "out").symlink_to(outside, target_is_directory=True)
    (root / "out.py").symlink_to(outside / "far.py")
    os.mkfifo(root / "pipe.py")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(root / "sock.py"))
    with (root / "sparse.txt").open("wb") as file:
        file.truncate(10_000_000_000)
    (root / "binary.py").write_bytes(b"\0\x01" * 100)
    deep = root
    for _ in range(200):
        deep = deep / "d"
    deep.mkdir(parents=True)
    (deep / "deep.py").write_text(CANARY)
    report = Indexer(root, place).update()
    assert find(place, CANARY) == []
    assert report.files == 3
    assert report.skipped["a link"] == 3
    assert report.skipped["no regular file"] == 2
    assert report.skipped["too large"] == report.skipped["too deep"] == 1
    assert Indexer(root, place).change(["out/far.py", "out.py", "pipe.py", "loop/pkg/load.py"]).read == 0


@pytest.mark.parametrize("harm", ["cut", "flip", "gone", "list", "older", "newer", "swapped"])
def test_a_damaged_index_gives_no_answer_and_is_built_again(root: Path, place: Path, harm: str) -> None:
    Indexer(root, place).update()
    (segment,) = place.glob("*.seg")
    raw = bytearray(segment.read_bytes())
    names = place / manifest.NAME
    listed = json.loads(names.read_text())
    if harm == "cut":
        segment.write_bytes(raw[: len(raw) // 2])
    elif harm == "flip":
        raw[len(raw) * 2 // 3] ^= 4
        segment.write_bytes(raw)
    elif harm == "gone":
        segment.unlink()
    elif harm == "list":
        names.write_text(names.read_text()[:-20])
    elif harm == "swapped":
        names.write_text(json.dumps({**listed, "parts": [{**listed["parts"][0], "name": "../../x.seg"}]}))
    else:
        names.write_text(json.dumps({**listed, "format": listed["format"] + (1 if harm == "newer" else -1)}))
    index = Index(place)
    assert Searcher(index).search("patients") == []
    assert index.fault
    report = Indexer(root, place).update()
    assert report.notice.startswith("Built again")
    assert paths(place, "patients") == ["pkg/load.py"]


def test_one_writer_at_a_time_and_readers_go_on(root: Path, place: Path) -> None:
    Indexer(root, place).update()
    with manifest.writing(place):
        with pytest.raises(Held, match="Another process"):
            Indexer(root, place).update(wait=0)
        assert paths(place, "patients") == ["pkg/load.py"]
    (root / "later.md").write_text("selenium\n")
    Indexer(root, place).update()
    assert paths(place, "selenium") == ["later.md"]


def test_a_snapshot_outlives_the_segments_it_reads(root: Path, place: Path) -> None:
    Indexer(root, place).update()
    index = Index(place)
    snapshot = index.current()
    Indexer(root, place).update(anew=True)
    assert snapshot is not None
    assert Asked(snapshot, {"patient": 1.0}).scores("body").max() > 0
    assert index.current() is not snapshot


KILLED = """
import os, signal, sys
from pathlib import Path
from codemad_jupyter.context import building, indexing
building.BATCH_FILES = 10
left = [int(sys.argv[3])]
def progress(state):
    left[0] -= 1
    if left[0] < 0:
        os.kill(os.getpid(), signal.SIGKILL)
indexing.Indexer(Path(sys.argv[1]), Path(sys.argv[2]), progress=progress).update()
"""


def test_a_killed_run_is_gone_on_with(tmp_path: Path, place: Path) -> None:
    root = tmp_path / "many"
    root.mkdir()
    for number in range(200):
        (root / f"m{number:03}.py").write_text(f"def handle_{number}(event):\n    return 'thallium'\n" * 8)
    for steps in (3, 5):
        command = [sys.executable, "-c", KILLED, str(root), str(place), str(steps)]
        assert subprocess.run(command, check=False, timeout=60).returncode == -signal.SIGKILL
        (place / "00000099.seg").write_bytes(b"left by a kill")
    held = Searcher(Index(place)).search("thallium", limit=500)
    assert 0 < len({hit.path for hit in held}) < 200
    report = Indexer(root, place).update()
    assert 0 < report.read < 200
    assert report.files == 200
    assert not (place / "00000099.seg").exists()
    assert len(paths_all(place, "thallium")) == 60
    fresh = place.with_name("fresh")
    Indexer(root, fresh).update()
    for query in ("handle 17 event", "handle_133", "thallium"):
        assert [h.record() for h in find(place, query)] == [h.record() for h in find(fresh, query)]


def paths_all(place: Path, query: str) -> set[str]:
    return {hit.path for hit in Searcher(Index(place)).search(query, limit=500)}


def test_what_changed_before_a_join_may_change_after_it(root: Path, place: Path) -> None:
    indexer = Indexer(root, place)
    indexer.update()
    for word in ("first", "second"):
        for number in range(MANY):
            (root / f"small{number}.py").write_text(f"def {word}{number}():\n    return {number}\n")
            indexer.change([f"small{number}.py"])
    searcher = Searcher(Index(place))
    assert not searcher.search("first")
    assert {hit.symbol for hit in searcher.search("second")} == {f"second{number}" for number in range(MANY)}
    snapshot = Index(place).current()
    assert snapshot is not None
    assert len(snapshot.segments) < MANY
    assert len(snapshot.numbers) == int(snapshot.alive.sum())
