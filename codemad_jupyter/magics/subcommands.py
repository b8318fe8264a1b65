"""What the subcommands of ``%codemad`` do and say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codemad_jupyter.app.index_text import index_text
from codemad_jupyter.app.plain_text import one_line
from codemad_jupyter.app.preview_text import preview_text
from codemad_jupyter.magics.canvas import show_text
from codemad_jupyter.magics.cassettes import choose_cassette
from codemad_jupyter.magics.place import place_of
from codemad_jupyter.magics.safe_text import code_span, safe_markdown
from codemad_jupyter.magics.subcommand_forms import LEVELS, Subcommand
from codemad_jupyter.magics.subcommand_texts import usage_of
from codemad_jupyter.magics.transcript import restored_line
from codemad_jupyter.magics.verify import verify
from codemad_jupyter.protocol.commands import ChooseDataLevel, ChooseModel, Prompt, Redo, Undo
from codemad_jupyter.protocol.errors import StaleEdit, UsageError
from codemad_jupyter.protocol.events import Restored

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from codemad_jupyter.magics.conversation import Conversation
    from codemad_jupyter.magics.transcript import Change
    from codemad_jupyter.protocol.models import ModelInfo
    from codemad_jupyter.protocol.privacy import ContextPreview


def perform(command: Subcommand, talk: Conversation, ip: InteractiveShell) -> None:
    """Do what was asked and show how it went. ``fix`` is a question and comes elsewhere."""
    match command.name:
        case "apply" | "reject":
            show_text(ip, _settled(talk, ip, command))
        case "undo" | "redo":
            show_text(ip, _restored(talk, ip, command.name))
        case "verify":
            verify(talk, ip, tuple(command.word.replace(",", " ").split()))
        case "checkpoints":
            show_text(ip, _checkpoints(talk, ip, command.words))
        case "blame":
            show_text(ip, _blame(talk, ip))
        case "memory" | "sessions":
            show_text(ip, _remembered(talk, ip, command))
        case "attach":
            if not talk.join():
                show_text(ip, "Nothing runs in this session now.")
        case "plan":
            _plan(talk, ip, command.words)
        case "agents":
            show_text(ip, _agents(talk, ip, command.words))
        case "merge":
            show_text(ip, _merge(talk, ip, command.words))
        case "status":
            show_text(ip, _status(talk, ip))
        case "index":
            show_text(ip, index_text(talk.door.client(place_of(ip)).index_status()))
        case "models":
            _models(talk, ip, command.word)
        case "context":
            show_text(ip, preview_text(_preview(talk, ip, command.word)))
        case "level":
            show_text(ip, _level(talk, ip, command.word))
        case "trust":
            show_text(ip, _trust(talk, ip, command.word))
        case "permissions":
            show_text(ip, _permissions(talk, ip, command.words))
        case "record" | "replay":
            show_text(ip, choose_cassette(talk, ip, command))
        case "new":
            talk.door.begin(place_of(ip))
            show_text(ip, "A fresh session has begun.")
        case _:
            show_text(ip, usage_of(command.word))


def _settled(talk: Conversation, ip: InteractiveShell, command: Subcommand) -> str:
    numbers = talk.edits.numbers(command.word)
    changes = talk.edits.settle(numbers, place_of(ip), accept=command.name == "apply", execute=command.run)
    talk.buttons.refresh()
    stale = [change for change in changes if change.status == "stale"]
    if stale:
        raise StaleEdit("\n".join(map(_outcome, stale)), hint="Ask again: the proposal will be made anew.")
    return "\n".join(map(_outcome, changes))


def _outcome(change: Change) -> str:
    words = {
        "accepted": "applied",
        "rejected": "rejected",
        "partial": "partly applied",
        "pending": "still waits",
        "stale": "not applied",
    }
    detail = f" ({one_line(change.detail)})" if change.detail else ""
    return f"Edit {change.number}: {words[change.status]}{detail}."


def _restored(talk: Conversation, ip: InteractiveShell, name: str) -> str:
    session = talk.door.session(place_of(ip))
    event = talk.restore(Undo(session=session) if name == "undo" else Redo(session=session))
    return restored_line(event) if isinstance(event, Restored) else f"{name}: done."


def _checkpoints(talk: Conversation, ip: InteractiveShell, words: tuple[str, ...]) -> str:
    from codemad_jupyter.app.timeline_commands import perform as perform_on
    from codemad_jupyter.app.timeline_commands import read_words

    asked = read_words(words)
    place = place_of(ip)
    client, session = talk.door.client(place), talk.door.session(place)
    answer = perform_on(client, asked, session=session, notebook=talk.door.target(place).notebook)
    return answer.text


def _remembered(talk: Conversation, ip: InteractiveShell, command: Subcommand) -> str:
    from codemad_jupyter.app import memory_commands, session_commands

    client = talk.door.client(place_of(ip))
    if command.name == "sessions":
        asked = session_commands.read_session_words(command.words)
        return session_commands.perform(client, asked, edge="magic").text
    asked = memory_commands.read_memory_words(command.words)
    return memory_commands.perform(client, asked, edge="magic").text


def _plan(talk: Conversation, ip: InteractiveShell, words: tuple[str, ...]) -> None:
    from codemad_jupyter.app import plan_commands as plans

    asked = plans.read_plan_words(words)
    place = place_of(ip)
    client, session = talk.door.client(place), talk.door.session(place)
    if asked.verb == "approve":
        target = talk.door.target(place)
        talk.carry_out(plans.approval(client, session, target=target, edge="magic"))
        return
    show_text(ip, plans.perform(client, asked, session=session).text)


def _blame(talk: Conversation, ip: InteractiveShell) -> str:
    from codemad_jupyter.app.timeline_text import blame_text

    place = place_of(ip)
    client, notebook = talk.door.client(place), talk.door.target(place).notebook
    if notebook is None:
        raise UsageError(
            "Which notebook this kernel belongs to is not known.", hint="Use codemad blame FILE."
        )
    return blame_text(client.blame(notebook))


def _agents(talk: Conversation, ip: InteractiveShell, words: tuple[str, ...]) -> str:
    from contextlib import nullcontext

    from codemad_jupyter.app.agents_commands import perform as perform_on
    from codemad_jupyter.app.agents_commands import read_words

    asked = read_words(words)
    place = place_of(ip)
    client = talk.door.client(place)
    return perform_on(talk.door.root(place), asked, client=lambda: nullcontext(client), edge="magic").text


def _merge(talk: Conversation, ip: InteractiveShell, words: tuple[str, ...]) -> str:
    from codemad_jupyter.app.merge_commands import perform as perform_on
    from codemad_jupyter.app.merge_commands import read_words

    asked = read_words(words)
    place = place_of(ip)
    client = talk.door.client(place)
    here = talk.door.target(place).notebook if talk.door.server or place.notebook else None
    notebook = asked.notebook or here
    if notebook is None:
        raise UsageError("Which notebook is to be merged?", hint="Name it: %codemad merge NOTEBOOK")
    return perform_on(client, asked, notebook=notebook, edge="magic").text


def _status(talk: Conversation, ip: InteractiveShell) -> str:
    place = place_of(ip)
    client = talk.door.client(place)
    where = "in the Jupyter server, shared with the sidebar" if talk.door.server else "inside this process"
    lines = [
        f"Engine: {where}",
        f"Default model: {client.default_model()}",
        f"Person: {'nobody to ask, policy ' + place.policy if place.headless else 'you are asked'}",
        f"Edits that wait: {', '.join(map(str, talk.edits.waiting())) or 'none'}",
    ]
    return "\n".join([*lines, *filter(None, [talk.door.notice])])


def _preview(talk: Conversation, ip: InteractiveShell, text: str) -> ContextPreview:
    place = place_of(ip)
    client = talk.door.client(place)
    target = talk.door.target(place)
    prompt = Prompt(session=talk.door.session(place), text=text or "?", target=target, edge="magic")
    return client.preview(prompt)


def _level(talk: Conversation, ip: InteractiveShell, word: str) -> str:
    """Choose a level for this notebook, or say which one holds."""
    if not word:
        holds = _preview(talk, ip, "").level
        return f"Data level: {holds}. Levels, each with those before it: {', '.join(LEVELS)}."
    place = place_of(ip)
    client = talk.door.client(place)
    notebook = talk.door.target(place).notebook
    level = next(each for each in LEVELS if each == word)
    client.submit(ChooseDataLevel(session=talk.door.session(place), level=level, notebook=notebook))
    return f"From now on at most {level} of this notebook are sent."


def _trust(talk: Conversation, ip: InteractiveShell, word: str) -> str:
    """Decide about the workspace, which beside a server is the server's."""
    from codemad_jupyter.app import trusting

    root = talk.door.root(place_of(ip))
    found = trusting.look(root)
    if word != "--show":
        seen = found.digest if not word else None
        found = trusting.decide(root, trusted=not word, seen=seen)
    return trusting.trust_text(found)


