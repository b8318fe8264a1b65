"""The client half of the official MCP SDK, behind one file for both of its lines: 1.30 and newer of 1.x, 2.2
and newer of 2.x. Imports it at the first use, for it takes a second.

What servers say is read here and turned into our values, bounded: it is a stranger's text.
"""

import asyncio
import importlib
import importlib.metadata
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from codemad_jupyter.protocol.errors import ToolError, UsageError
from codemad_jupyter.protocol.mcp import McpOffer, McpTool

INSTALL = 'Install it: pip install "codemad-jupyter[mcp]"'
FRAME = 8_000_000
"""Bytes of the longest message a server may send."""
TOOLS, PAGES = 200, 20
DESCRIPTION, SCHEMA = 4_000, 16_000
"""Characters kept of a tool's description and schema. A longer schema counts as none."""
LINE = 200
CLOSED = -32000
"""The code with which the SDK says that the connection has ended."""
OPEN_SCHEMA: dict[str, Any] = {"type": "object", "additionalProperties": True}

Streams = tuple[Any, Any]
"""What the server says and what it is told, as the SDK's messages."""
Elicit = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


def first_line() -> bool:
    """Whether the installed SDK is of the line 1.x. Raises `UsageError` where none can be used."""
    try:
        version = importlib.metadata.version("mcp")
    except importlib.metadata.PackageNotFoundError:
        raise UsageError("The SDK of the Model Context Protocol is not installed.", hint=INSTALL) from None
    major, minor = (int(part) for part in version.split(".")[:2])
    if (major, minor) < (1, 30) or (2, 0) <= (major, minor) < (2, 2) or major > 2:
        said = f"The installed MCP SDK {version} cannot be used (1.30 and newer of 1.x or 2.2 of 2.x can)."
        raise UsageError(said, hint=INSTALL)
    return major == 1


def _types() -> Any:
    return importlib.import_module("mcp.types")


def read_message(line: bytes) -> Any:
    """A message of a server, or the exception that says why it is none."""
    session_message = importlib.import_module("mcp.shared.message").SessionMessage
    types = _types()
    try:
        if first_line():
            return session_message(types.JSONRPCMessage.model_validate_json(line))
        adapter = importlib.import_module("mcp_types").jsonrpc_message_adapter
        return session_message(adapter.validate_json(line, by_name=False))
    except ValueError as error:
        return error


def written_message(message: Any) -> bytes:
    """The line that says a message of ours."""
    how = {"exclude_none": True} if first_line() else {"exclude_unset": True}
    text: str = message.message.model_dump_json(by_alias=True, **how)
    return text.encode() + b"\n"


@asynccontextmanager
async def http_streams(url: str, token: str) -> AsyncIterator[Streams]:
    """A connection to a server at an address. Redirects to elsewhere are not followed."""
    http = importlib.import_module("httpx" if first_line() else "httpx2")
    client = importlib.import_module("mcp.client.streamable_http")
    headers = {"Accept-Encoding": "identity", **({"Authorization": f"Bearer {token}"} if token else {})}
    patience = http.Timeout(30.0, read=600.0)
    async with AsyncExitStack() as stack:
        transport = _bounded_transport(http)
        made = http.AsyncClient(transport=transport, headers=headers, timeout=patience)
        await stack.enter_async_context(made)
        streams = await stack.enter_async_context(client.streamable_http_client(url, http_client=made))
        yield streams[0], streams[1]


def _bounded_transport(http: Any) -> Any:
    """A transport of this line's HTTP library that ends an answer with a line longer than `FRAME`."""

    class Bounded(http.AsyncByteStream):  # type: ignore[misc]
        def __init__(self, inner: Any) -> None:
            self._inner = inner

        async def __aiter__(self) -> AsyncIterator[bytes]:
            length = 0
            async for chunk in self._inner:
                tail = chunk.rfind(b"\n")
                length = length + len(chunk) if tail < 0 else len(chunk) - tail - 1
                if length > FRAME:
                    raise http.ReadError(f"a message is longer than {FRAME} bytes")
                yield chunk

        async def aclose(self) -> None:
            await self._inner.aclose()

    class Transport(http.AsyncHTTPTransport):  # type: ignore[misc]
        async def handle_async_request(self, request: Any) -> Any:
            response = await super().handle_async_request(request)
            if response.headers.get("content-encoding", "identity") != "identity":
                await response.aclose()
                raise http.ReadError("the answer is compressed, which was not asked for")
            response.stream = Bounded(response.stream)
            return response

    return Transport()


