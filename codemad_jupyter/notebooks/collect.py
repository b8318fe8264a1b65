"""Turns the messages a running cell publishes into nbformat outputs, bounded.

Knows the rules of streams, display updates and clearing; where the messages come from is the caller's.
"""

from typing import Any

LONGEST_STREAM = 400_000
MOST_OUTPUTS = 500
MOST_DATA = 20_000_000


class OutputLog:
    """The outputs of one run. What is too much is counted and said in a last note."""

    def __init__(self) -> None:
        self._outputs: list[dict[str, Any]] = []
        self._parts: list[str] = []
        self._displays: dict[str, list[dict[str, Any]]] = {}
        self._clear_next = False
        self._size = 0
        self._cut = self._waiting = 0
        self.left_out = 0

    def add(self, kind: str, content: dict[str, Any]) -> None:
        """Take one message; kinds that are no output are ignored."""
        if kind == "clear_output":
            self._clear_next = bool(content.get("wait"))
            if not self._clear_next:
                self._clear()
        elif kind == "update_display_data":
            self._update(content)
        elif kind in ("stream", "display_data", "execute_result", "error"):
            if self._clear_next:
                self._clear()
            self._append(kind, content)

    def outputs(self) -> tuple[dict[str, Any], ...]:
        """The outputs so far, as nbformat writes them."""
        self._settle_stream(limit=LONGEST_STREAM)
        note = f"[{self.left_out} more outputs were left out]\n"
        left_out = [{"output_type": "stream", "name": "stderr", "text": note}] if self.left_out else []
        return tuple(dict(output) for output in (*self._outputs, *left_out))

    def _append(self, kind: str, content: dict[str, Any]) -> None:
        if kind == "stream":
            self._stream(content["name"], content["text"])
            return
        output = output_of(kind, content)
        size = data_size(content)
        if len(self._outputs) >= MOST_OUTPUTS or self._size + size > MOST_DATA:
            self.left_out += 1
            return
        self._settle_stream(limit=LONGEST_STREAM)
        self._size += size
        self._outputs.append(output)
        display = (content.get("transient") or {}).get("display_id")
        if display:
            self._displays.setdefault(display, []).append(output)

    def _stream(self, name: str, text: str) -> None:
        last = self._outputs[-1] if self._outputs else None
        if last is None or last["output_type"] != "stream" or last["name"] != name:
            if len(self._outputs) >= MOST_OUTPUTS:
                self.left_out += 1
                return
            self._settle_stream(limit=LONGEST_STREAM)
            last = {"output_type": "stream", "name": name, "text": ""}
            self._outputs.append(last)
        self._parts.append(text)
        self._waiting += len(text)
        if len(self._parts) > 1000 or self._waiting > LONGEST_STREAM:
            self._settle_stream(limit=2 * LONGEST_STREAM)

    def _settle_stream(self, limit: int) -> None:
        """Join what came in pieces; a long stream keeps its beginning and its end."""
        last = self._outputs[-1] if self._outputs else None
        if last is not None and last["output_type"] == "stream":
            text = last["text"] + "".join(self._parts)
            last["text"] = self._bounded(text) if len(text) > limit else text
        self._parts.clear()
        self._waiting = 0

    def _bounded(self, text: str) -> str:
        """The two ends, and in between how much is missing: what was cut before is counted too."""
        half = LONGEST_STREAM // 2
        before = mark_of(self._cut) if self._cut and mark_of(self._cut) in text[half : half + 100] else ""
        self._cut = (self._cut if before else 0) + len(text) - 2 * half - len(before)
        return f"{text[:half]}{mark_of(self._cut)}{text[-half:]}"

    def _update(self, content: dict[str, Any]) -> None:
        display = (content.get("transient") or {}).get("display_id", "")
        for output in self._displays.get(display, []):
            output["data"], output["metadata"] = content["data"], content.get("metadata", {})

    def _clear(self) -> None:
        self._outputs.clear()
        self._parts.clear()
        self._displays.clear()
        self._clear_next, self._size = False, 0


def mark_of(cut: int) -> str:
    """What stands where a stream was cut."""
    return f"\n[… {cut:,} characters left out …]\n"


def output_of(kind: str, content: dict[str, Any]) -> dict[str, Any]:
    """A message's content as an nbformat output."""
    if kind == "error":
        return {
            "output_type": "error",
            "ename": content.get("ename", ""),
            "evalue": content.get("evalue", ""),
            "traceback": list(content.get("traceback", [])),
        }
    output = {"output_type": kind, "data": content.get("data", {}), "metadata": content.get("metadata", {})}
    if kind == "execute_result":
        output["execution_count"] = content.get("execution_count")
    return output


def data_size(content: dict[str, Any]) -> int:
    """Roughly how much text a message holds."""
    values = [*content.get("data", {}).values(), *content.get("traceback", [])]
    return sum(len(value) if isinstance(value, str) else 200 for value in values)
