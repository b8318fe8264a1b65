"""What import statements bring in, read from their text: one small reader for each language."""

import re
from collections.abc import Callable, Iterator

from codemad_jupyter.context.chunking.values import Import

Items = Iterator[Import]
NAME = r"[\w.]+"
PY_FROM = re.compile(rf"\s*from\s+({NAME})\s+import\s+(.*)", re.DOTALL)
JS_SOURCE = re.compile(r"""["'`]([^"'`]+)["'`]""")
GO_SPEC = re.compile(r'([\w.]+\s+)?"([^"]+)"')
INCLUDE = re.compile(r"""#\s*include\s*[<"]([^>"]+)[>"]""")
USING = re.compile(r"^[ \t]*(using|import)[ \t]+([^#\n]+(?:,[ \t]*\n[^#\n]+)*)", re.MULTILINE)


def read_imports(language: str, statements: list[str], text: str) -> tuple[Import, ...]:
    """The imports of a file, in order, each once."""
    found: dict[Import, None] = {}
    reader = READERS.get(language)
    if reader is not None:
        for statement in statements:
            found |= dict.fromkeys(reader(statement))
    whole = WHOLE.get(language)
    if whole is not None:
        found |= dict.fromkeys(whole(text))
    return tuple(found)


def _aliased(part: str) -> tuple[str, str]:
    """``a as b`` as name and local name."""
    words = part.split()
    if len(words) >= 3 and words[-2] == "as":
        return words[-3], words[-1]
    return (words[0], words[0]) if words else ("", "")


def _python(text: str) -> Items:
    text = re.sub(r"#[^\n]*|[()\\]", " ", text)
    match = PY_FROM.match(text)
    if match is not None:
        for part in match[2].split(","):
            name, local = _aliased(part)
            if name:
                yield Import(match[1], name, "" if name == "*" else local)
        return
    for part in text.strip().removeprefix("import").split(","):
        name, local = _aliased(part)
        if name:
            yield Import(name, "", local if " as " in part else name.partition(".")[0])


def _javascript(text: str) -> Items:
    sources = JS_SOURCE.findall(text)
    if not sources:
        return
    source = sources[-1]
    clause = text.rpartition(" from ")[0].removeprefix("import").replace(" type ", " ").strip()
    inner = clause[clause.find("{") + 1 : clause.rfind("}")] if "{" in clause else ""
    outer = clause.partition("{")[0].strip(" ,")
    if not clause:
        yield Import(source)
    for part in outer.split(","):
        name, local = _aliased(part)
        if name:
            yield Import(source, "" if name == "*" else "default", local)
    for part in inner.split(","):
        name, local = _aliased(part.replace("type ", "", 1) if part.strip().startswith("type ") else part)
        if name:
            yield Import(source, name, local)


REQUIRE = re.compile(
    r"""(?:(?:const|let|var)\s+(\w+|\{[^}]{0,300}\})\s*=\s*)?\brequire\s*\(\s*["'`]([^"'`\n]+)["'`]"""
)


def _required(text: str) -> Items:
    for match in REQUIRE.finditer(text):
        target = match[1] or ""
        if target.startswith("{"):
            for part in target.strip("{} \n").split(","):
                name, _, local = (word.strip() for word in part.partition(":"))
                if name:
                    yield Import(match[2], name, local or name)
        else:
            yield Import(match[2], "", target)


def _go(text: str) -> Items:
    for alias, path in GO_SPEC.findall(text.replace("import", "", 1)):
        local = alias.strip() or path.rpartition("/")[2]
        yield Import(path, "", "" if local in ("_", ".") else local)


def _rust(text: str) -> Items:
    text = re.sub(r"^\s*(?:pub(?:\([^)]*\))?\s+)?(?:use|extern\s+crate)\s+", "", text).rstrip("; \n")
    prefix, brace, rest = text.partition("{")
    if not brace:
        path, local = _aliased(text)
        module, _, name = path.rpartition("::")
        yield Import(module or name, name if module else "", local.rpartition("::")[2])
        return
    module = prefix.strip().removesuffix("::")
    for part in re.split(r"[,{}]", rest):
        path, local = _aliased(part)
        if path and not path.endswith("::"):
            yield Import(module, path, local.rpartition("::")[2])


def _java(text: str) -> Items:
    path = re.sub(r"^\s*import\s+(static\s+)?", "", text).rstrip("; \n")
    module, _, name = path.rpartition(".")
    yield Import(module or name, name if module else "", "" if name == "*" else name)


def _c(text: str) -> Items:
    match = INCLUDE.match(text.strip())
    if match is not None:
        yield Import(match[1])


def _julia(text: str) -> Items:
    for _, clause in USING.findall(text):
        module, colon, names = clause.partition(":")
        if colon:
            for part in names.split(","):
                name, local = _aliased(part)
                if name:
                    yield Import(module.strip(), name, local)
            continue
        for part in clause.split(","):
            name, local = _aliased(part)
            if name:
                yield Import(name, "", local)


LIBRARY = re.compile(r"""\b(?:library|require|requireNamespace|source)\s*\(\s*["']?([\w./-]+)""")
SOURCED = re.compile(r"""^[ \t]*(?:source|\.)[ \t]+["']?([\w./${}~-]+)""", re.MULTILINE)


def _r(text: str) -> Items:
    yield from (Import(name, "", name) for name in LIBRARY.findall(text))
    yield from (Import(name, "", name) for name in re.findall(r"\b([A-Za-z][\w.]{1,40})::", text))


def _shell(text: str) -> Items:
    yield from (Import(name) for name in SOURCED.findall(text))


READERS: dict[str, Callable[[str], Items]] = {
    "python": _python,
    "javascript": _javascript,
    "typescript": _javascript,
    "tsx": _javascript,
    "go": _go,
    "rust": _rust,
    "java": _java,
    "c": _c,
    "cpp": _c,
}
WHOLE: dict[str, Callable[[str], Items]] = {
    "javascript": _required,
    "typescript": _required,
    "julia": _julia,
    "r": _r,
    "shell": _shell,
}
