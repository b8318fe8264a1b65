"""Tries a backend: a program in it attempts what must not be possible, and one thing that must be."""

import asyncio
import contextlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from codemad_jupyter.tools.sandbox.confinement import Confinement, Limits
from codemad_jupyter.tools.sandbox.process import PACKAGE, Backend, interpreter, start_with

PROBE = str(Path(__file__).with_name("probe.py"))
LIMIT = 20.0
INSIDE = "write inside"


async def try_backend(backend: Backend) -> tuple[frozenset[str], str]:
    """What was possible in it that must not be (by the names of `probe`), and why it counts for
    nothing (empty: it works)."""
    try:
        async with asyncio.timeout(LIMIT):
            return await _tried(backend)
    except TimeoutError:
        return frozenset(), f"its test did not end in {LIMIT:g} seconds"
    except OSError as error:
        return frozenset(), f"it could not be tried: {error}"


async def _tried(backend: Backend) -> tuple[frozenset[str], str]:
    with _stage() as (confinement, places, other):
        argv = [interpreter(), "-I", "-S", PROBE, json.dumps(places)]
        process = await start_with(backend, argv, cwd=confinement.writable[0], confinement=confinement)
        try:
            said = (await process.stdout.read(65_536)).decode(errors="replace")
            code = await process.wait()
        finally:
            await process.stop()
        try:
            possible = {name for name, done in json.loads(said).items() if done}
        except ValueError:
            lines = said.strip().splitlines() or ["no word"]
            return frozenset(), f"a program in it ended with {code}: {lines[-1][:300]}"
        possible -= {"end another program"} if other.poll() is None else set()
        possible |= {"end another program"} if other.poll() is not None else set()
    return frozenset(possible - {INSIDE}), "" if INSIDE in possible else "nothing can be written in it"


@contextmanager
def _stage() -> Iterator[tuple[Confinement, dict[str, object], "subprocess.Popen[bytes]"]]:
    """A workspace, things beside it that must stay out of reach, listeners, and another program."""
    top = Path(os.path.realpath(tempfile.mkdtemp(prefix="codemad-test-")))
    work, beside, keys = top / "work", top / "beside", top / "keys"
    for folder in (work, beside, keys, work / ".git"):
        folder.mkdir()
    (keys / "key").write_text(secrets.token_hex(), encoding="utf-8")
    (beside / "victim").write_text("unharmed", encoding="utf-8")
    canary = secrets.token_hex()
    other = subprocess.Popen(
        [interpreter(), "-I", "-S", "-c", "import sys; sys.stdin.read()"],
        stdin=subprocess.PIPE,
        env={"CODEMAD_CANARY": canary},
    )
    try:
        with _listeners(beside / "socket") as (port, datagram):
            places = {
                "inside": str(work / "file"),
                "outside": str(beside / "file"),
                "victim": str(beside / "victim"),
                "protected": str(work / ".git" / "config"),
                "key": str(keys / "key"),
                "socket": str(beside / "socket"),
                "port": port,
                "datagram": datagram,
                "other": other.pid,
                "canary": canary,
            }
            own = (Path(sys.base_prefix).resolve(), Path(PACKAGE))
            yield (
                Confinement(
                    writable=(work,),
                    protected=(work / ".git",),
                    masked=(keys,),
                    shown=own,
                    environment={"PATH": os.defpath},
                    limits=Limits(cpu=60),
                ),
                places,
                other,
            )
    finally:
        other.kill()
        other.communicate()
        shutil.rmtree(top, ignore_errors=True)


@contextmanager
def _listeners(path: Path) -> Iterator[tuple[int, int]]:
    """Somebody who answers, by each way there is."""
    stream, local = socket.create_server(("127.0.0.1", 0)), socket.socket(socket.AF_UNIX)
    datagram = socket.socket(type=socket.SOCK_DGRAM)
    datagram.bind(("127.0.0.1", 0))
    local.bind(str(path))
    local.listen()

    def answer() -> None:
        with contextlib.suppress(OSError):
            while True:
                said, sender = datagram.recvfrom(16)
                if not said:  # shut down
                    return
                datagram.sendto(b"!", sender)

    answering = threading.Thread(target=answer, daemon=True)
    answering.start()
    try:
        yield stream.getsockname()[1], datagram.getsockname()[1]
    finally:
        with contextlib.suppress(OSError):
            datagram.shutdown(socket.SHUT_RDWR)
        for each in (stream, local, datagram):
            each.close()
        answering.join(5)
