# ruff: noqa: PTH105, PTH123
"""What a trial shows: streams, displays, results and figures as bounded nbformat outputs, secrets masked.

Runs inside a trial (Python 3.9 or newer, standard library alone). The record is kept in a file of the
trial all the time, so that it outlives a crash and a kill.
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
import os
import sys
import time
import traceback
from typing import Any

from codemad_jupyter.notebooks.probe_safe import environment_secrets, mask
from codemad_jupyter.notebooks.trial_scan import FILE

MOST_TEXT, HEAD = 24_000, 16_000
FOR_RESULTS = 8_000  # of it, which streams cannot use up
MOST_IMAGE, MOST_IMAGES, MOST_OUTPUTS = 1_000_000, 4, 60
ALWAYS, PAUSE = 100, 0.05  # the first writings of the record come at once, the others with a pause


class Roll:
    """The beginning and the end of a text that may be endless."""

    def __init__(self) -> None:
        self.head, self.tail, self.size = "", "", 0

    def add(self, text: str) -> None:
        """Take more of it."""
        self.size += len(text)
        room = HEAD - len(self.head)
        self.head += text[:room] if room > 0 else ""
        self.tail += text[max(room, 0) :]
        if len(self.tail) > 2 * MOST_TEXT:
            self.tail = self.tail[-MOST_TEXT:]

    def text(self, limit: int) -> str:
        """At most some ``limit`` characters of it."""
        whole = self.head + self.tail
        if self.size == len(whole) <= limit:
            return whole
        head, tail = limit * 2 // 3, limit - limit * 2 // 3
        mark_text = "\n[… " + str(max(self.size - limit, 0)) + " characters left out …]\n"
        return whole[:head] + mark_text + (whole[-tail:] if tail else "")


class Record:
    """The outputs of a trial, in the order in which they came."""

    def __init__(self, path: str) -> None:
        self.path, self.known = path, environment_secrets()
        self.outputs: list[dict[str, Any]] = []
        self.images = self.left_out = self.saves = 0
        self.clearing, self.written = False, 0.0
        self.display_hook: Any = sys.displayhook

    def stream(self, name: str, text: str) -> None:
        """Text written to a stream."""
        if not text or not self.room():
            return
        last = self.outputs[-1] if self.outputs else {}
        if last.get("output_type") != "stream" or last["name"] != name:
            last = {"output_type": "stream", "name": name, "text": Roll()}
            self.outputs.append(last)
        last["text"].add(text)
        self.save()

    def show(self, kind: str, data: Any, metadata: Any, **more: Any) -> None:
        """A display or a result as a bundle of representations."""
        if not data or not self.room():
            return
        bundle = self.bounded(dict(data))
        output = {"output_type": kind, "data": bundle, "metadata": plain_json(metadata or {}), **more}
        self.outputs.append(output)
        self.save()

    def publish(self, data: Any, metadata: Any = None, **options: Any) -> None:
        """In place of the shell's ``display_pub.publish``."""
        display = str((options.get("transient") or {}).get("display_id") or "")
        if options.get("update"):
            for output in self.outputs:
                if display and output.get("display") == display:
                    output["data"] = self.bounded(dict(data))
            self.save()
            return
        self.show("display_data", data, metadata, **({"display": display} if display else {}))

    def clear(self, wait: bool = False) -> None:
        """In place of the shell's ``clear_output``."""
        self.clearing = wait
        if not wait:
            self.outputs.clear()
            self.images = 0

    def error(self, failure: BaseException, message: str) -> None:
        """The exception that ended the code, with the lines of it that led there."""
        trace = [self.masked(line) for line in trace_lines(failure)]
        name = type(failure).__name__
        said = {"output_type": "error", "ename": name, "evalue": self.masked(message), "traceback": trace}
        self.outputs.append(said)
        self.save(now=True)

    def room(self) -> bool:
        """Carry out a clearing that waits; is there room for another output?"""
        if self.clearing:
            self.clear()
        if len(self.outputs) < MOST_OUTPUTS:
            return True
        self.left_out += 1
        return False

    def bounded(self, data: dict[str, Any]) -> dict[str, Any]:
        """The representations that are small enough; what is left out is named in the plain text."""
        kept: dict[str, Any] = {}
        gone = []
        for mime, value in data.items():
            kind = str(mime)[:200]
            if isinstance(value, bytes):
                value = base64.b64encode(value).decode("ascii")
            size = len(value) if isinstance(value, str) else len(json.dumps(plain_json(value)))
            if kind.startswith("image/"):
                fits = size <= MOST_IMAGE * 4 // 3 and self.images < MOST_IMAGES
                self.images += 1 if fits else 0
            else:
                fits = size <= MOST_TEXT or kind == "text/plain"
            if fits:
                kept[kind] = (
                    value if kind.startswith("image/") and isinstance(value, str) else self.clean(value)
                )
            else:
                gone.append("[" + kind + " of " + str(max(size // 1000, 1)) + " kB left out]")
        if gone:
            kept["text/plain"] = "\n".join([str(kept.get("text/plain", "")), *gone]).strip()
        return kept

    def clean(self, value: Any) -> Any:
        """Text without secrets and of bounded length; other data likewise."""
        if isinstance(value, str):
            roll = Roll()
            roll.add(value)
            return self.masked(roll.text(MOST_TEXT))
        with contextlib.suppress(ValueError):
            return json.loads(self.masked(json.dumps(plain_json(value))))
        return None

    def masked(self, text: str) -> str:
        """The text without secrets."""
        return mask(text, self.known)

    def settled(self) -> list[dict[str, Any]]:
        """The outputs as they are told, all texts together within their limit."""
        room, told = MOST_TEXT, []
        for output in self.outputs:
            entry = {name: value for name, value in output.items() if name != "display"}
            if output["output_type"] == "stream":
                entry["text"] = self.masked(output["text"].text(max(room - FOR_RESULTS, 200)))
                room -= len(entry["text"])
            elif "data" in output:
                entry["data"] = fitted(output["data"], room)
                room -= sum(len(str(v)) for m, v in entry["data"].items() if not m.startswith("image/"))
            told.append(entry)
        if self.left_out:
            note = "[" + str(self.left_out) + " more outputs were left out]\n"
            told.append({"output_type": "stream", "name": "stderr", "text": note})
        return told

    def save(self, now: bool = False) -> None:
        """Write the record, but not at every line of a storm."""
        self.saves += 1
        if not now and self.saves > ALWAYS and time.monotonic() - self.written < PAUSE:
            return
        text = json.dumps(self.settled(), default=str)
        with open(self.path + ".new", "w", encoding="utf-8", errors="replace") as file:
            file.write(text)
        os.replace(self.path + ".new", self.path)
        self.written = time.monotonic()


class Sink(io.TextIOBase):
    """Takes text for the record."""

    encoding, errors = "utf-8", "replace"

    def __init__(self, record: Record, name: str) -> None:
        self.record, self.name = record, name

    def write(self, text: str) -> int:
        self.record.stream(self.name, str(text))
        return len(text)

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return 1 if self.name == "stdout" else 2


def fitted(data: dict[str, Any], room: int) -> dict[str, Any]:
    """The representations for which there is room; plain text is cut, others are whole or not there."""
    kept = {}
    for mime, value in data.items():
        if mime == "text/plain" and isinstance(value, str):
            roll = Roll()
            roll.add(value)
            kept[mime] = roll.text(max(room, 200))
        elif mime.startswith("image/") or len(str(value)) <= room:
            kept[mime] = value
    return kept


def plain_json(value: Any) -> Any:
    """The value as far as JSON can say it."""
    try:
        return json.loads(json.dumps(value, default=str))
    except (TypeError, ValueError, RecursionError):
        return {}


def trace_lines(failure: BaseException) -> list[str]:
    """The traceback from the tried code on; what led to the tried code is ours."""
    trace = failure.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename != FILE:
        trace = trace.tb_next
    try:
        whole = traceback.TracebackException(
            type(failure), failure, trace or failure.__traceback__, limit=-12
        )
        return "".join(whole.format()).splitlines()[-60:]
    except Exception:
        return [type(failure).__name__]


def capture(shell: Any, record: Record) -> None:
    """From now on whatever the copied shell would show goes to the record."""
    for name in ("stdout", "stderr"):
        sink, before = Sink(record, name), getattr(sys, name)
        with contextlib.suppress(Exception):
            before.write = sink.write  # loggers hold the old stream
        setattr(sys, name, sink)
    shell.display_pub.publish = record.publish
    shell.display_pub.clear_output = lambda wait=False, *args, **options: record.clear(bool(wait))

    def display(value: Any) -> None:
        if value is not None:
            data, metadata = shell.display_formatter.format(value)
            number = getattr(shell, "execution_count", None)
            record.show("execute_result", data, metadata, execution_count=number)

    record.display_hook = display


def flush_figures() -> None:
    """Show the figures that the code left open, as the inline backend does after a cell."""
    backend = sys.modules.get("matplotlib_inline.backend_inline")
    pyplot = sys.modules.get("matplotlib.pyplot")
    if backend is None or pyplot is None or not pyplot.get_fignums():
        return
    if "inline" in str(sys.modules["matplotlib"].get_backend()).lower():
        backend.flush_figures()
