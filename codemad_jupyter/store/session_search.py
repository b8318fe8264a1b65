"""Finds what past sessions said: messages of the person and of models that hold the words asked for.

The database narrows the entries down to those that hold a word; they are weighed here, on a reader thread.
"""

import re
from typing import TYPE_CHECKING, Any

from codemad_jupyter.protocol.memories import SessionHit
from codemad_jupyter.protocol.messages import Message
from codemad_jupyter.store.codec import decode

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_WORD = re.compile(r"\w+")
MOST_WORDS = 12
MOST_ROWS = 2_000
"""Entries that are looked at closely, the newest first."""
AROUND = 90
"""Characters of an excerpt before and after the first word that is found."""

_ENTRIES = """
select entries.session, sessions.title, entries.run, entries.message, entries."at"
from entries join sessions on sessions.id = entries.session
where not starts_with(entries.message, '{"role":"tool"')
    and len(list_filter(?::varchar[], lambda word: contains(lower(entries.message), word))) > 0
order by entries."at" desc limit ?
"""


def search(cursor: "DuckDBPyConnection", asked: str, limit: int) -> tuple[SessionHit, ...]:
    """The best hits: more of the words first, then the words next to each other, then the newer."""
    words = list(dict.fromkeys(_WORD.findall(asked.lower())))[:MOST_WORDS]
    if not words:
        return ()
    rows = cursor.execute(_ENTRIES, [words, MOST_ROWS]).fetchall()
    phrase = " ".join(asked.lower().split())
    weighed = [found for row in rows if (found := _weighed(row, words, phrase))]
    weighed.sort(key=lambda each: (each[0], each[1].at), reverse=True)
    return tuple(hit for _, hit in weighed[:limit])


def _weighed(row: tuple[Any, ...], words: list[str], phrase: str) -> tuple[float, SessionHit] | None:
    session, title, run, body, at = row
    message = Message.model_validate(decode(body))
    if message.role not in ("user", "assistant"):
        return None
    flat = " ".join(message.text.split())
    lower = flat.lower()
    found = [word for word in words if word in lower]
    if not found:
        return None
    place = min(lower.find(word) for word in found)
    start, end = max(place - AROUND, 0), place + AROUND
    excerpt = ("…" if start else "") + flat[start:end] + ("…" if end < len(flat) else "")
    hit = SessionHit(session=session, title=decode(title), run=run, who=message.role, at=at, excerpt=excerpt)
    return len(found) / len(words) + (0.5 if phrase in lower else 0.0), hit
