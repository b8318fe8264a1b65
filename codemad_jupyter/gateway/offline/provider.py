"""The Provider of the built-in assistant: from a request to the next step, and that step as a stream.

A pure function of the request. What was learnt earlier in a turn is read from the tool results in
its messages; the abilities themselves are in the modules named in `PLANS`.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable

from codemad_jupyter.gateway.offline import (
    baseline,
    docs,
    errors,
    explain,
    files,
    grouping,
    joins,
    plots,
    quality,
    rows,
    skeletons,
    talk,
)
from codemad_jupyter.gateway.offline.intents import Intent, recognise
from codemad_jupyter.gateway.offline.steps import Call, Plan, Recorded, Result, Step, Turn, advance
from codemad_jupyter.gateway.offline.wording import bounded
from codemad_jupyter.gateway.provider import (
    CallPiece,
    Delta,
    Failed,
    Finished,
    ModelInfo,
    Request,
    TextPiece,
)
from codemad_jupyter.protocol.messages import Message, Part, TextPart, ToolCallPart, ToolResultPart

NAME = "codemad/offline"
PIECE = 24
MAX_HISTORY = 30

PLANS: dict[str, Callable[[Turn], Plan]] = {
    "fix": errors.fix,
    "docstring": docs.docstring,
    "tests": skeletons.pytest_skeleton,
    "explain": explain.explain,
    "model": baseline.baseline,
    "correlation": quality.correlation,
    "missing": quality.missing,
    "duplicates": rows.duplicates,
    "pivot": grouping.pivot,
    "merge": joins.merge,
    "plot": plots.plan,
    "filter": rows.filter_rows,
    "counts": grouping.value_counts,
    "aggregate": grouping.aggregate,
    "sort": rows.sort,
    "variables": quality.variables,
    "profile": quality.profile,
    "search": files.search,
    "help": talk.help_text,
}
_OPENINGS = {"fix": "Let me look at the last error.", "search": "Let me search the workspace."}


class OfflineProvider:
    """Answers by rules; needs no key, no network and no model."""

    name = "codemad"

    async def stream(self, request: Request) -> AsyncIterator[Delta]:
        """The next text and tool calls."""
        try:
            step, opening = next_step(request)
        except Exception as error:  # the protocol lets no failure out but in the stream
            kind = type(error).__name__
            yield Failed(
                kind="server",
                text=f"The built-in assistant failed on this request ({kind}: {str(error)[:200]}).",
                hint="Ask in other words, or connect a model.",
                model=NAME,
            )
            return
        text = step.text or (opening if step.calls else "")
        for piece in _pieces(text):
            yield TextPiece(text=piece)
            await asyncio.sleep(0)
        calls = _numbered(request, step.calls)
        for call in calls:
            yield CallPiece(call=call)
        parts: tuple[Part, ...] = (*((TextPart(text=text),) if text else ()), *calls)
        message = Message(role="assistant", parts=parts)
        yield Finished(message=message, model=NAME, cost=0.0, stop="tool_calls" if calls else "end")

    async def models(self) -> tuple[ModelInfo, ...]:
        """The one model there is."""
        return (
            ModelInfo(
                name=NAME,
                provider=self.name,
                input_price=0.0,
                output_price=0.0,
                cache_read_price=0.0,
                cache_write_price=0.0,
            ),
        )


def next_step(request: Request) -> tuple[Step, str]:
    """The step, and what to say before its first calls."""
    start = max((i for i, m in enumerate(request.messages) if m.role == "user"), default=None)
    if start is None:
        return Step("There is no question in this request."), ""
    words, cut = bounded(asked(request.messages[start]))
    earlier = request.messages[:start]
    intent, words = understood(words, earlier)
    tools = frozenset(tool.name for tool in request.tools)
    turn = Turn(words, texts(earlier), tools, cut)
    plan = (PLANS[intent.name] if intent else talk.refusal)(turn)
    done = recorded(request.messages[start + 1 :])
    opening = "" if done else _OPENINGS.get(intent.name if intent else "", "Let me look at what you have.")
    return advance(plan, done, tools), opening


def asked(message: Message) -> str:
    """The person's own words: the last text part; context stands before it."""
    return next((part.text for part in reversed(message.parts) if isinstance(part, TextPart)), "")


def texts(messages: tuple[Message, ...]) -> tuple[str, ...]:
    """What was said before, each shortened, without the context parts of user messages."""
    said = (asked(m) if m.role == "user" else m.text for m in messages[-MAX_HISTORY:] if m.role != "tool")
    return tuple(text[:20_000] for text in said if text)


def understood(words: str, earlier: tuple[Message, ...]) -> tuple[Intent | None, str]:
    """The intent and the words to work with. A short answer to a question back completes the request
    that led to it."""
    question = next((m.text for m in reversed(earlier) if m.role == "assistant" and m.text), "")
    before = next((asked(m) for m in reversed(earlier) if m.role == "user"), "")
    short = 0 < len(words) <= 120 and len(words.split()) <= 6
    if question.rstrip().endswith("?") and before and short:
        intent = recognise(words)
        request = bounded(before)[0]
        if (intent is None or intent.name == "help") and (whole := recognise(request)):
            return whole, completed(request, question, words)
    return recognise(words), words


def completed(request: str, question: str, answer: str) -> str:
    """The request with the answer in the place of what was not understood."""
    missing = re.match(r"I find no column `([^`]{1,100})`", question)
    offered = re.search(r"The nearest (?:are|is) `([^`]{1,100})`", question)
    if offered and re.fullmatch(
        r"\W*(yes|yep|ok|okay|sure|the first( one)?|right)\W*", answer, re.IGNORECASE
    ):
        answer = offered.group(1)
    name = answer.strip().strip("`\"'.?! ")
    request = " ".join(request.split())
    if missing and missing.group(1) in request:
        # "mean raduis" was asked about as "raduis": the answer "mean radius" stands for both words.
        wider = f"{name.split(' ')[0]} {missing.group(1)}"
        old = wider if wider.casefold() in request.casefold() else missing.group(1)
        return re.sub(re.escape(old), lambda _: f'"{name}"', request, count=1, flags=re.IGNORECASE)
    return f"{request} in {name}"


def recorded(messages: tuple[Message, ...]) -> tuple[Recorded, ...]:
    """The calls of this turn that have a result."""
    results = {p.id: p for m in messages for p in m.parts if isinstance(p, ToolResultPart)}
    found = []
    for call in (call for m in messages for call in m.tool_calls):
        part = results.get(call.id)
        if part:
            found.append(Recorded(Call(call.name, call.arguments), Result(part.content, part.is_error)))
    return tuple(found)


def _numbered(request: Request, calls: tuple[Call, ...]) -> tuple[ToolCallPart, ...]:
    """Calls with ids that no earlier call of the conversation has."""
    used = {call.id for message in request.messages for call in message.tool_calls}
    parts = []
    number = len(used)
    for call in calls:
        number += 1
        while f"codemad-{number}" in used:
            number += 1
        parts.append(ToolCallPart(id=f"codemad-{number}", name=call.tool, arguments=call.arguments))
    return tuple(parts)


def _pieces(text: str) -> list[str]:
    return [text[at : at + PIECE] for at in range(0, len(text), PIECE)]
