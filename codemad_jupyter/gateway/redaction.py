"""Keeps keys out of every text that leaves the gateway."""

import base64
import re
from collections.abc import Iterable
from urllib.parse import quote

from pydantic import SecretStr

_SHAPES = re.compile(
    r"""(?ix)
    \b(?:sk|pk|rk|gsk|xai|hf|AIza|ghp|glpat)[-_]?[A-Za-z0-9_\-]{12,}   # keys of known makers
    | (?<=bearer\s)\S+
    | (?<=://)[^/\s:@]+:[^/\s@]+(?=@)                                  # credentials in an address
    """
)
_LONGEST = 400


class Redactor:
    """Replaces known keys, whatever their encoding, and whatever looks like a key."""

    def __init__(self, keys: Iterable[SecretStr | None] = ()) -> None:
        plain = {key.get_secret_value().strip() for key in keys if key is not None}
        forms = {form for key in plain if len(key) >= 4 for form in _forms(key)}
        self._forms = sorted(forms, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """The text on one line, without keys, cut where it grows long."""
        for form in self._forms:
            text = text.replace(form, "[key]")
        text = " ".join(_SHAPES.sub("[key]", text).split())
        return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _forms(key: str) -> set[str]:
    raw = key.encode("utf-8", "surrogatepass")
    return {
        key,
        quote(key, safe=""),
        raw.hex(),
        raw.hex().upper(),
        base64.b64encode(raw).decode().rstrip("="),
        base64.urlsafe_b64encode(raw).decode().rstrip("="),
        key.encode("unicode_escape").decode(),
    }
