"""Where keys come from and are kept, what can be one, and that nobody sees them."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend

from codemad_jupyter.app.key_desk import forget, keep
from codemad_jupyter.batch.cli import main
from codemad_jupyter.batch.kernel_environment import kernel_environment
from codemad_jupyter.config.credentials import all_keys, environment_keys, keyed_providers
from codemad_jupyter.config.freshness import fingerprint
from codemad_jupyter.config.key_shape import usable_key
from codemad_jupyter.config.key_store import KeyStore
from codemad_jupyter.config.providers import CARDS
from codemad_jupyter.config.settings import load_settings
from codemad_jupyter.protocol.errors import CodemadError, StoreError, UsageError
from tests.config.memory_keyring import FailingKeyring, MemoryKeyring, PlainKeyring

KEY = "sk-ant-api03-CANARY0000canary1111"
OTHER = "local-key-CANARY2222"

Use = Callable[[KeyringBackend], None]


@pytest.fixture
def use() -> Iterator[Use]:
    former = keyring.get_keyring()
    yield keyring.set_keyring
    keyring.set_keyring(former)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CODEMAD_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("CODEMAD_CONFIG", str(tmp_path / "home" / "config.toml"))
    return tmp_path / "data"


def kept_bytes(root: Path) -> bytes:
    return b"".join(path.read_bytes() for path in root.rglob("*") if path.is_file())


def test_the_systems_key_store_comes_first(folder: Path, use: Use) -> None:
    store = MemoryKeyring()
    use(store)
    keys = KeyStore()
    assert keys.usual() == ("keyring", "")
    assert keys.set("anthropic", KEY) == "keyring"
    assert store.kept == {("codemad-jupyter", "anthropic"): KEY}
    assert all_keys({}).place("anthropic") == "keyring"
    assert KEY.encode() not in kept_bytes(folder)
    assert json.loads((folder / "keys.json").read_text()) == {"anthropic": "keyring"}
    assert keyed_providers({"OPENAI_API_KEY": OTHER}) == {"anthropic", "openai"}
    keys.set("anthropic", KEY, place="file")
    assert store.kept == {}
    assert keys.get("anthropic") == KEY
    assert keys.delete("anthropic")
    assert not keys.delete("anthropic")
    assert keys.get("anthropic") is None
    assert not (folder / "keys.sealed").exists()


def test_nothing_is_unlocked_where_nothing_was_kept(folder: Path, use: Use) -> None:
    store = MemoryKeyring()
    store.kept["codemad-jupyter", "anthropic"] = KEY
    use(store)
    assert all_keys({}).get("anthropic") is None


def test_a_store_in_plain_text_is_refused_and_the_file_says_what_it_is_worth(folder: Path, use: Use) -> None:
    use(PlainKeyring())
    place, notice = KeyStore().usual()
    assert place == "file"
    assert "PlainKeyring is none that keeps secrets" in notice
    assert "readable for whoever can read both files" in notice
    former = os.umask(0)
    try:
        assert KeyStore().set("anthropic", KEY) == "file"
    finally:
        os.umask(former)
    assert KEY.encode() not in kept_bytes(folder.parent)
    secret = folder.parent / "home" / "keys.secret"
    for path in (secret, folder / "keys.sealed", folder / "keys.json"):
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700
    assert KeyStore().get("anthropic") == KEY
    secret.unlink()
    with pytest.raises(UsageError, match="missing or damaged"):
        KeyStore().get("anthropic")


def test_a_passphrase_locks_the_file(folder: Path, use: Use) -> None:
    use(PlainKeyring())
    phrase = {"CODEMAD_PASSPHRASE": "correct horse"}
    KeyStore(environ=phrase).set("openai", OTHER)
    assert not (folder.parent / "home" / "keys.secret").exists()
    assert all_keys(phrase).place("openai") == "file"
    locked = all_keys({})
    assert locked.get("openai") is None
    assert "are locked. Set CODEMAD_PASSPHRASE" in locked.notices[0]
    with pytest.raises(UsageError, match="does not open"):
        KeyStore(passphrase="wrong").get("openai")


def test_the_passphrase_goes_to_no_program_started_here(folder: Path) -> None:
    code = (
        "import os, subprocess, sys\n"
        "from codemad_jupyter.config.encrypted_file import passphrase_of, take_passphrase\n"
        "take_passphrase(os.environ)\n"
        "assert passphrase_of(os.environ) == 'correct horse'\n"
        "subprocess.run([sys.executable, '-c', 'import os; print(sorted(os.environ))'], check=True)\n"
    )
    environ = {**os.environ, "CODEMAD_PASSPHRASE": "correct horse"}
    command = [sys.executable, "-c", code]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, env=environ)
    assert "CODEMAD_CONFIG" in ran.stdout
    assert "PASSPHRASE" not in ran.stdout
    assert "CODEMAD_PASSPHRASE" not in kernel_environment(environ, ())
    assert "CODEMAD_PASSPHRASE" in kernel_environment(environ, ["openai/x"])


@pytest.mark.parametrize("damage", [b"", b"{", b'{"way": "file"}', b'{"way": 1, "nonce": "x", "data": "y"}'])
def test_a_damaged_file_is_named_and_stops_nothing(folder: Path, use: Use, damage: bytes) -> None:
    use(PlainKeyring())
    KeyStore().set("openai", OTHER)
    (folder / "keys.sealed").write_bytes(damage)
    settings = load_settings()
    assert settings.credentials.get("openai") is None
    assert str(folder / "keys.sealed") in settings.notices[0]


def test_a_changed_file_is_noticed(folder: Path, use: Use) -> None:
    use(PlainKeyring())
    KeyStore().set("openai", OTHER)
    sealed = json.loads((folder / "keys.sealed").read_text())
    sealed["data"] = sealed["data"][:-8] + "AAAAAAA="
    (folder / "keys.sealed").write_text(json.dumps(sealed))
    with pytest.raises(UsageError, match="is damaged"):
        KeyStore().get("openai")


def test_what_a_failing_store_quotes_is_not_passed_on(folder: Path, use: Use) -> None:
    use(FailingKeyring())
    with pytest.raises(StoreError) as error:
        KeyStore().set("anthropic", KEY)
    assert "CANARY" not in f"{error.value}{error.value.__cause__}"
    assert KeyStore().places() == {}


def test_a_store_that_waits_for_a_person_is_not_waited_for(folder: Path, use: Use) -> None:
    held = threading.Event()

    class Locked(MemoryKeyring):
        def get_password(self, service: str, username: str) -> str | None:
            held.wait(60)
            return None

    use(Locked())
    KeyStore().set("anthropic", KEY)
    try:
        with pytest.raises(StoreError, match="did not answer"):
            KeyStore(limit=0.05).get("anthropic")
    finally:
        held.set()


def test_the_environment_wins_and_nothing_shows_a_key(
    folder: Path, use: Use, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(MemoryKeyring())
    KeyStore().set("anthropic", KEY)
    KeyStore().set("compatible", OTHER)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-from-the-environment")
    settings = load_settings()
    assert settings.credentials.place("anthropic") == "environment"
    assert settings.gateway()["compatible_api_key"].get_secret_value() == OTHER
    shown = f"{settings!r} {settings.credentials!r} {settings.gateway()!r} {settings.model_dump_json()}"
    assert "CANARY" not in shown
    assert OTHER not in settings.redact(f"it said {OTHER} aloud")


@pytest.mark.parametrize(
    ("provider", "text", "said"),
    [
        ("anthropic", "", "is empty"),
        ("anthropic", " \n", "is empty"),
        ("anthropic", "sk-ant-one\nsk-ant-CANARY", "a space or a line end inside"),
        ("anthropic", "sk-ant CANARY", "a space or a line end inside"),
        ("anthropic", "sk\u2013ant\u2013CANARY", "characters that no key has"),
        ("anthropic", "sk-ant-CANARY\x00x", "control characters"),
        ("anthropic", "CANARY" * 5_000, "longer than"),
        ("anthropic", "sk-proj-CANARY0000", "a key of OpenAI, not of Anthropic"),
        ("openai", KEY, "a key of Anthropic, not of OpenAI"),
        ("openai", "xai-CANARY", "a key of xAI"),
        ("openai", "sk-or-v1-CANARY", "a key of OpenRouter"),
        ("nobody", "CANARY", "no provider called"),
    ],
)
def test_what_cannot_be_a_key_is_refused_without_being_shown(provider: str, text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as error:
        usable_key(provider, text)
    assert "CANARY" not in str(error.value)


def test_what_copying_brought_along_is_removed() -> None:
    assert usable_key("anthropic", f" '{KEY}' \r\n") == (
        KEY,
        "Spaces, line ends or quotes around the key were removed.",
    )
    assert usable_key("anthropic", KEY) == (KEY, "")
    assert usable_key("compatible", "xai-anything")[0] == "xai-anything"
    assert usable_key("openai", KEY, any_owner=True)[0] == KEY


def test_a_key_of_the_environment_that_cannot_be_one_is_not_sent(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    settings = load_settings()
    assert settings.gateway()["openai_api_key"] is None
    assert "OPENAI_API_KEY is not used. This looks like a key of Anthropic" in settings.notices[0]
    assert "CANARY" not in settings.notices[0]
    monkeypatch.setenv("CODEMAD_OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    assert load_settings().gateway()["openai_api_key"].get_secret_value() == KEY


@pytest.mark.parametrize("provider", CARDS)
def test_every_provider_is_read_from_its_variable(provider: str) -> None:
    found = environment_keys({CARDS[provider].variables[0]: "plain-0000"})
    assert found.place(provider) == "environment"


def test_a_stored_key_for_an_unknown_provider_is_left_alone(folder: Path) -> None:
    folder.mkdir()
    (folder / "keys.json").write_text('{"later": "keyring", "openai": "elsewhere"}')
    assert KeyStore().places() == {}
    with pytest.raises(CodemadError):
        KeyStore().set("later", OTHER)


def test_nothing_heavy_is_imported_before_a_key_is_kept(folder: Path) -> None:
    code = (
        "import sys; from codemad_jupyter.config.settings import load_settings; load_settings();"
        "print([name for name in ('keyring', 'cryptography', 'tomlkit') if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout.strip() == "[]"


def test_where_a_demo_is_shared_a_key_stays_in_memory(
    folder: Path, use: Use, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A key that a visitor types is on no disk and in no kernel; a command says that it cannot keep one."""
    use(MemoryKeyring())
    monkeypatch.setenv("CODEMAD_KEYS", "memory")
    before = fingerprint(folder)
    assert "the memory of this server" in keep("anthropic", KEY)
    assert fingerprint(folder) != before
    found = all_keys().get("anthropic")
    assert found is not None
    assert (found.get_secret_value(), all_keys().place("anthropic")) == (KEY, "memory")
    assert KEY.encode() not in kept_bytes(folder.parent)
    assert not (folder / "keys.json").exists()
    assert KEY not in kernel_environment(os.environ, {"anthropic/any"}).values()
    assert main(["keys", "set", "anthropic"]) == 2
    assert "panel's key page" in capsys.readouterr().err
    KeyStore().set("anthropic", KEY, place="file")
    assert KeyStore().places() == {"anthropic": "file"}
    keep("anthropic", OTHER)
    assert "is forgotten" in forget("anthropic")
    assert "anthropic" not in keyed_providers({})
