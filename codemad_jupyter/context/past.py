"""Owns what past changes say: the words of commit messages vote for the files that those commits changed.

Kept beside the index in one file that is named after the newest commit. Where the history comes from is left
to who hands it in, and nothing here is ever required.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codemad_jupyter.context.container import Damaged, read_arrays, strings, write_arrays
from codemad_jupyter.context.segment import Field, Postings, laid, posted, term_hash
from codemad_jupyter.context.words import split

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MESSAGE = Field("file", 20, 0.6)
MOST = 20
"""A commit that changed more files says little about each."""
READ = 2_000
"""Characters of a message."""
VOTERS = 30
"""So many commits vote on a query."""
SIGNED = re.compile(r"^(co-authored-by|signed-off-by|change-id|reviewed-by):.*$|https?://\S+", re.I | re.M)
NAME = re.compile(r"past-(?P<head>[0-9a-f]+)-(?P<checksum>[0-9a-f]+)\.arrays")

Changes = Iterable[tuple[str, tuple[str, ...]]]


def write_past(folder: Path, head: str, changes: Changes) -> None:
    """Keep what the commits up to ``head`` said, instead of what was kept before."""
    import numpy as np

    numbers: dict[str, int] = {}
    files: dict[str, int] = {}
    postings, changed, places = Postings(), [], [0]
    for message, paths in changes:
        if not 0 < len(paths) <= MOST:
            continue
        found = [numbers.setdefault(term, len(numbers)) for term in split(SIGNED.sub("", message[:READ]))]
        postings.words.extend(found)
        postings.lengths.append(len(found))
        changed += [files.setdefault(path, len(files)) for path in paths]
        places.append(len(changed))
    hashes = np.array([term_hash(term) for term in numbers], dtype=np.uint64)
    arrays: dict[str, NDArray[Any]] = {
        "changed": np.array(changed, dtype=np.int32),
        "places": np.array(places, dtype=np.int64),
        **laid("path", list(files)),
        **posted("message", MESSAGE, postings, hashes),
    }
    made = folder / "past.arrays"
    checksum = write_arrays(made, arrays)
    for old in folder.glob("past-*.arrays"):
        with contextlib.suppress(OSError):  # held open elsewhere: the next one deletes it
            old.unlink()
    made.replace(folder / f"past-{head}-{checksum:x}.arrays")


class Past:
    """What is kept in the folder of an index about past changes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._name = ""
        self._arrays: dict[str, np.ndarray[Any, Any]] = {}
        self._paths: list[str] = []

    @property
    def head(self) -> str:
        """The newest commit that is known, "" for none."""
        self._load()
        found = NAME.fullmatch(self._name)
        return found["head"] if found else ""

    def votes(self, terms: Mapping[str, float]) -> dict[str, float]:
        """How much past changes speak for paths; the most for whom they speak has 1."""
        import numpy as np

        self._load()
        if not self._arrays:
            return {}
        scores = self._scores(terms)
        best = np.argsort(-scores, kind="stable")[:VOTERS]
        found = np.zeros(len(self._paths), dtype=np.float32)
        places, changed = self._arrays["places"], self._arrays["changed"]
        for commit in best[scores[best] > 0].tolist():
            files = changed[int(places[commit]) : int(places[commit + 1])]
            found[files] += float(scores[commit]) ** 2 / len(files) ** 0.5
        top = float(found.max()) if len(found) else 0.0
        return {self._paths[at]: float(found[at]) / top for at in np.flatnonzero(found).tolist()}

    def _scores(self, terms: Mapping[str, float]) -> NDArray[np.float32]:
        import numpy as np

        arrays = self._arrays
        known, at = arrays["message:terms"], arrays["message:at"]
        scores = np.zeros(len(arrays["places"]) - 1, dtype=np.float32)
        for term, weight in terms.items():
            wanted = np.uint64(term_hash(term))
            number = int(known.searchsorted(wanted))
            if number == len(known) or known[number] != wanted:
                continue
            begin, end = int(at[number]), int(at[number + 1])
            rarity = float(np.log(1 + (len(scores) - (end - begin) + 0.5) / (end - begin + 0.5)))
            counted = arrays["message:weights"][begin:end] * np.float32(rarity * weight / 255)
            scores[arrays["message:docs"][begin:end]] += counted
        return scores

    def _load(self) -> None:
        """Take in what was written since; what is damaged counts as nothing, and is written again."""
        name = next((path.name for path in self._folder.glob("past-*.arrays")), "")
        if name == self._name:
            return
        found = NAME.fullmatch(name)
        self._name, self._arrays, self._paths = "", {}, []
        if found:
            with contextlib.suppress(Damaged):
                self._arrays = read_arrays(self._folder / name, checksum=int(found["checksum"], 16))
                self._paths = strings(self._arrays, "path")
                self._name = name