def _permissions(talk: Conversation, ip: InteractiveShell, words: tuple[str, ...]) -> str:
    from codemad_jupyter.app import permitting
    from codemad_jupyter.config.settings import load_settings

    root = talk.door.root(place_of(ip))
    settings = load_settings(root, lenient=True)
    match words:
        case ():
            return permitting.holding_text(permitting.holding(root, settings))
        case ("revoke", start):
            return permitting.revoke(root, settings, start)
        case ("test", *command) if command:
            return permitting.tried_text(permitting.tried(root, settings, " ".join(command)))
    raise UsageError("That is no form of permissions.", hint=usage_of("permissions"))


def _models(talk: Conversation, ip: InteractiveShell, word: str) -> None:
    place = place_of(ip)
    client = talk.door.client(place)
    if word:
        client.submit(ChooseModel(session=talk.door.session(place), model=word))
        show_text(ip, f"This session uses {word} from now on.")
        return
    models, default = client.models(), client.default_model()
    plain = "\n".join(_model_line(model, default) for model in models)
    rows = "\n".join(
        f"| {code_span(m.name)} | {'default' if m.name == default else ''} | {_why(m)} |" for m in models
    )
    show_text(ip, plain, markdown=f"| model | | state |\n|---|---|---|\n{rows}")


def _model_line(model: ModelInfo, default: str) -> str:
    mark = "*" if model.name == default else " "
    return f"{mark} {model.name:<40} {'ready' if model.ready else one_line(model.why)}"


def _why(model: ModelInfo) -> str:
    return "ready" if model.ready else safe_markdown(one_line(model.why)).replace("|", "\\|")
