"""Signing in by a code at a provider that offers it, and an access that is renewed before it ends."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest

from codemad_jupyter.batch import cli
from codemad_jupyter.config.access import Access, keep_access
from codemad_jupyter.config.credentials import all_keys
from codemad_jupyter.config.freshness import fingerprint
from codemad_jupyter.config.key_store import KeyStore
from codemad_jupyter.config.settings import load_settings
from codemad_jupyter.config.sign_in import SLOWER, SignInRefused, begin, wait
from codemad_jupyter.protocol.errors import UsageError
from codemad_jupyter.protocol.supply import SignIn
from tests.config.memory_keyring import PlainKeyring
from tests.servers.sign_in_server import SignInServer, sign_in_server


@pytest.fixture
def server() -> Iterator[SignInServer]:
    with sign_in_server() as made:
        yield made


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("CODEMAD_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("CODEMAD_CONFIG", str(tmp_path / "home" / "config.toml"))
    former = keyring.get_keyring()
    keyring.set_keyring(PlainKeyring())
    yield tmp_path
    keyring.set_keyring(former)


def issuer(server: SignInServer) -> SignIn:
    return SignIn(issuer=server.url, client_id="codemad-test", scope="models offline_access")


def signed_in(server: SignInServer, pauses: list[float] | None = None) -> Access:
    where, code = begin("compatible", issuer(server))
    return wait("compatible", where, code, pause=(pauses if pauses is not None else []).append)


def test_the_server_is_asked_until_the_person_is_done_and_slower_when_it_says_so(
    server: SignInServer,
) -> None:
    server.script = ["authorization_pending", "slow_down", "authorization_pending"]
    pauses: list[float] = []
    access = signed_in(server, pauses)
    assert pauses == [5, 5, 5 + SLOWER, 5 + SLOWER]
    assert access.access_token == "eyJ.CANARY.access-1"
    assert access.until is not None
    assert access.until > time.time() + 3000
    asked, polled = server.forms[0], server.forms[-1]
    assert asked == {"client_id": "codemad-test", "scope": "models offline_access"}
    assert polled["grant_type"] == "urn:ietf:params:oauth:grant-type:device_code"
    assert polled["device_code"] == "dev-1"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("access_denied", "refused the sign-in"),
        ("expired_token", "was not used in time"),
        ("invalid_client", "OpenAI-compatible server refused the sign-in: so it is."),
    ],
)
def test_a_refusal_is_said_and_ends_it(server: SignInServer, error: str, said: str) -> None:
    server.script = [error]
    with pytest.raises(SignInRefused, match=said):
        signed_in(server)
    assert len(server.forms) == 2, "asked no more"


def test_a_person_who_never_comes_is_not_waited_for_longer_than_the_code_lasts(server: SignInServer) -> None:
    server.script = ["authorization_pending"] * 100
    server.code = {"expires_in": 60, "interval": 20}
    pauses: list[float] = []
    with pytest.raises(SignInRefused, match="not used in time"):
        signed_in(server, pauses)
    assert sum(pauses) == 60


def test_what_is_missing_is_said(server: SignInServer) -> None:
    with pytest.raises(UsageError, match="not known where one signs in at Anthropic"):
        begin("anthropic", None)
    with pytest.raises(UsageError, match=r"needs the id of a client.*sign_in.azure.client_id"):
        begin("azure", None)
    server.discovery = False
    with pytest.raises(SignInRefused, match="offers no sign-in by code"):
        begin("compatible", issuer(server))


@pytest.mark.parametrize("address", ["http://login.example/x", "file:///etc/passwd", "ftp://127.0.0.1/x", ""])
def test_nothing_is_sent_where_it_could_be_read_on_the_way(server: SignInServer, address: str) -> None:
    asked = SignIn(device_url=address or "x", token_url=f"{server.url}/token", client_id="c")
    with pytest.raises(UsageError, match="no https address"):
        begin("compatible", asked)
    server.code = {"verification_uri": "javascript:alert(1)"}
    with pytest.raises(SignInRefused, match="no usable code"):
        begin("compatible", issuer(server))


def test_a_redirect_is_not_followed(server: SignInServer) -> None:
    asked = SignIn(device_url=f"{server.url}/moved", token_url=f"{server.url}/token", client_id="c")
    with pytest.raises(SignInRefused, match="status 302"):
        begin("compatible", asked)
    assert len(server.forms) == 1


def test_it_is_kept_where_keys_are_and_masked(folder: Path, server: SignInServer) -> None:
    assert keep_access(KeyStore(), "compatible", signed_in(server)) == "file"
    keys = all_keys({})
    key = keys.get("compatible")
    assert key is not None
    assert key.get_secret_value() == "eyJ.CANARY.access-1"
    assert keys.place("compatible") == "file"
    assert "refresh-CANARY-1" in tuple(keys.values())
    assert "CANARY" not in load_settings().redact("a refresh-CANARY-1 and eyJ.CANARY.access-1")
    for path in (folder / "data").rglob("*"):
        assert not path.is_file() or b"CANARY" not in path.read_bytes()


def test_an_access_that_ends_soon_is_renewed_before_it_is_used(folder: Path, server: SignInServer) -> None:
    server.lasts = 100
    keep_access(KeyStore(), "compatible", signed_in(server))
    before = fingerprint(folder)
    assert ("compatible",) in before, "who holds settings sees that it is time"
    server.lasts = 3600
    key = all_keys({}).get("compatible")
    assert key is not None
    assert key.get_secret_value() == "eyJ.CANARY.access-2"
    assert server.forms[-1]["grant_type"] == "refresh_token"
    assert fingerprint(folder) != before
    asked = len(server.forms)
    assert all_keys({}).get("compatible") == key
    assert len(server.forms) == asked, "what lasts is not renewed"


def test_the_slower_of_two_processes_takes_what_the_quicker_got(folder: Path, server: SignInServer) -> None:
    server.lasts = 100
    old = signed_in(server)
    store = KeyStore()
    keep_access(store, "compatible", old)
    server.lasts = 3600
    all_keys({})
    from codemad_jupyter.config.access import current

    assert current(store, "compatible", old.model_dump_json())[0] == "eyJ.CANARY.access-2"


def test_a_sign_in_that_has_ended_is_a_sentence_and_no_key(folder: Path, server: SignInServer) -> None:
    server.lasts = -5
    keep_access(KeyStore(), "compatible", signed_in(server))
    server.script = ["invalid_grant"]
    keys = all_keys({})
    assert keys.get("compatible") is None
    assert "codemad keys login compatible" in keys.problems["compatible"]
    assert "CANARY" not in keys.problems["compatible"]


def test_the_command_shows_the_code_and_keeps_the_access(
    folder: Path, server: SignInServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.code = {"interval": 1, "verification_uri_complete": f"{server.url}/enter?user_code=WDJB-MJHT"}
    table = f'[sign_in.compatible]\nissuer = "{server.url}"\nclient_id = "codemad-test"\n'
    (folder / "home").mkdir()
    (folder / "home" / "config.toml").write_text(table)
    assert cli.main(["keys", "login", "compatible"]) == 0
    shown = capsys.readouterr()
    assert f"Open {server.url}/enter in any browser and enter WDJB-MJHT" in shown.err
    assert "You are signed in at OpenAI-compatible server; that is kept in the encrypted file." in shown.out
    assert "CANARY" not in shown.err + shown.out
    assert json.loads((folder / "data" / "keys.json").read_text()) == {"compatible": "file"}


def test_a_project_cannot_say_where_one_signs_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = folder / "project"
    project.mkdir()
    (project / "codemad.toml").write_text('[sign_in.azure]\nissuer = "https://evil.example"\n')
    monkeypatch.setenv("CODEMAD_TRUST", str(project))
    settings = load_settings(project)
    assert settings.sign_in == {}
    assert any(each.key.startswith("sign_in") for each in settings.ignored)
