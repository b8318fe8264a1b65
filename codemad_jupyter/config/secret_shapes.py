"""Owns what secrets look like: the marks of makers, addresses and headers that carry one, and values
behind telling names.

Every pattern is anchored and bounded, and gives nothing back where that could not help, so that the time
grows with the length of the text alone.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from codemad_jupyter.config.randomness import entropy, looks_random, random_words


class Found(NamedTuple):
    """A secret between two places of a text, and what it is."""

    start: int
    end: int
    kind: str


# Not inside a longer word, though an escaped line break may come before it.
_START = r"(?:(?<![A-Za-z0-9_-])|(?<=\\[nrt]))"

_MAKERS: tuple[tuple[str, str], ...] = (
    ("Anthropic key", r"sk-ant-[A-Za-z0-9_-]{16,512}"),
    ("OpenRouter key", r"sk-or-[A-Za-z0-9_-]{16,512}"),
    ("OpenAI key", r"sk-[A-Za-z0-9_-]{16,512}"),
    ("Stripe key", r"(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,256}|whsec_[A-Za-z0-9+/=]{20,128}"),
    ("GitHub token", r"gh[pousr]_[A-Za-z0-9]{20,256}|github_pat_[A-Za-z0-9_]{20,256}"),
    ("GitLab token", r"gl(?:pat|ptt|dt|rt|ft|soat|cbt)-[A-Za-z0-9_.-]{16,256}"),
    ("AWS key", r"(?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}(?![0-9A-Za-z])"),
    ("Google key", r"AIza[A-Za-z0-9_-]{30,64}|ya29\.[A-Za-z0-9_-]{20,1024}|GOCSPX-[A-Za-z0-9_-]{20,64}"),
    ("Slack token", r"xox[abeoprs]-[A-Za-z0-9-]{10,256}|xapp-[A-Za-z0-9-]{20,256}"),
    ("webhook", r"hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9_/-]{20,256}"),
    ("webhook", r"discord(?:app)?\.com/api/webhooks/[0-9]{10,30}/[A-Za-z0-9_-]{20,128}"),
    ("Hugging Face token", r"hf_[A-Za-z0-9]{20,256}"),
    ("npm token", r"npm_[A-Za-z0-9]{20,256}"),
    ("PyPI token", r"pypi-[A-Za-z0-9_-]{32,512}"),
    ("provider key", r"(?:gsk|r8|pplx|fw|csk|glsa|glc)_[A-Za-z0-9_]{20,256}"),
    (
        "provider key",
        r"(?:xai|nvapi|tvly|pplx|hvs|hvb|dop_v1|dd|PMAK|ntn|rnd|shpat)[-._][A-Za-z0-9_-]{20,256}",
    ),
    ("Docker token", r"dckr_pat_[A-Za-z0-9_-]{16,128}"),
    ("SendGrid key", r"SG\.[A-Za-z0-9_-]{16,64}\.[A-Za-z0-9_-]{16,128}"),
    ("LangSmith key", r"lsv2_(?:pt|sk)_[A-Za-z0-9_]{20,128}"),
    ("Databricks token", r"dapi[0-9a-f]{32}(?:-\d)?(?![0-9a-f])"),
    ("Azure secret", r"[A-Za-z0-9_~.]{3}\dQ~[A-Za-z0-9_~.-]{31,34}"),
    ("JSON web token", r"eyJ[A-Za-z0-9_-]{8,4096}\.[A-Za-z0-9_-]{8,8192}\.[A-Za-z0-9_-]{8,2048}"),
)
_KINDS = {f"m{number}": kind for number, (kind, _) in enumerate(_MAKERS)}
_MAKER = re.compile(_START + "(?:" + "|".join(f"(?P<m{i}>{p})" for i, (_, p) in enumerate(_MAKERS)) + ")")
_CANDIDATE = re.compile(r"[A-Za-z0-9_+/=.~-]{16,}")
_DIGIT = re.compile(r"[0-9]")

_PEM = re.compile(
    r"-----BEGIN (?:[A-Z0-9]{1,20} ){0,4}PRIVATE KEY(?: BLOCK)?-----"
    r"(?:[A-Za-z0-9+/=\s\\:,.]|-(?!----)){0,65536}"
    r"(?:-----END [A-Z0-9 ]{1,80}-----)?"
)
_BULK = re.compile(r"(?:^[A-Za-z0-9+/]{60,76}\r?\n){3,}[A-Za-z0-9+/]{0,76}={0,2}", re.MULTILINE)
"""Lines of encoded data, as images have them."""

_UNMASKED = r"(?!\[secret )"
_URL = re.compile(rf"://[^\s/:@\"']{{0,256}}:({_UNMASKED}[^\s/@\"'{{}}<>$]{{1,256}})@")
_SCHEME = r"(?:bearer |basic |token )"
_HEADER = re.compile(
    rf"(?i)(?:authorization\\?[\"']?\s{{0,4}}[:=]\s{{0,4}}\\?[\"']?{_SCHEME}?|bearer )"
    r"([A-Za-z0-9._~+/=-]{8,4096})"
)
_QUERY = re.compile(
    rf"(?i)[?&](?:access_token|api_?key|key|token|sig|signature|password|x-amz-signature)="
    rf"({_UNMASKED}[^\s&#\"'{{}}<>$]{{8,1024}})"
)
_CONNECTION = re.compile(
    rf"(?:AccountKey|SharedAccessKey|SharedAccessSignature|Password|Pwd|PWD)=({_UNMASKED}[^\s;\"'{{}}<>$]{{6,512}})"
)

_KEYWORD = re.compile(
    r"[kK][eE][yY]|[tT][oO][kK][eE][nN]|[sS][eE][cC][rR][eE][tT]|[pP][aA][sS][sS](?:[wW]|[pP][hH])|[pP][wW][dD]"
)
_NAME = re.compile(
    r"(?i)(?:(?:api|access|account|private|signing|encryption|client|auth|master|storage|service)[_-]?key"
    r"|secret(?:[_-]?(?:access[_-]?)?key)?|token|passwd|password|passphrase|pwd)"
)
_QUOTED = re.compile(
    r"\\?[\"']?\]?\s{0,8}[:=]\s{0,8}[rbuRBU]?\\?[\"'](?![{<$%\[])([^\s\"'\\]{8,1024}+)(?=\\?[\"'])"
)
_BARE = re.compile(r"[\"']?[ \t]{0,8}[:=][ \t]{0,8}([A-Za-z0-9_+/~!@#%^*=.-]{12,512}+)(?=[\s,;}]|\\[nr]|$)")
_ASSIGNED = re.compile(
    r"=(?=[^\s\"';&\d]{0,256}+\d)([A-Za-z0-9_./+=~!@#%^*:-]{8,1024})"
)  # only behind capitals, as in files of variables
_CAPITALS = re.compile(r"(?<![a-z])(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|PWD)\Z")


_FOLDER_NAME = re.compile(r"(?<![A-Za-z0-9_;])(?:OLD)?PWD=\Z")
_FOLDER = re.compile(
    r"/(?:Users|Volumes|app|builds?|code|content|data|etc|home|media|mnt|nix|opt|private|projects?|root|run|srv"
    r"|tmp|usr|var|work|workspaces?)(?:/[\w.@+ -]{1,255}){0,40}/?"
)
"""A folder as machines have them; a secret of someone's own that begins with a stroke is none."""


