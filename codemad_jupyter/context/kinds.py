"""Owns which kinds of files stand below source in what is found, and which words ask for them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from codemad_jupyter.context.words import stem

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Kind(NamedTuple):
    """Files whose path fits count ``factor`` as much, unless the query has one of the ``asked`` words."""

    name: str
    pattern: str
    factor: float
    asked: str


KINDS = (
    Kind(
        "test",
        r"(^|/)(tests?|testing|specs?|__tests__|e2e)/|(^|/)test_[^/]*$|[_.-](test|tests|spec)\.\w+$"
        r"|(^|/)conftest\.py$",
        0.7,
        "test pytest unittest fixture spec conftest mock coverage",
    ),
    Kind(
        "example",
        r"(^|/)(examples?|demos?|samples?|tutorials?|benchmarks?|sandbox|contrib)/(?!.*\.ipynb$)",
        0.7,
        "example demo sample tutorial benchmark sandbox",
    ),
    Kind(
        "history",
        r"(^|/)(change(s|log)|history|news|authors|contributors|release[-_]?notes?|whatsnew)([^/]*$|/)",
        0.35,
        "changelog change release history news author version note",
    ),
    Kind(
        "generated",
        r"(^|/)(vendor(ed)?|third[-_]party|dist|build|_build|generated|_?static/(js|css|lib)|locale)/"
        r"|[-_.](lock|min|generated|pb2)\.\w+$|(^|/)package-lock\.json$|_pb2(_grpc)?\.py$",
        0.4,
        "vendor generated lock build",
    ),
    Kind(
        "prose",
        r"\.(md|rst|txt|adoc|html?)$",
        0.5,
        "doc docs documentation readme typo guide link wording page sphinx markdown rst install faq tutorial"
        " spelling",
    ),
    Kind(
        "settings",
        r"(^|/)\.[^/]+(/|$)|\.(ya?ml|toml|cfg|ini|json|in)$|(^|/)(Makefile|Dockerfile|setup\.py|noxfile\.py)$",
        0.8,
        "ci workflow action config configuration build travis tox package dependency pin python support setup"
        " lint pip install mypy pyright github json yaml toml",
    ),
)
COPY = Kind(
    "copy",
    r"(?<=[^/])[-_. ]?(copy ?\d*|v\d+|old|bak|backup|orig|\(\d+\))(?=/|\.\w+$)",
    0.8,
    "copy old backup original",
)
"""A file that is there without the ending too: Draft-Copy1.ipynb, data_old/load.py."""
_KINDS = tuple(
    (re.compile(kind.pattern, re.IGNORECASE), kind.factor, frozenset(map(stem, kind.asked.split())))
    for kind in (*KINDS, COPY)
)


def kinds_of(paths: Sequence[str]) -> NDArray[np.int32]:
    """The kinds each path is of, as bits in the order of `KINDS`, and the last one for copies of another."""
    import numpy as np

    known = frozenset(paths)
    found = np.zeros(len(paths), dtype=np.int32)
    for at, path in enumerate(paths):
        found[at] = _by_name(path) | (_original(path) in known) << len(_KINDS) - 1
    return found


@lru_cache(maxsize=200_000)  # each state of an index asks for all paths again
def _by_name(path: str) -> int:
    return sum(1 << bit for bit, (pattern, _, _) in enumerate(_KINDS[:-1]) if pattern.search(path))


@lru_cache(maxsize=200_000)
def _original(path: str) -> str | None:
    """What the path is a copy of, by its name; None where the name does not say so."""
    pattern = _KINDS[-1][0]
    return pattern.sub("", path) if pattern.search(path) else None


def priors(kinds: NDArray[np.int32], terms: Mapping[str, float]) -> NDArray[np.float32]:
    """What each file's score is multiplied by; a kind that the words ask for costs nothing."""
    import numpy as np

    factors = np.ones(1 << len(_KINDS), dtype=np.float32)
    for bit, (_, factor, asked) in enumerate(_KINDS):
        if not asked & terms.keys():
            factors[(np.arange(len(factors)) >> bit) & 1 == 1] *= factor
    return factors[kinds]
