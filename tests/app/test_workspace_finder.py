"""The search of a workspace as the engine uses it: by itself, and with a process that follows the folder."""

import asyncio
import os
import time
from pathlib import Path

import pytest

from codemad_jupyter.app.finding import WorkspaceFinder
from codemad_jupyter.app.indexing import FolderIndex
from codemad_jupyter.config.settings import Settings
from codemad_jupyter.context.excerpts import Excerpts
from codemad_jupyter.context.manifest import writing
from codemad_jupyter.context.symbols_workspace import WorkspaceSymbols
from codemad_jupyter.context.walking import walk_files

LIMIT = 60.0


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "load.py").write_text("import csv\n\n\ndef load_patients(path):\n    return csv.reader(path)\n")
    return folder


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(index_dir=tmp_path / "indexes", index=True)


async def test_looks_after_the_index_when_it_is_asked(root: Path, settings: Settings) -> None:
    finder = WorkspaceFinder(root, settings)
    found = await finder.find("where are patients loaded", limit=5)
    assert [hit.path for hit in found.hits] == ["load.py"]
    assert "no embedding model is set" in found.notice
    await finder.close()
    assert await asyncio.to_thread(lambda: [path.name for path in root.iterdir()]) == ["load.py"]


async def test_says_that_another_process_holds_the_index(root: Path, settings: Settings) -> None:
    index = FolderIndex(root, settings)
    index.update()
    (root / "later.md").write_text("# Consent forms\n")
    finder = WorkspaceFinder(root, settings)
    with writing(index.folder):
        found = await finder.find("patients", limit=5)
    assert [hit.path for hit in found.hits] == ["load.py"]
    assert "Another process is updating" in found.notice
    await finder.close()


async def test_a_process_of_its_own_follows_the_folder_and_ends_with_the_finder(
    root: Path, settings: Settings
) -> None:
    finder = WorkspaceFinder(root, settings)
    finder.start()
    worker = finder.worker
    assert worker is not None
    assert worker.poll() is None
    await until(finder, "patients", "load.py")
    (root / "later.md").write_text("# Consent\n\nHow consent forms are kept.\n")
    await until(finder, "consent forms", "later.md")
    (root / "later.md").unlink()
    end = time.monotonic() + LIMIT
    while (await finder.find("consent forms", limit=5)).hits:
        assert time.monotonic() < end
        await asyncio.sleep(0.05)
    await finder.close()
    assert worker.poll() is not None


async def until(finder: WorkspaceFinder, query: str, path: str) -> None:
    end = time.monotonic() + LIMIT
    while path not in [hit.path for hit in (await finder.find(query, limit=5)).hits]:
        assert time.monotonic() < end
        await asyncio.sleep(0.05)


def test_status_in_words(root: Path, settings: Settings) -> None:
    index = FolderIndex(root, settings)
    assert index.status().sentence == "this folder has no index yet"
    index.update()
    assert index.status().sentence.startswith("1 file and 1 place indexed. Search goes by words")


def test_excerpts_begin_at_the_line_that_fits_and_never_leave_the_folder(
    root: Path, settings: Settings, tmp_path: Path
) -> None:
    index = FolderIndex(root, settings)
    index.update()
    hits = index.search("def load_patients")
    excerpt = Excerpts(root, "def load_patients").of(hits[0])
    assert excerpt is not None
    assert (excerpt.line, excerpt.text.splitlines()[0]) == (4, "def load_patients(path):")
    (tmp_path / "outside.py").write_text("def load_patients(path):\n    return 'canary'\n" * 9)
    (root / "load.py").unlink()
    (root / "load.py").symlink_to(tmp_path / "outside.py")
    assert Excerpts(root, "def load_patients").of(hits[0]) is None


async def test_a_name_is_looked_for_where_the_index_has_it_and_in_what_changed_since(
    root: Path, settings: Settings
) -> None:
    finder = WorkspaceFinder(root, settings)
    assert await finder.narrowed("load_patients") is None  # there is no index yet, and nobody waits for one
    (root / "use.py").write_text("from load import load_patients\n\nload_patients('a')\n")
    (root / "other.py").write_text("def weigh():\n    return 1\n")
    for name in ("load.py", "use.py", "other.py"):
        os.utime(root / name, (1_000_000_000, 1_000_000_000))
    await finder.find("patients", limit=5)
    narrowed = await finder.narrowed("load_patients")
    assert narrowed is not None
    assert narrowed.paths == {"load.py", "use.py"}
    (root / "other.py").write_text("from load import load_patients as weigh\n")
    (root / "new.py").write_text("load_patients = 1\n")
    left = [entry.path for entry in walk_files(root) if narrowed.leaves(entry)]
    assert sorted(left) == ["load.py", "new.py", "other.py", "use.py"]
    found = await asyncio.to_thread(
        lambda: WorkspaceSymbols(root).read(holding="load_patients", narrowed=narrowed)
    )
    assert {file.path for file in found.files} == set(left)
    assert len(found.paths) == 4
    (root / "other.py").write_text("def weigh():\n    return 1\n")
    os.utime(root / "other.py", (1_000_000_000, 1_000_000_000))
    left = [entry.path for entry in walk_files(root) if narrowed.leaves(entry)]
    assert sorted(left) == ["load.py", "new.py", "use.py"]
    await finder.close()
