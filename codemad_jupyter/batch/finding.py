"""``codemad index`` and ``codemad search``: the index of a folder, and what is found in it."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from codemad_jupyter.batch.subcommand import subcommand
from codemad_jupyter.protocol.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable

    from codemad_jupyter.app.indexing import FolderIndex
    from codemad_jupyter.app.reranking import OrderedSearch
    from codemad_jupyter.batch.subcommand import Commands
    from codemad_jupyter.context.indexing import Progress, Report
    from codemad_jupyter.context.search import Hit
    from codemad_jupyter.protocol.errors import CodemadError, ModelError

SHOWN = 10


def add_index(commands: Commands) -> None:
    """``codemad index``."""
    index = subcommand(commands, "index", "bring the search index of a folder up to date")
    index.add_argument("folder", type=Path, nargs="?", default=Path(), metavar="DIR", help="default: here")
    index.add_argument("--anew", action="store_true", help="build it from nothing")
    index.add_argument("--words", action="store_true", help="leave the vectors of the embedding model out")
    index.add_argument("--json", action="store_true", help="print what was done as JSON")
    index.set_defaults(perform=_index)


def add_search(commands: Commands) -> None:
    """``codemad search``."""
    search = subcommand(
        commands,
        "search",
        "find the places of a folder that fit some words best",
        examples=('"where are prices cleaned"', "load_data -k 3 --root project"),
    )
    search.add_argument("query", nargs="?", metavar="QUERY", help="words, a question, or a name")
    search.add_argument("--stdin", action="store_true", help="read queries from stdin, one a line")
    search.add_argument("--json", action="store_true", help="print the places as a JSON list, a line a query")
    search.add_argument(
        "--rerank", action="store_true", help="let a model put the best places in order (purposes.rerank)"
    )
    search.add_argument("-k", type=int, default=0, metavar="N", help=f"how many places (default: {SHOWN})")
    search.add_argument("--root", type=Path, default=Path(), metavar="DIR", help="the folder (default: here)")
    search.set_defaults(perform=_search)


def _index(args: argparse.Namespace) -> int:
    with_progress = sys.stderr.isatty()
    index = _opened(args.folder, progress=_shown if with_progress else None)
    try:
        return _built(index, args, with_progress=with_progress)
    finally:
        index.close()


def _built(index: FolderIndex, args: argparse.Namespace, *, with_progress: bool) -> int:
    try:
        report = index.update(anew=args.anew)
    except OSError as error:
        raise _unwritten(f"The index in {index.folder}", error) from error
    if with_progress:
        print("\r\x1b[K", end="", file=sys.stderr)
    if report.notice:
        print(f"codemad: {report.notice}", file=sys.stderr)
    if not args.json:
        # What follows takes minutes; search by words works from here on.
        print(*filter(None, (_told(report), "" if args.words else index.leaves)), sep="\n", flush=True)
    began = time.monotonic()
    made, problem = (0, None) if args.words else _embedded(index)
    if with_progress:
        print("\r\x1b[K", end="", file=sys.stderr)
    if args.json:
        fault = str(problem or "")
        print(json.dumps({"folder": str(index.folder), **_record(report), "vectors": made, "fault": fault}))
    if problem is not None:
        raise problem
    if args.json:
        return 0
    if made:
        used = "" if index.calls is None else f"; {index.calls.told}"
        print(f"{made} vectors in {time.monotonic() - began:.1f} s{used}.")
    elif index.notice:
        print(index.notice)
    return 0


def _embedded(index: FolderIndex) -> tuple[int, ModelError | None]:
    """How many vectors were made, and what kept the model from making more: words are indexed anyway."""
    from codemad_jupyter.protocol.errors import ModelError

    try:
        return index.embed(), None
    except ModelError as error:
        return 0, error


def _record(report: Report) -> dict[str, object]:
    from dataclasses import asdict

    return asdict(report)


def _told(report: Report) -> str:
    from codemad_jupyter.app.index_text import left_out_text
    from codemad_jupyter.protocol.indexing import LeftOut

    done = (
        f"{counted(report.files, 'file')}, {counted(report.chunks, 'place')};"
        f" {report.read} read anew, {report.removed} gone, in {report.seconds:.1f} s."
    )
    left = left_out_text(LeftOut(reason=why, count=count) for why, count in report.skipped.items())
    return "\n".join(filter(None, [done, left]))


def _shown(progress: Progress) -> None:
    if progress.state != "ready":
        print(
            f"\r\x1b[K{progress.state} {progress.done}/{progress.total}", end="", file=sys.stderr, flush=True
        )


def _opened(folder: Path, *, progress: Callable[[Progress], None] | None = None) -> FolderIndex:
    from codemad_jupyter.app.indexing import FolderIndex
    from codemad_jupyter.config.settings import load_settings
    from codemad_jupyter.protocol.errors import UsageError

    if not folder.is_dir():
        raise UsageError(f"There is no folder {folder}.", hint="Name one that is there.")
    return FolderIndex(
        folder, load_settings(folder), processes=min(os.cpu_count() or 1, 4), progress=progress
    )


def _search(args: argparse.Namespace) -> int:
    from codemad_jupyter.protocol.errors import UsageError

    if (args.query is None) == (not args.stdin):
        raise UsageError("A search needs either a QUERY or --stdin.", hint="See codemad search --help.")
    if args.k < 0:
        raise UsageError("-k needs a number above zero.")
    index = _opened(args.root)
    try:
        if args.stdin:
            index.follow()  # first: what is saved while the index is brought up to date is not missed
        _prepare(index)
        ordered = _ordered(args)
        try:
            _answer(index, ordered, args)
        finally:
            if ordered is not None:
                ordered.close()
    finally:
        index.close()
    return 0


def _ordered(args: argparse.Namespace) -> OrderedSearch | None:
    """What lets a model order the places, where that is wished for."""
    from codemad_jupyter.config.settings import load_settings

    settings = load_settings(args.root)
    if not (args.rerank or settings.rerank):
        return None
    from codemad_jupyter.app.reranking import OrderedSearch

    return OrderedSearch(args.root.resolve(), settings)


def _answer(index: FolderIndex, ordered: OrderedSearch | None, args: argparse.Namespace) -> None:
    """Answer one query after the other; what an answer goes without is said when that changes."""
    limit = args.k or (50 if args.stdin else SHOWN)
    said = ""
    for line in sys.stdin if args.stdin else [args.query]:
        if index.damaged:
            _prepare(index)
        query, unordered = line.strip(), ""
        if ordered is None:
            hits = index.search(query, limit=limit)
        else:
            hits, unordered = ordered.order(query, index.search(query, limit=max(limit, ordered.looked_at)))
        _print(hits[:limit], as_json=args.json, root=index.root)
        words = f"searched by words alone. {index.fault_of_model}" if index.fault_of_model else ""
        missing = " ".join(filter(None, (words, unordered)))
        if missing and missing != said:
            print(f"codemad: {missing}", file=sys.stderr)
        said = missing


def _unwritten(what: str, error: OSError) -> CodemadError:
    from codemad_jupyter.protocol.errors import CodemadError

    return CodemadError(
        f"{what} cannot be written: {error.strerror}.",
        hint="Check its permissions and the space on the disk; CODEMAD_INDEX_DIR puts indexes elsewhere.",
    )


def _prepare(index: FolderIndex) -> None:
    """Bring the index up to date first: an answer from an old one would point to what is not there."""
    from codemad_jupyter.context.manifest import Held, load

    found, why = load(index.folder)
    missing = found is None
    if missing:
        print(f"codemad: {why or 'no index of this folder yet'}; building it first.", file=sys.stderr)
    began = time.monotonic()
    try:
        notice = index.update(wait=600.0 if missing else 2.0).notice
        if notice and not missing:
            print(f"codemad: {notice}", file=sys.stderr)
    except Held as held:
        print(f"codemad: {held}", file=sys.stderr)
    except OSError as error:
        unwritten = _unwritten(f"The index in {index.folder}", error)
        if missing:
            raise unwritten from error
        print(f"codemad: answered from the index as it was. {unwritten}", file=sys.stderr)
    if missing:
        print(f"codemad: built in {time.monotonic() - began:.1f} s.", file=sys.stderr)


def _print(hits: list[Hit], *, as_json: bool, root: Path) -> None:
    if as_json:
        print(json.dumps([hit.record() for hit in hits], ensure_ascii=False), flush=True)
        return
    for hit in hits:
        where = f"{hit.path}:{hit.start}" if hit.cell is None else f"{hit.path} cell {hit.cell}:{hit.start}"
        print(f"{hit.score:6.3f}  {where}  {hit.symbol}".rstrip(), flush=True)
    if not hits:
        print(f"Nothing in {root.name} fits.", flush=True)
