"""One connection to a kernel's control channel, and the question whether the kernel is alive.

Owns sockets, sessions and time limits; what is asked over the line is `live`'s affair. The control
channel is served by a thread of its own, so it answers while a cell runs.
"""

import asyncio
import contextlib
import inspect
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

from codemad_jupyter.protocol.errors import KernelError

PATIENCE = 0.7  # before the heartbeat is asked whether there is anybody at all
BEAT = 4.0  # on a quiet machine it takes a millisecond
TRIES = (1.5, 3.0, 6.0, 12.0)  # seconds; what is lost is asked again soon, what is slow gets its time
RESTART = "Restart the kernel, then try again."


class KernelGone(KernelError):
    """The kernel's process ended or is another one by now: its variables are lost."""


class NoAnswer(KernelError):
    """The process lives, but its control channel is silent."""


class KernelLine:
    """Sends requests by the control channel and waits for their answers, one at a time."""

    def __init__(
        self,
        connection: Mapping[str, Any],
        *,
        alive: Callable[[], Awaitable[bool] | bool] | None = None,
    ) -> None:
        self._connection = dict(connection)
        self._alive = alive
        self._client: Any = None
        self._closed = False
        self._turn = asyncio.Lock()

    def client(self) -> Any:
        """A new client with a session of its own, so that its messages are told from the person's."""
        from jupyter_client.asynchronous.client import AsyncKernelClient

        client = AsyncKernelClient()
        client.load_connection_info(self._connection)  # type: ignore[arg-type]
        return client

    async def ask(self, kind: str, content: dict[str, Any], *, timeout: float) -> dict[str, Any]:
        """The whole reply message. Raises `KernelError` when none comes within ``timeout`` seconds."""
        await self.check_process()
        async with self._turn:
            if self._client is None:
                self._client = self.client()
                self._client.control_channel.start()
            try:
                return await self.ask_with(self._client, kind, content, timeout=timeout)
            finally:
                if self._closed:  # a run that still asks about a kernel that was let go of
                    self.close()

    async def ask_with(
        self, client: Any, kind: str, content: dict[str, Any], *, timeout: float
    ) -> dict[str, Any]:
        """The same with a client of the caller's, whose control channel is started."""
        message = client.session.msg(kind, content)
        client.control_channel.send(message)
        reply: asyncio.Future[dict[str, Any]] = asyncio.ensure_future(
            client._recv_reply(message["header"]["msg_id"], timeout=timeout, channel="control")
        )
        try:
            with self.connected():
                done, _ = await asyncio.wait({reply}, timeout=min(PATIENCE, timeout))
                answered = done or await self.beats() or (reply.done() and reply.exception() is None)
                if not answered:
                    raise KernelError("The kernel does not answer.", hint=RESTART)
                return await reply
        except TimeoutError:
            raise NoAnswer(
                f"The kernel is alive but did not answer within {timeout:.1f} s.",
                hint="It may be inside one long native call; wait for it or interrupt the cell.",
            ) from None
        finally:
            reply.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await reply

    async def information(self, client: Any = None) -> dict[str, Any]:
        """The whole reply of ``kernel_info``, asked again when it was lost: a kernel that is just
        starting may drop what comes first."""
        for seconds in TRIES[:-1]:
            with contextlib.suppress(NoAnswer):
                return await self._information_once(client, seconds)
        return await self._information_once(client, TRIES[-1])

    async def _information_once(self, client: Any, seconds: float) -> dict[str, Any]:
        if client is None:
            return await self.ask("kernel_info_request", {}, timeout=seconds)
        return await self.ask_with(client, "kernel_info_request", {}, timeout=seconds)

    async def wait_until_ready(self, *, timeout: float = 60.0) -> None:
        """Wait for a kernel that is starting. Raises `KernelError` when it ends or takes too long."""
        last: KernelError | None = None
        try:
            async with asyncio.timeout(timeout):
                while True:
                    await self.check_process()
                    try:
                        await self.information()
                        return
                    except KernelError as failure:
                        last = failure
        except TimeoutError:
            raise KernelError(f"The kernel did not start within {timeout:.0f} s.", hint=RESTART) from last

    async def check_process(self) -> None:
        """Raises where the owner of the process knows that it ended."""
        if self._alive is None:
            return
        answer = self._alive()
        if not (await answer if inspect.isawaitable(answer) else answer):
            raise dead("has ended")

    async def beats(self) -> bool:
        """Does the heartbeat answer? The kernel serves it without the interpreter, so busy ones do."""
        client = self.client()
        socket = client.connect_hb()
        try:
            await socket.send(b"codemad")
            return bool(await socket.poll(int(BEAT * 1000)))
        finally:
            socket.close(linger=0)
            client.context.destroy(linger=0)

    @contextlib.contextmanager
    def connected(self) -> Iterator[None]:
        """Raises `KernelGone` when the line is closed meanwhile, as it is when the kernel is gone. To whoever
        waits at a socket that comes as a cancellation that nobody wanted, to others as some error."""
        try:
            yield
        except (KernelError, TimeoutError):
            raise
        except (asyncio.CancelledError, Exception) as error:
            task = asyncio.current_task()
            if not self._closed or (task is not None and task.cancelling()):
                raise
            raise dead("has ended") from error

    def close(self) -> None:
        """Give the sockets back; a later question opens new ones for itself alone."""
        self._closed = True
        if self._client is not None:
            self._client.stop_channels()
            self._client = None


def dead(what: str) -> KernelError:
    """The error for a kernel that is gone."""
    return KernelGone(f"The kernel {what}.", hint=RESTART)
