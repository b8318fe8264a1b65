"""A ranked map of the workspace: its most used files with their most used symbols, in few tokens.

The rank is that of a walk from file to file along the names that one uses and another defines; it
knows no prompt, and the same files always give the same map.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from codemad_jupyter.context.chunking.values import Definition, FileSymbols, Import, Reference
from codemad_jupyter.context.symbols_modules import OWN, Modules, family
from codemad_jupyter.protocol.tokens import tokens

ROUNDS = 20
DAMPING = 0.85
IMPORTED = 0.3
BY_METHOD = 0.1
"""What a use of ``x.name`` counts, where only the name tells what it means."""
IMPORTING = frozenset({"python", "javascript", "java", "rust"})
"""Languages in which a file says where its names come from."""
EVERYWHERE = 8
"""A name defined in more files than this tells little about any of them."""
MOST_PER_FILE = 25
WIDEST = 100
SIDE = frozenset({"test", "tests", "testing", "example", "examples", "docs", "doc", "benchmarks", "vendor"})


@dataclass(frozen=True, slots=True)
class RankedFile:
    """A file with its share of the whole rank and its symbols, the most important first."""

    path: str
    rank: float
    title: str
    symbols: tuple[Definition, ...]


def workspace_map(files: Iterable[FileSymbols], budget_tokens: int) -> str:
    """The map as text of at most so many tokens; "" where there is nothing to tell."""
    ranked = rank_files(files)
    low, high = 0, sum(len(file.symbols) + 1 for file in ranked)
    while low < high:  # the most entries that fit
        middle = (low + high + 1) // 2
        if tokens(_drawn(ranked, middle)) <= budget_tokens:
            low = middle
        else:
            high = middle - 1
    return _drawn(ranked, low)


def rank_files(files: Iterable[FileSymbols]) -> tuple[RankedFile, ...]:
    """All files with their symbols, the most important first; equal ones by their paths."""
    known = sorted(files, key=lambda file: file.path)
    graph = _Graph(known)
    ranks = graph.ranks()
    weights = graph.symbol_weights(ranks)
    found = [
        RankedFile(file.path, ranks[number], file.title, _best(file, number, weights))
        for number, file in enumerate(known)
    ]
    return tuple(sorted(found, key=lambda file: (-round(file.rank, 9), file.path)))


def _best(file: FileSymbols, number: int, weights: dict[tuple[int, str], float]) -> tuple[Definition, ...]:
    """The definitions of a file by their weight, each name once, what is nested in functions left out."""
    functions = {item.qualified for item in file.definitions if item.kind in ("function", "method")}
    shown: dict[str, Definition] = {}
    for item in file.definitions:
        if item.qualified.rpartition(".")[0] in functions or item.name.startswith("__"):
            continue
        if item.kind == "variable" and ("." in item.qualified or (number, item.name) not in weights):
            continue
        shown.setdefault(item.qualified, item)

    def order(item: Definition) -> tuple[float, bool, int]:
        weight = weights.get((number, item.name), 0.0)
        return (-round(weight, 12), item.name.startswith("_"), item.start_line)

    return tuple(sorted(shown.values(), key=order)[:MOST_PER_FILE])


class _Graph:
    """Files as numbers, with an edge for each name that one uses and the other defines."""

    def __init__(self, files: Sequence[FileSymbols]) -> None:
        self.files = files
        self.numbers = {file.path: number for number, file in enumerate(files)}
        self.modules = Modules(self.numbers)
        self.defining: dict[tuple[str, str], list[int]] = defaultdict(list)
        self.own: list[set[str]] = [{item.name for item in file.definitions} for file in files]
        for number, file in enumerate(files):
            for name in self.own[number]:
                self.defining[family(file.language), name].append(number)
        self.edges: list[dict[tuple[int, str], float]] = [self._edges(file) for file in files]

    def _edges(self, file: FileSymbols) -> dict[tuple[int, str], float]:
        """What a file uses of others: by its imports for sure, by names alone where that says something."""
        number = self.numbers[file.path]
        imports = {item.local: self._origin(file, item) for item in file.imports if item.local}
        edges: dict[tuple[int, str], float] = defaultdict(float)
        for source in {source for source in imports.values() if source is not None}:
            edges[source] += IMPORTED
        for reference in file.references:
            first = reference.owner.partition(".")[0]
            strength = math.sqrt(len(reference.lines))
            if (first or reference.name) in imports:
                target = imports[first or reference.name]
                if target is not None:
                    edges[target[0], reference.name if first else target[1]] += strength
            elif first not in OWN and reference.name not in self.own[number]:
                for other, weight in self._guessed(file, reference):
                    edges[other, reference.name] += strength * weight
        edges.pop((number, ""), None)
        return {target: weight for target, weight in edges.items() if target[0] != number}

    def _origin(self, file: FileSymbols, item: Import, hops: int = 3) -> tuple[int, str] | None:
        """The file and the name that an import comes from, through those that only pass it on."""
        path = self.modules.find(item.module, path=file.path, language=file.language)
        if path is None:
            return None
        number = self.numbers[path]
        if not item.name or item.name in self.own[number] or not hops or path == file.path:
            return number, item.name
        inner = self.modules.find(
            f"{item.module.rstrip('.')}.{item.name}", path=file.path, language=file.language
        )
        if inner is not None and inner != path:
            return self.numbers[inner], ""
        for passed in self.files[number].imports:
            if passed.local == item.name:
                return self._origin(self.files[number], passed, hops - 1)
        return number, item.name

    def _guessed(self, file: FileSymbols, reference: Reference) -> list[tuple[int, float]]:
        """Files that define a name which no import tells of: methods, and languages that share names."""
        kind = family(file.language)
        if not reference.owner and kind in IMPORTING:
            return []
        targets = self.defining.get((kind, reference.name), [])
        if not targets or len(targets) > EVERYWHERE:
            return []
        weight = _telling(reference.name) * (BY_METHOD if reference.owner else 1.0) / len(targets)
        return [(target, weight) for target in targets]

    def _start(self) -> list[float]:
        """Where the walk begins: anywhere, but less often in tests, examples and the like."""
        shares = [_share(file.path) for file in self.files]
        whole = sum(shares) or 1.0
        return [share / whole for share in shares]

    def ranks(self) -> list[float]:
        """The share of each file in a long walk."""
        start = self._start()
        sums = [sum(edges.values()) for edges in self.edges]
        links: list[dict[int, float]] = []
        for edges, whole in zip(self.edges, sums, strict=True):
            link: dict[int, float] = defaultdict(float)
            for (target, _), weight in edges.items():
                link[target] += weight / whole
            links.append(link)
        ranks = start
        for _ in range(ROUNDS):
            idle = sum(rank for rank, whole in zip(ranks, sums, strict=True) if not whole)
            fresh = [(1 - DAMPING + DAMPING * idle) * share for share in start]
            for rank, link in zip(ranks, links, strict=True):
                for target, share in link.items():
                    fresh[target] += DAMPING * rank * share
            ranks = fresh
        return ranks

    def symbol_weights(self, ranks: list[float]) -> dict[tuple[int, str], float]:
        """How much of the rank flows through each symbol of each file, its own uses a little."""
        weights: dict[tuple[int, str], float] = defaultdict(float)
        for rank, edges in zip(ranks, self.edges, strict=True):
            whole = sum(edges.values())
            for target, weight in edges.items():
                weights[target] += rank * weight / whole
        for number, file in enumerate(self.files):
            own = {item.name for item in file.definitions if item.kind != "variable"}
            for reference in file.references:
                if reference.name in own and reference.owner in ("", *OWN):
                    weights[number, reference.name] += ranks[number] * 0.01
        return dict(weights)


def _telling(name: str) -> float:
    if name.startswith("_"):
        return 0.1
    return 1.0 if len(name) >= 8 or "_" in name.strip("_") else 0.5 if len(name) > 3 else 0.1


def _share(path: str) -> float:
    parts = PurePosixPath(path.lower())
    side = (
        bool(SIDE.intersection(parts.parts[:-1])) or parts.name.startswith("test_") or ".test." in parts.name
    )
    return 0.2 if side else 1.0


def _drawn(ranked: Sequence[RankedFile], entries: int) -> str:
    """The first entries as text. Files and symbols are taken in turns, as their rank allows."""
    shown = _chosen(ranked, entries)
    lines: list[str] = []
    for number, count in sorted(shown.items()):
        file = ranked[number]
        lines.append(f"{file.path}: {file.title}" if file.title else file.path)
        chosen = sorted(file.symbols[:count], key=lambda item: (item.cell_index or 0, item.start_line))
        lines += [_line(item) for item in chosen]
    return "\n".join(lines)


def _chosen(ranked: Sequence[RankedFile], entries: int) -> dict[int, int]:
    """How many symbols of which files are shown: each further symbol counts less than its file."""
    offers = [
        (-file.rank / (1 + place / 3), number, place)
        for number, file in enumerate(ranked)
        for place in range(len(file.symbols) + 1)
    ]
    shown: dict[int, int] = {}
    for _, number, place in sorted(offers)[:entries]:
        shown[number] = max(shown.get(number, 0), place)
    return shown


def _line(item: Definition) -> str:
    indent = "  " * (1 + min(item.qualified.count("."), 2))
    place = (
        f"cell {item.cell_index}, {item.start_line}" if item.cell_index is not None else f"{item.start_line}"
    )
    signature = item.signature if len(item.signature) <= WIDEST else item.signature[: WIDEST - 1] + "…"
    return f"{indent}{signature.rstrip(':{ ') or item.qualified}  ({place})"
