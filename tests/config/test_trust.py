"""Nothing of a folder counts before the person trusts it, and trust is of what they saw."""

import json
import os
from pathlib import Path

import pytest

from codemad_jupyter.config.settings import Settings, load_settings
from codemad_jupyter.config.trust import FILE, TrustedFolders
from codemad_jupyter.protocol.errors import Conflict, UsageError

TIGHT = "max_steps = 3\ndata_level = 'schema'\n"


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("CODEMAD_DIAGNOSTICS", "CODEMAD_INSPECT_DEADLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CODEMAD_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("CODEMAD_CONFIG", str(tmp_path / "home" / "config.toml"))
    return tmp_path / "data"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "codemad.toml").write_text(TIGHT)
    return folder


def test_a_strangers_settings_do_not_even_tighten(data: Path, root: Path) -> None:
    settings = load_settings(root)
    assert settings.model_dump() == Settings(data_dir=data).model_dump()
    assert set(settings.origins.values()) == {"default", "CODEMAD_DATA_DIR"}
    assert str(root / "codemad.toml") in settings.notices[0]
    assert f"codemad trust {root}" in settings.notices[0]
    assert not data.exists()


def test_trust_lets_them_count_until_they_change(data: Path, root: Path) -> None:
    folders = TrustedFolders()
    assert folders.look(root).state == "untrusted"
    assert folders.trust(root).state == "trusted"
    assert load_settings(root).max_steps == 3
    (root / "codemad.toml").write_text(TIGHT + "cost_limit = 0\n")
    settings = load_settings(root)
    assert (settings.max_steps, settings.cost_limit) == (25, None)
    assert "has changed since you trusted" in settings.notices[0]
    assert folders.look(root).state == "changed"
    assert folders.advises(root)
    folders.trust(root)
    assert load_settings(root).cost_limit == 0
    assert folders.revoke(root).state == "untrusted"
    assert not folders.advises(root)
    assert load_settings(root).max_steps == 25
    assert folders.folders() == ()


def test_settings_that_come_later_ask_again_and_those_that_go_do_not(data: Path, tmp_path: Path) -> None:
    folders = TrustedFolders()
    folders.trust(tmp_path)
    (tmp_path / "codemad.toml").write_text(TIGHT)
    assert folders.look(tmp_path).state == "changed"
    (tmp_path / "codemad.toml").unlink()
    assert folders.look(tmp_path).state == "trusted"


@pytest.mark.parametrize("name", ["codemad.toml", ".codemad/hooks/look.py", ".codemad/roles/coder.md"])
def test_only_what_was_seen_is_trusted(data: Path, root: Path, name: str) -> None:
    """A cell that runs on while the person reads puts another hook in place of the one they see."""
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text("max_steps = 2\n")
    folders = TrustedFolders()
    seen = folders.look(root).digest
    (root / name).write_text("max_steps = 1\n")
    with pytest.raises(Conflict, match="has changed since it was shown"):
        folders.trust(root, seen=seen)
    assert folders.look(root).state == "untrusted"


def test_trust_is_of_one_place(data: Path, root: Path, tmp_path: Path) -> None:
    folders = TrustedFolders()
    (root / "below").mkdir()
    (tmp_path / "link").symlink_to(root)
    folders.trust(tmp_path / "link")
    assert folders.folders() == (str(root),)
    assert folders.advises(root / "below" / "..")
    assert not folders.advises(root / "below")
    assert not folders.advises(tmp_path)
    with pytest.raises(UsageError, match="is no folder"):
        folders.trust(root / "codemad.toml")


def test_it_is_kept_for_the_person_alone(data: Path, root: Path) -> None:
    former = os.umask(0)
    try:
        TrustedFolders().trust(root)
    finally:
        os.umask(former)
    assert (data / FILE).stat().st_mode & 0o777 == 0o600
    assert data.stat().st_mode & 0o777 == 0o700
    assert sorted(path.name for path in root.iterdir()) == ["codemad.toml"]


@pytest.mark.parametrize(
    "damage",
    ["", "{", "[]", '{"%s": true}', '{"%s": {"settings": 1, "since": 0}}', "[" * 100_000, '{"%s": {}}'],
)
def test_a_damaged_list_trusts_nothing_and_is_begun_anew(data: Path, root: Path, damage: str) -> None:
    data.mkdir()
    (data / FILE).write_text(damage.replace("%s", str(root)))
    folders = TrustedFolders()
    assert not folders.advises(root)
    assert folders.look(root).state == "untrusted"
    assert folders.trust(root).state == "trusted"
    assert list(json.loads((data / FILE).read_text())) == [str(root)]


def test_a_planted_link_is_not_followed(data: Path, root: Path, tmp_path: Path) -> None:
    data.mkdir()
    (tmp_path / "theirs").write_text("kept")
    (data / FILE).symlink_to(tmp_path / "theirs")
    folders = TrustedFolders()
    assert not folders.advises(root)
    folders.trust(root)
    assert (tmp_path / "theirs").read_text() == "kept"
    assert folders.advises(root)


def test_batch_trusts_by_absolute_path_for_its_own_time(
    data: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for value in ("1", ".", "work", str(root / "below"), str(root.parent)):
        monkeypatch.setenv("CODEMAD_TRUST", value)
        assert not TrustedFolders().advises(root)
        assert load_settings(root).max_steps == 25
    monkeypatch.setenv("CODEMAD_TRUST", "1")
    assert "no absolute path" in load_settings(root).notices[0]
    monkeypatch.setenv("CODEMAD_TRUST", os.pathsep.join(("/elsewhere", str(root))))
    assert load_settings(root).max_steps == 3
    assert TrustedFolders().look(root).by == "environment"
    assert not data.exists()
