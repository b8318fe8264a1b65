"""What holds for every test: a home of its own, no keys of a person's, and no network but this machine's.

Connections of this process are refused by an audit hook; programs it starts find a proxy that is not
there. A test marked `network` (it installs packages) gives its programs `registry_environment`.
"""

from __future__ import annotations

import ipaddress
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest_plugins = ["tests.servers.plugin"]

ROOT = Path(__file__).parent.parent
ORIGINAL = dict(os.environ)
HOME = pytest.StashKey[str]()
NOWHERE = "http://127.0.0.1:9"
LAST = ("tests/package/", "tests/browser/")  # slow, and Playwright's loop blocks asyncio's after it

refusals: list[str] = []


def refuse_other_machines(event: str, arguments: tuple[object, ...]) -> None:
    if event in ("socket.connect", "socket.sendto"):
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else "localhost"  # a path is a local socket
    elif event == "socket.getaddrinfo":
        host = arguments[0]
    else:
        return
    if not is_this_machine(host):
        refusals.append(f"{event} {host}")
        raise PermissionError(f"A test tried to reach {host}; only this machine's loopback is open to tests")


def is_this_machine(host: object) -> bool:
    name = host.decode() if isinstance(host, bytes) else str(host or "localhost")
    if name.lower() in ("localhost", "0.0.0.0", "::", socket.gethostname().lower()):  # noqa: S104
        return True
    try:
        return ipaddress.ip_address(name.partition("%")[0]).is_loopback
    except ValueError:
        return False


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden files of flows anew")


def pytest_configure(config: pytest.Config) -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in what a shell runs in the background
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if hands_out(config):
        return
    home = config.stash[HOME] = tempfile.mkdtemp(prefix="codemad-tests-")
    for name in [name for name in os.environ if name.endswith(("_API_KEY", "_proxy", "_PROXY"))]:
        del os.environ[name]
    for name in [name for name in os.environ if name.startswith(("CODEMAD_", "JUPYTER", "JPY_", "XDG_"))]:
        if name != "CODEMAD_CHROMIUM":
            del os.environ[name]
    proxies = {
        name: NOWHERE for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy")
    }
    here = "localhost,127.0.0.1,::1"
    author = {"GIT_AUTHOR_NAME": "Test", "GIT_AUTHOR_EMAIL": "test@localhost"}
    committer = {"GIT_COMMITTER_NAME": "Test", "GIT_COMMITTER_EMAIL": "test@localhost"}
    git = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, **author, **committer}
    # Language servers are started by the tests about them, not beside each engine of all the others.
    os.environ["CODEMAD_DIAGNOSTICS"] = "off"
    # The half second that a person is made to wait for a look at variables is too short for a busy machine.
    os.environ["CODEMAD_INSPECT_DEADLINE"] = "10"
    os.environ.update(proxies, NO_PROXY=here, no_proxy=here, HOME=home, **git)
    sys.addaudithook(refuse_other_machines)


def pytest_unconfigure(config: pytest.Config) -> None:
    if HOME in config.stash:
        shutil.rmtree(config.stash[HOME], ignore_errors=True)


def hands_out(config: pytest.Config) -> bool:
    """Does this process only hand tests out (`-n`)? Its workers start from the environment it was given."""
    return bool(config.getoption("numprocesses", None)) and not hasattr(config, "workerinput")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: next((i for i, top in enumerate(LAST, 1) if item.nodeid.startswith(top)), 0))


@pytest.fixture(autouse=True)
def only_this_machine() -> Iterator[None]:
    """Fail the test whose connection was refused, even where a library swallowed the refusal."""
    refusals.clear()
    yield
    assert not refusals, f"only this machine's loopback is open to tests: {refusals}"


@pytest.fixture
def refused() -> list[str]:
    """What the guard has refused in this test; a test that means it clears the list."""
    return refusals


@pytest.fixture(scope="session")
def registry_environment() -> dict[str, str]:
    """The environment pytest was started in, for programs that have to reach the package registries."""
    return {**ORIGINAL, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


@pytest.fixture(scope="session")
def repository() -> Path:
    return ROOT
