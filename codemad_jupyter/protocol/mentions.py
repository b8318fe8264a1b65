"""What a person can point at with ``@`` while writing, and the commands after ``/``."""

from typing import Literal

from codemad_jupyter.protocol.base import Value

MentionKind = Literal["variable", "cell", "file", "session", "command"]


class Mention(Value):
    """One suggestion. ``name`` is what an `Attachment` of the kind takes, or a command's, ``label`` what
    is shown, ``detail`` says more in a few words."""

    kind: MentionKind
    name: str
    label: str
    detail: str = ""
