# ruff: noqa: E501, T201
"""Speed of chunking with all its fields, by language, beside the parser alone, `ast` and plain lines.

Run ``python tests/benchmarks/bench_chunking.py [FOLDER …]`` for real files (default: the standard library
and this repository), or ``--hostile`` for a megabyte of each hostile pattern. CPU seconds, so that a
loaded machine changes little. The targets: 1.5 MB/s for Python, 2 s for any megabyte.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import resource
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from codemad_jupyter.context.chunking import chunk_file  # noqa: E402
from codemad_jupyter.context.chunking.grammars import GRAMMARS  # noqa: E402
from codemad_jupyter.context.chunking.languages import language_of  # noqa: E402
from codemad_jupyter.context.chunking.lines import Lines, windows  # noqa: E402
from codemad_jupyter.context.chunking.parsing import NotParsed, encoded, parse  # noqa: E402

MOST = 12_000_000
SKIPPED = {"node_modules", ".git", "__pycache__", "static", "lib2to3"}
PATTERNS = ["a<", "x=>~", "if unsafe /*", "/async <", "([{", "\"'`", "`${", "if while def class return "]
PATTERNS += ["<<A\n", "if(a){}else ", "# %%\n", "#\n", "```\n~~~\n", "a = function(\n", "create table a ('\n"]
ENDINGS = [
    "py",
    "R",
    "jl",
    "sql",
    "js",
    "ts",
    "tsx",
    "c",
    "cpp",
    "java",
    "go",
    "rs",
    "sh",
    "md",
    "rst",
    "txt",
]


def files(folders: list[Path]) -> dict[str, list[tuple[str, str]]]:
    """Texts by language, at most `MOST` characters of each."""
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    sizes: dict[str, int] = defaultdict(int)
    for path in (path for folder in folders for path in walk(folder)):
        language = language_of(path.name)
        if language == "text" or sizes[language] > MOST:
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        if len(text) < 1_000_000:
            found[language].append((str(path), text))
            sizes[language] += len(text)
    return found


def walk(folder: Path) -> Iterator[Path]:
    """Files below a folder."""
    for top, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in SKIPPED)
        yield from (Path(top) / name for name in sorted(names))


def spent(work: Callable[[str, str], object], texts: list[tuple[str, str]]) -> float:
    """CPU seconds for all texts."""
    began = time.process_time()
    for path, text in texts:
        work(path, text)
    return time.process_time() - began


def by_ast(_: str, text: str) -> None:
    """The standard library's own parser, which gives up on broken code."""
    try:
        ast.parse(text)
    except (SyntaxError, ValueError):
        return


def by_parser(path: str, text: str) -> None:
    """The tree alone."""
    try:
        parse(encoded(text), GRAMMARS[language_of(path)])
    except NotParsed:
        return


def by_lines(_: str, text: str) -> list[tuple[int, int]]:
    """Windows of lines."""
    lines = Lines(text)
    return list(windows(lines, 0, len(lines.rows) - 1))


def compare(folders: list[Path]) -> None:
    """One row for each language."""
    print(
        f"{'language':11}{'files':>6}{'MB':>6}{'MB/s':>8}{'tree':>8}{'ast':>8}{'lines':>8}{'chunks':>8}{'size':>6}{'degr.':>6}"
    )
    for language, texts in sorted(files(folders).items()):
        size = sum(len(text) for _, text in texts) / 1e6
        results = [chunk_file(path, text) for path, text in texts]
        rates = [size / max(spent(chunk_file, texts), 1e-6)]
        rates.append(size / max(spent(by_parser, texts), 1e-6) if language in GRAMMARS else 0)
        rates.append(size / max(spent(by_ast, texts), 1e-6) if language == "python" else 0)
        rates.append(size / max(spent(by_lines, texts), 1e-6))
        chunks = sum(len(result.chunks) for result in results)
        degraded = sum(bool(result.degraded) for result in results)
        told = "".join(f"{rate:8.1f}" if rate else f"{'-':>8}" for rate in rates)
        print(
            f"{language:11}{len(texts):6}{size:6.1f}{told}{chunks:8}{int(size * 1e6 / max(chunks, 1)):6}{degraded:6}"
        )


def hostile() -> None:
    """The slowest language for each megabyte of one pattern, and for garbage."""
    random.seed(1)
    garbage = "".join(random.choices("(){}[]<>\"'`;:,.=+-*/ \nabcdef", k=1_000_000))
    texts = {pattern: pattern * (1_000_000 // len(pattern)) for pattern in PATTERNS} | {"garbage": garbage}
    print(f"{'pattern':30}{'slowest':>8}{'seconds':>9}{'peak MB':>9}")
    for name, text in texts.items():
        worst = max((spent(chunk_file, [(f"a.{ending}", text)]), ending) for ending in ENDINGS)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(f"{name!r:30}{worst[1]:>8}{worst[0]:9.2f}{peak:9}")


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--hostile", action="store_true")
    options = parser.parse_args()
    if options.hostile:
        hostile()
    else:
        compare(options.folders or [Path(ast.__file__).parent, ROOT])


if __name__ == "__main__":
    main()