class Session:
    """One connection, as the rest of CodeMAD sees it: plain values in, plain values out."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._types = _types()
        self._first = first_line()

    async def _ask(self, kind: str, *, result: str, **params: Any) -> dict[str, Any]:
        """Send a request as it is: the SDK's own calls would check answers against schemas of strangers."""
        types = self._types
        request_kind = getattr(types, f"{kind}Request")
        parameters = f"{kind}RequestParams" if hasattr(types, f"{kind}RequestParams") else ""
        made = getattr(types, parameters or "PaginatedRequestParams")(**params)
        request = request_kind(params=made)
        if self._first:
            request = types.ClientRequest(request)
        answer = await self._session.send_request(request, getattr(types, result))
        found: dict[str, Any] = answer.model_dump(mode="json", by_alias=True, exclude_none=True)
        return found

    async def tools(self) -> tuple[McpTool, ...]:
        """The server's tools, bounded."""
        listed = await self._all("ListTools", "tools")
        return tuple(bounded_tool(each) for each in listed[:TOOLS])

    async def offer(self) -> McpOffer:
        """Tools, prompts and resources; what the server does not have is empty."""
        prompts = await self._lenient("ListPrompts", "prompts")
        resources = await self._lenient("ListResources", "resources")
        return McpOffer(
            tools=await self.tools(),
            prompts={str(each["name"])[:LINE]: one_line(each.get("description")) for each in prompts},
            resources={str(each["uri"])[:2_000]: one_line(each.get("name")) for each in resources},
        )

    async def call(self, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Call a tool; the result as the protocol writes it."""
        return await self._ask("CallTool", result="CallToolResult", name=tool, arguments=arguments)

    async def resource(self, uri: str) -> dict[str, Any]:
        """Read a resource."""
        return await self._ask("ReadResource", result="ReadResourceResult", uri=uri)

    async def prompt(self, name: str, arguments: dict[str, str]) -> dict[str, Any]:
        """A prompt of the server."""
        return await self._ask("GetPrompt", result="GetPromptResult", name=name, arguments=arguments)

    async def _all(self, kind: str, what: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        cursor = None
        for _ in range(PAGES):
            page = await self._ask(kind, result=f"{kind}Result", cursor=cursor)
            found += page.get(what, ())
            cursor = page.get("nextCursor")
            if not cursor or len(found) >= TOOLS:
                break
        return found

    async def _lenient(self, kind: str, what: str) -> list[dict[str, Any]]:
        try:
            return (await self._all(kind, what))[:TOOLS]
        except Exception as error:
            if is_answer(error):  # it says that it has none
                return []
            raise


@asynccontextmanager
async def opened(streams: Streams, *, elicit: Elicit) -> AsyncIterator[Session]:
    """A session over a connection, after the greeting."""
    from codemad_jupyter import __version__

    types, mcp = _types(), importlib.import_module("mcp")

    async def asked(context: Any, params: Any) -> Any:
        answer = await elicit(params.model_dump(mode="json", by_alias=True, exclude_none=True))
        return types.ElicitResult(**answer)

    info = types.Implementation(name="codemad-jupyter", version=__version__)
    async with mcp.ClientSession(*streams, elicitation_callback=asked, client_info=info) as session:
        await session.initialize()
        yield Session(session)


def is_answer(error: Exception) -> bool:
    """Whether the error is what a server answered, rather than a connection that failed."""
    code = getattr(getattr(error, "error", None), "code", None)
    return code is not None and code != CLOSED


def told(error: BaseException) -> str:
    """What an error says, of a group the first."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, TimeoutError | asyncio.CancelledError):
        return "it did not answer in time"
    if isinstance(error, ToolError):
        return error.message
    return one_line(str(error)) or type(error).__name__


def bounded_tool(given: dict[str, Any]) -> McpTool:
    """A tool's definition within limits; its schema only where it needs nothing from elsewhere."""
    schema = given.get("inputSchema")
    if not isinstance(schema, dict) or not _is_plain(schema):
        schema = OPEN_SCHEMA
    return McpTool(
        name=str(given.get("name", ""))[:LINE],
        description=str(given.get("description") or "")[:DESCRIPTION],
        parameters=schema,
    )


def _is_plain(schema: dict[str, Any]) -> bool:
    """Small, not too deep, and without a reference that leads out of it: nothing is ever fetched."""
    if len(json.dumps(schema)) > SCHEMA:
        return False
    level: list[Any] = [schema]
    for _ in range(30):
        if any(_leads_out(each) for each in level if isinstance(each, dict)):
            return False
        level = [
            below
            for each in level
            for below in (each.values() if isinstance(each, dict) else each)
            if isinstance(below, dict | list)
        ]
        if not level:
            return True
    return False


def _leads_out(part: dict[str, Any]) -> bool:
    named = (part.get(key) for key in ("$ref", "$dynamicRef", "$schema", "$id"))
    return any(
        isinstance(each, str)
        and not each.startswith(("#", "https://json-schema.org/", "http://json-schema.org/"))
        for each in named
    )


def one_line(text: Any) -> str:
    """The first line of a stranger's text, printable, bounded."""
    line = next((each for each in str(text or "").splitlines() if each.strip()), "").strip()
    return "".join(char if char.isprintable() else " " for char in line)[:LINE]
