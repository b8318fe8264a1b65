"""``codemad backup``, ``restore``, ``export-data`` and ``erase`` from a shell: real git, a real store."""

import asyncio
import json
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from codemad_jupyter.app import backup
from codemad_jupyter.batch.cli import main
from codemad_jupyter.config.key_store import KeyStore
from codemad_jupyter.config.paths import workspace_dir
from codemad_jupyter.git.checkpoints import Checkpoints
from codemad_jupyter.protocol.memories import Memory
from codemad_jupyter.store.checkpoints import CheckpointRecord
from codemad_jupyter.store.lock import FileLock
from codemad_jupyter.store.store import Store
from codemad_jupyter.store.user_memory import UserMemory

SECRET = "sk-test-0123456789abcdefghijklmnop"


class Place:
    """A workspace and what is kept of it, away from everybody else's."""

    def __init__(self, top: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.root, self.data = top / "work", top / "data"
        self.root.mkdir()
        self._capsys = capsys

    @property
    def folder(self) -> Path:
        return workspace_dir(self.root)

    def codemad(self, *words: object, code: int = 0) -> str:
        assert main([str(word) for word in words]) == code
        said = self._capsys.readouterr()
        return said.out + said.err

    def git(self, *words: str) -> str:
        command = ["git", "-c", "user.name=n", "-c", "user.email=e@e", *words]
        return subprocess.run(command, cwd=self.root, check=True, capture_output=True, text=True).stdout

    def fill(self) -> None:
        """A session, a checkpoint with its snapshot, facts and a key."""
        (self.root / "notes.txt").write_text("before")
        asyncio.run(self._fill())
        (self.root / "notes.txt").write_text("after")
        KeyStore().set("anthropic", SECRET, place="file")

    async def _fill(self) -> None:
        store = await Store.open(self.folder / "store.duckdb", workspace=str(self.root))
        await store.create_session("s", "Heat maps", "m", 1.0)
        snapshot = await Checkpoints(self.root, self.folder).take("snap")
        assert snapshot.kind != "none"
        await store.save_checkpoint(
            CheckpointRecord(
                id="c", session="s", run=None, reason="run", at=1.0, files={"before": snapshot.model_dump()}
            )
        )
        await store.close()
        fact = Memory(id="f", scope="user", text="likes tabs", kind="preference", created=1.0)
        await UserMemory(self.data).put_memory(fact)

    def snapshot(self) -> tuple[list[str], bytes]:
        """The sessions, and the file as the checkpoint has it."""

        async def look() -> tuple[list[str], bytes]:
            from codemad_jupyter.git.checkpoints import Snapshot

            store = await Store.open(self.folder / "store.duckdb", workspace=str(self.root))
            titles = [info.title for info in await store.sessions()]
            files: Any = (await store.checkpoint("c")).files
            await store.close()
            kept = Snapshot.model_validate(files["before"])
            found = await Checkpoints(self.root, self.folder).read(kept, "notes.txt")
            assert found is not None
            return titles, found

        return asyncio.run(look())


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Place:
    for variable, name in (
        ("CODEMAD_DATA_DIR", "data"),
        ("JUPYTER_CONFIG_DIR", "config"),
        ("JUPYTER_RUNTIME_DIR", "runtime"),
    ):
        monkeypatch.setenv(variable, str(tmp_path / name))
    return Place(tmp_path, capsys)


@pytest.mark.parametrize("repository", [True, False])
def test_what_was_erased_comes_back_from_a_backup(place: Place, tmp_path: Path, repository: bool) -> None:
    file = tmp_path / "b.zip"
    if repository:
        place.git("init", "-q")
    place.fill()
    assert "1 session" in place.codemad("backup", file, "--root", place.root)
    assert file.stat().st_mode & 0o777 == 0o600
    listing = place.codemad("erase", "--dry-run")
    assert ("1 snapshots behind private refs" in listing) is repository
    assert "the key for anthropic" in listing
    assert "Erased." in place.codemad("erase", "--yes")
    assert not any(path.is_file() for path in place.data.rglob("*"))
    assert not list((tmp_path / "config").rglob("keys*"))
    assert (place.root / "notes.txt").read_text() == "after"
    if repository:
        assert place.git("for-each-ref") == ""
    said = place.codemad("restore", file, "--root", place.root)
    assert "1 snapshot of files" in said
    assert "1 fact about you" in said
    assert place.snapshot() == (["Heat maps"], b"before")
    assert KeyStore().places() == {}


def test_the_sessions_that_were_there_are_kept_beside(place: Place, tmp_path: Path) -> None:
    file = tmp_path / "b.zip"
    place.fill()
    place.codemad("backup", file, "--root", place.root)

    async def change() -> None:
        store = await Store.open(place.folder / "store.duckdb", workspace="w")
        await store.update_session("s", title="Changed since")
        await store.close()

    asyncio.run(change())
    assert "kept as" in place.codemad("restore", file, "--root", place.root)
    assert place.snapshot()[0] == ["Heat maps"]
    (former,) = place.folder.glob("store.duckdb.replaced-*")

    async def look() -> list[str]:
        store = await Store.open(former, workspace="w")
        found = [info.title for info in await store.sessions()]
        await store.close()
        return found

    assert asyncio.run(look()) == ["Changed since"]


def spoiled(file: Path, **changes: Any) -> Path:
    """The backup with other values in its manifest."""
    target = file.with_name("spoiled.zip")
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(target, "w") as new:
        manifest = {**json.loads(old.read(backup.MANIFEST)), **changes}
        for name in old.namelist():
            new.writestr(name, json.dumps(manifest) if name == backup.MANIFEST else old.read(name))
    return target


def test_a_backup_that_is_not_whole_or_newer_changes_nothing(place: Place, tmp_path: Path) -> None:
    file = tmp_path / "b.zip"
    place.fill()
    place.codemad("backup", file, "--root", place.root)
    before = (place.folder / "store.duckdb").read_bytes()
    junk, cut = tmp_path / "junk.zip", tmp_path / "cut.zip"
    junk.write_bytes(b"no archive")
    cut.write_bytes(file.read_bytes()[:-200])
    files = json.loads(zipfile.ZipFile(file).read(backup.MANIFEST))["files"]
    wrong = {**files, "store.duckdb": {**files["store.duckdb"], "sha256": "0" * 64}}
    short = {**files, "store.duckdb": {**files["store.duckdb"], "size": 10}}
    outside = {**files, "../store.duckdb": files["store.duckdb"]}
    for bad in (junk, cut):
        assert "no whole backup" in place.codemad("restore", bad, "--root", place.root, code=2)
    for change in (wrong, short, outside):
        said = place.codemad("restore", spoiled(file, files=change), "--root", place.root, code=2)
        assert "no whole backup" in said
    said = place.codemad("restore", spoiled(file, version=99), "--root", place.root, code=2)
    assert "Update CodeMAD" in said
    assert (place.folder / "store.duckdb").read_bytes() == before
    assert not list(place.folder.glob("*replaced*"))


def test_nothing_is_touched_while_another_process_has_the_sessions(place: Place, tmp_path: Path) -> None:
    file = tmp_path / "b.zip"
    place.fill()
    place.codemad("backup", file, "--root", place.root)

    store = place.folder / "store.duckdb"
    lock = FileLock.take(Path(f"{store}.lock"), store=store)
    for words in (
        ("restore", file, "--root", place.root),
        ("erase", "--yes"),
        ("backup", "--root", place.root),
        ("export-data", tmp_path / "e.zip"),
    ):
        assert "is held by this process" in place.codemad(*words, code=1)
    lock.release()
    assert not (tmp_path / "e.zip").exists()
    assert place.snapshot() == (["Heat maps"], b"before")


def test_the_export_holds_all_but_keys_in_files_that_can_be_read(place: Place, tmp_path: Path) -> None:
    place.fill()
    file = tmp_path / "e.zip"
    place.codemad("export-data", file)
    with zipfile.ZipFile(file) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    top = f"workspaces/{place.folder.name}"
    assert json.loads(parts[f"{top}/about.json"]) == {"folder": str(place.root), "sessions": 1}
    assert json.loads(parts[f"{top}/sessions.jsonl"])["title"] == "Heat maps"
    assert "likes tabs" in parts["you/memory.json"].decode()
    assert not any(SECRET.encode() in part for part in parts.values())
    assert "is there already" in place.codemad("export-data", file, code=2)


def test_files_that_are_not_ours_survive_in_a_data_folder_that_is_shared(place: Place) -> None:
    place.fill()
    (place.data / "thesis.txt").write_text("mine")
    (place.data / "other").mkdir()
    (place.data / "other" / "store.duckdb").write_text("somebody else's")
    place.codemad("erase", "--yes")
    left = sorted(path.relative_to(place.data).as_posix() for path in place.data.rglob("*"))
    assert left == ["other", "other/store.duckdb", "thesis.txt"]


def test_one_folder_alone_can_be_erased_and_nobody_is_taken_to_agree(place: Place) -> None:
    place.fill()
    assert "Nobody is here" in place.codemad("erase", code=2)
    assert place.snapshot()[0] == ["Heat maps"]
    place.codemad("erase", "--yes", "--only", place.root)
    assert (place.data / "memory.json").exists()
    assert not list(place.data.glob("*/store.duckdb"))


def test_keys_at_rest_are_only_there_encrypted(place: Place) -> None:
    place.fill()
    assert KeyStore().get("anthropic") == SECRET
    everywhere = [path for path in place.data.parent.rglob("*") if path.is_file()]
    assert any(path.name == "keys.sealed" for path in everywhere)
    for path in everywhere:
        assert SECRET.encode() not in path.read_bytes(), path
        if path.name.startswith("keys."):
            assert path.stat().st_mode & 0o777 == 0o600
