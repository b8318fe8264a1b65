"""Commits what a person accepted of a run, once all of it is settled, where the settings say so.

Only files that accepted edits name are committed, and notebooks only as far as they are saved. How the
commit is made stands in ``git/commits``.
"""

import asyncio
from pathlib import Path
from typing import assert_never

from codemad_jupyter.gateway.choosing import Need
from codemad_jupyter.gateway.provider import Request
from codemad_jupyter.git.commits import commit
from codemad_jupyter.git.values import shown
from codemad_jupyter.notebooks.cells import cell_ids, source_of
from codemad_jupyter.notebooks.disk import confined, read_bytes
from codemad_jupyter.notebooks.document import parse
from codemad_jupyter.orchestrator.acting import done_line
from codemad_jupyter.orchestrator.checkpointing import reach
from codemad_jupyter.orchestrator.services import Services
from codemad_jupyter.orchestrator.session import Session
from codemad_jupyter.orchestrator.side_call import answer_to
from codemad_jupyter.protocol.edits import CellTarget, Edit, FileTarget, unified
from codemad_jupyter.protocol.errors import CodemadError, GitError
from codemad_jupyter.protocol.events import Committed, Notice
from codemad_jupyter.protocol.messages import Message
from codemad_jupyter.protocol.supply import Account
from codemad_jupyter.protocol.tokens import message_tokens
from codemad_jupyter.tools.data_levels import file_level

SUBJECT = 72
"""Characters of the first line of a message."""
ASKED = 12_000
"""Characters of the changes a model is shown when it is to write the message."""
PATIENCE = 30.0
INSTRUCTION = (
    "Write a git commit message for the changes below: one imperative line of at most 72 characters, and"
    " only where it is needed a blank line and a short body. Answer with the message alone."
)


def due(session: Session, run: str) -> bool:
    """Whether everything of the run is settled, something was accepted, and nothing is committed yet."""
    state = session.state
    known = state.runs.get(run)
    if known is None or known.status is None or known.undone or known.commit:
        return False
    statuses = [edit.status for id, edit in state.edits.items() if state.edit_runs[id] == run]
    return "pending" not in statuses and bool({"accepted", "partial"} & set(statuses))


async def commit_if_due(services: Services, session: Session, run: str | None) -> None:
    """To be called when an edit was settled and when a run has ended."""
    if services.auto_commit != "off" and run is not None and due(session, run):
        await commit_run(services, session, run)
        await session.bus.saved()


async def commit_run(services: Services, session: Session, run: str) -> None:
    """Commit what was accepted of the run, and say so; or say why not."""
    state = session.state
    edits = [edit for id, edit in state.edits.items() if state.edit_runs[id] == run]
    accepted = [edit for edit in edits if edit.status in ("accepted", "partial")]
    paths, unsaved = await _paths(services, accepted)
    message = await _message(services, session, run, accepted) if paths else ""
    try:
        made = await commit(services.root, paths, f"{message}\n\n{_trailers(session.id, run)}")
    except GitError as error:
        session.bus.emit(Notice(level="warning", code="commit", text=str(error)), run=run)
        return
    if made.id:
        files = tuple(map(shown, made.files))
        action = f"commit {made.id[:12]} on {made.branch}: {', '.join(files)}"
        why = "the settings commit what was accepted"
        services.audit.record(done_line(session.id, run, "auto_commit", action, axis="files", rule=why))
        session.bus.emit(Committed(commit=made.id, message=message, files=files), run=run)
    left = (*(shown(each) for each in made.left), *(f"{shown(path)}: it is not saved" for path in unsaved))
    if left:
        session.bus.emit(
            Notice(level="info", code="commit", text=f"Not committed: {'; '.join(left)}."), run=run
        )


def _trailers(session: str, run: str) -> str:
    return f"CodeMAD-Session: {session}\nCodeMAD-Run: {run}"


async def _paths(services: Services, edits: list[Edit]) -> tuple[list[str], list[str]]:
    """The files to commit, and the notebooks that are not on disk as they stand now."""
    paths: dict[str, None] = {}
    notebooks: dict[str, set[str]] = {}
    for edit in edits:
        match edit.target:
            case FileTarget(path=path, to=to):
                paths |= dict.fromkeys([path, *([to] if to else [])])
            case CellTarget(notebook=notebook, cell=cell, others=others):
                notebooks.setdefault(notebook, set()).update((cell, *others))
            case _:
                assert_never(edit.target)
    saved = {path: await _saved(services, path, cells) for path, cells in notebooks.items()}
    paths |= dict.fromkeys(path for path, is_saved in saved.items() if is_saved)
    return list(paths), [path for path, is_saved in saved.items() if not is_saved]


async def _saved(services: Services, path: str, cells: set[str]) -> bool:
    """Whether the file has these cells as the open document has them."""
    try:
        view = await (await reach(services, path)).view(path)
        on_disk = await asyncio.to_thread(_sources, services.root, path)
    except CodemadError:
        return False
    now = {cell.id: cell.source for cell in view.cells}
    return all(now.get(cell) == on_disk.get(cell) for cell in cells)


def _sources(root: Path, path: str) -> dict[str, str]:
    nb = parse(read_bytes(confined(root, path), path), path)
    return dict(zip(cell_ids(nb), map(source_of, nb["cells"]), strict=True))


async def _message(services: Services, session: Session, run: str, edits: list[Edit]) -> str:
    prompt = session.state.runs[run].prompt
    first = next((line.strip() for line in prompt.splitlines() if line.strip()), "Accept a proposal")
    plain = first if len(first) <= SUBJECT else f"{first[: SUBJECT - 1]}…"
    model = session.state.runs[run].model
    if services.auto_commit != "model" or model.startswith("codemad/"):
        return plain
    try:
        async with asyncio.timeout(PATIENCE):
            written = await _written(services, session, model, prompt, edits)
    except (CodemadError, TimeoutError) as error:
        text = f"The model wrote no commit message ({str(error) or 'it took too long'}); the prompt is used."
        session.bus.emit(Notice(level="warning", code="commit", text=text), run=run)
        return plain
    return written or plain


async def _written(services: Services, session: Session, model: str, prompt: str, edits: list[Edit]) -> str:
    changes = "\n".join(_told(edit) for edit in edits)[:ASKED]
    asked = Message.user(f"{INSTRUCTION}\n\nWhat was asked:\n{prompt[:2000]}\n\nChanges:\n{changes}")
    need = Need(purpose="summarise", text=prompt, tokens=message_tokens(asked))
    choice = services.router.choose_beside(need, default=model)
    if choice is None:
        raise AssertionError("there is a default")
    request = Request(model=choice.model, messages=(asked,), max_tokens=1000, timeout=PATIENCE)
    account = Account(session=session.id, purpose="summarise")
    text = await answer_to(services, request, account=account, fallbacks=choice.fallbacks)
    lines = [line.rstrip() for line in text.strip().strip("`").splitlines()]
    kept = [line for line in lines if not line.lower().startswith("codemad-")]
    return "\n".join(kept).strip()[:2000]


def _told(edit: Edit) -> str:
    """The change as the model is shown it; of a file that holds data its name alone."""
    target = edit.target
    if isinstance(target, FileTarget) and file_level(target.path) != "schema":
        return f"{edit.title} ({target.path})"
    return unified(edit)
