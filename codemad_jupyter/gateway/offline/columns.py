"""Finds column names in the person's words, whatever their case, spacing or plural.

The longest name wins: where a column ``mean radius`` exists, "mean" in front of "radius" is no
average. What stands where a column should and is none is told apart, for a question back.
"""

import difflib
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from codemad_jupyter.gateway.offline.wording import Token, singular, squeezed, tokens, word_list

MAX_WINDOW = 10
"""Words of the longest column name that is recognised without quotes."""

LEADS = frozenset(
    word_list(
        """
        by per of vs versus against over across between on for within each every where predict predicts
        predicting sort from using with
        """
    )
)
AGGREGATES = {
    "mean": "mean", "average": "mean", "averages": "mean", "avg": "mean", "means": "mean",
    "median": "median", "medians": "median", "sum": "sum", "sums": "sum", "total": "sum", "totals": "sum",
    "min": "min", "minimum": "min", "max": "max", "maximum": "max",
    "std": "std", "deviation": "std", "variance": "var", "var": "var",
    "count": "count", "counts": "count",
}  # fmt: skip
COUNTING = frozenset((("number", "of"), ("how", "many"), ("count", "of"), ("counts", "of")))
JOINERS = frozenset(("and", "or", "plus"))
BREAKS = LEADS | JOINERS | {"in", "from", "using", "as", "to", "then", "so", "because", "coloured", "colored"}
FLAGGED = frozenset(
    ("", "by", "per", "of", "vs", "versus", "against", "and", "across", "between", "each", "predict")
)
"""Openings after which an unknown phrase must be a column that does not exist."""

NOISE = frozenset(
    word_list(
        """
        everything anything whole entire bins bin a an the this that these those it its them i me my we
        us our you your is are was be do does did can could would will please just only now also let
        lets show draw make create give get want need like have see look display plot plots plotted
        plotting chart charts graph graphs graphed diagram figure visualise visualize visualisation
        visualization histogram histograms hist scatter scatterplot box boxplot boxplots violin bar bars
        barplot line lines pie area density heatmap kind type simple nice quick good pretty column
        columns variable variables feature features field fields value values data dataset dataframe
        dataframes df frame table rows row records record distribution distributions spread relationship
        trend time how what which many much often vary varies differ differs change changes depend
        depends relate relates compare compared comparison group groups grouped grouping groupby
        aggregate aggregated each every all both number numbers numeric different distinct unique
        standard compute calculate find tell about frequency frequencies tally breakdown shown sorted
        percentage colour coloured color colored hue separate separately respect respectively following
        cell new here me back out up top not no me's s t re hey hi hello thanks thank looks per-group
        summarise summarize summary statistics stats take into between-group values' descending
        ascending order ordered against
        """
    )
)
STOP = NOISE | BREAKS


@dataclass(frozen=True)
class Mention:
    """A column found in the words. ``choices`` holds more than one name where they read the same;
    ``lead`` is the preposition in front of it."""

    choices: tuple[str, ...]
    first: int
    last: int
    lead: str = ""

    @property
    def column(self) -> str:
        return self.choices[0]


def find(names: Collection[str], words: str) -> tuple[Mention, ...]:
    """The mentions of columns, in the order of the words."""
    toks = tokens(words)
    keys = [squeezed(token.text) for token in toks]
    index = _index(names)
    used: set[int] = set()
    found: list[Mention] = []
    for size in range(min(MAX_WINDOW, len(toks)), 0, -1):
        for first in range(len(toks) - size + 1):
            window = range(first, first + size)
            if used.intersection(window):
                continue
            end = first + size
            choices = _lookup(index, names, toks[first:end], keys[first:end], words)
            if choices and not (size == 1 and _doubtful(toks, first)):
                used.update(window)
                found.append(Mention(choices, first, first + size))
    return _with_leads(sorted(found, key=lambda mention: mention.first), toks)


