"""What every edge does about keys: list them without showing them, keep, forget and try one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codemad_jupyter.config.credentials import all_keys, environment_keys, hub_token
from codemad_jupyter.config.key_shape import usable_key
from codemad_jupyter.config.key_store import KeyStore, Place
from codemad_jupyter.config.providers import CARDS, card
from codemad_jupyter.protocol.configuring import KeyInfo, KeyRing, KeyTest
from codemad_jupyter.protocol.errors import NotFound, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from codemad_jupyter.config.settings import Settings
    from codemad_jupyter.config.sign_in import DeviceCode
    from codemad_jupyter.gateway.provider import Delta
    from codemad_jupyter.gateway.router import Router

WORDS = {
    "environment": "from {variable}",
    "hub": "the hub lets this server in",
    "keyring": "in the system's key store",
    "file": "in the encrypted file",
    "memory": "in the memory of this server until it stops",
    "none": "no key",
}

NO_HUB = "compatible_sign_in is hub, but no JupyterHub started this"


def ring(settings: Settings) -> KeyRing:
    """All providers that take a key, but for those that the administrator forbids and no key is there for.
    Asks the system's key store whether it could be used."""
    place, notice = KeyStore().usual()
    keys = [_info(name, settings) for name in CARDS]
    forbidden = {name for name in CARDS if settings.policy.provider_refusal(name)}
    shown = tuple(each for each in keys if each.place != "none" or each.provider not in forbidden)
    return KeyRing(keys=shown, store=place, notice=notice)


def keep(provider: str, text: str, *, place: Place | None = None, passphrase: str | None = None) -> str:
    """Keep a key, and say where. Raises `UsageError` for what cannot be one."""
    key, said = usable_key(provider, text)
    kept = KeyStore(passphrase=passphrase).set(provider, key, place=place)
    words = (said, f"The key for {card(provider).title} is kept {WORDS[kept]}.", _outdone(provider))
    return " ".join(filter(None, words))


def outlives_this_process(place: Place | None) -> None:
    """For a command that ends at once. Raises `UsageError` where keys stay in the memory of a process."""
    if place is None and KeyStore().usual()[0] == "memory":
        raise UsageError(
            "Keys stay in the memory of the server here, and a command has ended before it could use one.",
            hint="Type it in the panel's key page, or name a place: --in file.",
        )


def sign_in(
    provider: str, settings: Settings, *, show: Callable[[DeviceCode], None], place: Place | None = None
) -> str:
    """Sign in by a code, which ``show`` is given; returns when the person has done their part. Blocks."""
    from codemad_jupyter.config.access import keep_access
    from codemad_jupyter.config.sign_in import begin, wait

    title = card(provider).title
    where, code = begin(provider, settings.sign_in.get(provider))
    show(code)
    kept = keep_access(KeyStore(), provider, wait(provider, where, code), place=place)
    return f"You are signed in at {title}; that is kept {WORDS[kept]}. {_outdone(provider)}".rstrip()


def forget(provider: str) -> str:
    """Forget a kept key, and say so. Raises `NotFound`."""
    title, variable = card(provider).title, _variable(provider)
    if not KeyStore().delete(provider):
        hint = "See codemad keys list."
        if all_keys().place(provider) == "environment":
            hint = f"It is in the environment: unset {variable} where it is set."
        raise NotFound(f"No key for {title} is kept by CodeMAD.", hint=hint)
    return f"The key for {title} is forgotten here. Revoke it at {title} if somebody else may know it."


async def try_key(provider: str, settings: Settings, *, model: str | None = None) -> KeyTest:
    """Ask one of the provider's models for a word. Sends nothing of the person's."""
    from codemad_jupyter.gateway.configuration import GatewayConfig
    from codemad_jupyter.gateway.router import Router

    title = card(provider).title
    if _info(provider, settings).place == "none":
        why = settings.credentials.problems.get(provider, f"There is no key for {title}.")
        return KeyTest(provider=provider, ok=False, text=why)
    if model is not None and not model.startswith(f"{provider}/"):
        raise UsageError(f"{model} is no model of {title}.", hint=f"Name one like {provider}/…")
    router = Router(GatewayConfig(**settings.gateway()), redact=settings.redact)
    try:
        asked = model or await _cheapest(router, provider)
        if asked is None:
            hint = f"Name one: codemad keys test {provider} --model {provider}/…"
            text = f"No model of {title} is known. {hint}"
            return KeyTest(provider=provider, ok=False, text=text)
        return _judged(provider, asked, await _answer(router, asked))
    finally:
        await router.aclose()


def ring_text(ring: KeyRing) -> str:
    """The ring as lines."""
    lines = [f"{info.provider:<12} {_place_text(info)}" for info in ring.keys]
    return "\n".join([*lines, *filter(None, [ring.notice])])


def _place_text(info: KeyInfo) -> str:
    said = WORDS[info.place].format(variable=info.variable)
    return f"{said}: {info.detail}" if info.detail else said


def _info(provider: str, settings: Settings) -> KeyInfo:
    place, detail = settings.credentials.place(provider), settings.credentials.problems.get(provider, "")
    if provider == "compatible" and settings.compatible_sign_in == "hub":
        place, detail = ("hub", "") if hub_token() else ("none", NO_HUB)
    return KeyInfo(
        provider=provider,
        title=card(provider).title,
        place=place,
        variable=_variable(provider),
        detail=detail,
    )


def _outdone(provider: str) -> str:
    """A word about the environment, whose key is used before the kept one."""
    told = environment_keys().place(provider) == "environment"
    return f"{_variable(provider)} is set too, and wins." if told else ""


def _variable(provider: str) -> str:
    return card(provider).variables[0]


async def _cheapest(router: Router, provider: str) -> str | None:
    models = [model for model in await router.models() if model.provider == provider]
    models.sort(key=lambda model: model.input_price if model.input_price is not None else 1e9)
    return models[0].name if models else None


async def _answer(router: Router, model: str) -> Delta:
    from codemad_jupyter.gateway.provider import Request
    from codemad_jupyter.protocol.messages import Message

    asked = Request(model=model, messages=(Message.user("Say: ok"),), max_tokens=16, timeout=30)
    last: Delta | None = None
    async for delta in router.provider_for(model, fallbacks=()).stream(asked):
        last = delta
    if last is None:
        raise UsageError(f"{model} gave no answer.", hint="Try again.")
    return last


def _judged(provider: str, model: str, last: Delta) -> KeyTest:
    title = card(provider).title
    if last.type == "finished":
        return KeyTest(provider=provider, ok=True, text=f"The key works: {model} answered.")
    if last.type != "failed":
        return KeyTest(provider=provider, ok=False, text=f"{title} broke off.")
    text = f"{last.text} {last.hint}".strip()
    if last.kind in ("rate_limited", "out_of_quota", "overloaded", "unknown_model", "bad_request"):
        text = f"{title} took the key, but not the question: {text}"
    return KeyTest(provider=provider, ok=False, text=text)
