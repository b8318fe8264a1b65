"""Which model serves which purpose: the settings of the purpose over those for everything. Pure."""

from codemad_jupyter.gateway.configuration import GatewayConfig
from codemad_jupyter.protocol.base import Value
from codemad_jupyter.protocol.supply import Purpose, PurposeSettings, Routing


class Serving(Value):
    """What serves a purpose. ``own`` says whether the purpose names a model or a strategy itself."""

    model: str | None
    fallbacks: tuple[str, ...]
    routing: Routing
    max_output_tokens: int
    timeout: float
    own: bool


def serving(config: GatewayConfig, purpose: Purpose) -> Serving:
    """The settings of a purpose; ``model`` is None where only the default model is left."""
    own = config.purposes.get(purpose, PurposeSettings())
    return Serving(
        model=own.model or config.default_model,
        fallbacks=config.fallbacks if own.fallbacks is None else own.fallbacks,
        routing=own.routing,
        max_output_tokens=min(own.max_output_tokens or config.max_output_tokens, config.max_output_tokens),
        timeout=own.timeout or config.timeout,
        own=own.model is not None or own.routing != "explicit",
    )
