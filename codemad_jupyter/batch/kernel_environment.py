"""What kernels started by the batch commands get to see of this process's environment.

Neither Jupyter's tokens nor keys of models go to a notebook's code, except the keys of the models
that the notebook's own %codemad cells ask.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

MAGIC = re.compile(r"^\s*%%?codemad\b(.*)$", re.MULTILINE)
_MODEL = re.compile(r"(?:^|\s)(?:-m|--model)(?:=|\s+)['\"]?([^\s'\"]+)")

SERVER = re.compile(r"^(JUPYTERHUB_|JPY_|JUPYTER_TOKEN$|CODEMAD_KERNEL_TOKEN$|CODEMAD_JUPYTER_)")
PROVIDERS = (
    r"AI21|ANTHROPIC|AZURE(_OPENAI)?|CEREBRAS|COHERE|COMPATIBLE|DASHSCOPE|DEEPSEEK|FIREWORKS(_AI)?|GEMINI|GOOGLE|"
    r"GROQ|HUGGINGFACE|LITELLM|MISTRAL|MOONSHOT|NVIDIA_NIM|OPENAI|OPENROUTER|PERPLEXITY(AI)?|QWEN|REPLICATE|"
    r"SAMBANOVA|TOGETHER(AI)?|VERTEX|VOYAGE|XAI|ZAI|CO"
)
WITH_KEYS = "CODEMAD_PASSPHRASE"
KEY = re.compile(rf"^(CODEMAD_)?(?P<owner>{PROVIDERS})_((API_)?KEY|(ACCESS|AUTH|API)_TOKEN)$")
OTHERS = {"QWEN": {"DASHSCOPE"}, "GEMINI": {"GOOGLE"}, "COHERE": {"CO"}}
"""Owners in whose name a provider's key may stand too."""


def asked_models(sources: Iterable[str]) -> set[str]:
    """The models that %codemad lines name; "" stands for the default model."""
    lines = (match[1] for source in sources for match in MAGIC.finditer(source))
    return {found[1] if (found := _MODEL.search(line)) else "" for line in lines}


def kernel_environment(environ: Mapping[str, str], models: Iterable[str]) -> dict[str, str]:
    """The environment for a kernel whose cells ask these models (full names)."""
    providers = {model.partition("/")[0].upper() for model in models}
    providers |= {other for name in providers for other in OTHERS.get(name, ())}
    return {name: value for name, value in environ.items() if not _withheld(name, providers)}


def _withheld(name: str, providers: set[str]) -> bool:
    if name == WITH_KEYS:  # only cells that ask a model have a use for keys
        return not providers
    if SERVER.match(name):
        return True
    key = KEY.match(name)
    if key is None or "LITELLM" in providers:  # which key litellm takes depends on the model
        return False
    return key["owner"] not in providers
