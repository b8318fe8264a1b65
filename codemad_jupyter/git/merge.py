"""Brings what several agents made of one file together with what the person has there now: three-way by
lines, one agent after the other, so that who comes first has the say. Pure; files are read elsewhere.

Nothing is guessed: where two changed the same lines the later one's change of these lines is left out,
and named. Cells of notebooks are joined in their own room.
"""

from collections.abc import Iterable
from typing import NamedTuple

from codemad_jupyter.git import lines
from codemad_jupyter.protocol.agents import WorkClash, whose


class Work(NamedTuple):
    """One agent's version of a file and what it was made from; None where there is no file."""

    agent: str
    base: bytes | None
    theirs: bytes | None


class Joined(NamedTuple):
    """What the file becomes, whose work is in it, and what had to be left out."""

    content: bytes | None
    agents: tuple[str, ...] = ()
    clashes: tuple[WorkClash, ...] = ()


def join(path: str, now: bytes | None, works: Iterable[Work]) -> Joined:
    """``now`` with the work of the agents, in their order."""
    content, agents, clashes = now, tuple[str, ...](), list[WorkClash]()
    for work in works:
        if work.theirs == work.base:
            continue
        made, reason = _three(work, content)
        if reason:
            _, alone = _three(work, now)
            others = () if alone else agents
            said = f"{whose(others)} {alone or reason}"
            clashes.append(WorkClash(path=path, agent=work.agent, reason=said, others=others))
        if made not in (content, now) or made == work.theirs:
            agents = (*agents, work.agent)
        content = made
    return Joined(content, agents, tuple(clashes))


def _three(work: Work, now: bytes | None) -> tuple[bytes | None, str]:
    """What the agent's version makes of what is there, and what others did that it does not go with."""
    if now in (work.base, work.theirs):
        return work.theirs, ""
    if now is None:
        return now, "deleted the file"
    if work.theirs is None:
        return now, "changed the file, which it deletes"
    if work.base is None:
        return now, "made another file of this name"
    if not all(lines.is_text(data) for data in (work.base, now, work.theirs)):
        return now, "changed the file, and it is no text that can be merged"
    merged = lines.merge(work.base, now, work.theirs)
    if merged.conflicts:
        return merged.rest, f"changed the same lines: {lines.ranges(merged.conflicts)}"
    return merged.text, ""
