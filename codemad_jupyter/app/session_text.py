"""Sessions in words: finding the one a person means, and lists, trees and comparisons as plain text."""

from collections.abc import Sequence

from codemad_jupyter.app.plain_text import one_line, plain_text
from codemad_jupyter.app.timeline_text import moment
from codemad_jupyter.protocol.errors import NotFound
from codemad_jupyter.protocol.events import BranchChanged
from codemad_jupyter.protocol.memories import SessionHit
from codemad_jupyter.protocol.sessions import (
    BranchComparison,
    BranchInfo,
    BranchSide,
    SessionInfo,
    SessionTree,
    Turn,
)
from codemad_jupyter.protocol.wording import counted

NAMED = 10
"""Files that are named when a branch was taken."""


def ordered(infos: Sequence[SessionInfo], *, archived: bool) -> list[SessionInfo]:
    """As lists show them: pinned ones first, then the one used last; those put away at the end."""
    shown = [info for info in infos if archived or not info.archived]
    return sorted(shown, key=lambda info: (info.archived, not info.pinned, -info.updated))


def pick_session(infos: Sequence[SessionInfo], word: str) -> SessionInfo:
    """The session a person means by a number of the list, its title, an id or its beginning."""
    listed = ordered(infos, archived=True)
    if word.isascii() and word.isdecimal() and 1 <= int(word) <= len(listed):
        return listed[int(word) - 1]
    titled = [info for info in listed if info.title == word]
    begun = [info for info in listed if word and info.id.startswith(word)]
    for found in (titled, begun):
        if len(found) == 1:
            return found[0]
    raise _none(word, "session", several=bool(titled or begun))


def pick_branch(tree: SessionTree, word: str) -> BranchInfo:
    """The branch a person means by its name, its id or its beginning."""
    named = [branch for branch in tree.branches if word in (branch.name, branch.id)]
    begun = [branch for branch in tree.branches if word and branch.id.startswith(word)]
    for found in (named, begun):
        if len(found) == 1:
            return found[0]
    raise _none(word, "branch", several=bool(named or begun))


def pick_turn(tree: SessionTree, word: str) -> Turn:
    """The turn a person means by its number in the tree, a run's id or its beginning."""
    if word.isascii() and word.isdecimal() and 1 <= int(word) <= len(tree.turns):
        return tree.turns[int(word) - 1]
    begun = [turn for turn in tree.turns if word and turn.run.removeprefix("run-").startswith(word)]
    begun += [turn for turn in tree.turns if turn.run == word]
    if len(begun) == 1:
        return begun[0]
    raise _none(word, "turn", several=bool(begun))


def _none(word: str, what: str, *, several: bool) -> NotFound:
    said = f"means more than one {what}" if several else f"is no {what}"
    return NotFound(f"“{one_line(word)}” {said}.", hint="See: codemad sessions list, codemad sessions show")


def list_text(infos: Sequence[SessionInfo], current: str) -> str:
    """One line each."""
    lines = [_session_line(number, info, current) for number, info in enumerate(infos, start=1)]
    return "\n".join(lines) or "There is no session yet."


def _session_line(number: int, info: SessionInfo, current: str) -> str:
    mark = "*" if info.id == current else " "
    notes = [word for word, holds in (("pinned", info.pinned), ("archived", info.archived)) if holds]
    notes += [f"fork of {info.origin[:8]}"] if info.origin else []
    tail = f" ({', '.join(notes)})" if notes else ""
    title = one_line(info.title) or "Untitled"
    return f"{mark}{number:>3}  {info.id[:8]}  {moment(info.updated)}  {title}{tail}"


def tree_text(tree: SessionTree) -> str:
    """The turns, each below the one it followed, with the branches that end there. A turn that goes on
    where the one above it ended stands right below; only where the way parts the lines go in."""
    lines = [f"{one_line(tree.session.title) or 'Untitled'}  ({tree.session.id})"]
    numbers = {turn.run: number for number, turn in enumerate(tree.turns, start=1)}
    below: dict[str | None, list[Turn]] = {}
    for turn in tree.turns:
        below.setdefault(turn.parent, []).append(turn)
    at_root = [branch for branch in tree.branches if branch.run is None]
    lines += [f"     {_flag(branch)} (before everything)" for branch in at_root]
    waiting = [(turn, 0) for turn in reversed(below.get(None, []))]
    while waiting:
        turn, depth = waiting.pop()
        lines.append(_turn_line(turn, numbers[turn.run], depth, tree))
        following = below.get(turn.run, [])
        inner = depth + (len(following) > 1)
        waiting += [(each, inner) for each in reversed(following)]
    return "\n".join(lines)


def _turn_line(turn: Turn, number: int, depth: int, tree: SessionTree) -> str:
    flags = " ".join(_flag(branch) for branch in tree.branches if branch.run == turn.run)
    notes = [f"{turn.edits} edit{'s' if turn.edits != 1 else ''}"] if turn.edits else []
    notes += ["undone"] if turn.undone else []
    notes += ["running"] if turn.run == tree.running else []
    tail = f" ({', '.join(notes)})" if notes else ""
    prompt = one_line(turn.prompt, 80)
    return f"{number:>4} {'   ' * depth}{moment(turn.at)}  {prompt}{tail} {flags}".rstrip()


def _flag(branch: BranchInfo) -> str:
    return f"[{'*' if branch.current else ''}{one_line(branch.name)}]"


def comparison_text(found: BranchComparison) -> str:
    """What both have, then each side with numbers for its messages and edits."""
    last = one_line(found.ancestor.text, 80) if found.ancestor else "nothing"
    head = f"Both begin with {counted(found.common, 'message')}, the last: {last}"
    return "\n\n".join([head, _side_text(found.left), _side_text(found.right)])


def _side_text(side: BranchSide) -> str:
    lines = [f"== {one_line(side.name)} ({side.session[:8]})"]
    for number, message in enumerate(side.messages, start=1):
        who = "you" if message.role == "user" else "model"
        calls = f" [{', '.join(map(one_line, message.tools))}]" if message.tools else ""
        lines.append(f"{number:>4}  {who}: {one_line(message.text)}{calls}")
    for number, edit in enumerate(side.edits, start=1):
        where = edit.path + (f"#{edit.cell}" if edit.cell else "")
        lines.append(f"{f'e{number}':>4}  {edit.status}: {one_line(edit.title)} ({one_line(where)})")
        lines += [f"      {line}" for line in plain_text(edit.diff).splitlines()]
    return "\n".join(lines if len(lines) > 1 else [*lines, "      nothing more"])


def branch_text(event: BranchChanged) -> str:
    """What became of a branch, and which files are otherwise than it had them."""
    names = [f"  {one_line(path)}" for path in event.differing[:NAMED]]
    more = len(event.differing) - len(names)
    names += [f"  … and {more} more"] if more > 0 else []
    return "\n".join([one_line(event.text), *names])


def hit_line(hit: SessionHit) -> str:
    """A message of a past session."""
    who = "you" if hit.who == "user" else "model"
    when = moment(hit.at)
    return f"{hit.session[:8]}  {when}  “{one_line(hit.title)}”  {who}: {one_line(hit.excerpt)}"
