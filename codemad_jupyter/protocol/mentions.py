"""What a person can point at with ``@`` while writing."""

from typing import Literal

from codemad_jupyter.protocol.base import Value

MentionKind = Literal["variable", "cell", "file", "session"]


class Mention(Value):
    """One suggestion. ``name`` is what an `Attachment` of the kind takes, ``label`` what is shown,
    ``detail`` says more in a few words."""

    kind: MentionKind
    name: str
    label: str
    detail: str = ""
