"""Counts the events of an engine for ``/metrics``, all in one place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codemad_jupyter.hooks import hookimpl

if TYPE_CHECKING:
    from codemad_jupyter.protocol.events import Event, MessageDone, RunFinished
    from codemad_jupyter.server.metrics import Counted


class EventCounter:
    """Hears the events of one engine, and counts. What still goes on when the engine is closed is taken
    back from the gauges."""

    def __init__(self, into: Counted) -> None:
        self._into = into
        self._runs: dict[str, tuple[str, str]] = {}
        self._asked: set[str] = set()

    @hookimpl
    def on_event(self, event: Event) -> None:
        """Count one event."""
        into = self._into
        match event.type:
            case "run_started":
                edge = event.edge
                self._runs[event.run or ""] = (edge, event.model)
                into.begun.labels(edge).inc()
                into.going.inc()
            case "message_done" if event.model:
                self._call(event)
            case "tool_done":
                into.tools.labels(into.label("tool", event.tool), event.status).inc()
            case "approval_asked":
                self._asked.add(event.approval)
                into.waiting.inc()
            case "approval_settled":
                into.approvals.labels(event.decision).inc()
                if event.approval in self._asked:
                    self._asked.discard(event.approval)
                    into.waiting.dec()
            case "notice":
                into.notices.labels(event.level, into.label("code", event.code)).inc()
            case "run_finished":
                self._finished(event)
            case _:
                pass

    def close(self) -> None:
        """Nothing goes on any more."""
        self._into.going.dec(len(self._runs))
        self._into.waiting.dec(len(self._asked))
        self._runs.clear()
        self._asked.clear()

    def _call(self, event: MessageDone) -> None:
        into = self._into
        provider = into.label("provider", event.model.partition("/")[0])
        model = into.label("model", event.model)
        for kind, tokens in event.usage.model_dump().items():
            if tokens:
                into.tokens.labels(provider, model, kind.removesuffix("_tokens")).inc(tokens)
        if event.cost is None:
            into.unpriced.labels(provider).inc()
        elif event.cost > 0:
            into.cost.labels(provider, model).inc(event.cost)
        if event.seconds:
            into.call_seconds.labels(provider).observe(event.seconds)
        if event.first is not None:
            into.first_seconds.labels(provider).observe(event.first)

    def _finished(self, event: RunFinished) -> None:
        into = self._into
        begun = self._runs.pop(event.run or "", None)
        if begun is not None:
            into.going.dec()
        into.runs.labels(begun[0] if begun else "none", event.status).inc()
        into.run_seconds.observe(event.seconds)
        if event.fault is not None:
            provider = into.label("provider", event.fault.model.partition("/")[0])
            into.errors.labels(provider, event.fault.kind).inc()
