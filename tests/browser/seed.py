"""Puts a long session into a workspace's store before its lab starts."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

from codemad_jupyter.config.paths import workspace_dir
from codemad_jupyter.config.settings import Settings
from codemad_jupyter.protocol.commands import Target
from codemad_jupyter.protocol.events import (
    Event,
    MessageDone,
    RunFinished,
    RunStarted,
    SessionChanged,
    ToolCalled,
    ToolDone,
)
from codemad_jupyter.protocol.messages import Message
from codemad_jupyter.store.opening import open_store

LONG_TITLE = "A thousand questions"
LONG_RUNS = 1000
SESSION = "session-long"
ANSWER = """Answer **{number}** about `column_{number}`:

| part | value |
|---|---:|
| mean | {number} |

```python
df["column_{number}"].mean()
```
"""


def seed_long_session(root: Path, data: Path) -> None:
    """In a thread of its own: Playwright's loop runs in this one."""
    root.mkdir(parents=True, exist_ok=True)
    folder = workspace_dir(root, settings=Settings(data_dir=data))
    workspace = str(root.resolve())
    failures: list[BaseException] = []

    def work() -> None:
        try:
            asyncio.run(_seed(folder, workspace))
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(60)
    if thread.is_alive() or failures:
        raise RuntimeError(f"The long session was not stored: {failures or 'no end within 60 s'}")


async def _seed(folder: Path, workspace: str) -> None:
    store, notices = await open_store(folder, workspace=workspace)
    assert not notices
    await store.create_session(SESSION, LONG_TITLE, "codemad/offline")
    numbered = enumerate(_events(), start=1)
    await store.append_events(
        [event.model_copy(update={"seq": seq, "session": SESSION}) for seq, event in numbered]
    )
    await store.close()


def _events() -> Iterator[Event]:
    yield SessionChanged(title=LONG_TITLE, model="codemad/offline")
    for number in range(LONG_RUNS):
        run, call = f"run-{number}", f"call-{number}"
        question = f"question {number}: what about column {number}?"
        name = {"name": f"column_{number}"}
        yield RunStarted(run=run, prompt=question, model="codemad/offline", edge="sidebar", target=Target())
        yield ToolCalled(run=run, call=call, tool="inspect_variable", arguments=name, risk="read")
        yield ToolDone(
            run=run, call=call, tool="inspect_variable", status="ok", summary="100 rows", content="{}"
        )
        answer = Message.assistant(ANSWER.format(number=number))
        yield MessageDone(run=run, id=f"message-{number}", message=answer, model="codemad/offline", cost=0.0)
        yield RunFinished(run=run, status="done", text="Done.")
