"""Purposes and strategies: which model comes first, why, and who steps in. Pure but for the router."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from codemad_jupyter.gateway.breaker import FAILURES
from codemad_jupyter.gateway.choosing import Candidate, Need, choose, complexity
from codemad_jupyter.gateway.configuration import GatewayConfig
from codemad_jupyter.gateway.offline import OfflineProvider
from codemad_jupyter.gateway.provider import Failed
from codemad_jupyter.gateway.router import CHOSEN, DEFAULT, OFFLINE_MODEL, Router
from codemad_jupyter.protocol.models import ModelInfo
from codemad_jupyter.protocol.supply import PURPOSES, PurposeSettings

SONNET, HAIKU, OPUS = (f"anthropic/claude-{name}-5-5" for name in ("sonnet", "haiku", "opus"))
SOL = "openai/gpt-6-sol"


def candidate(
    name: str,
    *,
    price: float | None = 1.0,
    window: int | None = None,
    latency: float | None = None,
    lacks: str = "",
) -> Candidate:
    info = ModelInfo(name=name, provider="p", window=window, input_price=price, output_price=price)
    return Candidate(info=info, latency=latency, lacks=lacks)


CHEAP = candidate("p/cheap", price=0.1, window=8_000, latency=2.0)
MIDDLE = candidate("p/middle", price=1.0, window=200_000, latency=0.4)
DEAR = candidate("p/dear", price=10.0, window=1_000_000)
UNKNOWN = candidate("p/unknown", price=None, latency=1.0)
ALL = (MIDDLE, DEAR, UNKNOWN, CHEAP)


@pytest.mark.parametrize(
    ("routing", "need", "first", "reason"),
    [
        ("explicit", Need(purpose="code"), MIDDLE, "set for code"),
        ("complexity", Need(text="What is a list?"), CHEAP, "simple"),
        ("complexity", Need(text="Refactor this to be concurrent and find the deadlock"), UNKNOWN, "hard"),
        ("window", Need(tokens=100_000), MIDDLE, "100000 tokens"),
        ("window", Need(tokens=500_000), DEAR, "500000"),
        ("window", Need(tokens=5_000_000), UNKNOWN, "no window is known"),
        ("price", Need(tokens=1_000), CHEAP, "$0.0002"),
        ("latency", Need(), DEAR, "not measured"),
        ("availability", Need(purpose="plan"), MIDDLE, "the first for plan"),
    ],
)
def test_each_strategy_and_its_reason(routing: str, need: Need, first: Candidate, reason: str) -> None:
    choice = choose(ALL, need, routing)  # type: ignore[arg-type]
    assert choice.model == first.name
    assert reason in choice.reason
    assert {choice.model, *choice.fallbacks} == {each.name for each in ALL}


def test_the_quickest_once_all_are_measured() -> None:
    choice = choose((MIDDLE, UNKNOWN, CHEAP), Need(), "latency")
    assert (choice.model, choice.fallbacks) == ("p/middle", ("p/unknown", "p/cheap"))
    assert "0.4 s" in choice.reason


@pytest.mark.parametrize("routing", ["complexity", "window", "price", "latency", "availability"])
def test_what_cannot_be_called_comes_last_and_is_named(routing: str) -> None:
    lame = candidate("p/lame", price=0.0, window=9_000_000, lacks="Set A_KEY.")
    choice = choose((lame, MIDDLE), Need(text="hi"), routing)  # type: ignore[arg-type]
    assert (choice.model, choice.fallbacks) == ("p/middle", ("p/lame",))
    assert "p/lame cannot be called: Set A_KEY." in choice.reason
    assert choose((lame,), Need(), routing).model == "p/lame"  # type: ignore[arg-type]


def test_an_explicit_order_is_kept_even_when_the_first_lacks_a_key() -> None:
    lame = candidate("p/lame", lacks="Set A_KEY.")
    assert choose((lame, MIDDLE), Need(), "explicit").model == "p/lame"


@pytest.mark.parametrize(
    ("need", "level"),
    [
        (Need(text="print x"), "simple"),
        (Need(text="why?"), "moderate"),
        (Need(text="x" * 2_000), "moderate"),
        (Need(text="1. read it\n2. clean it\n3. plot it\nand design the schema"), "hard"),
        (Need(text="anything", purpose="plan"), "hard"),
        (Need(text="why?", purpose="summarise"), "simple"),
        (Need(text="go on", tokens=100_000), "moderate"),
    ],
)
def test_how_hard_a_request_looks(need: Need, level: str) -> None:
    assert complexity(need) == level


def router(**purposes: PurposeSettings) -> Router:
    config = GatewayConfig(
        anthropic_api_key=SecretStr("k"),
        fallbacks=(SOL,),
        purposes=purposes,  # type: ignore[arg-type]
        max_output_tokens=4_000,
    )
    return Router(config, redact=str, offline=OfflineProvider())


def test_each_purpose_has_its_own_model_fallbacks_and_limits() -> None:
    made = router(code=PurposeSettings(model=OPUS, fallbacks=(HAIKU,), max_output_tokens=9_000, timeout=5))
    chosen = made.choose(Need(purpose="code"))
    assert (chosen.model, chosen.fallbacks, chosen.reason) == (OPUS, (HAIKU,), "set for code")
    served = made.serving("code")
    assert (served.max_output_tokens, served.timeout) == (4_000, 5)  # never above the limit for all
    for purpose in PURPOSES:
        if purpose != "code":
            assert made.choose(Need(purpose=purpose)).model == SONNET
            assert made.serving(purpose).timeout == 60
    assert made.choose(Need()).reason == DEFAULT
    assert made.choose(Need()).fallbacks == (SOL,)


def test_what_a_person_chose_always_holds() -> None:
    made = router(code=PurposeSettings(model=OPUS, routing="price"))
    chosen = made.choose(Need(purpose="code"), asked=HAIKU)
    assert (chosen.model, chosen.fallbacks, chosen.reason) == (HAIKU, (SOL,), CHOSEN)


def test_nobody_steps_in_for_the_assistant_that_sees_everything() -> None:
    assert router().choose(Need(), asked=OFFLINE_MODEL).fallbacks == ()
    assert router(chat=PurposeSettings(model=OFFLINE_MODEL)).choose(Need()).fallbacks == ()


def test_a_strategy_sees_missing_keys_and_open_circuits() -> None:
    made = router(chat=PurposeSettings(model=SOL, fallbacks=(SONNET, "ollama/llama"), routing="availability"))
    chosen = made.choose(Need())
    assert chosen.model == SONNET
    assert "openai/gpt-6-sol cannot be called: Set OPENAI_API_KEY." in chosen.reason
    breaker = made.stack.breaker(SONNET)
    for _ in range(FAILURES):
        breaker.settle(Failed(kind="overloaded", text="Down.", model=SONNET), probe=False)
    assert made.choose(Need()).model == "ollama/llama"


def test_local_models_count_as_free() -> None:
    settings = PurposeSettings(model=HAIKU, fallbacks=(OFFLINE_MODEL, "ollama/llama"), routing="price")
    chosen = router(chat=settings).choose(Need(tokens=1_000))
    # The built-in assistant costs nothing either, but is no model: it stays the last resort.
    assert (chosen.model, chosen.fallbacks) == ("ollama/llama", (HAIKU, OFFLINE_MODEL))


def test_calls_beside_the_conversation() -> None:
    made = router(complete=PurposeSettings(model=HAIKU))
    found = made.choose_beside(Need(purpose="complete"), default=None)
    assert found is not None
    assert found.model == HAIKU
    assert made.choose_beside(Need(purpose="summarise"), default=None) is None
    other = made.choose_beside(Need(purpose="summarise"), default=OPUS)
    assert other is not None
    assert (other.model, other.fallbacks) == (OPUS, ())
