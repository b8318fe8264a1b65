"""Which table and which columns are meant; asks back where the words fit none or several."""

import re
from collections.abc import Callable, Collection, Generator
from dataclasses import dataclass

from codemad_jupyter.gateway.offline.columns import Mention, containing, find, nearest, unknown
from codemad_jupyter.gateway.offline.literals import listed, shown
from codemad_jupyter.gateway.offline.reading import Frame, Look, frame_of, is_polars, read
from codemad_jupyter.gateway.offline.steps import Answer, Call, Result, Turn
from codemad_jupyter.gateway.offline.wording import names as words_names
from codemad_jupyter.gateway.offline.wording import squeezed, tokens
from codemad_jupyter.protocol.kernels import Variable

MAX_INSPECTED = 6
Calls = tuple[Call, ...]
Results = tuple[Result, ...]


@dataclass(frozen=True)
class Chosen:
    """A table, the columns named in the words, and what the person should know about the choice."""

    frame: Frame
    words: str
    mentions: tuple[Mention, ...] = ()
    notes: tuple[str, ...] = ()

    def columns(self, *leads: str) -> tuple[str, ...]:
        """The mentioned columns, or those behind one of these prepositions, each once."""
        found = (m.column for m in self.mentions if not leads or m.lead in leads)
        return tuple(dict.fromkeys(found))


def named(words: str, candidates: Collection[str]) -> tuple[str, ...]:
    """The candidates that the words name, in the order of the words."""
    exact = [name for name in words_names(words) if name in candidates and len(name) > 1]
    quoted = [t.text for t in tokens(words) if t.quoted and t.text in candidates]
    single = [n for n in words_names(words) if n in candidates and len(n) == 1 and n not in "aAI"]
    if found := [*exact, *quoted, *single]:
        return tuple(dict.fromkeys(found))
    loose = {squeezed(name): name for name in candidates if len(squeezed(name)) > 1}
    toks = [token.text for token in tokens(words)]
    windows = (squeezed("".join(toks[i : i + n])) for n in (3, 2, 1) for i in range(len(toks) - n + 1))
    return tuple(dict.fromkeys(loose[key] for key in windows if key in loose))


def recent(turn: Turn, candidates: Collection[str], found: Look) -> str | None:
    """The candidate spoken of last, or the one the active cell uses."""
    texts = [*reversed(turn.history)]
    if found.notebook and found.notebook.active_cell:
        texts.append(found.notebook.active_cell.source)
    for text in texts:
        here = [name for name in words_names(text[:20_000]) if name in candidates]
        if here:
            return here[-1] if len(set(here)) == 1 else here[0]
    return None


def inspected(found: Look, names: Collection[str]) -> Generator[Calls, Results, tuple[Frame, ...]]:
    """The frames of these names, in depth where inspect_variable answers."""
    known = {variable.name: variable for variable in found.variables}
    asked = [name for name in names if name in known][:MAX_INSPECTED]
    results = yield tuple(Call("inspect_variable", {"name": name}) for name in asked)
    frames = []
    for name, result in zip(asked, results, strict=True):
        deep = read(Variable, result.data) if result.ok else None
        frame = frame_of(deep if deep and deep.name == name else known[name])
        if frame:
            frames.append(frame)
    return tuple(frames)


def choose(
    turn: Turn,
    found: Look,
    *,
    ask_if_tied: bool,
    fits: Callable[[Frame], int] | None = None,
) -> Generator[Calls, Results, Frame]:
    """The one table that is meant.

    By name; else the one with most of the named columns; else the one spoken of last; else, where
    the choice does no harm, the largest.
    """
    frames = {frame.name: frame for frame in found.frames}
    series = {v.name: v for v in found.variables if v.kind == "series"}
    by_name = named(turn.words, frames) or named(turn.words, series)
    if not frames and not by_name:
        raise Answer(_nothing(found))
    candidates = yield from inspected(found, by_name[:1] or _plausible(turn, frames, found))
    score = fits or (lambda frame: len(find(frame.names, turn.words)))
    best = max(score(frame) for frame in candidates)
    tied = [frame for frame in candidates if score(frame) == best]
    if len(tied) == 1:
        return tied[0]
    last = recent(turn, [frame.name for frame in tied], found)
    if last:
        return next(frame for frame in tied if frame.name == last)
    if ask_if_tied:
        raise Answer(f"Which table do you mean: {listed([frame.name for frame in tied])}?")
    return max(tied, key=lambda frame: (frame.rows or 0) * max(len(frame.columns), 1))


