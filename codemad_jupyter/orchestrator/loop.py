"""The agent loop: ask the model, run its tool calls, until it has nothing more to call.

Knows a Provider, a way to run calls, and where to say things; no provider, tool or front end by name.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from codemad_jupyter.gateway.provider import (
    Announcement,
    CallPiece,
    Failed,
    Finished,
    Provider,
    Request,
    TextPiece,
    ThinkingPiece,
)
from codemad_jupyter.orchestrator.guards import Guard
from codemad_jupyter.orchestrator.steering import Steering
from codemad_jupyter.orchestrator.tally import Limits, Stopwatch, Tally
from codemad_jupyter.protocol.events import (
    Event,
    Fault,
    MessageDone,
    Notice,
    RunStatus,
    TextDelta,
    ThinkingDelta,
)
from codemad_jupyter.protocol.messages import Message, TextPart, ToolCallPart, ToolResultPart, Usage
from codemad_jupyter.tools.proposals import new_id

REPAIRS = 2
"""How often a model is asked in one run to write a call again that could not be read."""
QUIET = frozenset({"cache", "queued", "replayed"})
"""Announcements of what is as it should be."""


@dataclass(frozen=True)
class Outcome:
    """How the loop ended: a status, a sentence, and the call that failed where one did."""

    status: RunStatus
    text: str
    fault: Fault | None = None


Emit = Callable[[Event], object]
RunCalls = Callable[[tuple[ToolCallPart, ...]], Awaitable[tuple[ToolResultPart, ...]]]
Keep = Callable[[Message], Awaitable[None]]
GoOn = Callable[[], Awaitable[Message | None]]


async def _no_more() -> None:
    """Nothing follows what the model has answered."""


async def run_loop(
    request: Request,
    provider: Provider,
    *,
    run_calls: RunCalls,
    fit: Callable[[Request], Request],
    emit: Emit,
    keep: Keep,
    tally: Tally,
    limits: Limits,
    steering: Steering,
    go_on: GoOn = _no_more,
) -> Outcome:
    """Drive the model to the end of its turn; every message is kept before the next step. ``fit`` makes a
    request that has grown small enough for the model. When the model has nothing more to call, ``go_on``
    says what it is told next, as a new turn; None ends it. What the person says meanwhile is told before
    the next call, also when nothing else would follow."""
    guard, acted = Guard(), False
    repairs = 0
    while True:
        reached = tally.exceeded(limits)
        if reached:
            return Outcome("out_of_budget", f"{reached} Say “go on” to continue.")
        tally.steps += 1
        said = steering.take()
        for message in said:
            await keep(message)
        request = fit(_with(request, *said))
        answer = await _one_message(request, provider, emit=emit, keep=keep)
        unknown = isinstance(answer, Finished) or answer.usage != Usage()
        tally.add(answer.usage, answer.cost if unknown else 0.0)
        if isinstance(answer, Failed) and answer.repairable and repairs < REPAIRS:
            repairs += 1
            emit(Notice(level="warning", code="repair", text=f"{answer.text} The model is asked to mend it."))
            request = _with(request, *_mending(answer))
            continue
        if isinstance(answer, Failed):
            spent = answer.kind in ("out_of_budget", "out_of_quota")
            status: RunStatus = "out_of_budget" if spent else "failed"
            fault = Fault(model=answer.model, kind=answer.kind, status=answer.status)
            return Outcome(status, f"{answer.text} {answer.hint}".strip(), fault)
        calls = answer.message.tool_calls
        if not calls:
            ended = _ended(answer, acted=acted)
            told = await go_on() if ended.status == "done" and not steering.waiting else None
            if told is None and (ended.status != "done" or steering.ended()):
                return ended
            more = () if told is None else (told,)
            for message in more:
                await keep(message)
            request, guard, acted = _with(request, answer.message, *more), Guard(), False
            continue
        acted = True
        results = await run_calls(calls)
        message = Message(role="tool", parts=results)
        await keep(message)
        astray = guard.look(calls, results)
        if astray:
            return Outcome("failed", astray)
        request = _with(request, answer.message, message)


def _with(request: Request, *more: Message) -> Request:
    return request.model_copy(update={"messages": (*request.messages, *more)})


def _mending(answer: Failed) -> tuple[Message, ...]:
    """What the model is told of a call that could not be read; nothing of it was run."""
    said = (answer.partial,) if answer.partial is not None and answer.partial.text else ()
    told = f"[Your tool call could not be read, and none was run: {answer.text} Write it again.]"
    return (*said, Message.user(told))


def _ended(answer: Finished, *, acted: bool) -> Outcome:
    """``acted`` says whether tools were called: then a model may well have nothing more to say."""
    if answer.stop == "refused":
        return Outcome("failed", "The model refused to answer. Ask in another way or choose another model.")
    if not answer.message.text.strip() and not acted:
        why = " It reached the length limit: raise max_output_tokens." if answer.stop == "length" else ""
        return Outcome("failed", f"The model's answer was empty.{why} Ask again or choose another model.")
    if answer.stop == "length":
        return Outcome("done", "The answer was cut at the length limit. Say “go on” to continue.")
    return Outcome("done", "Done.")


async def _one_message(request: Request, provider: Provider, *, emit: Emit, keep: Keep) -> Finished | Failed:
    id, text = new_id("message"), ""
    kept, watch = False, Stopwatch()
    stream = provider.stream(request)
    try:
        async for delta in stream:
            if not isinstance(delta, Announcement | Failed):
                watch.first()
            match delta:
                case TextPiece():
                    text += delta.text
                    emit(TextDelta(message=id, text=delta.text))
                case ThinkingPiece():
                    emit(ThinkingDelta(message=id, text=delta.text))
                case Announcement():
                    quiet = delta.code in QUIET
                    emit(Notice(level="info" if quiet else "warning", code=delta.code, text=delta.text))
                case CallPiece():
                    pass  # told as ToolCalled when it runs
                case Finished() | Failed():
                    kept = True
                    await _keep(delta, id, text, emit=emit, keep=keep, watch=watch)
                    return delta
    finally:
        if not kept and text:
            await _keep_partial(request.model, id, text, emit=emit, keep=keep)
        close = getattr(stream, "aclose", None)
        if close is not None:
            await close()
    return Failed(kind="malformed", text="The model's answer ended without an end.", model=request.model)


async def _keep(
    answer: Finished | Failed, id: str, text: str, *, emit: Emit, keep: Keep, watch: Stopwatch
) -> None:
    if isinstance(answer, Failed):
        if text:
            await _keep_partial(answer.model, id, text, emit=emit, keep=keep)
        return
    await keep(answer.message)
    done = MessageDone(
        id=id,
        message=answer.message,
        model=answer.model,
        usage=answer.usage,
        cost=answer.cost,
        seconds=watch.seconds,
        first=watch.to_first,
    )
    emit(done)


async def _keep_partial(model: str, id: str, text: str, *, emit: Emit, keep: Keep) -> None:
    message = Message(role="assistant", parts=(TextPart(text=text),))
    emit(MessageDone(id=id, message=message, model=model))
    await keep(message)
