"""Which file of the workspace an import means: pure, from the paths alone."""

import posixpath
from collections import defaultdict
from collections.abc import Iterable
from pathlib import PurePosixPath

ENDINGS = {
    "python": (".py", "/__init__.py", ".pyi", ".ipynb"),
    "javascript": (".js", ".jsx", ".mjs", ".ts", ".tsx", "/index.js", "/index.ts", "/index.tsx"),
    "java": (".java",),
    "julia": (".jl",),
    "rust": (".rs", "/mod.rs"),
    "c": ("",),
    "r": ("", ".R", ".r"),
    "shell": ("",),
}
SAME = {"typescript": "javascript", "tsx": "javascript", "cpp": "c", "notebook": "python"}
OWN = frozenset({"self", "cls", "this", "Self", "super"})
"""What stands before the dot for the object itself."""
RELATIVE = frozenset({"javascript", "c", "r", "shell"})


class Modules:
    """Finds files by the names that imports give them."""

    def __init__(self, paths: Iterable[str]) -> None:
        self.paths = set(paths)
        self._by_stem: dict[str, list[str]] = defaultdict(list)
        for path in sorted(self.paths):
            for key in {PurePosixPath(path).name, PurePosixPath(path).stem, _folder(path)} - {""}:
                self._by_stem[key].append(path)

    def find(self, module: str, *, path: str, language: str) -> str | None:
        """The file that a module is, seen from the file at ``path``; None for one from elsewhere."""
        language = family(language)
        endings = ENDINGS.get(language)
        if endings is None or not module.strip("./"):
            return self._package(module, path) if language == "python" and module else None
        folder = posixpath.dirname(path)
        if language in RELATIVE:
            near = self._first(posixpath.normpath(posixpath.join(folder, module)), endings)
            if near or language == "javascript":
                return near
            return self._ending(module, endings)
        if language == "python" and module.startswith("."):
            return self._first(
                posixpath.join(_up(module, folder), module.strip(".").replace(".", "/")), endings
            )
        parts = module.replace("::", "/").replace("crate/", "").replace(".", "/")
        found = self._first(posixpath.join(folder, parts), endings) or self._ending(parts, endings)
        rest = parts.partition("/")[2]
        # The workspace may be the package itself, whose name its own imports begin with.
        return found or (self._first(rest, endings) if "/" in rest else None)

    def _package(self, module: str, path: str) -> str | None:
        return self._first(_up(module, posixpath.dirname(path)).rstrip("/"), ("/__init__.py",))

    def _first(self, base: str, endings: tuple[str, ...]) -> str | None:
        base = base.removeprefix("/")
        return next((base + ending for ending in endings if base + ending in self.paths), None)

    def _ending(self, parts: str, endings: tuple[str, ...]) -> str | None:
        """The one file whose path ends so; the shortest where there are several."""
        found = [
            path
            for path in self._by_stem.get(parts.rpartition("/")[2], ())
            if any(path == parts + ending or path.endswith(f"/{parts}{ending}") for ending in endings)
        ]
        return min(found, key=lambda path: (len(path), path), default=None)


def family(language: str) -> str:
    """The language whose names and modules this one shares."""
    return SAME.get(language, language)


def _folder(path: str) -> str:
    pure = PurePosixPath(path)
    return pure.parent.name if pure.stem in ("__init__", "index", "mod") else ""


def _up(module: str, folder: str) -> str:
    for _ in range(len(module) - len(module.lstrip(".")) - 1):
        folder = posixpath.dirname(folder)
    return folder
