"""``memory`` as a command with words after it: the same on the command line and behind the magic.

Reads the words, asks the engine through a client, and answers with text and with data for JSON.
"""

import argparse
from collections.abc import Sequence
from typing import NoReturn

from codemad_jupyter.app.client import EngineClient
from codemad_jupyter.app.memory_text import changed_line, fact_line, short
from codemad_jupyter.app.memory_words import add_memory_verbs
from codemad_jupyter.app.plain_text import one_line
from codemad_jupyter.app.timeline_commands import Answer
from codemad_jupyter.protocol import commands as cmd
from codemad_jupyter.protocol.errors import CodemadError, NotFound, UsageError
from codemad_jupyter.protocol.events import MemoryChanged
from codemad_jupyter.protocol.memories import Memory


class Words(argparse.ArgumentParser):
    """Says what is wrong by an exception: nobody is to be thrown out of a notebook."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{self.prog}: {message}.", hint=self.format_usage().strip())


def read_memory_words(words: Sequence[str]) -> argparse.Namespace:
    """What was typed after ``memory``. Raises `UsageError`."""
    parser = Words(prog="%codemad memory", add_help=False)
    add_memory_verbs(parser)
    return parser.parse_args([*words] or ["list"])


def perform(client: EngineClient, asked: argparse.Namespace, *, edge: cmd.Edge) -> Answer:
    """Do what was asked after ``memory``."""
    if asked.verb in (None, "list"):
        return _listed(client, asked)
    if asked.verb == "search":
        found = client.memories(" ".join(asked.words))
        return _answer(found, client.memories(), "Nothing is remembered about that.")
    session = client.session()
    if asked.verb == "add":
        remember = cmd.RememberFact(
            session=session,
            text=" ".join(asked.text),
            scope=asked.scope,
            kind=asked.kind,
            role=asked.role,
            edge=edge,
        )
        return _changed(client, remember)
    facts = client.memories()
    if asked.verb == "forget":
        return _changed(client, _forget(asked, facts, session))
    fact = pick(facts, asked.memory)
    if asked.verb == "confirm":
        return _changed(client, cmd.ConfirmMemory(session=session, memory=fact.id))
    text = " ".join(asked.text) or None
    if text is None and asked.kind is None:
        raise UsageError("What is to be changed?", hint="Give the new text, or --kind.")
    return _changed(
        client, cmd.EditMemory(session=session, memory=fact.id, text=text, kind=asked.kind, edge=edge)
    )


def pick(facts: Sequence[Memory], word: str) -> Memory:
    """The fact a person means by a number of the list, an id or its beginning."""
    if word.isascii() and word.isdecimal() and 1 <= int(word) <= len(facts):
        return facts[int(word) - 1]
    begun = [fact for fact in facts if word in (fact.id, short(fact)) or short(fact).startswith(word)]
    if len(begun) == 1:
        return begun[0]
    said = "means more than one fact" if begun else "is no fact that is remembered"
    raise NotFound(f"“{one_line(word)}” {said}.", hint="Give a number of the list or an id.")


def _listed(client: EngineClient, asked: argparse.Namespace) -> Answer:
    every = client.memories()
    waiting = bool(getattr(asked, "waiting", False))
    wanted = [
        fact
        for fact in every
        if getattr(asked, "scope", None) in (None, fact.scope) and not (waiting and fact.confirmed)
    ]
    return _answer(wanted, every, "Nothing is remembered." if not every else "None of these.")


def _answer(shown: Sequence[Memory], every: Sequence[Memory], nothing: str) -> Answer:
    """Each with its number in the whole list."""
    numbers = {fact.id: number for number, fact in enumerate(every, start=1)}
    lines = [f"{numbers.get(fact.id, 0):>3}  {fact_line(fact)}" for fact in shown]
    return Answer("\n".join(lines) or nothing, {"memories": [fact.model_dump() for fact in shown]})


def _forget(asked: argparse.Namespace, facts: Sequence[Memory], session: str) -> cmd.ForgetMemory:
    if asked.all and asked.memories:
        raise UsageError("All, or these?", hint="Give --all or facts, not both.")
    if asked.scope and not asked.all:
        raise UsageError("--scope goes with --all.", hint="Give --all --scope NAME.")
    if asked.all:
        return cmd.ForgetMemory(session=session, every=True, scope=asked.scope)
    ids = tuple(dict.fromkeys(pick(facts, word).id for word in asked.memories))
    return cmd.ForgetMemory(session=session, memories=ids)


def _changed(client: EngineClient, command: cmd.Command) -> Answer:
    told: MemoryChanged | None = None
    for event in client.follow(client.submit(command)):
        told = event if isinstance(event, MemoryChanged) else told
    if told is None:
        raise CodemadError("The engine did not say what it did.", hint="List what is remembered to see.")
    return Answer(
        changed_line(told), told.model_dump(include={"change", "memories", "scope", "kind", "text"})
    )
