"""Slash commands: which there are, what one at the beginning of a prompt means, completions and help. Pure;
packages add theirs by the hook ``register_commands``."""

import difflib
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from codemad_jupyter.protocol.commands import Prompt
from codemad_jupyter.protocol.errors import UsageError
from codemad_jupyter.protocol.mentions import Mention
from codemad_jupyter.protocol.slash import SlashCommand

HELP, COMPACT, PLAN, AGENT, MODE = "help", "compact", "plan", "agent", "mode"
BUILT_IN: tuple[SlashCommand, ...] = (
    SlashCommand(name="ask", usage="QUESTION", text="answer, and change nothing", intent="answer"),
    SlashCommand(name="edit", usage="WHAT", text="change cells or files", intent="edit"),
    SlashCommand(
        name=PLAN, usage="[WHAT]", text="make a plan first, or show the one there is", intent="plan"
    ),
    SlashCommand(
        name="run",
        usage="[WHAT]",
        text="run something as it is",
        intent="run",
        template="Run {given}",
        alone="Run the active cell.",
    ),
    SlashCommand(
        name="fix",
        usage="[WHAT]",
        text="repair the last error, or what you name",
        intent="fix",
        template="Fix {given}",
        alone="Fix the last error.",
    ),
    SlashCommand(
        name="explain",
        usage="[WHAT]",
        text="explain the active cell, or what you name",
        intent="explain",
        template="Explain {given}",
        alone="Explain the active cell.",
    ),
    SlashCommand(
        name="test",
        usage="[WHAT]",
        text="write tests",
        intent="test",
        template="Write tests for {given}",
        alone="Write tests for the active cell.",
    ),
    SlashCommand(
        name="doc",
        usage="[WHAT]",
        text="write docstrings or documentation",
        intent="document",
        template="Write docstrings or documentation for {given}",
        alone="Write docstrings for the active cell.",
    ),
    SlashCommand(
        name="review",
        usage="[WHAT]",
        text="judge code and say what is wrong with it",
        intent="review",
        template="Review {given}",
        alone="Review this notebook.",
    ),
    SlashCommand(
        name="search",
        usage="WHAT",
        text="find places in the workspace",
        intent="search",
        template="Search the workspace for {given}",
    ),
    SlashCommand(name=AGENT, usage="ROLE WHAT", text="let a role do it: coder, reviewer, analyst …"),
    SlashCommand(
        name="team",
        usage="[swarm 3 | hierarchy | pipeline | mesh] WHAT",
        text="let several agents do it, each in a folder of its own; the best of it is put before you",
        intent="team",
        template="{given}",
    ),
    SlashCommand(
        name=MODE,
        usage="[plan | batch | ask | auto_edit | auto_sandboxed]",
        text="who is asked before something happens: show it, or choose",
    ),
    SlashCommand(name=COMPACT, text="summarise the conversation so far, to send less of it"),
    SlashCommand(name=HELP, usage="[COMMAND]", text="these commands, or one of them"),
)
_FORM = re.compile(r"/([A-Za-z][A-Za-z0-9_-]*)(?=\s|$)")


class Called(NamedTuple):
    """A command with what was written after it."""

    command: SlashCommand
    given: str


def gathered(offered: Iterable[SlashCommand]) -> tuple[SlashCommand, ...]:
    """Ours and those of packages. Raises `UsageError` for a name that is taken."""
    found = {command.name: command for command in BUILT_IN}
    for command in offered:
        if command.name in found:
            raise UsageError(f"There is a command /{command.name} already.", hint="Give it another name.")
        found[command.name] = command
    return tuple(found.values())


def read(text: str, commands: Sequence[SlashCommand]) -> Called | None:
    """The command that a prompt begins with, or None. Raises `UsageError` for an unknown one."""
    found = _FORM.match(text)
    if found is None:
        return None
    name = found[1].lower()
    for command in commands:
        if command.name == name:
            return Called(command, text[found.end() :].strip())
    near = difflib.get_close_matches(name, [command.name for command in commands], n=2)
    meant = f"Did you mean {' or '.join(f'/{each}' for each in near)}? " if near else ""
    raise UsageError(
        f"There is no command /{name}.",
        hint=f"{meant}/help lists them. Begin with a space to send it as text.",
    )


def expanded(prompt: Prompt, commands: Sequence[SlashCommand]) -> Prompt:
    """The prompt that a slash command stands for; any other as it is. Raises `UsageError`."""
    called = read(prompt.text, commands)
    if called is None or called.command.name in (HELP, COMPACT, MODE):  # those ask no model
        return prompt
    command, given = called
    if not given and not command.alone:
        raise UsageError(
            f"/{command.name} needs words after it.", hint=f"Write /{command.name} {command.usage}."
        )
    text = command.template.replace("{given}", given) if given else command.alone
    intent = prompt.intent if command.intent == "auto" else command.intent
    return prompt.model_copy(update={"text": text, "intent": intent})


def completions(query: str, commands: Sequence[SlashCommand]) -> tuple[Mention, ...]:
    """The commands that begin with these letters, as suggestions."""
    wanted = query.removeprefix("/").casefold()
    return tuple(
        Mention(
            kind="command",
            name=command.name,
            label=f"/{command.name} {command.usage}".strip(),
            detail=command.text,
        )
        for command in commands
        if command.name.startswith(wanted)
    )


def help_text(given: str, commands: Sequence[SlashCommand]) -> str:
    """All commands, or one. Raises `UsageError` for an unknown one."""
    if given:
        called = read(f"/{given.split()[0].removeprefix('/')}", commands)
        commands = [called.command] if called is not None else commands
    lines = [f"- `/{each.name}{f' {each.usage}' if each.usage else ''}` {each.text}" for each in commands]
    return "\n".join(["Commands, at the beginning of a message:", "", *lines])
