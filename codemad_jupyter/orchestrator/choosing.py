"""What a person sets: name and place of a session, its model, who else sees it, how much data is sent, and
the mode."""

import asyncio

from codemad_jupyter.orchestrator import sharing
from codemad_jupyter.orchestrator.acting import mode_line
from codemad_jupyter.orchestrator.services import Services
from codemad_jupyter.orchestrator.session import Session
from codemad_jupyter.protocol import commands as cmd
from codemad_jupyter.protocol.errors import CodemadError
from codemad_jupyter.protocol.events import DataLevelChosen
from codemad_jupyter.protocol.permissions import Mode

Choosing = (
    cmd.RenameSession
    | cmd.ArrangeSession
    | cmd.ChooseModel
    | cmd.ShareSession
    | cmd.UnshareSession
    | cmd.ChooseDataLevel
    | cmd.ChooseMode
)


async def choose(services: Services, session: Session, command: Choosing) -> None:
    """Set it. Raises what the service concerned does."""
    match command:
        case cmd.RenameSession():
            await session.change(title=command.title)
        case cmd.ArrangeSession():
            await session.change(pinned=command.pinned, archived=command.archived)
        case cmd.ChooseModel():
            services.router.provider_for(command.model)
            await session.change(model=command.model)
        case cmd.ShareSession() | cmd.UnshareSession():
            await sharing.change(services, session, command)
        case cmd.ChooseDataLevel():
            await _choose_level(services, session, command)
        case cmd.ChooseMode():
            await choose_mode(services, session, command.mode)


async def choose_mode(services: Services, session: Session, mode: Mode) -> None:
    """Let this mode hold from now on; it is written down, also where it is refused."""
    was = services.modes.now
    try:
        await services.modes.choose(mode, services.sandbox)
    except CodemadError as error:
        services.audit.record(mode_line(session.id, was, mode, refused=error.message))
        raise
    services.audit.record(mode_line(session.id, was, mode))
    await session.bus.saved()


async def _choose_level(services: Services, session: Session, command: cmd.ChooseDataLevel) -> None:
    try:
        await asyncio.to_thread(services.levels.choose, command.level, command.notebook)
    finally:  # where it could not be kept it holds all the same
        session.bus.emit(DataLevelChosen(level=command.level, notebook=command.notebook))
        await session.bus.saved()
