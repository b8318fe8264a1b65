"""Past commits that vote for files: read from a repository, kept beside the index, never required."""

import subprocess
from pathlib import Path

import pytest

from codemad_jupyter.app.indexing import FolderIndex
from codemad_jupyter.config.settings import Settings
from codemad_jupyter.context.past import Past
from codemad_jupyter.git.history import read_history


def git(root: Path, *arguments: str) -> None:
    person = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    subprocess.run(["git", *person, *arguments], cwd=root, check=True, capture_output=True, timeout=60)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    (folder / "sub").mkdir(parents=True)
    (folder / "alpha.py").write_text("def run(value):\n    return value\n")
    (folder / "sub" / "beta.py").write_text("def go(value):\n    return value\n")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "Begin")
    (folder / "sub" / "beta.py").write_text("def go(value):\n    return value + 1\n")
    git(folder, "commit", "-qam", "Repair the thallium drift\n\nSigned-off-by: Ada <ada@example.org>")
    return folder


def test_a_commit_message_finds_the_file_it_changed(root: Path, tmp_path: Path) -> None:
    index = FolderIndex(root, Settings(index_dir=tmp_path / "index"))
    index.update()
    assert [hit.path for hit in index.search("thallium drifts")] == ["sub/beta.py"]
    (kept,) = index.folder.glob("past-*.arrays")
    index.update()
    assert list(index.folder.glob("past-*.arrays")) == [kept]
    (root / "alpha.py").write_text("def run(value):\n    return -value\n")
    git(root, "commit", "-qam", "Turn the polonium sign")
    index.update()
    assert [hit.path for hit in index.search("polonium")] == ["alpha.py"]
    assert not kept.exists()


def test_what_is_damaged_counts_as_nothing_and_is_written_again(root: Path, tmp_path: Path) -> None:
    index = FolderIndex(root, Settings(index_dir=tmp_path / "index"))
    index.update()
    (kept,) = index.folder.glob("past-*.arrays")
    kept.write_bytes(b"x" + kept.read_bytes()[1:])
    assert Past(index.folder).head == ""
    assert Past(index.folder).votes({"thallium": 1.0}) == {}
    index.update()
    assert set(Past(index.folder).votes({"thallium": 1.0})) == {"sub/beta.py"}


def test_history_is_read_below_the_folder_and_only_where_git_is_harmless(root: Path, tmp_path: Path) -> None:
    history = read_history(root / "sub")
    assert history is not None
    assert [paths for _, paths in history.changes] == [("beta.py",), ("beta.py",)]
    assert read_history(root, known=history.head) == type(history)(history.head)
    assert read_history(tmp_path) is None
    git(root, "config", "log.showSignature", "true")
    assert read_history(root) is None
