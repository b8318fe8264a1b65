"""The providers that speak OpenAI's chat completions: who they are, where, with which key and which quirks.

Only a table. They are called by `openai.CardProvider`; another one is another line here.
"""

from codemad_jupyter.protocol.base import Value


class Card(Value):
    """One provider. ``variables`` are where its key is looked for; ``usage``: takes the wish for a count of
    tokens, which some send unasked and refuse to be asked; ``short_ids``: takes ids of tool calls only with
    nine letters or digits; ``local``: a server on this machine, which needs no key and is asked for its
    models only when a person wants to know."""

    name: str
    label: str
    base_url: str
    variables: tuple[str, ...] = ()
    length_field: str = "max_tokens"
    usage: bool = True
    short_ids: bool = False
    local: bool = False


CARDS: tuple[Card, ...] = (
    Card(
        name="gemini",
        label="Google Gemini",
        base_url="https://generativelanguage.googleapis.com/v1beta/openai",
        variables=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    ),
    Card(
        name="mistral",
        label="Mistral",
        base_url="https://api.mistral.ai/v1",
        variables=("MISTRAL_API_KEY",),
        usage=False,
        short_ids=True,
    ),
    Card(
        name="xai",
        label="xAI",
        base_url="https://api.x.ai/v1",
        variables=("XAI_API_KEY",),
    ),
    Card(
        name="cohere",
        label="Cohere",
        base_url="https://api.cohere.ai/compatibility/v1",
        variables=("COHERE_API_KEY", "CO_API_KEY"),
    ),
    Card(
        name="deepseek",
        label="DeepSeek",
        base_url="https://api.deepseek.com/v1",
        variables=("DEEPSEEK_API_KEY",),
    ),
    Card(
        name="qwen",
        label="Qwen",
        base_url="https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
        variables=("DASHSCOPE_API_KEY", "QWEN_API_KEY"),
    ),
    Card(
        name="openrouter",
        label="OpenRouter",
        base_url="https://openrouter.ai/api/v1",
        variables=("OPENROUTER_API_KEY",),
    ),
    Card(name="lmstudio", label="LM Studio", base_url="http://127.0.0.1:1234/v1", local=True),
    Card(name="vllm", label="vLLM", base_url="http://127.0.0.1:8000/v1", local=True),
    Card(name="llamacpp", label="llama.cpp", base_url="http://127.0.0.1:8080/v1", local=True),
)
