"""Owns which kinds of files stand below source in what is found, and which words ask for them."""

from __future__ import annotations

import re
from collections.abc import Mapping
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
        r"(^|/)(examples?|demos?|samples?|tutorials?|benchmarks?|sandbox|contrib)/",
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
_KINDS = tuple(
    (re.compile(kind.pattern, re.IGNORECASE), kind.factor, frozenset(map(stem, kind.asked.split())))
    for kind in KINDS
)


@lru_cache(maxsize=200_000)  # each state of an index asks for all paths again
def kinds_of(path: str) -> int:
    """The kinds a path is of, as bits in the order of `KINDS`."""
    return sum(1 << bit for bit, (pattern, _, _) in enumerate(_KINDS) if pattern.search(path))


def priors(kinds: NDArray[np.int32], terms: Mapping[str, float]) -> NDArray[np.float32]:
    """What each file's score is multiplied by; a kind that the words ask for costs nothing."""
    import numpy as np

    factors = np.ones(1 << len(_KINDS), dtype=np.float32)
    for bit, (_, factor, asked) in enumerate(_KINDS):
        if not asked & terms.keys():
            factors[(np.arange(len(factors)) >> bit) & 1 == 1] *= factor
    return factors[kinds]
