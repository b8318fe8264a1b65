"""No secret survives, ordinary code does, and hostile text costs no time."""

import base64
import json
import time
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from codemad_jupyter.config.credentials import environment_keys, redact, redactor
from codemad_jupyter.config.redaction import PLACEHOLDER, Redactor, masked_places, placeholder

BODY = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\n" * 8
A, D = "A1b2C3d4" * 8, "0123456789abcdef" * 4

SECRETS = [
    ("sk-ant-api03-" + A, "sk-ant-api03-" + A),
    ("key is sk-proj-" + A + ".", "sk-proj-" + A),
    ("sk_live_" + A[:24], "sk_live_" + A[:24]),
    ("ghp_" + A[:36], "ghp_" + A[:36]),
    ("github_pat_11AAAAAAA0_" + A, A),
    ("glpat-" + A[:20], A[:20]),
    ("AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE"),
    ("aws_secret_access_key = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'", "wJalrXUtnFEMI"),
    ("AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "wJalrXUtnFEMI"),
    ("AIzaSyA-" + A[:32], "AIzaSyA"),
    ("ya29." + A, A),
    ("xoxb-123456789012-" + A[:24], A[:24]),
    ("hf_" + A[:34], A[:34]),
    ("npm_" + A[:36], A[:36]),
    ("pypi-AgEIcHlwaS5vcmc" + A, "AgEIcHlwaS5vcmc"),
    ("SG." + A[:22] + "." + A[:43], A[:22]),
    ("dapi" + D[:32], D[:32]),
    ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9", "eyJzdWIiOiIxMjM0In0"),
    (f"-----BEGIN PRIVATE KEY-----\n{BODY}-----END PRIVATE KEY-----", "MIIEvQ"),
    (
        f"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,AB\n\n{BODY}",
        "MIIEvQ",
    ),
    (f"-----BEGIN OPENSSH PRIVATE KEY-----\n{BODY}", "MIIEvQ"),
    ("postgresql://scott:tiger-tiger@db.example/prod", "tiger-tiger"),
    ("https://user:p%40ss:word@host/x", "p%40ss:word"),
    ("Authorization: Bearer abcdefgh12345678", "abcdefgh12345678"),
    ('{"authorization": "Basic dXNlcjpwYXNzd29yZA=="}', "dXNlcjpwYXNzd29yZA"),
    ("curl -H 'authorization: token 0123456789abcdef'", "0123456789abcdef"),
    ('password = "correct-horse"', "correct-horse"),
    ('os.environ["MY_TOKEN"] = "correct-horse"', "correct-horse"),
    ('{"client_secret": "correct-horse", "x": 1}', "correct-horse"),
    (json.dumps('{"api_key": "correct-horse"}'), "correct-horse"),
    (json.dumps("line\nsk-ant-api03-" + A), A),
    ("export OPENAI_KEY=abcdef123456", "abcdef123456"),
    ("DB_PASSWORD=hunter22\nNEXT=1", "hunter22"),
    ("AccountName=x;AccountKey=" + A + "==;EndpointSuffix=y", A),
    ("Server=db;Uid=me;Pwd=tigertiger;", "tigertiger"),
    ("http://127.0.0.1:8888/lab?token=0123456789abcdef0123", "0123456789abcdef0123"),
]


@pytest.mark.parametrize(("text", "secret"), SECRETS, ids=range(len(SECRETS)))
def test_no_secret_survives(text: str, secret: str) -> None:
    assert secret in text.replace("\\n", "\n")
    for around in (text, f"before {text} after", f"x\n{text}\ny", f"({text})"):
        assert secret not in redact(around)
        assert masked_places(redact(around)) == 1


HARMLESS = [
    "password = getpass.getpass('Password: ')",
    "token = tokenizer.encode(text)[0]",
    'api_key = os.environ["OPENAI_API_KEY"]',
    "API_KEY=$SECRET_FROM_ELSEWHERE",
    'headers = {"Authorization": f"Bearer {token}"}',
    "the basic understanding of internationalization",
    "https://host:8080/path?page=2&sort=key",
    "git@github.com:owner/repository.git",
    "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "task-1234567890123456789 and disk-0123456789abcdef0",
    "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
    "df['token'] == 'x'",
    'def f(password: str = "", token: "str | None" = None): ...',
    "max_tokens=8192",
    "emoji 🧪 \ud800 and \0",
]


@pytest.mark.parametrize("text", HARMLESS, ids=range(len(HARMLESS)))
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("PWD=/srv/lab-8\nOLDPWD=/home/ann/my project 2024\n", ""),
        ("PWD=/s3cr3tPassw0rd9", "s3cr3t"),
        ("Server=a;PWD=/home/x1secret;", "x1secret"),
        ("DB_PWD=/home/abc123456", "abc123456"),
        ("PWD=hunter2hunter2", "hunter2"),
        ("PWD=/home/ann/aZ3kQ9xLm2Pq8RtY7uWv0BnC", "aZ3kQ9"),
        (f"PWD=/home/ann/sk-ant-{A}", A),
    ],
)
def test_where_a_shell_stands_is_no_secret_and_nothing_hides_behind_that(text: str, secret: str) -> None:
    assert (redact(text) == text) is (secret == "")
    assert not secret or secret not in redact(text)


