"""How many generated secrets are masked, and how much ordinary code is: measured, not believed."""

import base64
import importlib.util
import json
import random
import string
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from codemad_jupyter.config.randomness import looks_random
from codemad_jupyter.config.redaction import Redactor
from codemad_jupyter.config.secret_shapes import find

LETTERS = string.ascii_letters + string.digits
LOWER = string.ascii_lowercase + string.digits
BASE64 = LETTERS + "+/"
URLSAFE = LETTERS + "-_"
CAPITALS = string.ascii_uppercase + string.digits
HEX = "0123456789abcdef"
BEGUN = "-----BEGIN RSA PRIVATE KEY-----\n"
EACH = 25


def drawn(chance: random.Random, alphabet: str, length: int) -> str:
    return "".join(chance.choice(alphabet) for _ in range(length))


def token(chance: random.Random) -> str:
    head = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').decode().rstrip("=")
    body = json.dumps({"sub": drawn(chance, LOWER, 12), "iat": chance.randrange(10**9)}).encode()
    return f"{head}.{base64.urlsafe_b64encode(body).decode().rstrip('=')}.{drawn(chance, URLSAFE, 43)}"


Make = Callable[[random.Random], str]
KINDS: dict[str, tuple[Make, str]] = {
    "openai": (lambda c: "sk-proj-" + drawn(c, URLSAFE, 64), "client = OpenAI(api_key='{}')"),
    "anthropic": (lambda c: "sk-ant-api03-" + drawn(c, URLSAFE, 93) + "AA", "key: {}"),
    "aws id": (lambda c: "AKIA" + drawn(c, CAPITALS, 16), "id {} used"),
    "aws secret": (lambda c: drawn(c, BASE64, 40), "aws_secret_access_key = {}"),
    "aws secret alone": (lambda c: drawn(c, BASE64, 40), "it printed {} then"),
    "github": (lambda c: "ghp_" + drawn(c, LETTERS, 36), "git clone https://{}@github.com/o/r"),
    "github fine": (lambda c: f"github_pat_{drawn(c, LETTERS, 22)}_{drawn(c, LETTERS, 59)}", "{}"),
    "gitlab": (lambda c: "glpat-" + drawn(c, URLSAFE, 20), "PRIVATE-TOKEN: {}"),
    "slack": (
        lambda c: f"xoxb-{drawn(c, string.digits, 12)}-{drawn(c, string.digits, 12)}-{drawn(c, LETTERS, 24)}",
        "slack('{}')",
    ),
    "slack hook": (
        lambda c: "/".join(("hooks.slack.com/services", *(drawn(c, CAPITALS, n) for n in (9, 9, 24)))),
        "post('https://{}')",
    ),
    "google": (lambda c: "AIza" + drawn(c, URLSAFE, 35), "maps?key={}&v=3"),
    "hugging face": (lambda c: "hf_" + drawn(c, string.ascii_letters, 34), "login(token='{}')"),
    "npm": (lambda c: "npm_" + drawn(c, LETTERS, 36), "//registry/:_authToken={}"),
    "pypi": (lambda c: "pypi-AgEIcHlwaS5vcmc" + drawn(c, URLSAFE, 120), "password = {}"),
    "jwt": (token, "cookie: session={}"),
    "stripe": (lambda c: "sk_live_" + drawn(c, LETTERS, 24), "stripe.api_key = '{}'"),
    "sendgrid": (lambda c: f"SG.{drawn(c, URLSAFE, 22)}.{drawn(c, URLSAFE, 43)}", "mail({})"),
    "pem": (
        lambda c: "\n".join(drawn(c, BASE64, 64) for _ in range(12)),
        BEGUN + "{}\n-----END RSA PRIVATE KEY-----",
    ),
    "url": (lambda c: drawn(c, LETTERS, 14), "engine('postgresql://scott:{}@db.example/prod')"),
    "azure storage": (lambda c: drawn(c, BASE64, 86) + "==", "AccountName=x;AccountKey={};EndpointSuffix=y"),
    "azure ad": (lambda c: f"{drawn(c, LETTERS, 3)}8Q~{drawn(c, URLSAFE, 34)}", "client_secret: '{}'"),
    "connection": (lambda c: drawn(c, LETTERS, 12), "Server=db;Uid=me;Pwd={};"),
    "password": (lambda c: drawn(c, LETTERS + "!@#%^*", 10), 'password="{}"'),
    "hex key": (lambda c: drawn(c, HEX, 40), "API_TOKEN={}"),
    "yaml key": (lambda c: drawn(c, HEX, 32), "api_key: {}\nnext: 1"),
    "bearer": (lambda c: drawn(c, LETTERS, 32), "Authorization: Bearer {}"),
    "databricks": (lambda c: "dapi" + drawn(c, HEX, 32), "host, {}"),
    "base62 alone": (lambda c: drawn(c, LETTERS, 32), "value {} here"),
    "base36 alone": (lambda c: drawn(c, LOWER, 32), "{}"),
    "base62 short": (lambda c: drawn(c, LETTERS, 24), "['{}', 2]"),
    "environment": (lambda c: drawn(c, LETTERS, 16), "export SERVICE_SECRET={}"),
    "json": (lambda c: drawn(c, LETTERS, 20), '{{"client_secret": "{}", "x": 1}}'),
}


