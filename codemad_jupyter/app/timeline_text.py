"""Checkpoints in words: finding the one a person means, and lists, differences and blame as plain text."""

import time
from collections.abc import Iterable, Sequence

from codemad_jupyter.app.plain_text import one_line, plain_text
from codemad_jupyter.notebooks.provenance import Blame
from codemad_jupyter.protocol.checkpoints import CheckpointDiff, CheckpointInfo, PathDifference
from codemad_jupyter.protocol.errors import NotFound
from codemad_jupyter.protocol.events import Restored
from codemad_jupyter.protocol.wording import counted


def pick(infos: Sequence[CheckpointInfo], word: str) -> CheckpointInfo:
    """The checkpoint a person means by a number of the list, a name, an id or its beginning."""
    if word.isascii() and word.isdecimal() and 1 <= int(word) <= len(infos):
        return infos[int(word) - 1]
    named = [info for info in infos if info.name and info.name == word]
    exact = [info for info in infos if info.id == word]
    begun = [info for info in infos if word and info.id.removeprefix("checkpoint-").startswith(word)]
    for found in (exact, named, begun):
        if len(found) == 1:
            return found[0]
    several = len(named) > 1 or len(begun) > 1
    said = "means more than one checkpoint" if several else "is no checkpoint"
    raise NotFound(f"“{one_line(word)}” {said}.", hint="Give a number of the list, a name or an id.")


def short(info: CheckpointInfo) -> str:
    """The id without what all have in common."""
    return info.id.removeprefix("checkpoint-")


def list_text(infos: Sequence[CheckpointInfo]) -> str:
    """One line each, newest last."""
    if not infos:
        return "No checkpoints yet: one is made before the first change of a run, or on demand."
    return "\n".join(f"{number:>3}  {_line(info)}" for number, info in enumerate(infos, start=1))


def _line(info: CheckpointInfo) -> str:
    name = f"“{one_line(info.name)}” " if info.name else ""
    notes = [] if info.covered else ["files not covered"]
    notes += ["undone"] if info.undone else []
    tail = f" ({', '.join(notes)})" if notes else ""
    return (
        f"{short(info)}  {moment(info.made)}  {info.reason:<7}  {name}{one_line(info.title)}{tail}".rstrip()
    )


def moment(at: float) -> str:
    """A time as a person reads it, in the local zone."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))


def info_text(info: CheckpointInfo) -> str:
    """All that is known of one."""
    rows = {
        "checkpoint": info.id,
        "name": one_line(info.name),
        "made": f"{moment(info.made)}, {info.reason}",
        "run": info.run or "",
        "prompt": one_line(info.title),
        "session": info.session,
        "files": f"{info.files:,}" if info.covered else "not covered",
        "notebooks": one_line(", ".join(info.notebooks)),
        "documents": f"{info.size:,} bytes",
        "state": "the run is undone" if info.undone else "",
        "left out": one_line("; ".join(info.skipped)),
    }
    return "\n".join(f"{name:<11}{value}" for name, value in rows.items() if value)


def diff_text(diff: CheckpointDiff) -> str:
    """Each path or cell with what is different."""
    if not diff.differences:
        return "Nothing differs."
    blocks = map(difference_text, diff.differences)
    cut = ["Some diffs are not drawn: they are too long."] if diff.truncated else []
    return "\n".join([*blocks, *cut])


def difference_text(each: PathDifference) -> str:
    """What is different at one path or cell."""
    where = one_line(each.path) + (f" cell {each.cell}" if each.cell else "")
    detail = f" ({one_line(each.detail)})" if each.detail else ""
    return "\n".join(filter(None, [f"{each.status}: {where}{detail}", plain_text(each.diff)]))


def restored_text(event: Restored) -> str:
    """What came back, what was merged, and what was left alone."""
    counts = f"{counted(len(event.files), 'file')} and {counted(len(event.cells), 'cell')} came back."
    merged = _listed("Your changes were kept beside them in", event.merged)
    conflicts = _listed("Left as they are, for you changed them too:", event.conflicts)
    return "\n".join(filter(None, [counts, merged, conflicts]))


def _listed(words: str, names: Iterable[str]) -> str:
    lines = [f"  {one_line(name)}" for name in names]
    return "\n".join([words, *lines]) if lines else ""


def blame_text(lines: Sequence[Blame]) -> str:
    """One line a cell: who made it, and how it begins."""
    if not lines:
        return "The notebook has no cells."
    made = [_maker(line) for line in lines]
    width = max(map(len, made))
    ids = max(len(line.cell) for line in lines)
    return "\n".join(
        f"{line.cell:<{ids}}  {maker:<{width}}  {one_line(line.first_line)[:80]}".rstrip()
        for line, maker in zip(lines, made, strict=True)
    )


def _maker(line: Blame) -> str:
    if not line.run:
        return "yours"
    when = moment(line.at) if line.at is not None else ""
    changed = "changed since" if line.changed else ""
    place = f"{line.session[:8]}/{line.run}"
    return one_line(" ".join(filter(None, [line.model, when, place, changed])))
