"""A process of its own: opens a store, says so, and appends until it is killed.

Arguments: the folder, a prefix for ids. Each line it writes is an acknowledgement.
"""

import asyncio
import itertools
import sys
from pathlib import Path

from codemad_jupyter.protocol.events import MessageDone
from codemad_jupyter.protocol.messages import Message
from codemad_jupyter.store.opening import open_store


async def chat(store, session: str) -> None:  # type: ignore[no-untyped-def]
    await store.create_session(session, "A chat", "x/y", 1.0)
    parent = None
    for number in itertools.count(1):
        id = f"{session}-{number}"
        message = Message.user(f"{id} {'text ' * (number % 50)}")
        await store.append_entry(session, id=id, parent=parent, run="r", message=message, at=float(number))
        event = MessageDone(seq=number, session=session, id=id, message=message, model="x/y")
        await store.append_events([event])
        sys.stdout.write(f"{session} {number}\n")
        sys.stdout.flush()
        parent = id


async def main(folder: str, prefix: str) -> None:
    store, notices = await open_store(Path(folder), workspace="/work")
    for notice in notices:
        sys.stderr.write(f"{notice}\n")
    sys.stdout.write("open\n")
    sys.stdout.flush()
    await asyncio.gather(*(chat(store, f"{prefix}{number}") for number in range(4)))


asyncio.run(main(sys.argv[1], sys.argv[2]))
