"""How many tokens a request is, before anybody has counted them. Pure."""

from codemad_jupyter.gateway.provider import Request
from codemad_jupyter.protocol.tokens import message_tokens, tokens


def request_tokens(request: Request) -> int:
    """Estimated tokens of all that a request sends."""
    tools = sum(tokens(spec.model_dump_json()) for spec in request.tools)
    return tokens(request.system) + tools + sum(map(message_tokens, request.messages))