def test_generated_secrets_are_masked() -> None:
    """At least 98 of 100, of more than twenty kinds."""
    chance, mask = random.Random(20261121), Redactor()
    missed: dict[str, int] = {}
    for kind, (make, place) in KINDS.items():
        for _ in range(EACH):
            secret = make(chance)
            shown = mask(f"before\n{place.format(secret)}\nafter")
            if secret in shown or (len(secret) > 40 and secret[8:32] in shown):
                missed[kind] = missed.get(kind, 0) + 1
    count = len(KINDS) * EACH
    print(f"\n{count} secrets of {len(KINDS)} kinds, missed: {missed}")  # noqa: T201
    assert len(KINDS) >= 20
    assert count >= 300
    assert sum(missed.values()) <= 0.02 * count
    assert all(number <= 0.12 * EACH for number in missed.values()), missed


@pytest.mark.parametrize("package", ["pandas", "sklearn"])
def test_ordinary_code_is_left_alone(package: str) -> None:
    """Fewer than one place in 10,000 lines, at 0.25 seconds a megabyte at most."""
    found = importlib.util.find_spec(package)
    assert found is not None
    assert found.origin is not None
    lines, size, places, seconds = 0, 0, 0, 0.0
    for path in sorted(Path(found.origin).parent.rglob("*.py")):
        text = path.read_text(encoding="utf-8", errors="replace")
        begun = time.process_time()
        places += len(list(find(text)))
        seconds += time.process_time() - begun
        lines, size = lines + text.count("\n"), size + len(text)
    rate, speed = places / lines * 10_000, seconds / size * 1_000_000
    print(f"\n{package}: {lines} lines, {rate:.3f} places in 10,000, {speed:.3f} s a megabyte")  # noqa: T201
    assert rate < 1
    assert speed < 0.25


def test_our_own_notebooks_and_files_are_left_alone(repository: Path) -> None:
    mask = Redactor()
    paths = [*repository.glob("binder/demo/*.ipynb"), *repository.glob("codemad_jupyter/**/*.py")]
    assert len(paths) > 50
    for path in paths:
        text = path.read_text(encoding="utf-8")
        assert mask(text) == text, path


@pytest.mark.parametrize(
    "word",
    [
        "3b18e512dba79e4c8300dd08aeb37f8e728b8dad",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "550e8400-e29b-41d4-a716-446655440000",
        "checkpoint-3f2a9c51d2e0",
        "test_dataframe_groupby_apply_returns_2d_series",
        "HistGradientBoostingClassifier2026Experimental",
        "sha512-Zt7s4GYtHLSs1JZSnBGm9XUMuGqYy5eUvOmEHPXpHAM7rFvPqfyzPQ0DFVK5eCZ3Xxq9ZMXOrE0vQ3H8qT6rVw",
        "site-packages/sklearn/ensemble/_hist_gradient_boosting/tests/test_binning_2",
        "iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblAAAAHElEQVQI12P4",
        "github.com/scipy/scipy/blob/7a7fbca0b9baa1b709e4a5e0afaf9f94bd34941c/scipy/optimize",
    ],
)
def test_what_only_looks_odd_is_no_secret(word: str) -> None:
    assert not looks_random(word)
    assert not list(find(f"see {word} there"))


def test_a_picture_in_a_text_is_no_secret() -> None:
    chance = random.Random(7)
    lines = [drawn(chance, BASE64, 76) for _ in range(40)]
    picture = "iVBORw0KGgo" + "".join(lines)
    assert not list(find(f'<img src="data:image/png;base64,{picture}">'))
    assert not list(find("\n".join(lines)))
