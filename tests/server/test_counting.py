"""Metrics are counted from events, and no label grows without end or tells of a person."""

import pytest
from prometheus_client import REGISTRY

from codemad_jupyter.protocol import events as ev
from codemad_jupyter.protocol.commands import Target
from codemad_jupyter.protocol.messages import Message, Usage
from codemad_jupyter.server.event_counter import EventCounter
from codemad_jupyter.server.metrics import MOST_VALUES, OTHER, counted


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_a_failing_run_is_counted_with_its_provider() -> None:
    counter = EventCounter(counted())
    model = "testing/one"
    before = value("codemad_runs_going")
    counter.on_event(ev.RunStarted(run="r", prompt="p", model=model, edge="cli", target=Target()))
    counter.on_event(ev.ApprovalAsked(approval="a", call="c", tool="t", action="", reason="", digest=""))
    assert (value("codemad_runs_going"), value("codemad_approvals_waiting")) == (before + 1, 1)
    usage = Usage(input_tokens=7, output_tokens=3)
    said = Message.assistant("x")
    counter.on_event(
        ev.MessageDone(id="m", message=said, model=model, usage=usage, cost=0.5, seconds=3, first=0.3)
    )
    counter.on_event(ev.MessageDone(id="n", message=said, model=model, usage=usage, cost=None))
    fault = ev.Fault(model=model, kind="overloaded")
    counter.on_event(ev.RunFinished(run="r", status="failed", text="", fault=fault, seconds=2))
    assert value("codemad_tokens_total", provider="testing", model=model, kind="input") == 14
    assert value("codemad_cost_dollars_total", provider="testing", model=model) == 0.5
    assert value("codemad_unpriced_calls_total", provider="testing") == 1
    assert value("codemad_first_token_seconds_bucket", provider="testing", le="0.5") == 1
    assert value("codemad_first_token_seconds_bucket", provider="testing", le="0.25") == 0
    assert value("codemad_provider_errors_total", provider="testing", kind="overloaded") == 1
    assert value("codemad_runs_going") == before
    counter.close()
    assert value("codemad_approvals_waiting") == 0


@pytest.mark.parametrize("hostile", ["", "a b", "x" * 101, "ein\nzeile", 'quote"', "../../etc"])
def test_what_is_not_plain_is_no_label(hostile: str) -> None:
    assert counted().label("hostile", hostile) == OTHER


def test_labels_are_bounded() -> None:
    given = {counted().label("many", f"tool{number}") for number in range(3 * MOST_VALUES)}
    assert len(given) == MOST_VALUES + 1
