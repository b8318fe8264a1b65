"""Writes down what runs do, from the engine's events: kinds, names and figures, never a person's words."""

import logging
from typing import Any

from codemad_jupyter.config.json_log import ACTIVITY
from codemad_jupyter.hooks import hookimpl
from codemad_jupyter.protocol.events import Event

FIELDS = ("edge", "model", "intent", "phase", "tool", "risk", "status", "seconds", "first", "cost", "code",
          "decision", "checkpoint", "edit", "approval", "call", "ok", "state")  # fmt: skip
"""What is told of an event where it has it and it is no value of its own."""
LEVELS = {"info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_log = logging.getLogger(ACTIVITY)


class ActivityLog:
    """Hears the events of one engine."""

    @hookimpl
    def on_event(self, event: Event) -> None:
        """One line for one event."""
        level = _level(event)
        if _log.isEnabledFor(level):
            _log.log(level, "%s", event.type, extra={"codemad": _told(event)})


def _level(event: Event) -> int:
    match event.type:
        case "notice":
            return LEVELS[event.level]
        case "run_finished":
            return logging.INFO if event.status in ("done", "cancelled") else logging.WARNING
        case "tool_done":
            return logging.INFO if event.status == "ok" else logging.WARNING
        case "cell_executed":
            return logging.INFO if event.ok else logging.WARNING
        case _:
            return logging.INFO


def _told(event: Event) -> dict[str, Any]:
    told: dict[str, Any] = {"session": event.session, "run": event.run or "", "agent": event.agent}
    for name in FIELDS:
        value = getattr(event, name, None)
        if isinstance(value, str | int | float) and value != "":
            told[name] = value
    if event.type in ("message_done", "run_finished"):
        told |= {name: count for name, count in event.usage.model_dump().items() if count}
    if event.type == "run_finished" and event.fault is not None:
        told["fault"] = event.fault.model_dump()
    return told
