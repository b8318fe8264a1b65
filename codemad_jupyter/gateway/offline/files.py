"""Finds where something stands in the workspace, by search_workspace."""

import re

from codemad_jupyter.gateway.offline.literals import shown
from codemad_jupyter.gateway.offline.steps import Answer, Plan, Result, Turn, ask
from codemad_jupyter.gateway.offline.wording import tokens, word_list

MAX_HITS = 12
_STOP = frozenset(
    word_list(
        """
        where is are was were s the a an do does did we i you it in of to my our your this that find
        search look for locate grep show me please can could which what file files cell cells notebook
        notebooks workspace project folder repo repository directory code codebase defined define
        defines definition used use uses using usage usages called call calls come comes from set loaded
        load loads happen happens contain contains mention mentions mentioned everywhere anywhere
        somewhere all places place occurrences occurrence within inside line lines function variable
        class module have has there help imported import imports who text word string with
        """
    )
)


def search(turn: Turn) -> Plan:
    """List the places."""
    query = query_of(turn.words)
    if not query:
        raise Answer("What shall I look for? Name it, for example “where is `load_data` defined?”.")
    result = yield from ask("search_workspace", query=query)
    if not result.offered:
        raise Answer("I cannot search here: this place offers me no search_workspace tool.")
    if not result.ok:
        raise Answer(f"The search for {shown(query)} failed: {' '.join(result.content.split())[:300]}")
    hits = hits_of(result)
    exact = [hit for hit in hits if query.casefold() in str(hit.get("text", "")).casefold()]
    if not hits:
        return f"I find {shown(query)} nowhere in the files and notebooks of the workspace."
    chosen = (exact or hits)[:MAX_HITS]
    lines = [_line(hit, query) for hit in chosen]
    start = (
        f"{shown(query)} stands in"
        if exact
        else f"Nothing holds {shown(query)} word for word; the nearest are"
    )
    more = len(exact or hits) - len(chosen)
    return f"{start}:\n\n" + "\n".join(lines) + (f"\n\nand {more} more places." if more else "")


def query_of(words: str) -> str:
    """What to look for: quoted text, else the longest run of words that are no question words."""
    toks = tokens(words)
    quoted = next((token.text for token in toks if token.quoted), None)
    if quoted:
        return quoted.strip()[:100]
    spans: list[tuple[int, int]] = []
    for match in re.finditer(r"[\w./\\-]+", words):
        part = match.group().strip(".-")
        if not part or part.casefold() in _STOP:
            continue
        near = (
            spans and words[spans[-1][1] : match.start()].strip() == "" and match.start() - spans[-1][1] < 3
        )
        spans = [*spans[:-1], (spans[-1][0], match.end())] if near else [*spans, (match.start(), match.end())]
        if len(spans) > 50:
            break
    found = [words[start:end].strip(" .-?") for start, end in spans]
    named = [text for text in found if re.search(r"[_./]|[a-z][A-Z]", text)]
    return max(named or found, key=len, default="")[:100]


def hits_of(result: Result) -> list[dict[str, object]]:
    """The places in an answer of search_workspace."""
    found = result.data.get("hits") if isinstance(result.data, dict) else None
    return [hit for hit in found if isinstance(hit, dict)] if isinstance(found, list) else []


def _line(hit: dict[str, object], query: str) -> str:
    text = str(hit.get("text", ""))
    first = next(
        (line for line in text.split("\n") if query.casefold() in line.casefold()), text.split("\n")[0]
    )
    place = f"{hit.get('path', '')}:{hit.get('line')}" if hit.get("line") else str(hit.get("path", ""))
    cell = f", cell {shown(str(hit['cell']))}" if hit.get("cell") else ""
    return f"- {shown(place)}{cell}: {shown(first.strip())}"
