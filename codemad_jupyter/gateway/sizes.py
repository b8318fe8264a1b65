"""Estimates how many tokens a request is, before anybody has counted them. Pure."""

from codemad_jupyter.gateway.provider import Request
from codemad_jupyter.protocol.messages import ImagePart, Message, ToolCallPart, ToolResultPart

_LETTERS = 4
"""UTF-8 bytes of one token, as a rule of thumb for prose and code."""
_IMAGE = 1_500


def text_tokens(text: str) -> int:
    """About how many tokens a text is."""
    return -(-len(text.encode("utf-8", "replace")) // _LETTERS)


def message_tokens(message: Message) -> int:
    """About how many tokens a message is."""
    total = 0
    for part in message.parts:
        match part:
            case ImagePart():
                total += _IMAGE
            case ToolCallPart():
                total += text_tokens(str(part.arguments))
            case ToolResultPart():
                total += text_tokens(part.content) + _IMAGE * len(part.images)
            case _:
                total += text_tokens(part.text)
    return total


def request_tokens(request: Request) -> int:
    """About how many tokens a request sends."""
    tools = sum(text_tokens(f"{tool.description}{tool.parameters}") for tool in request.tools)
    return text_tokens(request.system) + tools + sum(map(message_tokens, request.messages))
