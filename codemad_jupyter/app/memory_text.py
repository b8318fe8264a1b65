"""What is remembered, in words: facts, and what became of them. Plain text."""

import time

from codemad_jupyter.app.plain_text import one_line
from codemad_jupyter.protocol.events import MemoryChanged
from codemad_jupyter.protocol.memories import Memory
from codemad_jupyter.protocol.wording import counted

CONFIRM = "codemad memory confirm"


def short(fact: Memory) -> str:
    """The id without what all have in common."""
    return fact.id.removeprefix("memory-")


def changed_line(event: MemoryChanged) -> str:
    """What became of a fact, in a sentence."""
    text = one_line(event.text)
    names = " ".join(id.removeprefix("memory-") for id in event.memories)
    match event.change:
        case "kept":
            return f"Remembered ({event.scope}): {text} [take it back: codemad memory forget {names}]"
        case "waiting":
            what = f"{event.scope} {event.kind}"
            return f"To be remembered once you confirm it ({what}): {text} [{CONFIRM} {names}]"
        case "edited":
            return f"Changed: {text}"
        case "confirmed":
            return f"Remembered from now on ({event.scope}): {text}"
        case "forgotten":
            return f"Forgotten: {counted(len(event.memories), 'fact')}."


def fact_line(fact: Memory) -> str:
    """All that a list says of a fact."""
    source = "you" if fact.who == "person" else one_line(fact.model) or "a model"
    notes = [fact.kind, f"by {source}", time.strftime("%Y-%m-%d", time.localtime(fact.created))]
    notes += [f"used {fact.uses} times"] if fact.uses else []
    notes += [] if fact.confirmed else [f"waits: {CONFIRM} {short(fact)}"]
    where = f"role {one_line(fact.role)}" if fact.scope == "role" else fact.scope
    return f"{short(fact)}  {where:<8} {one_line(fact.text)} ({', '.join(notes)})"


def announced_line(event: MemoryChanged) -> str:
    """The same beneath an answer in a notebook: without ids, for two equal runs read the same."""
    if event.change == "waiting":
        what = f"{event.scope} {event.kind}"
        return f"To be remembered once you confirm it ({what}): {one_line(event.text)} (see %codemad memory)"
    if event.change == "kept":
        return f"Remembered ({event.scope}): {one_line(event.text)} (to take it back: %codemad memory forget)"
    return changed_line(event)
