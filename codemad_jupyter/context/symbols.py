"""Who defines a name, who uses it, who calls it: lookups over the symbols of a workspace's files.

Pure: the symbols of each file come in as values (`context.chunking` reads them). A call is resolved by
its own file first, then by imports, then by name alone; where several definitions fit, all are listed.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from codemad_jupyter.context.chunking.values import Definition, FileSymbols, Import, Reference
from codemad_jupyter.context.symbols_modules import OWN, Modules

Certainty = Literal["exact", "likely", "ambiguous", "unknown"]
"""`exact`: by scope or import; `likely`: the only one of this name; `ambiguous`: one of several;
`unknown`: defined nowhere in the workspace."""
CALLABLE = frozenset({"function", "method", "class", "macro", "type"})


@dataclass(frozen=True, slots=True)
class Site:
    """A definition and its file."""

    path: str
    definition: Definition


@dataclass(frozen=True, slots=True)
class Use:
    """Uses of a name in one scope of a file, and the definitions that they may mean."""

    path: str
    reference: Reference
    targets: tuple[Site, ...]
    certainty: Certainty


class SymbolTable:
    """The symbols of a workspace. Add files in any order; answers are ordered by path and line.

    ``paths`` are files of the workspace whose symbols are not needed: what is imported from them is ours.
    """

    def __init__(self, files: Iterable[FileSymbols] = (), *, paths: Iterable[str] = ()) -> None:
        self._paths = frozenset(paths)
        self.files: dict[str, FileSymbols] = {}
        self._defining: dict[str, set[str]] = defaultdict(set)
        self._using: dict[str, set[str]] = defaultdict(set)
        self._modules: Modules | None = None
        for file in files:
            self.put(file)

    def put(self, file: FileSymbols) -> None:
        """Add a file, or replace what it was."""
        self.drop(file.path)
        self.files[file.path] = file
        for definition in file.definitions:
            self._defining[definition.name].add(file.path)
        for reference in file.references:
            self._using[reference.name].add(file.path)
        self._modules = None

    def drop(self, path: str) -> None:
        """Forget a file."""
        file = self.files.pop(path, None)
        if file is None:
            return
        for definition in file.definitions:
            self._defining[definition.name].discard(path)
        for reference in file.references:
            self._using[reference.name].discard(path)
        self._modules = None

    def definitions(self, name: str) -> tuple[Site, ...]:
        """Where a name is defined: ``mean``, or ``Frame.mean`` for one in a class or namespace."""
        short = _parts(name)[-1]
        return tuple(
            Site(path, definition)
            for path in sorted(self._defining.get(short, ()))
            for definition in self.files[path].definitions
            if definition.name == short and _fits(definition.qualified, name)
        )

    def references(self, name: str) -> tuple[Use, ...]:
        """Where a name is used; a qualified one leaves out uses that clearly mean another."""
        sites = set(self.definitions(name))
        narrowed = len(_parts(name)) > 1
        return tuple(
            use
            for use in self._uses(_parts(name)[-1])
            if not narrowed or not use.targets or sites.intersection(use.targets)
        )

    def callers(self, name: str) -> tuple[Use, ...]:
        """The calls that mean, or may mean, one of the definitions of this name."""
        sites = set(self.definitions(name))
        return tuple(
            use
            for use in self.references(name)
            if use.reference.call and (sites.intersection(use.targets) or not sites)
        )

    def callees(self, path: str, symbol: str) -> tuple[Use, ...]:
        """What a definition calls, itself or in what is nested in it, resolved."""
        file = self.files.get(path)
        calls = (
            [item for item in file.references if item.call and _within(item.scope, symbol)] if file else []
        )
        return tuple(self.resolve(path, call) for call in calls)

    def resolve(self, path: str, reference: Reference) -> Use:
        """The definitions that a use may mean."""
        file = self.files[path]
        exact = tuple(self._in_file(file, reference)) or tuple(self._imported(file, reference))
        if exact:
            return Use(path, reference, exact, "exact")
        if self._foreign(file, reference):
            return Use(path, reference, (), "unknown")
        named = tuple(
            site
            for site in self.definitions(reference.name)
            if self._may_mean(site, reference, file.language)
        )
        certainty: Certainty = "unknown" if not named else "likely" if len(named) == 1 else "ambiguous"
        return Use(path, reference, named, certainty)

    def _uses(self, name: str) -> Iterator[Use]:
        for path in sorted(self._using.get(name, ())):
            for reference in self.files[path].references:
                if reference.name == name:
                    yield self.resolve(path, reference)

    def _in_file(self, file: FileSymbols, reference: Reference) -> Iterator[Site]:
        """Definitions in the file itself: of the class for ``self.x``, else from the scope outwards."""
        if reference.owner and reference.owner not in OWN:
            wanted = [f"{_plain(reference.owner)}.{reference.name}"]
        elif reference.owner:
            wanted = [f"{scope}.{reference.name}" for scope in _scopes(reference.scope)[:-1]]
        else:
            wanted = [
                f"{scope}.{reference.name}" if scope else reference.name for scope in _scopes(reference.scope)
            ]
        by_name: dict[str, list[Definition]] = defaultdict(list)
        for definition in file.definitions:
            if definition.name == reference.name:
                by_name[definition.qualified].append(definition)
        for name in wanted:
            if by_name.get(name):
                yield from (Site(file.path, definition) for definition in by_name[name])
                return

    def _imported(self, file: FileSymbols, reference: Reference) -> Iterator[Site]:
        """Definitions that an import of the file brings in."""
        first, _, rest = _plain(reference.owner).partition(".")
        for item in file.imports:
            if reference.owner:
                if item.local == first:
                    yield from self._through(file, item, [*rest.split("."), reference.name])
                elif item.local and item.name == "" and _plain(reference.owner) == item.module:
                    yield from self._in_module(file, item.module, reference.name)
            elif item.local == reference.name:
                yield from self._through(file, item, [])
            elif item.name == "*" or (not item.local and not item.name and item.module):
                yield from self._in_module(file, item.module, reference.name)

    def _through(self, file: FileSymbols, item: Import, rest: list[str]) -> Iterator[Site]:
        names = [part for part in rest if part]
        if item.name and item.name != "default":
            yield from self._in_module(file, item.module, ".".join([item.name, *names]))
            joiner = "" if item.module.endswith(".") else "."
            if names:
                yield from self._in_module(file, f"{item.module}{joiner}{item.name}", ".".join(names))
        elif names:
            yield from self._in_module(file, item.module, ".".join(names))
        elif item.name == "default":
            yield from self._in_module(file, item.module, item.local)

    def _in_module(self, file: FileSymbols, module: str, name: str, hops: int = 3) -> Iterator[Site]:
        """Definitions of a name in a module, also where the module only passes it on."""
        path = self._module_files().find(module, path=file.path, language=file.language)
        there = self.files.get(path) if path is not None else None
        if path is None or there is None:
            return
        found = [item for item in there.definitions if _fits(item.qualified, name)]
        yield from (Site(path, item) for item in found)
        first, _, rest = name.partition(".")
        for item in there.imports if not found and hops and path != file.path else ():
            if item.local == first and item.name:
                yield from self._in_module(there, item.module, f"{item.name}.{rest}".strip("."), hops - 1)

    def _foreign(self, file: FileSymbols, reference: Reference) -> bool:
        """Does the name come from an import that leads out of the workspace?"""
        first = _plain(reference.owner).partition(".")[0] or reference.name
        for item in file.imports:
            if item.local and item.local == first:
                found = self._module_files().find(item.module, path=file.path, language=file.language)
                return found is None
        return False

    def _module_files(self) -> Modules:
        if self._modules is None:
            self._modules = Modules(self._paths.union(self.files))
        return self._modules

    def _may_mean(self, site: Site, reference: Reference, language: str) -> bool:
        """Could this definition be meant, by name and kind alone?"""
        kind = site.definition.kind
        if reference.call and kind not in CALLABLE:
            return False
        if reference.owner:
            return kind in ("method", "class", "function") and "." in site.definition.qualified
        own = self.files[site.path].language
        return kind not in ("method",) and (own == language or kind != "variable")


def _parts(name: str) -> list[str]:
    return _plain(name).split(".")


def _plain(name: str) -> str:
    return name.replace("::", ".").replace("$", ".").strip(".")


def _fits(qualified: str, name: str) -> bool:
    name = _plain(name)
    return qualified == name or qualified.endswith(f".{name}")


def _scopes(scope: str) -> list[str]:
    """A scope and those around it, down to "" for the file."""
    found = [scope] if scope else []
    while "." in scope:
        scope = scope.rpartition(".")[0]
        found.append(scope)
    return [*found, ""]


def _within(scope: str, symbol: str) -> bool:
    return scope == symbol or scope.startswith(f"{symbol}.")
