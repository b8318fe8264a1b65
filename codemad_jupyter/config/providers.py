"""The providers that take a key: their names, where a key is looked for, and how to tell a stranger's.

One line each. The gateway knows how they are called; this table knows nothing but keys.
"""

import re
from typing import NamedTuple


class KeyCard(NamedTuple):
    """``variables``: the first that is set counts. ``elsewhere`` says that other providers' keys may be
    right here, as at a gateway."""

    title: str
    variables: tuple[str, ...]
    elsewhere: bool = False


CARDS: dict[str, KeyCard] = {
    "anthropic": KeyCard("Anthropic", ("ANTHROPIC_API_KEY",)),
    "openai": KeyCard("OpenAI", ("OPENAI_API_KEY",)),
    "compatible": KeyCard("OpenAI-compatible server", ("CODEMAD_COMPATIBLE_KEY",), elsewhere=True),
    "litellm": KeyCard("LiteLLM", ("CODEMAD_LITELLM_KEY",), elsewhere=True),
    "gemini": KeyCard("Google Gemini", ("GEMINI_API_KEY", "GOOGLE_API_KEY")),
    "mistral": KeyCard("Mistral", ("MISTRAL_API_KEY",)),
    "xai": KeyCard("xAI", ("XAI_API_KEY",)),
    "cohere": KeyCard("Cohere", ("COHERE_API_KEY", "CO_API_KEY")),
    "deepseek": KeyCard("DeepSeek", ("DEEPSEEK_API_KEY",)),
    "qwen": KeyCard("Qwen", ("DASHSCOPE_API_KEY", "QWEN_API_KEY")),
    "openrouter": KeyCard("OpenRouter", ("OPENROUTER_API_KEY",)),
    "azure": KeyCard("Azure OpenAI", ("AZURE_OPENAI_API_KEY",)),
    "bedrock": KeyCard("Amazon Bedrock", ("AWS_BEARER_TOKEN_BEDROCK",)),
    "vertex": KeyCard("Google Vertex", ("VERTEX_ACCESS_TOKEN",)),
}

FOREIGN = {
    "Anthropic": re.compile(r"sk-ant-"),
    "OpenRouter": re.compile(r"sk-or-"),
    "xAI": re.compile(r"xai-"),
    "Google": re.compile(r"AIza[0-9A-Za-z_-]{30}"),
    "Groq": re.compile(r"gsk_"),
    "Hugging Face": re.compile(r"hf_[A-Za-z0-9]{20}"),
    "GitHub": re.compile(r"gh[opsu]_|github_pat_"),
    "Perplexity": re.compile(r"pplx-"),
    "OpenAI": re.compile(r"sk-(proj|svcacct|admin)-"),
    "Amazon": re.compile(r"AKIA[0-9A-Z]{12}"),
}
"""Beginnings that belong to one provider alone."""


def card(provider: str) -> KeyCard:
    """The provider's card. Raises `UsageError` for one that takes no key."""
    from codemad_jupyter.protocol.errors import UsageError

    try:
        return CARDS[provider]
    except KeyError:
        hint = f"Providers with keys: {', '.join(CARDS)}."
        raise UsageError(f"There is no provider called {provider[:80]!r}.", hint=hint) from None