def test_what_surrounds_a_secret_stays() -> None:
    masked = redact(f"-----BEGIN PRIVATE KEY-----\n{BODY}-----END PRIVATE KEY-----\nafter")
    assert PLACEHOLDER.sub("*", masked) == "*\nafter"
    address = redact("postgresql://scott:tiger-tiger@db/prod")
    assert PLACEHOLDER.sub("*", address) == "postgresql://scott:*@db/prod"
    assigned = redact('x = 1; password = "correct-horse"; y')
    assert assigned == f'x = 1; password = "{placeholder("correct-horse", "password")}"; y'


def test_masking_twice_changes_nothing() -> None:
    for text, _ in SECRETS:
        assert redact(redact(text)) == redact(text)


def test_values_of_secret_variables_are_masked_wherever_they_stand() -> None:
    mask = redactor({"MY_SERVICE_TOKEN": "plain-looking words", "HOME": "/home/me", "X_KEY": "short"})
    assert PLACEHOLDER.sub("*", mask("a plain-looking words b /home/me short")) == "a * b /home/me short"
    both = Redactor(["abcdefgh", "abcdefgh-longer"])("abcdefgh-longer abcdefgh")
    assert PLACEHOLDER.sub("*", both) == "* *"


@pytest.mark.parametrize("before", ["", "u", "us", "user:", "x" * 20])
def test_known_secrets_are_masked_in_every_encoding(before: str) -> None:
    secret = "canary/words+of mine"
    mask, raw = Redactor([secret]), f"{before}{secret}{before}".encode()
    forms = [raw.decode(), raw.hex(), raw.hex().upper(), quote(raw), quote_plus(raw), quote(raw, safe="")]
    forms += [base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()]
    for form in forms:
        shown = mask(f"it is {form}.")
        assert masked_places(shown) == 1, form
        assert secret not in shown
        assert base64.b64encode(secret.encode()).decode()[:20] not in shown


def test_a_secret_spelt_in_digits_is_masked() -> None:
    key = "sk-ant-api03-" + A
    assert masked_places(redact(key.encode().hex())) == 1
    assert redact(("ordinary words of a text " * 2).encode().hex()).isalnum()


def test_the_same_secret_has_the_same_placeholder_and_comes_back() -> None:
    mask, key, other = Redactor(), "ghp_" + A[:36], "ghp_" + A[1:37]
    shown = mask(f"a = '{key}'; b = '{other}'; c = '{key}'")
    assert shown == mask(mask(f"a = '{key}'; b = '{other}'; c = '{key}'"))
    assert len(set(PLACEHOLDER.findall(shown))) == 2
    assert Redactor()(key) == mask(key)
    assert mask.restored(shown) == f"a = '{key}'; b = '{other}'; c = '{key}'"
    assert Redactor().restored(shown) == shown


def test_a_key_of_ours_never_comes_back() -> None:
    mask = Redactor(["ghp_" + A[:36]])
    shown = mask("x = 'ghp_" + A[:36] + "'")
    assert masked_places(shown) == 1
    assert mask.restored(shown) == shown


def test_variables_that_name_a_file_are_no_secret(tmp_path: Path) -> None:
    mask = redactor({"GOOGLE_APPLICATION_CREDENTIALS": str(tmp_path), "DB_URL": "pg://me:hunter2%40two@db"})
    assert mask(f"see {tmp_path}") == f"see {tmp_path}"
    assert masked_places(mask("it said hunter2@two and hunter2%40two")) == 2


def test_keys_are_read_from_the_environment_given() -> None:
    found = environment_keys({"ANTHROPIC_API_KEY": " a-key ", "CODEMAD_COMPATIBLE_KEY": ""})
    key = found.get("anthropic")
    assert key is not None
    assert key.get_secret_value() == "a-key"
    assert (found.get("openai"), found.get("compatible")) == (None, None)


UNITS = [
    "-----BEGIN PRIVATE KEY-----\n",
    "-----BEGIN RSA PRIVATE KEY-----\nA",
    "BEGIN PRIVATE KEY",
    "-",
    "- -",
    "eyJ",
    "eyJabcdefghi.",
    "eyJabcdefghi.abcdefghij.",
    "sk-",
    "sk-a",
    "://",
    "://a:",
    "a:b@",
    "http://a:b",
    "password",
    "password='",
    "password = ",
    "token token",
    "A_KEY",
    "A",
    "_",
    "KEY=",
    "KEY=a",
    "A_KEY=abc ",
    "authorization: ",
    "bearer ",
    "?key=",
    "&token=a",
    "Pwd=",
    '\\"api_key\\": \\"',
    "\\n",
    " ",
    "\n",
    "x",
    "0",
    "🧪",
    "SG.",
    "SG.aaaaaaaaaaaaaaaa",
]


@pytest.mark.parametrize("unit", UNITS)
def test_a_megabyte_of_anything_takes_bounded_time(unit: str) -> None:
    text = unit * (1_000_000 // len(unit))
    begun = time.process_time()
    redact(text)
    assert time.process_time() - begun < 10


def test_a_megabyte_of_code_is_quick() -> None:
    line = "    result = frame.groupby('city')['price'].mean()  # the token of a price\n"
    text = (line * 14_000)[:1_000_000]
    begun = time.perf_counter()
    assert redact(text) == text
    print(f"\n1 MB of code: {time.perf_counter() - begun:.2f} s")  # noqa: T201
