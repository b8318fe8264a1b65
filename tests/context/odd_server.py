"""A language server that behaves as it is told on its command line, for tests of whoever talks to it."""

import json
import os
import subprocess
import sys
import time
from typing import Any

MODE = sys.argv[1]
NOTES = sys.argv[2] if len(sys.argv) > 2 else os.devnull
OUT = sys.stdout.buffer


def send(message: dict[str, Any]) -> None:
    body = json.dumps({"jsonrpc": "2.0", **message}).encode()
    OUT.write(b"Content-Length: %d\r\nContent-Type: application/vscode-jsonrpc\r\n\r\n" % len(body) + body)
    OUT.flush()


def read() -> dict[str, Any]:
    length = 0
    while line := sys.stdin.buffer.readline().strip():
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    if not length:
        sys.exit(0)
    message: dict[str, Any] = json.loads(sys.stdin.buffer.read(length))
    return message


def note(text: str) -> None:
    with open(NOTES, "a") as notes:  # noqa: PTH123 - started hundreds of times, and pathlib takes its time
        notes.write(text + "\n")


def units(line: str) -> int:
    return len(line[: line.index("wrong")].encode("utf-16-le")) // 2


def found(text: str) -> list[dict[str, Any]]:
    """A problem on each line that says so."""
    return [
        {
            "range": {
                "start": {"line": at, "character": units(line)},
                "end": {"line": at, "character": 0},
            },
            "severity": 1,
            "code": "W1",
            "message": f"it says {line.strip()}\nat /home/somebody",
        }
        for at, line in enumerate(text.split("\n"))
        if "wrong" in line
    ]


def push(uri: str, text: str, version: int | None) -> None:
    told: dict[str, Any] = {"uri": uri, "diagnostics": found(text)}
    if version is not None:
        told["version"] = version
    send({"method": "textDocument/publishDiagnostics", "params": told})


def opened(params: dict[str, Any]) -> None:
    if MODE == "crash":
        sys.stderr.write("out of luck\n")
        sys.stderr.flush()
        os._exit(3)
    if MODE == "garbage":
        OUT.write(b"Content-Length: nonsense\r\n\r\n{}")
        OUT.flush()
        time.sleep(60)
    document = params["textDocument"]
    text = document["text"] if "text" in document else params["contentChanges"][0]["text"]
    note(document["uri"])
    if MODE in ("push", "flood", "child"):
        push(document["uri"], "wrong from before", document["version"] - 1)
        push(document["uri"], text, document["version"])
    elif MODE == "unversioned":
        push(document["uri"], "", None)
        push(document["uri"], text, None)


note(f"started {os.getpid()}")
if MODE == "child":
    note(f"child {subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']).pid}")
while True:
    message = read()
    method, number = message.get("method"), message.get("id")
    if MODE == "flood":
        sys.stderr.write("x" * 1_000_000 + "\n")
        sys.stderr.flush()
    if MODE == "deaf":
        continue
    if method == "initialize":
        send({"id": 7, "method": "workspace/configuration", "params": {"items": [{"section": "odd"}, {}]}})
        send({"id": 8, "method": "workspace/applyEdit", "params": {"edit": {}}})
        send({"id": 9, "method": "odd/unheardOf", "params": None})
        send({"id": number, "result": {"capabilities": {"textDocumentSync": 1}}})
    elif method in ("textDocument/didOpen", "textDocument/didChange"):
        opened(message["params"])
    elif method is None and number in (7, 8, 9):
        note(f"answer {number} {json.dumps(message.get('result', message.get('error')))}")
    elif method == "shutdown":
        send({"id": number, "result": None})
    elif method == "exit":
        break
