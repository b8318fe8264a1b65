"""The subcommands of ``%codemad`` by name, with the form and the text of each."""

from __future__ import annotations

from typing import Literal

from codemad_jupyter.app.agents_words import agents_text
from codemad_jupyter.app.memory_words import memory_text
from codemad_jupyter.app.merge_words import options_text
from codemad_jupyter.app.plan_words import plan_verbs_text
from codemad_jupyter.app.session_words import session_text
from codemad_jupyter.app.timeline_words import timeline_text

Name = Literal[
    "apply",
    "reject",
    "undo",
    "redo",
    "checkpoints",
    "blame",
    "agents",
    "merge",
    "fix",
    "plan",
    "compact",
    "mode",
    "verify",
    "status",
    "index",
    "models",
    "new",
    "context",
    "level",
    "trust",
    "permissions",
    "record",
    "replay",
    "memory",
    "sessions",
    "sql",
    "attach",
    "help",
]

SUBCOMMANDS: dict[str, tuple[str, str]] = {
    "apply": ("apply [EDIT] [--run]", "apply a proposed edit, or all that wait; --run also runs the cell"),
    "reject": ("reject [EDIT]", "reject a proposed edit, or all that wait"),
    "undo": ("undo", "bring files, notebook and conversation back to before the latest run"),
    "redo": ("redo", "bring back what the latest undo took away"),
    "checkpoints": (
        "checkpoints [VERB …]",
        "list them, or show, diff, restore, make, name, prune (see: help checkpoints)",
    ),
    "blame": ("blame", "who made each cell of this notebook: you, or which run and model"),
    "agents": (
        "agents [VERB …]",
        "folders in which agents work apart: list, new, show, diff, merge, drop (see: help agents)",
    ),
    "merge": (
        "merge [NOTEBOOK] […]",
        "a notebook with conflict markers: see the conflicts, choose sides (see: help merge)",
    ),
    "plan": ("plan [VERB …]", "the plan: show, edit, move, remove, approve, drop (see: help plan)"),
    "compact": ("compact", "summarise the conversation so far, to send less of it"),
    "mode": ("mode [MODE]", "who is asked before something happens, and what confines it; or choose a mode"),
    "fix": ("fix", "look at the last error and propose a repair"),
    "verify": ("verify [--cells ID ...]", "run the notebook again elsewhere: which cells fail or differ"),
    "status": ("status", "what answers here: engine, model, session, edits that wait"),
    "index": ("index", "how far the search index of this folder is, and what it leaves out"),
    "models": ("models [use NAME]", "list the models, or choose one for this session"),
    "new": ("new", "begin a fresh session"),
    "context": ("context [PROMPT]", "what a question would send to the model, without sending it"),
    "level": ("level [LEVEL]", "how much of this notebook's data is sent: schema … images; or set it"),
    "trust": (
        "trust [--show | --revoke]",
        "let this folder's codemad.toml and rules files (AGENTS.md …) count; or no longer",
    ),
    "permissions": (
        "permissions [revoke DIGEST | test COMMAND]",
        "mode, rules and what you allowed for good; take that back; or try a command against the rules",
    ),
    "record": ("record FILE|auto|off", "record the models' answers in a cassette, from the next question on"),
    "replay": (
        "replay FILE|auto|off [--or-ask]",
        "answer from a cassette and ask no model; --or-ask: but for what is not recorded",
    ),
    "memory": (
        "memory [VERB …]",
        "what is remembered: list, add, edit, forget, confirm, search (see: help memory)",
    ),
    "sessions": ("sessions [VERB …]", "list, search, fork, branch, compare, export … (see: help sessions)"),
    "sql": (
        "sql [SELECT …]",
        "ask your sessions in SQL, or list the tables; %%codemad sql takes the cell as the question",
    ),
    "attach": ("attach", "join the run that goes on in this session, and follow it"),
    "help": ("help [SUBCOMMAND]", "this text, or the usage of one subcommand"),
}


def usage_of(name: str) -> str:
    """The usage of one subcommand."""
    form, text = SUBCOMMANDS[name]
    more = {
        "checkpoints": timeline_text,
        "agents": agents_text,
        "merge": options_text,
        "memory": memory_text,
        "plan": plan_verbs_text,
        "sessions": session_text,
    }.get(name, str)()
    return f"Usage: %codemad {form}\n  {text}\n{more}".rstrip()
