"""Which checkpoints are forgotten: by age, number and size. Named ones stay unless it is said. With it goes
what else is done in the background: the daily snapshots of the store, as `store.snapshots` takes them."""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Collection, Sequence

from codemad_jupyter.orchestrator.history import snapshots_of
from codemad_jupyter.orchestrator.services import Services
from codemad_jupyter.orchestrator.session import Session
from codemad_jupyter.protocol.commands import PruneCheckpoints
from codemad_jupyter.protocol.errors import CodemadError
from codemad_jupyter.protocol.events import CheckpointsChanged
from codemad_jupyter.store.checkpoints import CheckpointRecord
from codemad_jupyter.store.snapshots import Snapshots

_log = logging.getLogger(__name__)

DELAY = 5.0
"""Seconds between the start, or the end of a run, and the pruning: nobody is to wait for it."""
PERIOD = 3600.0


async def prune(
    services: Services, session: Session | None, command: PruneCheckpoints, *, busy: Collection[str] = ()
) -> int:
    """Forget checkpoints beyond the limits; how many went. Those of ``busy`` runs stay."""
    records = await services.store.outline()
    going = await _going(services, records, command, busy)
    if going:
        staying = set().union(*(snapshots_of(record) for record in records if record.id not in going))
        gone = set().union(*(snapshots_of(record) for record in records if record.id in going))
        await services.store.remove_checkpoints(going)
        await services.checkpoints.drop(gone - staying, free=session is not None)
    if session is not None:
        went = "1 checkpoint was" if len(going) == 1 else f"{len(going)} checkpoints were"
        text = f"{went} forgotten, {len(records) - len(going)} are left."
        session.bus.emit(CheckpointsChanged(text=text))
    return len(going)


async def _going(
    services: Services,
    records: Sequence[CheckpointRecord],
    command: PruneCheckpoints,
    busy: Collection[str],
) -> set[str]:
    room = await services.store.room() if command.size is not None else {}
    oldest = time.time() - (command.days or 0) * 86_400
    going: set[str] = set()
    counted: set[str] = set()
    kept = size = 0
    for record in reversed(records):  # the newest have the first claim
        new = {name: taken for name, taken in room.get(record.id, {}).items() if name not in counted}
        stays = (record.name and not command.named) or record.run in busy
        too_old = command.days is not None and record.at < oldest
        too_many = command.keep is not None and kept >= command.keep
        too_large = command.size is not None and size + sum(new.values()) > command.size
        if not stays and (too_old or too_many or too_large):
            going.add(record.id)
            continue
        kept += 1
        size += sum(new.values())
        counted |= new.keys()
    return going


class Gardener:
    """Prunes by the settings, in the background: once at the start and again after runs, at most hourly.
    Has a snapshot of the store taken each day while no run goes on."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._snapshots = Snapshots(services.store.database, kept=services.snapshots_kept)
        self._task: asyncio.Task[None] | None = None
        self._last = -math.inf

    def wake(self, busy: Callable[[], Collection[str]], *, delay: float = DELAY) -> None:
        """Prune in a while, if it is time."""
        services = self._services
        self._snapshots.start(lambda: bool(busy()))
        resting = self._task is None or self._task.done()
        if not (services.checkpoint_days or services.checkpoint_size) or not resting:
            return
        if time.monotonic() - self._last >= PERIOD:
            self._last = time.monotonic()
            self._task = asyncio.create_task(self._prune(busy, delay), name="codemad pruning")

    async def _prune(self, busy: Callable[[], Collection[str]], delay: float) -> None:
        await asyncio.sleep(delay)
        services = self._services
        limits = PruneCheckpoints(
            session="", days=services.checkpoint_days or None, size=services.checkpoint_size or None
        )
        try:
            await prune(services, None, limits, busy=busy())
        except CodemadError as error:
            _log.warning("checkpoints were not pruned: %s", error)

    async def stop(self) -> None:
        """Let go of the work in the background; called before the store is closed."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task], timeout=5)
        await self._snapshots.stop()