def find(text: str) -> Iterator[Found]:
    """Every secret, in no order; they may overlap."""
    if "PRIVATE KEY" in text:
        yield from (Found(*m.span(), "private key") for m in _PEM.finditer(text))
    yield from _words(text)
    for found in (*_carried(text), *_named(text)):
        if not _is_folder(text, found):
            yield found


def _words(text: str) -> Iterator[Found]:
    """Words with a maker's mark, and words that look random."""
    bulk = [m.span() for m in _BULK.finditer(text)] if len(text) > 240 else []
    for candidate in _CANDIDATE.finditer(text):
        if _DIGIT.search(candidate[0]) is None:
            continue
        start, end = candidate.span()
        marked = list(_MAKER.finditer(text, start, end))
        for match in marked:
            yield Found(*match.span(), _KINDS[match.lastgroup or ""])
        if not marked and not any(low <= start < high for low, high in bulk):
            yield from (Found(*span, "random text") for span in random_words(text, start, end))


def _carried(text: str) -> Iterator[Found]:
    """What addresses, headers and connection strings carry."""
    for pattern, kind, sign in (
        (_URL, "password in an address", "://"),
        (_QUERY, "key in an address", "="),
        (_CONNECTION, "connection secret", "="),
    ):
        if sign in text:
            yield from (Found(*m.span(1), kind) for m in pattern.finditer(text))
    lowered = text.casefold()
    if "bearer " in lowered or "authorization" in lowered:
        yield from (Found(*m.span(1), "credentials in a header") for m in _HEADER.finditer(text))


def _named(text: str) -> Iterator[Found]:
    """Values behind a name that says what they are."""
    for word in _KEYWORD.finditer(text):
        low, end = max(word.start() - 16, 0), word.end()
        names = [m for m in _NAME.finditer(text, low, end + 18) if m.start() <= word.start() < m.end()]
        end = names[-1].end() if names else end
        quoted = _QUOTED.match(text, end) if names else None
        if quoted is not None:
            yield Found(*quoted.span(1), names[-1][0].lower().replace("_", " "))
            continue
        bare = _BARE.match(text, end) if names else None
        if bare is not None and _telling(bare[1]):
            yield Found(*bare.span(1), names[-1][0].lower().replace("_", " "))
            continue
        assigned = _ASSIGNED.match(text, end) if _CAPITALS.search(text, low, end) else None
        if assigned is not None:
            yield Found(*assigned.span(1), "value of a secret variable")


def _is_folder(text: str, found: Found) -> bool:
    """Is it where a shell stands, as ``env`` tells it?"""
    if not _FOLDER_NAME.search(text, max(found.start - 8, 0), found.start):
        return False
    value = _FOLDER.match(text, found.start)
    if value is None or value.end() < found.end:
        return False
    return not any(looks_random(word) for word in value[0].split("/"))


def _telling(value: str) -> bool:
    """Whether a value without quotes is one: an expression of code is not."""
    if not any(map(str.isdigit, value)) or not any(map(str.isalpha, value)):
        return False
    return looks_random(value) or (value.isalnum() and entropy(value) >= 3.0)
