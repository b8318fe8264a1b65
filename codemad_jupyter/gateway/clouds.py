"""The same models rented from a cloud: Azure by OpenAI's SDK, Bedrock and Vertex by Anthropic's.

The SDKs find region, project and credentials in the environment the way each cloud's own tools do; here is
only what tells whether they will, and what to do when they will not. Models of other makers on these
clouds go through LiteLLM: ``litellm/bedrock/…``, ``litellm/vertex_ai/…``.
"""

import importlib.util
import os
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

from codemad_jupyter.gateway.adapter import Adapter
from codemad_jupyter.gateway.anthropic import AnthropicProvider
from codemad_jupyter.gateway.catalog import Catalog, Traits
from codemad_jupyter.gateway.configuration import GatewayConfig
from codemad_jupyter.gateway.failures import CallFailed
from codemad_jupyter.gateway.openai import OpenAIProvider
from codemad_jupyter.gateway.provider import Delta, Request
from codemad_jupyter.gateway.reply import Reply


class AzureProvider(OpenAIProvider):
    """``azure/<deployment>`` at the resource's own address."""

    name = "azure"
    label = "Azure OpenAI"
    key_variable = "AZURE_OPENAI_API_KEY"

    def __init__(self, config: GatewayConfig, *, catalog: Catalog, redact: Callable[[str], str]) -> None:
        Adapter.__init__(
            self,
            config,
            key=config.keys.get("azure"),
            base_url=config.provider_urls.get("azure") or os.environ.get("AZURE_OPENAI_ENDPOINT"),
            catalog=catalog,
            redact=redact,
        )

    def listing(self) -> None:
        """Azure lists models only to its own management interface."""

    def why_not_ready(self) -> str:
        """A key and the address of the resource are needed."""
        return super().why_not_ready() or ("" if self._base_url else "Set AZURE_OPENAI_ENDPOINT.")

    def _make_client(self) -> Any:
        import openai

        if not self._base_url:
            raise CallFailed(
                "bad_request",
                "No address of an Azure OpenAI resource is set.",
                hint="Set AZURE_OPENAI_ENDPOINT, or provider_urls.azure in the settings.",
            )
        signed_in = bool(self._key and self._key.startswith("eyJ"))  # a token (JWT), which no key looks like
        client = openai.AsyncAzureOpenAI(
            api_key=None if signed_in else self._key,
            azure_ad_token=self._key if signed_in else None,
            azure_endpoint=self._base_url,
            api_version=os.environ.get("OPENAI_API_VERSION") or self._config.azure_api_version,
            max_retries=0,
            timeout=openai.Timeout(60.0, connect=self._config.connect_timeout),
        )
        _ = client.chat.completions, client.responses  # loads them here and not on the event loop
        return client


class _CloudClaude(AnthropicProvider):
    """Anthropic's models in a cloud."""

    needs_key = False
    elsewhere: str
    """How LiteLLM calls this cloud."""

    def __init__(self, config: GatewayConfig, *, catalog: Catalog, redact: Callable[[str], str]) -> None:
        Adapter.__init__(
            self,
            config,
            key=config.keys.get(self.name),
            base_url=config.provider_urls.get(self.name),
            catalog=catalog,
            redact=redact,
        )

    def listing(self) -> None:
        """No cloud lists models without a signed request."""

    async def _pieces(self, request: Request, reply: Reply) -> AsyncIterator[Delta]:
        missing = self.why_not_ready()
        if missing:
            raise CallFailed("no_key", f"{self.label} is not set up.", hint=missing)
        if "claude" not in request.model:
            bare = self._bare(request.model)
            raise CallFailed(
                "unknown_model",
                f"{self.label} is asked directly for Anthropic's models alone, and {bare} is none.",
                hint=f"Name it litellm/{self.elsewhere}/{bare}.",
            )
        async with aclosing(super()._pieces(request, reply)) as pieces:  # type: ignore[type-var]
            async for piece in pieces:
                yield piece

    def _traits(self, model: str) -> Traits:
        # The beta header that loosens this binding is one of Anthropic's own address.
        return super()._traits(model).model_copy(update={"binding": False})


class BedrockProvider(_CloudClaude):
    """``bedrock/anthropic.claude-…`` on Amazon Bedrock."""

    name = "bedrock"
    label = "Amazon Bedrock"
    key_variable = "AWS_BEARER_TOKEN_BEDROCK"
    elsewhere = "bedrock"

    def why_not_ready(self) -> str:
        """Whether the package is there and something that could be a way in."""
        if not _importable("botocore"):
            return "Run: pip install 'codemad-jupyter[bedrock]'"
        names = ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_ROLE_ARN", "AWS_CONTAINER_CREDENTIALS_FULL_URI")
        if self._key or any(os.environ.get(name) for name in names):
            return ""
        return f"Set {self.key_variable}, or AWS_PROFILE, and AWS_REGION."

    def _make_client(self) -> Any:
        import anthropic

        client = anthropic.AsyncAnthropicBedrock(
            api_key=self._key or None,
            base_url=self._base_url,
            max_retries=0,
            timeout=anthropic.Timeout(60.0, connect=self._config.connect_timeout),
        )
        _ = client.messages
        return client


class VertexProvider(_CloudClaude):
    """``vertex/claude-…`` on Google's Vertex AI."""

    name = "vertex"
    label = "Google Vertex AI"
    key_variable = "VERTEX_ACCESS_TOKEN"
    elsewhere = "vertex_ai"

    def why_not_ready(self) -> str:
        """A region, a project, and a way in: a token or Google's own package."""
        if not (os.environ.get("CLOUD_ML_REGION") and _project()):
            return "Set CLOUD_ML_REGION and ANTHROPIC_VERTEX_PROJECT_ID."
        if self._key or _importable("google.auth"):
            return ""
        return f"Run: pip install 'codemad-jupyter[vertex]', or set {self.key_variable}."

    def _make_client(self) -> Any:
        import anthropic

        client = anthropic.AsyncAnthropicVertex(
            region=os.environ["CLOUD_ML_REGION"],
            project_id=_project(),
            access_token=self._key or None,
            base_url=self._base_url,
            max_retries=0,
            timeout=anthropic.Timeout(60.0, connect=self._config.connect_timeout),
        )
        _ = client.messages
        return client


def _project() -> str:
    return os.environ.get("ANTHROPIC_VERTEX_PROJECT_ID") or os.environ.get("GOOGLE_CLOUD_PROJECT") or ""


def _importable(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except (ImportError, ValueError):
        return False
