"""Keeps secrets out of what is stored, logged or sent: known ones in every usual encoding, and text of
the shape of one (`secret_shapes`).

A secret is replaced by a placeholder that is the same as long as this process lives, so that a model
can still tell one key from another and put it back where it stood (`Redactor.restored`).
"""

import base64
import functools
import hashlib
import re
import secrets
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

from codemad_jupyter.config.secret_shapes import Found, find

PLACEHOLDER = re.compile(r"\[secret [0-9a-f]{6}: [A-Za-z -]{1,40}\]")
_KEY = secrets.token_bytes(32)
"""Makes placeholders that say nothing about what they stand for."""

_ENCODED = re.compile(r"(?<![0-9A-Za-z])(?:[0-9a-f]{2}){16,512}(?![0-9A-Za-z])")
_REMEMBERED = 10_000
_KEPT, _SHORTEST_KEPT, _LONGEST_KEPT = 400, 1_000, 50_000
"""How many answers are kept, and for texts of which length: a conversation is masked before every call."""


class Redactor:
    """Masks the given secrets wherever they stand, and whatever looks like a secret."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        self._known = sorted(
            {form for secret in known if len(secret) >= 6 for form in _forms(secret)}, key=len, reverse=True
        )
        self._phrases = [form for form in self._known if any(map(str.isspace, form))]
        self._origin: dict[str, str] = {}
        self._kept = functools.lru_cache(_KEPT)(self._masked)

    def __call__(self, text: str) -> str:
        """The text with every secret replaced by its placeholder."""
        if len(text) < 6:
            return text
        return self._kept(text) if _SHORTEST_KEPT <= len(text) <= _LONGEST_KEPT else self._masked(text)

    def _masked(self, text: str) -> str:
        spans = [*self._given(text), *(() if len(text) < 8 else find(text)), *_hidden(text)]
        return self._replaced(text, spans) if spans else text

    def begun(self, text: str) -> int:
        """Where a known secret of several words may have begun whose end is not there yet; else the end
        of the text."""
        begins = (at for form in self._phrases if (at := _begun(text, form)) is not None)
        return min(begins, default=len(text))

    def restored(self, text: str) -> str:
        """The text with placeholders replaced by what was found in documents, outputs and answers.

        What is known as a key of ours never comes back.
        """
        if "[secret " not in text:
            return text
        return PLACEHOLDER.sub(lambda found: self._origin.get(found[0], found[0]), text)

    def _given(self, text: str) -> list[Found]:
        found: list[Found] = []
        for form in self._known:
            at = text.find(form)
            while at >= 0:
                found.append(Found(at, at + len(form), ""))
                at = text.find(form, at + len(form))
        return found

    def _replaced(self, text: str, spans: list[Found]) -> str:
        pieces: list[str] = []
        at = 0
        for start, end, kinds in _joined(spans):
            secret = text[start:end]
            mark = placeholder(secret, kinds[0] or "known secret")
            if "" not in kinds and len(self._origin) < _REMEMBERED:
                self._origin.setdefault(mark, secret)
            pieces += [text[at:start], mark]
            at = end
        return "".join([*pieces, text[at:]])


def placeholder(secret: str, kind: str) -> str:
    """What stands for the secret. It depends on the secret alone and cannot be turned back."""
    digest = hashlib.blake2b(secret.encode("utf-8", "surrogatepass"), key=_KEY, digest_size=3).hexdigest()
    return f"[secret {digest}: {kind}]"


def masked_places(text: str) -> int:
    """How many placeholders stand in the text."""
    return len(PLACEHOLDER.findall(text)) if "[secret " in text else 0


def unnumbered(text: str) -> str:
    """The text with placeholders that are the same in every process, for documents that are kept."""
    return PLACEHOLDER.sub("[secret]", text) if "[secret " in text else text


def _joined(spans: list[Found]) -> list[tuple[int, int, list[str]]]:
    """The spans in order, overlapping ones as one, named after the longest."""
    joined: list[tuple[int, int, list[str]]] = []
    for start, end, kind in sorted(spans, key=lambda found: (found.start, -found.end)):
        if joined and start < joined[-1][1]:
            low, high, kinds = joined[-1]
            joined[-1] = (low, max(high, end), [*kinds, kind])
        else:
            joined.append((start, end, [kind]))
    return joined


def _begun(text: str, form: str) -> int | None:
    """Where the text ends with a part of the form that begins it."""
    first = max(len(text) - len(form) + 1, 0)
    return next((at for at in range(first, len(text)) if form.startswith(text[at:])), None)


def _hidden(text: str) -> list[Found]:
    """Hexadecimal words that spell out a secret."""
    found: list[Found] = []
    for word in _ENCODED.finditer(text) if len(text) >= 32 else ():
        raw = bytes.fromhex(word[0])
        if raw.isascii() and (plain := raw.decode()).isprintable() and any(find(plain)):
            found.append(Found(*word.span(), "encoded secret"))
    return found


def _forms(secret: str) -> set[str]:
    """The secret as it is and as it is usually encoded, also as a part of something longer."""
    raw = secret.encode("utf-8", "surrogatepass")
    forms = {
        secret,
        quote(secret, errors="replace"),
        quote(secret, safe="", errors="replace"),
        quote_plus(secret, errors="replace"),
        raw.hex(),
        raw.hex().upper(),
        secret.encode("unicode_escape").decode(),
    }
    if len(raw) >= 8:
        for before in range(3):
            # The first and the last characters depend on the neighbours; what is between does not.
            skip = (before * 8 + 5) // 6 if before else 0
            encoded = base64.b64encode(b"\0" * before + raw).rstrip(b"=").decode()
            core = encoded[skip : len(encoded) - (1 if (before + len(raw)) % 3 else 0)]
            forms |= {core, core.replace("+", "-").replace("/", "_")}
    return {form for form in forms if len(form) >= 6}
