"""A run that asks no model: some work, and its end as an event like that of any other run."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from codemad_jupyter.orchestrator.session import Session
from codemad_jupyter.protocol.errors import CodemadError
from codemad_jupyter.protocol.events import Event, MessageDone, RunFinished, RunStatus
from codemad_jupyter.protocol.messages import Message, TextPart
from codemad_jupyter.tools.proposals import new_id

_log = logging.getLogger(__name__)

Work = Callable[[Callable[[Event], object]], Awaitable[str]]


async def plain_run(
    work: Work, *, run: str, session: Session, stopped: str = "Stopped.", cost: float | None = 0.0
) -> None:
    """Do it; never raises but for being cancelled, and then has said so. The work is given a way to say
    things, and answers with the sentence with which the run ends. ``cost`` is None where it is not known."""
    began = time.monotonic()

    def emit(event: Event) -> None:
        session.bus.emit(event, run=run)

    status: RunStatus = "cancelled"
    text = stopped
    try:
        text = await work(emit)
        status = "done"
    except CodemadError as error:
        status, text = "failed", str(error)
    except asyncio.CancelledError:
        raise
    except Exception as error:
        _log.exception("run %s failed", run)
        status, text = "failed", f"Internal error: {type(error).__name__}. The log of the process has more."
    finally:
        seconds = round(time.monotonic() - began, 3)
        emit(RunFinished(status=status, text=text, cost=cost, seconds=seconds))


def telling(text: str) -> Work:
    """The work of saying something to the person. The model does not hear of it."""

    async def tell(emit: Callable[[Event], object]) -> str:
        message = Message(role="assistant", parts=(TextPart(text=text),))
        emit(MessageDone(id=new_id("message"), message=message, model=""))
        return "Done."

    return tell
