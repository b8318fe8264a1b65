"""Looks ahead for the person: what a prompt would send, what can be pointed at, what other sessions said."""

import logging
from dataclasses import dataclass, field

from codemad_jupyter.gateway.choosing import Choice
from codemad_jupyter.orchestrator.asking import Asking, prepare, preview_of
from codemad_jupyter.orchestrator.attaching import session_text
from codemad_jupyter.orchestrator.equipment import equipped
from codemad_jupyter.orchestrator.intent import decide
from codemad_jupyter.orchestrator.kernel_watch import KernelWatch
from codemad_jupyter.orchestrator.mentions import Mentions
from codemad_jupyter.orchestrator.services import Services
from codemad_jupyter.orchestrator.session import Conversation
from codemad_jupyter.protocol.commands import Prompt
from codemad_jupyter.protocol.messages import Message
from codemad_jupyter.protocol.privacy import ContextPreview, DataLevel
from codemad_jupyter.protocol.supply import Purpose
from codemad_jupyter.tools.permissions import may_read

_log = logging.getLogger(__name__)


@dataclass
class Insight:
    """What the engine knows without asking a model."""

    services: Services
    mentions: Mentions = field(init=False)

    def __post_init__(self) -> None:
        given = self.services
        may = may_read(given.permissions, given.root, asking=True)
        self.mentions = Mentions(given.root, given.ports, given.inspect_deadline, may)

    def masked(self, prompt: Prompt) -> Prompt:
        """The prompt as it is sent, stored and logged: without secrets."""
        return prompt.model_copy(update={"text": self.services.redact(prompt.text)})

    async def preview(
        self,
        prompt: Prompt,
        conversation: Conversation,
        choice: Choice,
        purpose: Purpose,
        watch: KernelWatch | None = None,
    ) -> ContextPreview:
        """What the prompt would send after this conversation."""
        prompt = self.masked(prompt)
        asked = decide(prompt.text, prompt.intent).intent
        asking = Asking(
            services=self.services,
            choice=choice,
            purpose=purpose,
            equipment=equipped(self.services.tools(), asked, rights=self.services.permissions),
            kernel=await self.services.ports.kernel(prompt.target),
            notebook=await self.services.ports.notebook(prompt.target),
            warn=lambda text: _log.info("left out of a preview: %s", text),
            other_session=self.session_text,
            news=lambda: watch.untold if watch else "",
        )
        return preview_of(await prepare(prompt, conversation.and_then(Message.user(prompt.text)), asking))

    async def session_text(self, id: str, level: DataLevel) -> str:
        """Another session as an attachment. Raises `NotFound`."""
        store = self.services.store
        info = await store.session(id)
        entries = await store.entries(id, await store.head(id))
        return session_text(info.title, [entry.message for entry in entries], level)