def _index(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    index: dict[str, tuple[str, ...]] = {}
    short: dict[str, tuple[str, ...]] = {}
    for name in dict.fromkeys(names):
        key = squeezed(name)
        for form in {key, singular(key)} - {""}:
            index[form] = (*index.get(form, ()), name)
        bare = squeezed(re.sub(r"[(\[][^()\[\]]{0,40}[)\]]\s*$", "", name[:200]))
        if bare and bare != key:
            for form in {bare, singular(bare)}:
                short[form] = (*short.get(form, ()), name)
    return short | index


def _lookup(
    index: dict[str, tuple[str, ...]],
    names: Collection[str],
    window: Sequence[Token],
    keys: Sequence[str],
    words: str,
) -> tuple[str, ...]:
    """The columns that a window of the words names; ``keys`` has its tokens squeezed."""
    if len(window) == 1 and window[0].quoted and window[0].text in names:
        return (window[0].text,)
    if len(window) > 1 and any(token.quoted for token in window):
        return ()
    head, last = "".join(keys[:-1]), keys[-1]
    choices = index.get(head + last) or index.get(head + singular(last)) or ()
    written = words[window[0].start : window[-1].end]
    return (written,) if written in choices else choices


def _doubtful(toks: Sequence[Token], at: int) -> bool:
    """A column called ``a`` or ``count`` is only meant where a column must stand."""
    token = toks[at]
    if token.quoted or (token.text not in STOP and token.text not in AGGREGATES):
        return False
    following = toks[at + 1].text if at + 1 < len(toks) else ""
    before = toks[at - 1].text if at else ""
    if before in ("column", "columns"):
        return False
    closes = following == "" or following in BREAKS or following in ("descending", "ascending")
    return at == 0 or not closes


def _with_leads(found: list[Mention], toks: Sequence[Token]) -> tuple[Mention, ...]:
    settled: list[Mention] = []
    end = 0
    lead = ""
    for mention in found:
        between = [token.text for token in toks[end : mention.first] if not token.quoted]
        if any(word in AGGREGATES for word in between):
            lead = "of"
        lead = next((word for word in reversed(between) if word in LEADS), lead)
        settled.append(Mention(mention.choices, mention.first, mention.last, lead))
        end = mention.last
    return tuple(settled)


def unknown(words: str, mentions: Iterable[Mention], *, noise: Collection[str] = ()) -> tuple[str, ...]:
    """Phrases that stand where a column should and name none."""
    toks = tokens(words)
    inside = {at for mention in mentions for at in range(mention.first, mention.last)}
    extra = {part.text for name in noise for part in tokens(name)} | set(noise)
    phrases: list[str] = []
    opening, rest, known = "", [], False  # type: tuple[str, list[Token], bool]
    for at, token in enumerate(toks):
        if at not in inside and not token.quoted and token.text in BREAKS:
            phrases += _phrase(opening, rest, known=known, words=words)
            entity = at and (toks[at - 1].text, token.text) in COUNTING
            opening, rest, known = "(rows)" if entity else token.text, [], False
        elif at in inside:
            known = True
        elif token.quoted or not (_is_noise(token.text, extra) or (at and toks[at - 1].text == "many")):
            rest.append(token)
    return tuple(phrases + _phrase(opening, rest, known=known, words=words))


def _is_noise(word: str, extra: Collection[str]) -> bool:
    return word in NOISE or word in AGGREGATES or word in extra or word.isdigit()


def _phrase(opening: str, rest: list[Token], *, known: bool, words: str) -> list[str]:
    if not rest or (known and not any(token.quoted for token in rest)) or opening not in FLAGGED:
        return []
    quoted = next((token.text for token in rest if token.quoted), "")
    return [quoted or " ".join(words[rest[0].start : rest[-1].end].split())]


def aggregates(words: str, mentions: Iterable[Mention]) -> tuple[str, ...]:
    """The aggregations asked for, in the order of the words; those inside a column's name are none."""
    inside = {at for mention in mentions for at in range(mention.first, mention.last)}
    free = [token.text for at, token in enumerate(tokens(words)) if at not in inside and not token.quoted]
    found = [AGGREGATES[word] for word in free if word in AGGREGATES]
    counted = any(pair in COUNTING for pair in pairwise(free))
    return tuple(dict.fromkeys([*found, *(("count",) if counted else ())]))


def parts(text: str) -> frozenset[str]:
    """The words of a name, without plural endings."""
    return frozenset(singular(token.text) for token in tokens(text.replace("`", " ").replace('"', " ")))


def containing(phrase: str, names: Iterable[str]) -> tuple[str, ...]:
    """The names that contain every word of the phrase."""
    wanted = parts(phrase)
    return tuple(name for name in names if wanted and wanted <= parts(name))


def nearest(phrase: str, names: Collection[str], *, limit: int = 4) -> tuple[str, ...]:
    """The names most like the phrase, best first."""
    keys: dict[str, str] = {}
    for name in names:
        keys.setdefault(squeezed(name)[:100], name)
    close = difflib.get_close_matches(squeezed(phrase)[:100], list(keys)[:2000], n=limit, cutoff=0.6)
    sharing = [name for name in names if parts(name) & parts(phrase)]
    ranked = [*containing(phrase, names), *(keys[key] for key in close), *sharing]
    return tuple(dict.fromkeys(ranked))[:limit]
