"""The command `VerifyNotebook`: a run of its own that changes nothing and ends with a report."""

import asyncio
import os
from collections.abc import Callable

from codemad_jupyter.notebooks import document
from codemad_jupyter.notebooks.verify import Proof, verify
from codemad_jupyter.orchestrator.acting import done_line
from codemad_jupyter.orchestrator.plain_run import plain_run
from codemad_jupyter.orchestrator.services import Services
from codemad_jupyter.orchestrator.session import Session
from codemad_jupyter.protocol.commands import VerifyNotebook
from codemad_jupyter.protocol.errors import NotFound
from codemad_jupyter.protocol.events import Event, Verified
from codemad_jupyter.protocol.verification import Verdict, Verification
from codemad_jupyter.protocol.wording import counted


async def proof_of(command: VerifyNotebook, services: Services) -> Proof:
    """The notebook as it stands now, unsaved edits included. Raises `NotFound` without one."""
    path = command.target.notebook
    port = await services.ports.notebook(command.target) if path is not None else None
    if path is None or port is None:
        raise NotFound("There is no notebook to verify.", hint="Open one, or name it.")
    file = services.root / path
    saved = await asyncio.to_thread(lambda: file.read_bytes() if file.is_file() else None)
    if (await port.view(path)).live:
        notebook = await port.snapshot(path)
    elif saved is not None:  # a kernel alone knows the cells but not their outputs
        notebook = await asyncio.to_thread(document.parse, saved, path)
    else:
        raise NotFound(f"{path} is not on disk.", hint="Save the notebook, or use `codemad verify FILE`.")
    return Proof(
        notebook=notebook,
        path=path,
        folder=file.parent if saved is not None else services.root,
        root=services.root,
        cells=command.cells,
        timeout=command.timeout,
    )


async def verify_run(proof: Proof, *, run: str, session: Session, services: Services) -> None:
    """Do it; never raises but for being cancelled, and then has said so."""

    async def work(emit: Callable[[Event], object]) -> str:
        report = await verify(proof, environ=os.environ)
        outcome = "same" if report.same else "differs"
        action = f"run {proof.path} again in a kernel of its own"
        line = done_line(session.id, run, "verify", action, axis="kernel_run", outcome=outcome)
        services.audit.record(line)
        emit(Verified(report=report))
        return sentence(report)

    await plain_run(work, run=run, session=session, stopped="Stopped; the throw-away kernel was ended.")


def sentence(report: Verification) -> str:
    """The report in one sentence."""
    bad: list[Verdict] = [each for each in report.cells if each.status in ("failed", "differs")]
    if report.same:
        return f"{report.notebook} gives the same again ({counted(len(report.cells), 'cell')})."
    failed = sum(each.status == "failed" for each in bad)
    parts = [f"{failed} failed"] if failed else []
    parts += [f"{len(bad) - failed} differ"] if len(bad) > failed else []
    said = f"{' and '.join(parts)}, first number {bad[0].number}"
    return f"{report.notebook}: of {counted(len(report.cells), 'cell')} {said}."