def _plausible(turn: Turn, frames: dict[str, Frame], found: Look) -> list[str]:
    """The frames worth a closer look: those that match best by the list alone come first."""
    last = recent(turn, frames, found)
    order = sorted(
        frames.values(),
        key=lambda f: (len(find(f.names, turn.words)), f.name == last, f.rows or 0),
        reverse=True,
    )
    return [frame.name for frame in order]


def _nothing(found: Look) -> str:
    polars = [v.name for v in found.variables if v.kind in ("dataframe", "series") and is_polars(v)]
    if polars:
        return (
            f"{listed(polars)} is a polars frame; I only write pandas code. `.to_pandas()` would convert it."
        )
    others = [v.name for v in found.variables if v.kind not in ("module", "function", "class")]
    seen = f" What I see: {listed(others)}." if others else " I see no variables at all."
    return f"There is no pandas dataframe in the kernel, so I have nothing to work on.{seen} Load one first."


def resolve(turn: Turn, frame: Frame, *, strict: bool = True, noise: Collection[str] = ()) -> Chosen:
    """The columns that the words name in this frame; asks back where one does not exist.

    ``strict`` is for abilities whose words are mostly columns.
    """
    mentions = find(frame.names, turn.words)
    for mention in mentions:
        _unambiguous(frame, mention)
    if not strict:
        return Chosen(frame, turn.words, mentions)
    notes = []
    extra: list[Mention] = []
    phrases = unknown(turn.words, mentions, noise={frame.name, *noise})
    for phrase in phrases:
        hits = containing(phrase, frame.names)
        if len(hits) != 1:
            raise Answer(no_column(phrase, frame))
        notes.append(f"I read “{_plain(phrase)}” as {shown(hits[0])}.")
        extra += _placed(turn.words, phrase, hits[0], mentions)
    every = tuple(sorted((*mentions, *extra), key=lambda mention: mention.first))
    return Chosen(frame, turn.words, every, tuple(notes))


def _unambiguous(frame: Frame, mention: Mention) -> None:
    if len(mention.choices) > 1:
        raise Answer(f"In {shown(frame.name)}, which do you mean: {listed(mention.choices)}?")
    if frame.names.count(mention.column) > 1:
        raise Answer(
            f"{shown(frame.name)} has {frame.names.count(mention.column)} columns called "
            f"{shown(mention.column)}, so code by name would be wrong. Rename them first."
        )


def no_column(phrase: str, frame: Frame) -> str:
    """The question back for a column that is not there."""
    near = nearest(phrase, frame.names)
    start = f"I find no column {shown(phrase)} in {shown(frame.name)}."
    if near:
        verb = "are" if len(near) > 1 else "is"
        return f"{start} The nearest {verb} {listed(near)}. Which one do you mean?"
    return f"{start} It has {listed(frame.names, limit=12)}. Which one do you mean?"


def _placed(words: str, phrase: str, column: str, mentions: Collection[Mention]) -> list[Mention]:
    """The accepted phrase as a mention, by finding it again under an alias."""
    hit = next((m for m in find([phrase], words) if m.first not in {o.first for o in mentions}), None)
    return [Mention((column,), hit.first, hit.last, hit.lead)] if hit else []


def _plain(phrase: str) -> str:
    return re.sub(r"[^\w .,()-]", "", phrase)[:60]
