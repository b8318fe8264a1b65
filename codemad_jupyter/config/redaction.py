"""Keeps secrets out of what is stored, logged or sent: known keys, and text of the shape of one.

Every pattern is anchored and bounded, so that the time grows with the length of the text alone.
"""

import re
from collections.abc import Iterable

MASK = "[redacted]"

# Not inside a longer word, though an escaped line break may come before it.
_START = r"(?:(?<![A-Za-z0-9_-])|(?<=\\[nrt]))"

_MAKERS = "|".join(
    (
        r"sk-[A-Za-z0-9_-]{16,512}",  # Anthropic, OpenAI and most that copy them
        r"(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,256}",
        r"gh[pousr]_[A-Za-z0-9]{20,256}",
        r"github_pat_[A-Za-z0-9_]{20,256}",
        r"gl(?:pat|ptt|dt|rt)-[A-Za-z0-9_.-]{16,256}",
        r"(?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}(?![0-9A-Za-z])",
        r"AIza[A-Za-z0-9_-]{30,64}",
        r"ya29\.[A-Za-z0-9_-]{20,1024}",
        r"xox[abeoprs]-[A-Za-z0-9-]{10,256}",
        r"(?:hf|gsk|r8|npm|pplx|fw)_[A-Za-z0-9]{20,256}",
        r"(?:xai|nvapi|tvly|pplx|hvs|dop_v1)[-._][A-Za-z0-9_-]{20,256}",
        r"dckr_pat_[A-Za-z0-9_-]{16,128}",
        r"pypi-[A-Za-z0-9_-]{32,512}",
        r"SG\.[A-Za-z0-9_-]{16,64}\.[A-Za-z0-9_-]{16,128}",
        r"lsv2_(?:pt|sk)_[A-Za-z0-9_]{20,128}",
        r"dapi[0-9a-f]{32}(?![0-9a-f])",
        r"eyJ[A-Za-z0-9_-]{8,4096}\.[A-Za-z0-9_-]{8,8192}\.[A-Za-z0-9_-]{8,2048}",  # JSON web tokens
    )
)

_PEM = (
    r"-----BEGIN (?:[A-Z0-9]{1,20} ){0,4}PRIVATE KEY(?: BLOCK)?-----"
    r"(?:[A-Za-z0-9+/=\s\\:,.]|-(?!----)){0,65536}"
    r"(?:-----END [A-Z0-9 ]{1,80}-----)?"
)

_NAME = (
    r"(?:api_?-?key|access_?-?key|account_?-?key|secret(?:_?-?(?:access_?-?)?key)?|client_?-?secret"
    r"|auth_?-?token|access_?-?token|token|passwd|password|passphrase)"
)

_SHAPES = re.compile(f"{_PEM}|{_START}(?:{_MAKERS})")
_URL = re.compile(r"(?<=://)([^\s/:@\"']{0,256}):[^\s/@\"']{1,256}(?=@)")
_HEADER = re.compile(
    r"(?i)((?:\bauthorization\\?[\"']?\s{0,4}[:=]\s{0,4}\\?[\"']?(?:bearer |basic |token )?)|\bbearer )"
    r"[A-Za-z0-9._~+/=-]{8,4096}"
)
_QUOTED = re.compile(
    rf"(?i)({_NAME}\\?[\"']?\]?\s{{0,8}}[:=]\s{{0,8}}\\?[\"'])(?![{{<$%\[])[^\s\"'\\]{{8,1024}}(?=\\?[\"'])"
)
_ASSIGNED = re.compile(
    r"((?<![A-Z0-9_])[A-Z0-9_]{0,64}(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD)=)"
    r"(?=[^\s\"';&]{0,256}\d)[A-Za-z0-9_./+=~!@#%^*:-]{8,1024}"
)
_CONNECTION = re.compile(r"((?:AccountKey|SharedAccessKey|Password|Pwd)=)[^\s;\"']{6,512}")
_QUERY = re.compile(
    r"(?i)([?&](?:access_token|api_?key|key|token|sig|signature|password)=)[^\s&#\"']{8,1024}"
)


class Redactor:
    """Masks the given secrets wherever they stand, and whatever looks like a secret."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = sorted({secret for secret in secrets if len(secret) >= 8}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    def __call__(self, text: str) -> str:
        """The text with every secret replaced by ``[redacted]``."""
        text = _SHAPES.sub(MASK, text)
        text = _URL.sub(rf"\1:{MASK}", text)
        for pattern in (_HEADER, _QUOTED, _ASSIGNED, _CONNECTION, _QUERY):
            text = pattern.sub(rf"\1{MASK}", text)
        return text if self._known is None else self._known.sub(MASK, text)
