"""A process that reads the symbols of files, so that a hostile text can exhaust it and nothing else.

Takes one request on standard input and answers with a line for each file, in the order asked for.
"""

import json
import sys
from pathlib import Path
from typing import Any

from codemad_jupyter.context.chunking.files import chunk_file
from codemad_jupyter.context.chunking.values import Definition, FileSymbols, Import, Reference
from codemad_jupyter.context.walking import Limits, read_text

MEMORY = 2_000_000_000
"""Bytes of addresses that the process may take."""


def encode(file: FileSymbols) -> list[Any]:
    """The symbols of a file as JSON values."""
    return [
        file.path,
        file.language,
        [[item.module, item.name, item.local] for item in file.imports],
        [[getattr(item, name) for name in Definition.__slots__] for item in file.definitions],
        [[getattr(item, name) for name in Reference.__slots__] for item in file.references],
        file.title,
    ]


def decode(value: list[Any]) -> FileSymbols:
    """What `encode` made."""
    path, language, imports, definitions, references, title = value
    uses = (
        Reference(**{**dict(zip(Reference.__slots__, item, strict=True)), "lines": tuple(item[1])})
        for item in references
    )
    return FileSymbols(
        path,
        language,
        tuple(Import(*item) for item in imports),
        tuple(Definition(*item) for item in definitions),
        tuple(uses),
        title,
    )


def main() -> None:
    """Read the request, answer it, end."""
    _bound_memory()
    request = json.load(sys.stdin)
    limits = Limits()
    for path in request["paths"]:
        limit = limits.notebook if path.endswith(".ipynb") else limits.text
        text = read_text(Path(request["root"]) / path, limit=limit)
        wanted = text is not None and request["holding"] in text
        symbols = encode(chunk_file(path, text or "").symbols) if wanted else None
        sys.stdout.write(json.dumps([path, symbols]) + "\n")
        sys.stdout.flush()


def _bound_memory() -> None:
    try:
        import resource
    except ImportError:
        return  # where there are no such limits, the caller's time limit is left
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    soft = MEMORY if hard == resource.RLIM_INFINITY else min(MEMORY, hard)
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


if __name__ == "__main__":
    main()
